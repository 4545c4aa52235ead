/** Executes a block's transactions over an overlay. Deterministic (R18): equal inputs give equal bytes on every node. */
import { create, toBinary } from '@bufbuild/protobuf';
import { taggedHash } from '../crypto/hash.ts';
import { merkleRoot } from '../crypto/merkle.ts';
import { ReceiptSchema, ReceiptStatus, type Event, type Receipt } from '../wire/gen/tabwave/v1/ledger_pb.js';
import { accountsOver } from './accounts.ts';
import { Refused, type Contract, type StateView } from './contract.ts';
import { Overlay } from './state.ts';
import type { ParsedTransaction } from './transaction.ts';

/** Bounds on what one contract call may leave behind. */
export const MAX_STATE_KEY_LENGTH = 160;
export const MAX_STATE_VALUE_BYTES = 65_536;
export const MAX_EVENTS_PER_CALL = 32;
export const MAX_EVENT_BYTES = 16_384;
/** A receipt's sentence is for people; a contract cannot use it to fill disks. */
const MAX_RECEIPT_MESSAGE_LENGTH = 200;

export type ContractRegistry = ReadonlyMap<string, Contract>;

export interface BlockExecution {
	/** One a transaction, then one without an id where contracts emitted events for the block itself. */
	receipts: Receipt[];
	/** The same, encoded. */
	receiptBytes: Uint8Array[];
	receiptsRoot: Uint8Array;
	/** Ids that are new to the ledger, with their place in the block. */
	included: { id: string; expiryHeight: number; index: number }[];
}

export interface BlockInput {
	height: number;
	timeMs: number;
	lowerBlockId: Uint8Array;
	transactions: ParsedTransaction[];
	/** A transaction's expiry may be at most this many heights above the block. */
	expiryWindow: number;
	/** Whether an earlier block, or an earlier block of the same list, holds the id. */
	isKnown(id: string): boolean;
}

/** Writes into `overlay`; the caller decides whether it becomes state. */
export function executeBlock(
	input: BlockInput,
	overlay: Overlay,
	contracts: ContractRegistry
): BlockExecution {
	const receipts: Receipt[] = [];
	const included: BlockExecution['included'] = [];
	const here = new Set<string>();
	const blockEvents: Event[] = [];
	const seed = taggedHash('seed', input.lowerBlockId);

	for (const contract of contracts.values()) {
		if (!contract.beginBlock) continue;
		const outcome = attempt(overlay, contract, (call, emit) =>
			contract.beginBlock!({
				height: input.height,
				timeMs: input.timeMs,
				seed,
				state: stateView(call, contract.name),
				accounts: accountsOver(call),
				emit
			})
		);
		blockEvents.push(...outcome.events);
	}

	input.transactions.forEach((transaction, index) => {
		const skip = reasonToSkip(transaction, input, here);
		if (skip) {
			receipts.push(receipt(transaction.idBytes, ReceiptStatus.SKIPPED, skip.code, skip.message, []));
			return;
		}
		here.add(transaction.id);
		included.push({ id: transaction.id, expiryHeight: transaction.body.expiryHeight, index });
		const outcome = call(transaction, input, overlay, contracts);
		receipts.push(
			outcome.refused
				? receipt(
						transaction.idBytes,
						ReceiptStatus.FAILED,
						outcome.refused.code,
						outcome.refused.message,
						[]
					)
				: receipt(transaction.idBytes, ReceiptStatus.OK, '', '', outcome.events)
		);
	});
	if (blockEvents.length > 0)
		receipts.push(receipt(new Uint8Array(0), ReceiptStatus.OK, '', '', blockEvents));
	const receiptBytes = receipts.map((item) => toBinary(ReceiptSchema, item));
	return { receipts, receiptBytes, receiptsRoot: merkleRoot(receiptBytes), included };
}

