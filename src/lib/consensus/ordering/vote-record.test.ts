import { create } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { CertifiedBlockSchema, OrderCertificateSchema } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Persist } from '../effects.ts';
import { orderRecordKey, VoteRecord } from './vote-record.ts';

const FIRST = { term: 1, attempt: 0 };
const SECOND = { term: 1, attempt: 1 };
const X = new Uint8Array(32).fill(1);
const Y = new Uint8Array(32).fill(2);
const LOCK = {
	orderCommit: create(OrderCertificateSchema, { ...FIRST, height: 5 }),
	content: Uint8Array.of(9)
};
const BLOCKS = [create(CertifiedBlockSchema, { proposal: X, transactions: [Y] })];
let record: VoteRecord;
let disk: Map<string, Uint8Array>;

beforeEach(() => {
	record = new VoteRecord();
	disk = new Map();
});

function write(persist: Persist[] | null): void {
	for (const { key, value } of persist ?? []) {
		if (value) disk.set(key, value);
		else disk.delete(key);
	}
}

/** The same disk, read again. */
function restarted(height = 5): VoteRecord {
	const again = new VoteRecord();
	again.restore(
		[...disk].map(([key, value]) => ({ key, value })),
		height
	);
	return again;
}

describe('R11: one vote in a ballot', () => {
	it('may be given again, and no other', () => {
		write(record.sign(5, FIRST, X));
		expect(record.sign(5, FIRST, X)).toEqual([]);
		expect(record.sign(5, FIRST, Y)).toBeNull();
	});

	it('holds through a restart', () => {
		write(record.sign(5, FIRST, X));
		const again = restarted();
		expect(again.hasSigned(5)).toBe(true);
		expect(again.sign(5, FIRST, Y)).toBeNull();
		expect(again.sign(5, FIRST, X)).toEqual([]);
	});

	it('the second repeats the first, and only after it', () => {
		expect(() => record.done(5, FIRST, X, LOCK, [])).toThrow(/^R11/);
		write(record.sign(5, FIRST, X));
		expect(() => record.done(5, FIRST, Y, LOCK, [])).toThrow(/^R11/);
		expect(() => record.done(5, SECOND, X, LOCK, [])).toThrow(/^R11/);
		write(record.done(5, FIRST, X, LOCK, []));
		expect(record.done(5, FIRST, X, LOCK, [])).toEqual([]);
		expect(restarted().lock(5)).toEqual(LOCK);
	});

	it('a higher ballot has a vote of its own', () => {
		write(record.sign(5, FIRST, X));
		write(record.sign(5, SECOND, Y));
		expect(record.joined(5)).toMatchObject(SECOND);
		expect(() => record.sign(5, FIRST, X)).toThrow(/^R14/);
	});
});

describe('R14: joining a ballot', () => {
	it('is durable, ends lower ones, and leaves the lock with its blocks', () => {
		write(record.sign(5, FIRST, X));
		expect(record.lockedBlocks(5)).toEqual([]);
		write(record.done(5, FIRST, X, LOCK, BLOCKS));
		write(record.join(5, SECOND));
		for (const one of [record, restarted()]) {
			expect(one.joined(5)).toMatchObject(SECOND);
			expect(one.hasSigned(5)).toBe(false);
			expect(one.lock(5)).toEqual(LOCK);
			expect(one.lockedBlocks(5)).toEqual(BLOCKS);
			expect(one.lockedBlocks(6)).toEqual([]);
			expect(() => one.join(5, FIRST)).toThrow(/^R14/);
			expect(() => one.done(5, FIRST, X, LOCK, [])).toThrow(/^R11/);
		}
		write(record.sign(5, SECOND, Y));
		expect(restarted().lockedBlocks(5)).toEqual(BLOCKS);
	});

	it('twice equals once', () => {
		expect(record.join(5, FIRST)).toHaveLength(1);
		expect(record.join(5, FIRST)).toEqual([]);
	});

	it('is of one height: the next begins with nothing joined and no lock', () => {
		write(record.sign(5, FIRST, X));
		write(record.done(5, FIRST, X, LOCK, []));
		expect(record.joined(6)).toBeNull();
		expect(record.lock(6)).toBeNull();
		expect(() => record.join(6, FIRST)).toThrow(/^R14/);
		write(record.forget(5));
		write(record.join(6, FIRST));
		expect([...disk.keys()]).toEqual([orderRecordKey(6)]);
	});
});

describe('records', () => {
	it('of a height at which nothing was said are none', () => {
		expect([record.joined(5), record.hasSigned(5), record.lock(5)]).toEqual([null, false, null]);
	});

	it('of heights that are final are forgotten, in memory and on disk', () => {
		write(record.sign(5, FIRST, X));
		expect(record.forget(4)).toEqual([]);
		write(record.forget(5));
		expect(disk.size).toBe(0);
		expect(record.joined(5)).toBeNull();
	});

	it('that an earlier run left of other heights are swept, and nothing else is', () => {
		write(record.sign(5, FIRST, X));
		disk.set('pbft/1', X);
		const again = restarted(8);
		expect(again.joined(8)).toBeNull();
		write(again.forget(7));
		expect([...disk.keys()]).toEqual(['pbft/1']);
	});
});
