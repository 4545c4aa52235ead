/** A chain of blocks in memory for tests: the ledger's own execution, without signatures, certificates and consensus. */
import { fromBinary } from '@bufbuild/protobuf';
import { taggedHash } from '../../crypto/hash.ts';
import { toHex } from '../../crypto/hex.ts';
import { ACCOUNT_PREFIX, creditNewcomer, readBalance } from '../../ledger/accounts.ts';
import { executeBlock } from '../../ledger/runtime.ts';
import { Overlay, VersionedState } from '../../ledger/state.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import { ReceiptSchema, ReceiptStatus } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { decodeGrant } from '../contract/grants.ts';
import { AP_PREFIX, BID_PREFIX, GRANT_PREFIX } from '../contract/keys.ts';
import type { SpectrumParameters } from '../contract/parameters.ts';
import {
	decodeAccessPoint,
	decodeBid,
	type AccessPointRecord,
	type BidRecord,
	type GrantRecord
} from '../contract/records.ts';
import type { RawEvent } from '../contract/events.ts';
import { spectrumContract } from '../contract/spectrum-contract.ts';

export interface TestCall {
	sender: string;
	function: string;
	arguments: Uint8Array;
}

export interface TestReceipt {
	id: string;
	status: 'ok' | 'failed';
	/** The refusal's code, empty where there is none. */
	error: string;
	message: string;
	events: RawEvent[];
}

export interface TestBlock {
	height: number;
	timeMs: number;
	receipts: TestReceipt[];
	/** Of the block itself. */
	events: RawEvent[];
}

/** What genesis may add. */
export type SpectrumOptions = Pick<SpectrumParameters, 'sealedBids' | 'grants'>;

export const BLOCK_MS = 500;
const START_MS = 1_700_000_000_000;

/** The same name gives the same account. */
export function account(name: string): string {
	return toHex(taggedHash('test-account', new TextEncoder().encode(name)));
}

export class TestChain {
	readonly contract: ReturnType<typeof spectrumContract>;
	readonly state = new VersionedState();
	height = 0;
	#transactions = 0;

	constructor(conflictDistancePercent = 100, options: SpectrumOptions = {}) {
		this.contract = spectrumContract({ conflictDistancePercent, ...options });
	}

	credit(who: string, amount: bigint): void {
		this.#commit((overlay) => creditNewcomer(overlay, who, amount));
	}

	get timeMs(): number {
		return START_MS + this.height * BLOCK_MS;
	}

	/** Executes one block and keeps it. */
	block(calls: TestCall[]): TestBlock {
		let receipts: TestReceipt[] = [];
		const transactions = calls.map((call) => this.#transaction(call));
		this.#commit((overlay) => {
			const execution = executeBlock(
				{
					height: this.height,
					timeMs: this.timeMs,
					lowerBlockId: new Uint8Array(32),
					transactions,
					expiryWindow: 1000,
					isKnown: () => false
				},
				overlay,
				new Map([[this.contract.name, this.contract]])
			);
			receipts = execution.receiptBytes.map(readReceipt);
		});
		return {
			height: this.height,
			timeMs: this.timeMs,
			receipts: receipts.slice(0, calls.length),
			events: receipts[calls.length]?.events ?? []
		};
	}

	/** One call in a block of its own. */
	call(sender: string, fn: string, args: Uint8Array): TestReceipt {
		return this.block([{ sender, function: fn, arguments: args }]).receipts[0]!;
	}

	/** Heights at which nothing of this contract runs, as changes of members are. */
	skip(heights: number): void {
		this.height += heights;
	}

	balance(who: string): bigint {
		return readBalance(this.state, who);
	}

	totalMoney(): bigint {
		let total = 0n;
		for (const row of this.state.rows(ACCOUNT_PREFIX))
			total += readBalance(this.state, row.key.slice(ACCOUNT_PREFIX.length));
		return total;
	}

	accessPoint(id: string): AccessPointRecord | undefined {
		const bytes = this.state.get(AP_PREFIX + id);
		return bytes && decodeAccessPoint(bytes);
	}

	bid(id: string): BidRecord | undefined {
		const bytes = this.state.get(BID_PREFIX + id);
		return bytes && decodeBid(bytes);
	}

	/** Read from the state, independent of events. */
	accessPoints(): AccessPointRecord[] {
		const records: AccessPointRecord[] = [];
		for (const row of this.state.rows(AP_PREFIX)) if (row.value) records.push(decodeAccessPoint(row.value));
		return records;
	}

	openBids(): BidRecord[] {
		return this.bids().filter((bid) => bid.status === 'open');
	}

	/** Open and closed. */
	bids(): BidRecord[] {
		const bids: BidRecord[] = [];
		for (const row of this.state.rows(BID_PREFIX)) if (row.value) bids.push(decodeBid(row.value));
		return bids;
	}

	grants(): GrantRecord[] {
		const grants: GrantRecord[] = [];
		for (const row of this.state.rows(GRANT_PREFIX)) if (row.value) grants.push(decodeGrant(row.value));
		return grants;
	}

	#commit(write: (overlay: Overlay) => void): void {
		this.height++;
		const overlay = new Overlay(this.state);
		write(overlay);
		this.state.apply(overlay.writes(), this.height);
	}

	#transaction(call: TestCall): ParsedTransaction {
		const idBytes = taggedHash('test-transaction', new TextEncoder().encode(String(++this.#transactions)));
		return {
			id: toHex(idBytes),
			idBytes,
			sender: call.sender,
			body: {
				contract: this.contract.name,
				function: call.function,
				arguments: call.arguments,
				expiryHeight: this.height + 1
			}
			// Execution reads no more of a transaction than this.
		} as ParsedTransaction;
	}
}

function readReceipt(bytes: Uint8Array): TestReceipt {
	const { transactionId, status, error, message, events } = fromBinary(ReceiptSchema, bytes);
	return {
		id: toHex(transactionId),
		status: status === ReceiptStatus.OK ? 'ok' : 'failed',
		error,
		message,
		events
	};
}
