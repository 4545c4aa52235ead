import { describe, expect, it } from 'vitest';
import { transactionOf } from '../../ledger/testing/transactions.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import { MAX_POOL_BYTES, MAX_POOL_TRANSACTIONS, Pool } from './pool.ts';

const NONE: ReadonlySet<string> = new Set();

const make = (argumentBytes = 0, expiryHeight = 100): ParsedTransaction =>
	transactionOf('ada', {
		contract: 'transfer',
		function: 'transfer',
		arguments: new Uint8Array(argumentBytes),
		expiryHeight
	});

function poolOf(...transactions: ParsedTransaction[]): Pool {
	const pool = new Pool();
	transactions.forEach((transaction, i) => pool.add(transaction, 1000 + i));
	return pool;
}

describe('the pool', () => {
	it('knows what it holds', () => {
		const [one, two] = [make(), make()];
		const pool = new Pool();
		expect(pool.add(one, 0)).toBe('added');
		expect(pool.add(one, 0)).toBe('known');
		expect(pool.size).toBe(1);
		expect([pool.has(one.id), pool.has(two.id)]).toEqual([true, false]);
		expect([pool.get(one.id), pool.get(two.id)]).toEqual([one, undefined]);
	});

	it('forgets what is taken out, and does not mind what it never held', () => {
		const [one, two] = [make(), make()];
		const pool = poolOf(one, two);
		pool.remove(one.id);
		pool.remove(one.id);
		expect(pool.size).toBe(1);
		expect(pool.has(one.id)).toBe(false);
		expect(pool.add(one, 0)).toBe('added');
	});

	it('is full at so many transactions, counts what it turns away, and takes more when one has gone', () => {
		const pool = new Pool();
		const template = make();
		const nth = (i: number): ParsedTransaction => ({ ...template, id: `${i}` });
		for (let i = 0; i < MAX_POOL_TRANSACTIONS; i++) pool.add(nth(i), 0);
		expect(pool.add(nth(-1), 0)).toBe('full');
		expect(pool.add(nth(-2), 0)).toBe('full');
		// One that it holds is known, full or not.
		expect(pool.add(nth(7), 0)).toBe('known');
		expect([pool.size, pool.rejected]).toEqual([MAX_POOL_TRANSACTIONS, 2]);
		pool.remove('7');
		expect(pool.add(nth(-1), 0)).toBe('added');
	});

	it('is full at so many bytes', () => {
		const pool = new Pool();
		const mebibyte = { ...make(), bytes: new Uint8Array(1024 * 1024) };
		for (let i = 0; i < MAX_POOL_BYTES / mebibyte.bytes.length; i++)
			expect(pool.add({ ...mebibyte, id: `${i}` }, 0)).toBe('added');
		expect(pool.add(make(), 0)).toBe('full');
		pool.remove('3');
		pool.remove('3');
		expect(pool.add({ ...mebibyte, id: 'more' }, 0)).toBe('added');
		expect(pool.add(make(), 0)).toBe('full');
	});
});

describe('what waits for a round', () => {
	it('is given oldest first, but for what is in rounds already', () => {
		const [one, two, three] = [make(), make(), make()];
		const pool = poolOf(one, two, three);
		expect(pool.waiting(10, 10_000, NONE)).toEqual([one.id, two.id, three.id]);
		expect(pool.waiting(2, 10_000, NONE)).toEqual([one.id, two.id]);
		expect(pool.waiting(2, 10_000, new Set([one.id]))).toEqual([two.id, three.id]);
		expect(pool.waiting(0, 10_000, NONE)).toEqual([]);
	});

	it('fits a block, in its order: a small one does not pass a large one', () => {
		const [one, large, small] = [make(100), make(900), make(10)];
		const pool = poolOf(one, large, small);
		const both = one.bytes.length + large.bytes.length;
		expect(pool.waiting(10, both, NONE)).toEqual([one.id, large.id]);
		expect(pool.waiting(10, both - 1, NONE)).toEqual([one.id]);
	});
});

describe('what has waited for long', () => {
	it('is what came before a time, oldest first, up to a limit', () => {
		const [one, two, three] = [make(), make(), make()];
		const pool = poolOf(one, two, three);
		expect(pool.olderThan(1002, 10)).toEqual([one, two]);
		expect(pool.olderThan(1000, 10)).toEqual([]);
		expect(pool.olderThan(5000, 2)).toEqual([one, two]);
		expect(pool.olderThan(5000, 0)).toEqual([]);
	});

	it('is counted from when it came again', () => {
		const [one, two] = [make(), make()];
		const pool = poolOf(one, two);
		pool.remove(one.id);
		pool.add(one, 9000);
		expect(pool.olderThan(9000, 10)).toEqual([two]);
	});
});

describe('what has expired', () => {
	it('is what can be in no block above a height', () => {
		const [soon, later, last] = [make(0, 10), make(0, 11), make(0, 300)];
		const pool = poolOf(later, soon, last);
		expect(pool.expire(9)).toEqual([]);
		expect(pool.expire(10)).toEqual([soon.id]);
		expect(pool.expire(299)).toEqual([later.id]);
		expect(pool.waiting(10, 10_000, NONE)).toEqual([last.id]);
		expect(pool.size).toBe(1);
	});

	it('holds bodies that rounds name, though they wait no longer, and lets go of them with the rounds', () => {
		const [one, two, late] = [make(), make(0, 5), make()];
		const pool = poolOf(one, two);
		pool.remove(one.id, true);
		pool.expire(5, (id) => id === two.id);
		pool.keep(late);
		expect(pool.size).toBe(0);
		for (const kept of [one, two, late]) {
			expect(pool.get(kept.id)).toBe(kept);
			expect(pool.add(kept, 0)).toBe('known');
		}
		expect(pool.waiting(10, 1_000_000, NONE)).toEqual([]);
		expect(pool.olderThan(Infinity, 10)).toEqual([]);
		pool.release((id) => id === two.id);
		expect([one, two, late].map(({ id }) => pool.has(id))).toEqual([false, true, false]);
	});

	it('says whether one has waited for long', () => {
		const pool = poolOf(make(), make());
		expect(pool.hasOlder(1000)).toBe(false);
		expect(pool.hasOlder(1001)).toBe(true);
		expect(new Pool().hasOlder(Infinity)).toBe(false);
	});
});