/** Root over the ids. An id commits to all of a body, and a signature cannot change it. */
export function transactionsRoot(transactions: { idBytes: Uint8Array }[]): Uint8Array {
	return merkleRoot(transactions.map((transaction) => transaction.idBytes));
}

function reasonToSkip(transaction: ParsedTransaction, input: BlockInput, here: Set<string>): Refused | null {
	const { expiryHeight } = transaction.body;
	// Before all else: an id is remembered until it expires, and for how long after that is each node's own business.
	if (expiryHeight < input.height) return new Refused('Expired', `it was valid up to height ${expiryHeight}`);
	if (here.has(transaction.id) || input.isKnown(transaction.id))
		return new Refused('Duplicate', 'an earlier block holds this transaction');
	if (expiryHeight > input.height + input.expiryWindow)
		return new Refused(
			'ExpiryTooFar',
			`its expiry ${expiryHeight} is more than ${input.expiryWindow} above the block`
		);
	return null;
}

function call(
	transaction: ParsedTransaction,
	input: BlockInput,
	overlay: Overlay,
	contracts: ContractRegistry
): Outcome {
	const contract = contracts.get(transaction.body.contract);
	const fn =
		contract &&
		Object.hasOwn(contract.functions, transaction.body.function) &&
		contract.functions[transaction.body.function];
	if (!contract || !fn)
		return {
			refused: new Refused(
				'UnknownFunction',
				`there is no ${transaction.body.contract}.${transaction.body.function}`
			),
			events: []
		};
	return attempt(overlay, contract, (own, emit) =>
		fn(
			{
				sender: transaction.sender,
				transactionId: transaction.id,
				height: input.height,
				timeMs: input.timeMs,
				state: stateView(own, contract.name),
				accounts: accountsOver(own),
				emit
			},
			transaction.body.arguments
		)
	);
}

interface Outcome {
	refused: Refused | null;
	events: Event[];
}

/** Runs one call on an overlay of its own, which is kept only when the call does not refuse. */
function attempt(
	overlay: Overlay,
	contract: Contract,
	run: (own: Overlay, emit: (kind: string, data: Uint8Array) => void) => void
): Outcome {
	const own = new Overlay(overlay);
	const events: Event[] = [];
	const emit = (kind: string, data: Uint8Array): void => {
		if (events.length >= MAX_EVENTS_PER_CALL || data.length > MAX_EVENT_BYTES)
			throw new Refused('EventLimit', 'the contract emitted too much in one call');
		events.push({ $typeName: 'tabwave.v1.Event', contract: contract.name, kind, data });
	};
	try {
		run(own, emit);
	} catch (error) {
		// An engine's own words differ from browser to browser and would fork the receipts: a fault has one fixed sentence.
		const refused =
			error instanceof Refused ? error : new Refused('ContractFault', 'the contract failed unexpectedly');
		return { refused, events: [] };
	}
	overlay.absorb(own);
	return { refused: null, events };
}

function stateView(overlay: Overlay, contractName: string): StateView {
	const prefix = `${contractName}/`;
	const check = (key: string): void => {
		if (!key.startsWith(prefix) || key.length > MAX_STATE_KEY_LENGTH)
			throw new Refused('StateLimit', `state keys of ${contractName} start with ${prefix} and are short`);
	};
	return {
		get: (key) => overlay.get(key),
		set(key, value) {
			check(key);
			if (value.length > MAX_STATE_VALUE_BYTES)
				throw new Refused('StateLimit', `a value of ${value.length} bytes is too long`);
			overlay.set(key, value);
		},
		delete(key) {
			check(key);
			overlay.delete(key);
		}
	};
}

function receipt(
	id: Uint8Array,
	status: ReceiptStatus,
	error: string,
	message: string,
	events: Event[]
): Receipt {
	return create(ReceiptSchema, {
		transactionId: id,
		status,
		error,
		message: message.slice(0, MAX_RECEIPT_MESSAGE_LENGTH),
		events
	});
}
