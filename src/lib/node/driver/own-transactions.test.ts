import { beforeEach, describe, expect, it } from 'vitest';
import type { TestMember } from '../../consensus/testing/members.ts';
import { blockEntry, TestLedger } from '../../consensus/testing/test-ledger.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import { transferArguments } from '../../ledger/transfer.ts';
import { OWN_RESEND_MS, OwnTransactions } from './own-transactions.ts';
import { MAX_POOL_TRANSACTIONS, Pool } from './pool.ts';

let ledger: TestLedger;
let ada: TestMember;
let pool: Pool;
let own: OwnTransactions;
let submitted: ParsedTransaction[][];
let nowMs: number;

beforeEach(async () => {
	ledger = await TestLedger.found([1], { expiryWindow: 10, maxTransactionsPerBlock: 2 });
	ada = ledger.members(1)[0]!;
	pool = new Pool();
	submitted = [];
	nowMs = 1000;
	let nonce = 0;
	own = new OwnTransactions({
		chain: ledger.chain,
		signer: ada.signer,
		pool,
		clock: { now: () => nowMs },
		nonce: () => new Uint8Array(16).fill(++nonce),
		submitted: (transactions) => submitted.push(transactions)
	});
});

const pay = () =>
	own.submit({
		contract: 'transfer',
		function: 'transfer',
		arguments: transferArguments(ledger.operator.signer.publicKey, 1n)
	});

async function order(...transactions: ParsedTransaction[]) {
	return ledger.commit(blockEntry(await ledger.certified(1, transactions)));
}

describe('a transaction of this node', () => {
	it('is signed, gives up before the window ends, and is in the pool', async () => {
		const transaction = (await pay())!;
		expect(transaction.body.expiryHeight).toBe(ledger.chain.head.height + 8);
		expect(pool.has(transaction.id)).toBe(true);
		expect(own.has(transaction.id)).toBe(true);
		// It is one that the ledger takes.
		await order(transaction);
		expect(ledger.chain.recent.has(transaction.id)).toBe(true);
	});

	it('leaves with those of the same task', async () => {
		const made = await Promise.all([pay(), pay(), pay()]);
		await Promise.resolve();
		expect(submitted).toEqual([made]);
		await pay();
		await Promise.resolve();
		expect(submitted).toHaveLength(2);
	});

	it('is refused by a full pool, and forgotten', async () => {
		const template = (await pay())!;
		for (let i = 0; i < MAX_POOL_TRANSACTIONS; i++) pool.add({ ...template, id: `${i}` }, 0);
		expect(await pay()).toBeNull();
		expect(own.waiting()).toEqual([template]);
	});
});

describe('one that is not final', () => {
	it('is told again at growing intervals, and back in the pool if it has left it', async () => {
		const transaction = (await pay())!;
		await Promise.resolve();
		submitted.length = 0;
		own.resend(nowMs);
		expect(submitted).toEqual([]);
		pool.remove(transaction.id);
		own.resend(nowMs + OWN_RESEND_MS);
		expect(submitted).toEqual([[transaction]]);
		expect(pool.has(transaction.id)).toBe(true);
		own.resend(nowMs + 2 * OWN_RESEND_MS - 1);
		expect(submitted).toHaveLength(1);
		own.resend(nowMs + 2 * OWN_RESEND_MS);
		expect(submitted).toHaveLength(2);
	});

	it('is not told again once the ledger holds it, durable or not', async () => {
		const transaction = (await pay())!;
		await Promise.resolve();
		submitted.length = 0;
		own.resend(nowMs);
		const commit = await order(transaction);
		own.resend(nowMs + OWN_RESEND_MS);
		expect(submitted).toEqual([]);
		expect(own.has(transaction.id)).toBe(true);
		own.committed([commit]);
		expect(own.has(transaction.id)).toBe(false);
	});

	it('is given up at its height', async () => {
		const transaction = (await pay())!;
		while (ledger.chain.head.height < transaction.body.expiryHeight - 1) own.committed([await ledger.grow()]);
		expect(own.has(transaction.id)).toBe(true);
		own.committed([await ledger.grow()]);
		expect(own.has(transaction.id)).toBe(false);
	});

	it('waits for newcomers, as many as a block takes', async () => {
		const made = [await pay(), await pay(), await pay()];
		expect(own.waiting()).toEqual(made.slice(0, 2));
	});
});
