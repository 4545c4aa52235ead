import { describe, expect, it } from 'vitest';
import { PROTOCOL_VERSION } from '../../wire/protocol-version.ts';
import { isSameNetwork, recallNetwork, rememberNetwork } from './remembered-network.ts';

const CHAIN_ID = 'ab'.repeat(32);
const ADDRESS = '/ip4/127.0.0.1/tcp/7070/ws/p2p/12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X';
const text = (chainId = CHAIN_ID, address = ADDRESS): string =>
	JSON.stringify({
		chainId,
		genesis: 'AA==',
		suite: 'ed25519-sha256',
		protocol: PROTOCOL_VERSION,
		relay: { multiaddrs: [address] }
	});

function shelf(initial: string | null = null) {
	let held = initial;
	return {
		getItem: () => held,
		setItem: (_key: string, value: string) => void (held = value),
		removeItem: () => void (held = null)
	};
}

describe('the network that is remembered', () => {
	it('is what the relay said last', () => {
		const own = shelf();
		expect(recallNetwork(own)).toBeNull();
		rememberNetwork(text(), own);
		expect(recallNetwork(own)?.chainId).toBe(CHAIN_ID);
	});

	it.each([
		['no JSON', '{'],
		['of another protocol', JSON.stringify({ ...JSON.parse(text()), protocol: 99 })],
		['without a genesis', JSON.stringify({ chainId: CHAIN_ID })]
	])('is none where what is there is %s', (_what, held) => {
		expect(recallNetwork(shelf(held))).toBeNull();
	});

	it('is forgotten where it is too long, so that no older one is taken for it', () => {
		const own = shelf(text());
		rememberNetwork(text().padEnd(200_001), own);
		expect(own.getItem()).toBeNull();
	});

	it('is no matter where the browser forbids it', () => {
		const forbidden = () => {
			throw new DOMException('no', 'SecurityError');
		};
		const own = { getItem: forbidden, setItem: forbidden, removeItem: forbidden };
		expect(() => rememberNetwork(text(), own)).not.toThrow();
		expect(recallNetwork(own)).toBeNull();
	});

	it('is another one with another chain, or with another place of its relay', () => {
		const of = (said: string) => recallNetwork(shelf(said))!;
		expect(isSameNetwork(of(text()), of(text()))).toBe(true);
		expect(isSameNetwork(of(text()), of(text('cd'.repeat(32))))).toBe(false);
		expect(isSameNetwork(of(text()), of(text(CHAIN_ID, ADDRESS.replace('7070', '7071'))))).toBe(false);
	});
});
