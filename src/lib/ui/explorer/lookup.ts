/** What a person typed into the explorer's search, and where it leads. */
import type { TabwaveApi } from '#lib/node/api.ts';

export type Query =
	{ kind: 'height'; height: number } | { kind: 'hex'; hex: string } | { kind: 'words'; text: string };
export type Place =
	{ kind: 'block'; id: string } | { kind: 'transaction'; id: string } | { kind: 'account'; id: string };

/** Accepts a height with or without grouping, `#height`, and hex with or without `0x` in either case. */
export function parseQuery(input: string): Query {
	const text = input.trim();
	const digits = text.replace(/^#/, '').replace(/[\s,，_]/g, '');
	if (/^\d{1,10}$/.test(digits)) return { kind: 'height', height: Number(digits) };
	const hex = text.replace(/^0x/i, '').toLowerCase();
	if (/^[0-9a-f]{64}$/.test(hex)) return { kind: 'hex', hex };
	return { kind: 'words', text };
}

/**
 * Asks the node what an id is: a block hash, a transaction or an account, in that order.
 * @returns null where it is nothing on this chain
 * @throws what the node throws, but for NotFound
 */
export async function findPlace(api: TabwaveApi, query: Query): Promise<Place | null> {
	if (query.kind === 'words') return null;
	if (query.kind === 'height') {
		const block = await unlessMissing(api.chain.block(query.height));
		return block === null ? null : { kind: 'block', id: String(query.height) };
	}
	const { hex } = query;
	if ((await unlessMissing(api.chain.block(hex))) !== null) return { kind: 'block', id: hex };
	if ((await unlessMissing(api.chain.transaction(hex))) !== null) return { kind: 'transaction', id: hex };
	return (await isAccount(api, hex)) ? { kind: 'account', id: hex } : null;
}

async function isAccount(api: TabwaveApi, hex: string): Promise<boolean> {
	const sent = await unlessMissing(api.chain.transactionsOf(hex, { limit: 1 }));
	if (sent !== null && sent.length > 0) return true;
	const balance = await unlessMissing(api.account.balance(hex));
	return balance !== null && balance !== '0';
}

/** NotFound as null, and InvalidArgument too: an id of another shape is not on the chain either. */
async function unlessMissing<T>(answer: Promise<T>): Promise<T | null> {
	try {
		return await answer;
	} catch (error) {
		if (error instanceof Error && (error.name === 'NotFound' || error.name === 'InvalidArgument'))
			return null;
		throw error;
	}
}
