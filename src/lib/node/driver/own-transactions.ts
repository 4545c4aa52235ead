/**
 * The transactions of this node's own account: signed here, and told to the members until the ledger has them. What it does not show in
 * time may have been lost with a link or with a leader's pool, and a newcomer has not heard of it.
 */
import type { Chain, Commit } from '../../consensus/ordering/chain.ts';
import type { Signer } from '../../crypto/suite.ts';
import { signedTransaction, unsignedTransaction, type ParsedTransaction } from '../../ledger/transaction.ts';
import type { Clock } from '../clock.ts';
import type { Pool } from './pool.ts';
import { Resends } from './resends.ts';

/** One that is not final after this goes to the members again. */
export const OWN_RESEND_MS = 4000;
/** Heights above the head after which one gives up, as a part of genesis' window: below it, since heads differ. */
const EXPIRY_SHARE = 0.8;

export interface OwnTransactionsInit {
	chain: Chain;
	signer: Signer;
	pool: Pool;
	clock: Pick<Clock, 'now'>;
	/** 16 bytes for each. */
	nonce(): Uint8Array;
	/** They are in the pool, and go to the members. */
	submitted(transactions: ParsedTransaction[]): void;
}

/** What a contract is called with. */
export interface Call {
	contract: string;
	function: string;
	arguments: Uint8Array;
}

export class OwnTransactions {
	readonly #init: OwnTransactionsInit;
	/** Those that are not final yet. */
	readonly #open = new Map<string, ParsedTransaction>();
	readonly #resends = new Resends();
	#outbox: ParsedTransaction[] = [];

	constructor(init: OwnTransactionsInit) {
		this.#init = init;
	}

	has(id: string): boolean {
		return this.#open.has(id);
	}

	/** For whoever has just come: as many as a block takes. */
	waiting(): ParsedTransaction[] {
		return [...this.#open.values()].slice(0, this.#init.chain.genesis.fields.maxTransactionsPerBlock);
	}

	/**
	 * Signs a transaction, puts it into the pool and hands it to the members.
	 * @returns null where the pool is full
	 */
	async submit(call: Call): Promise<ParsedTransaction | null> {
		const { chain, signer, pool, clock, nonce, submitted } = this.#init;
		const { fields } = chain.genesis;
		const expiryHeight = chain.head.height + Math.max(1, Math.floor(fields.expiryWindow * EXPIRY_SHARE));
		const { body, message } = unsignedTransaction(signer.publicKey, {
			...call,
			chainId: chain.chainId,
			nonce: nonce(),
			expiryHeight
		});
		const bytes = signedTransaction(body, await signer.sign(message));
		const transaction = chain.parse(bytes);
		if (pool.add(transaction, clock.now()) === 'full') return null;
		this.#open.set(transaction.id, transaction);
		// What is submitted in one task leaves in one packet.
		if (this.#outbox.push(transaction) === 1) queueMicrotask(() => submitted(this.#outbox.splice(0)));
		return transaction;
	}

	/** Brings what is not final in time to the members again, at growing intervals. */
	resend(nowMs: number): void {
		const { chain, pool, submitted } = this.#init;
		// What is final and not durable yet is the ledger's already, and would wait in the pool for ever.
		const open = [...this.#open.values()].filter(({ id }) => !chain.recent.has(id));
		const { maxTransactionsPerBlock } = chain.genesis.fields;
		const due = this.#resends.due(open, maxTransactionsPerBlock, nowMs, OWN_RESEND_MS);
		for (const transaction of due) pool.add(transaction, nowMs);
		if (due.length > 0) submitted(due);
	}

	/** Blocks are final and durable. */
	committed(commits: readonly Commit[]): void {
		for (const commit of commits)
			for (const block of commit.blocks) for (const { id } of block.transactions) this.#open.delete(id);
		for (const [id, transaction] of this.#open)
			if (transaction.body.expiryHeight <= this.#init.chain.head.height) this.#open.delete(id);
	}
}
