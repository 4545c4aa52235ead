import { beforeEach, describe, expect, it } from 'vitest';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { StorageRoom } from './storage-room.ts';

const MEGABYTE = 1_000_000;
let ledger: TestLedger;
/** What the store was asked for, and what it will give up next. */
let asked: { below: number; bytes: number }[];
let gives: ({ bytes: number; headersOnlyTo: number } | Error)[];
let warnings: string[];
let changes: number;

beforeEach(async () => {
	ledger = await TestLedger.found([1], { expiryWindow: 20, maxBlocksPerNext: 4 });
	[asked, gives, warnings, changes] = [[], [], [], 0];
});

function roomOf(giveUp?: () => Promise<boolean>, headersOnlyTo = 0): StorageRoom {
	return new StorageRoom({
		chain: ledger.chain,
		store: {
			shrink: async (below, bytes) => {
				asked.push({ below, bytes });
				const given = gives.shift() ?? { bytes: 0, headersOnlyTo: 0 };
				if (given instanceof Error) throw given;
				return given;
			}
		},
		headersOnlyTo,
		giveUp,
		changed: () => (changes += 1),
		log: (_level, message) => warnings.push(message)
	});
}

describe('a write that found no room', () => {
	it('gives up bodies for twice of it, and for a megabyte at least, below what a start reads', async () => {
		const room = roomOf();
		gives = [
			{ bytes: 1, headersOnlyTo: 3 },
			{ bytes: 1, headersOnlyTo: 5 }
		];
		expect(await room.make(10)).toBe(true);
		expect(await room.make(3 * MEGABYTE)).toBe(true);
		const below = ledger.chain.head.height - 20 - 4;
		expect(asked).toEqual([
			{ below, bytes: MEGABYTE },
			{ below, bytes: 6 * MEGABYTE }
		]);
		expect(room.headersOnlyTo).toBe(5);
		expect(changes).toBe(2);
	});

	it('is said once, and not again by a store that was full before', async () => {
		gives = [
			{ bytes: 1, headersOnlyTo: 3 },
			{ bytes: 1, headersOnlyTo: 4 }
		];
		const room = roomOf();
		await room.make(1);
		await room.make(1);
		expect(warnings).toEqual(['the storage is full: blocks up to 3 are kept as headers alone']);
		gives = [{ bytes: 1, headersOnlyTo: 9 }];
		await roomOf(undefined, 8).make(1);
		expect(warnings).toHaveLength(1);
	});

	it('takes what can be made again where no body is left', async () => {
		expect(await roomOf().make(1)).toBe(false);
		expect(await roomOf(async () => false).make(1)).toBe(false);
		expect(await roomOf(async () => true).make(1)).toBe(true);
		expect(changes).toBe(0);
	});

	it('fails with its store, and the next one tries again', async () => {
		const room = roomOf();
		gives = [new Error('gone'), { bytes: 1, headersOnlyTo: 3 }];
		await expect(room.make(1)).rejects.toThrow('gone');
		expect(await room.make(1)).toBe(true);
	});
});

describe('room that becomes scarce', () => {
	it('is made while there is some left, up to the least', async () => {
		const room = roomOf();
		await room.left(40 * MEGABYTE, 1000 * MEGABYTE);
		expect(asked).toEqual([]);
		await room.left(30 * MEGABYTE, 1000 * MEGABYTE);
		expect(asked.map(({ bytes }) => bytes)).toEqual([2 * MEGABYTE]);
		// Of a small quota, an eighth.
		await room.left(9 * MEGABYTE, 64 * MEGABYTE);
		expect(asked).toHaveLength(1);
		await room.left(7 * MEGABYTE, 64 * MEGABYTE);
		expect(asked.at(-1)?.bytes).toBe(MEGABYTE);
	});

	it('is made once at a time, and after a write that waits for it', async () => {
		const room = roomOf();
		gives = [{ bytes: 1, headersOnlyTo: 3 }];
		await Promise.all([room.make(1), room.left(0, 1000 * MEGABYTE), room.left(0, 1000 * MEGABYTE)]);
		expect(asked.map(({ bytes }) => bytes)).toEqual([MEGABYTE, 32 * MEGABYTE]);
	});
});
