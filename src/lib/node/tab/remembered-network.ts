/**
 * The network that this site's relay described last. A tab that is reloaded while its relay is away has its ledger and its key, and needs
 * nothing else to show what it holds, and to be there when the relay is.
 */
import { parseNetworkDocument, type NetworkDocument } from './network-document.ts';

const KEY = 'tabwave/network';
/** More is not worth the room that a site has there. */
const MAX_CHARACTERS = 200_000;

type Shelf = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

export function rememberNetwork(text: string, shelf: Shelf = localStorage): void {
	try {
		if (text.length <= MAX_CHARACTERS) shelf.setItem(KEY, text);
		else shelf.removeItem(KEY);
	} catch {
		// A full or forbidden storage: this tab will wait for its relay.
	}
}

/** Null where none is remembered, or what is there is of no use to this page's code. */
export function recallNetwork(shelf: Shelf = localStorage): NetworkDocument | null {
	try {
		const text = shelf.getItem(KEY);
		return text === null ? null : parseNetworkDocument(text);
	} catch {
		return null;
	}
}

/** Whether a node that was started with the one can go on with the other. */
export function isSameNetwork(a: NetworkDocument, b: NetworkDocument): boolean {
	const places = ({ relays }: NetworkDocument): string =>
		relays.map(({ id, address }) => `${id} ${address}`).join();
	return a.chainId === b.chainId && places(a) === places(b);
}
