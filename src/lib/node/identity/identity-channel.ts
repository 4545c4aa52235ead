/** What the tabs of one browser say to each other about identities. */
import type { ChannelLike } from './identity-environment.ts';

/**
 * - `ask`: I would like to run it; does anyone?
 * - `held`: the answer of the tab that runs it, or that asked with a lower token
 * - `claimed`: I run it now
 * - `move`: stop and let go, the person wants it in my tab
 * - `refused`: the answer of a tab that cannot stop
 */
export type IdentityMessageKind = 'ask' | 'held' | 'claimed' | 'move' | 'refused';

export interface IdentityMessage {
	kind: IdentityMessageKind;
	/** Of the identity. */
	name: string;
	/** Of the page that speaks. */
	token: string;
	/** Of the page that is spoken to; all where absent. */
	to?: string;
}

export class IdentityChannel {
	/** Of this page: hex of 16 random bytes. */
	readonly token: string;
	readonly #channel: ChannelLike;

	constructor(channel: ChannelLike, token: string) {
		this.#channel = channel;
		this.token = token;
	}

	say(kind: IdentityMessageKind, name: string, to?: string): void {
		const message: IdentityMessage = { kind, name, token: this.token, to };
		this.#channel.postMessage(message);
	}

	/** Of messages about `name` to this page. @returns stops listening */
	hear(name: string, listener: (message: IdentityMessage) => void): () => void {
		const onMessage = ({ data }: { data: unknown }): void => {
			// Another version of Tabwave may speak here too: what is not understood is not for us.
			if (!isMessage(data) || data.name !== name) return;
			if (data.to === undefined || data.to === this.token) listener(data);
		};
		this.#channel.addEventListener('message', onMessage);
		return () => this.#channel.removeEventListener('message', onMessage);
	}
}

const KINDS: readonly unknown[] = [
	'ask',
	'held',
	'claimed',
	'move',
	'refused'
] satisfies IdentityMessageKind[];

function isMessage(data: unknown): data is IdentityMessage {
	if (typeof data !== 'object' || data === null) return false;
	const { kind, name, token, to } = data as Record<string, unknown>;
	return (
		KINDS.includes(kind) &&
		typeof name === 'string' &&
		typeof token === 'string' &&
		(to === undefined || typeof to === 'string')
	);
}
