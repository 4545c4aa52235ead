import { describe, expect, it } from 'vitest';
import { findPlace, parseQuery } from './lookup.ts';
import { ApiError, type TabwaveApi } from '#lib/node/api.ts';

const HEX = 'ab'.repeat(32);

describe('parseQuery', () => {
	it.each([
		['1280', 1280],
		[' #12 ', 12],
		['1,280', 1280],
		['1 280', 1280]
	])('reads %j as a height', (text, height) => {
		expect(parseQuery(text)).toEqual({ kind: 'height', height });
	});
	it.each([HEX, `0x${HEX}`, HEX.toUpperCase(), ` ${HEX} `])('reads %j as hex', (text) => {
		expect(parseQuery(text)).toEqual({ kind: 'hex', hex: HEX });
	});
	it.each(['abc', '-1', '99999999999', `${HEX}0`, 'hello'])('reads %j as words', (text) => {
		expect(parseQuery(text)).toEqual({ kind: 'words', text });
	});
});

describe('findPlace', () => {
	it('asks for a block, then a transaction, then an account', async () => {
		const hex = { kind: 'hex', hex: HEX } as const;
		expect(await findPlace(api({ block: true }), hex)).toEqual({ kind: 'block', id: HEX });
		expect(await findPlace(api({ transaction: true }), hex)).toEqual({ kind: 'transaction', id: HEX });
		expect(await findPlace(api({ sent: true }), hex)).toEqual({ kind: 'account', id: HEX });
		expect(await findPlace(api({ balance: '5' }), hex)).toEqual({ kind: 'account', id: HEX });
		expect(await findPlace(api({}), hex)).toBeNull();
	});

	it('finds no place for words or for a height that is not there', async () => {
		expect(await findPlace(api({}), parseQuery('hello'))).toBeNull();
		expect(await findPlace(api({}), parseQuery('7'))).toBeNull();
	});

	it('passes on what is no answer', async () => {
		const broken = api({});
		broken.chain.block = () => Promise.reject(new ApiError('StorageLost', 'gone'));
		await expect(findPlace(broken, { kind: 'hex', hex: HEX })).rejects.toMatchObject({ name: 'StorageLost' });
	});
});

function api(has: { block?: boolean; transaction?: boolean; sent?: boolean; balance?: string }): TabwaveApi {
	const answer = (there: boolean | undefined) => () =>
		there ? Promise.resolve({}) : Promise.reject(new ApiError('NotFound', 'not on this chain'));
	return {
		chain: {
			block: answer(has.block),
			transaction: answer(has.transaction),
			transactionsOf: () => Promise.resolve(has.sent ? [{}] : [])
		},
		account: { balance: () => Promise.resolve(has.balance ?? '0') }
	} as unknown as TabwaveApi;
}
