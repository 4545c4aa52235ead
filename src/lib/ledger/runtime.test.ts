import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ZERO_HASH } from '../crypto/hash.ts';
import { toHex } from '../crypto/hex.ts';
import { merkleRoot } from '../crypto/merkle.ts';
import { ReceiptSchema, ReceiptStatus, type Receipt } from '../wire/gen/tabwave/v1/ledger_pb.js';
import { creditNewcomer, readBalance } from './accounts.ts';
import { Refused, type BlockContext, type CallContext, type Contract } from './contract.ts';
import {
	executeBlock,
	MAX_EVENT_BYTES,
	MAX_EVENTS_PER_CALL,
	MAX_STATE_KEY_LENGTH,
	MAX_STATE_VALUE_BYTES,
	transactionsRoot,
	type BlockInput
} from './runtime.ts';
import { Overlay, VersionedState } from './state.ts';
import { accountOf, transactionOf } from './testing/transactions.ts';
import type { ParsedTransaction } from './transaction.ts';

type Call = (context: CallContext, args: Uint8Array) => void;

/** A contract with the functions of one test. */
function contractOf(functions: Record<string, Call>, beginBlock?: (context: BlockContext) => void): Contract {
	return { name: 'box', functions, beginBlock };
}

const call = (fn: string, fields: Partial<Parameters<typeof transactionOf>[1]> = {}): ParsedTransaction =>
	transactionOf('ada', { contract: 'box', function: fn, ...fields });

const put =
	(key: string, value = 1): Call =>
	(context) =>
		context.state.set(key, Uint8Array.of(value));

function execute(
	transactions: ParsedTransaction[],
	contracts: Contract[],
	input: Partial<BlockInput> = {}
): { receipts: Receipt[]; bytes: Uint8Array[]; root: Uint8Array; included: unknown[]; state: Overlay } {
	const state = new Overlay(new VersionedState());
	creditNewcomer(state, accountOf('ada'), 100n);
	const before = new Overlay(state);
	const { receiptBytes, receiptsRoot, included } = executeBlock(
		{
			height: 10,
			timeMs: 5000,
			lowerBlockId: new Uint8Array(32).fill(4),
			transactions,
			expiryWindow: 300,
			isKnown: () => false,
			...input
		},
		before,
		new Map(contracts.map((contract) => [contract.name, contract]))
	);
	return {
		receipts: receiptBytes.map((receipt) => fromBinary(ReceiptSchema, receipt)),
		bytes: receiptBytes,
		root: receiptsRoot,
		included,
		state: before
	};
}

describe('a transaction that succeeds', () => {
	const note = (context: CallContext, args: Uint8Array): void => {
		context.state.set('box/note', args);
		context.accounts.transfer(context.sender, 'escrow:box:1', 40n);
		context.emit('Noted', Uint8Array.of(context.height));
	};

	it('leaves its writes, a receipt and its events', () => {
		const one = call('note', { arguments: Uint8Array.of(1, 2) });
		const { receipts, included, state } = execute([one], [contractOf({ note })]);
		expect(receipts).toHaveLength(1);
		expect(receipts[0]).toMatchObject({
			transactionId: one.idBytes,
			status: ReceiptStatus.OK,
			error: '',
			message: '',
			events: [{ contract: 'box', kind: 'Noted', data: Uint8Array.of(10) }]
		});
		expect(included).toEqual([{ id: one.id, expiryHeight: 100, index: 0 }]);
		expect(state.get('box/note')).toEqual(Uint8Array.of(1, 2));
		expect(readBalance(state, accountOf('ada'))).toBe(60n);
	});

	it('is told who calls, in which transaction, at which height and time', () => {
		let seen: Partial<CallContext> = {};
		const one = call('look');
		execute([one], [contractOf({ look: (context) => void (seen = context) })]);
		expect(seen).toMatchObject({
			sender: accountOf('ada'),
			transactionId: one.id,
			height: 10,
			timeMs: 5000
		});
	});

	it('shows the next one what it wrote', () => {
		const grow: Call = ({ state }) => state.set('box/n', Uint8Array.of((state.get('box/n')?.[0] ?? 0) + 1));
		const { state } = execute([call('grow'), call('grow'), call('grow')], [contractOf({ grow })]);
		expect(state.get('box/n')).toEqual(Uint8Array.of(3));
	});
});

describe('a transaction that fails has a receipt that says why and no other effect', () => {
	const spoil = (context: CallContext): void => {
		context.state.set('box/spoilt', Uint8Array.of(1));
		context.state.delete('box/kept');
		context.accounts.transfer(context.sender, 'thief', 99n);
		context.emit('Spoilt', new Uint8Array(1));
	};
	const refuse: Call = (context) => {
		spoil(context);
		throw new Refused('NotToday', 'it is not the day for it');
	};
	const crash: Call = (context) => {
		spoil(context);
		(undefined as never as CallContext[])[0]!.emit('x', new Uint8Array(0));
	};
	const overpay: Call = (context) => {
		spoil(context);
		context.accounts.transfer(context.sender, 'thief', 99n);
	};

	it.each<[string, Call, string, string]>([
		['refused by its contract', refuse, 'NotToday', 'it is not the day for it'],
		// An engine's own words differ from browser to browser and would fork the receipts.
		['its contract is faulty', crash, 'ContractFault', 'the contract failed unexpectedly'],
		['its account is empty', overpay, 'InsufficientBalance', 'the account holds 1, 99 are needed']
	])('%s', (_what, bad, error, message) => {
		const contract = contractOf({ keep: put('box/kept', 5), bad });
		const { receipts, included, state } = execute([call('keep'), call('bad'), call('keep')], [contract]);
		expect(receipts[1]).toMatchObject({ status: ReceiptStatus.FAILED, error, message, events: [] });
		expect(receipts.map(({ status }) => status)).toEqual([
			ReceiptStatus.OK,
			ReceiptStatus.FAILED,
			ReceiptStatus.OK
		]);
		// Its id is in the ledger: it cannot be tried again.
		expect(included).toHaveLength(3);
		expect(state.writes().map(({ key }) => key)).toEqual(['box/kept']);
		expect(state.get('box/kept')).toEqual(Uint8Array.of(5));
		expect(readBalance(state, accountOf('ada'))).toBe(100n);
	});

	it('for want of a contract or a function', () => {
		const contract = contractOf({ keep: put('box/kept') });
		const { receipts, state } = execute(
			[
				call('keep', { contract: 'crate' }),
				call('lose'),
				call('toString'),
				call('constructor'),
				call('hasOwnProperty')
			],
			[contract]
		);
		expect(receipts.map(({ error, message }) => [error, message])).toEqual([
			['UnknownFunction', 'there is no crate.keep'],
			['UnknownFunction', 'there is no box.lose'],
			['UnknownFunction', 'there is no box.toString'],
			['UnknownFunction', 'there is no box.constructor'],
			['UnknownFunction', 'there is no box.hasOwnProperty']
		]);
		expect(state.writes()).toEqual([]);
	});

	it('its sentence is cut to what a receipt may hold', () => {
		const talk: Call = () => {
			throw new Refused('Long', 'x'.repeat(10_000));
		};
		expect(execute([call('talk')], [contractOf({ talk })]).receipts[0]!.message).toBe('x'.repeat(200));
	});

	it('a cut in the middle of a character still makes a receipt, the same on every node', () => {
		const talk: Call = () => {
			throw new Refused('Long', 'x'.repeat(199) + '😀');
		};
		const once = execute([call('talk', { nonce: new Uint8Array(16) })], [contractOf({ talk })]);
		const again = execute([call('talk', { nonce: new Uint8Array(16) })], [contractOf({ talk })]);
		expect(once.receipts[0]!.status).toBe(ReceiptStatus.FAILED);
		expect(once.bytes).toEqual(again.bytes);
	});
});

describe('what one call may leave behind', () => {
	const value =
		(bytes: number): Call =>
		({ state }) =>
			state.set('box/v', new Uint8Array(bytes));
	const key =
		(length: number): Call =>
		({ state }) =>
			state.set('box/'.padEnd(length, 'k'), new Uint8Array(1));
	const events =
		(count: number): Call =>
		({ emit }) => {
			for (let i = 0; i < count; i++) emit('E', new Uint8Array(0));
		};
	const event =
		(bytes: number): Call =>
		({ emit }) =>
			emit('E', new Uint8Array(bytes));
	const foreign =
		(name: string): Call =>
		({ state }) =>
			state.set(name, new Uint8Array(1));
	const foreignDelete =
		(name: string): Call =>
		({ state }) =>
			state.delete(name);

	it.each<[string, Call, string]>([
		['the longest value', value(MAX_STATE_VALUE_BYTES), ''],
		['a longer value', value(MAX_STATE_VALUE_BYTES + 1), 'StateLimit'],
		['the longest key', key(MAX_STATE_KEY_LENGTH), ''],
		['a longer key', key(MAX_STATE_KEY_LENGTH + 1), 'StateLimit'],
		['as many events as are allowed', events(MAX_EVENTS_PER_CALL), ''],
		['one event more', events(MAX_EVENTS_PER_CALL + 1), 'EventLimit'],
		['the largest event', event(MAX_EVENT_BYTES), ''],
		['a larger event', event(MAX_EVENT_BYTES + 1), 'EventLimit'],
		['a key of another contract', foreign('transfer/x'), 'StateLimit'],
		['money out of nothing', foreign('account/ada'), 'StateLimit'],
		['a key that only begins like its own', foreign('boxes/x'), 'StateLimit'],
		['the deletion of a key of its own', foreignDelete('box/x'), ''],
		['the deletion of an account', foreignDelete('account/ada'), 'StateLimit']
	])('%s', (_what, fn, error) => {
		const [receipt] = execute([call('fn')], [contractOf({ fn })]).receipts;
		expect(receipt!.error).toBe(error);
		expect(receipt!.status).toBe(error === '' ? ReceiptStatus.OK : ReceiptStatus.FAILED);
	});

	it('it may read what others wrote', () => {
		let seen: Uint8Array | undefined;
		execute(
			[call('look')],
			[contractOf({ look: ({ state }) => void (seen = state.get(`account/${accountOf('ada')}`)) })]
		);
		expect(seen).toBeDefined();
	});
});

describe('what is skipped: no call, no effect, and a receipt', () => {
	const contract = contractOf({ put: put('box/x') });

	it.each([
		['valid up to this very height', 10, ''],
		['expired one height ago', 9, 'Expired'],
		['valid as far as the window reaches', 310, ''],
		['valid beyond the window', 311, 'ExpiryTooFar']
	])('%s', (_what, expiryHeight, error) => {
		const { receipts, included, state } = execute([call('put', { expiryHeight })], [contract]);
		expect(receipts[0]).toMatchObject({
			status: error === '' ? ReceiptStatus.OK : ReceiptStatus.SKIPPED,
			error
		});
		expect(included).toHaveLength(error === '' ? 1 : 0);
		expect(state.get('box/x') !== undefined).toBe(error === '');
		if (error !== '') expect(receipts[0]!.message).toContain(String(expiryHeight));
	});

	it('what an earlier block holds', () => {
		const one = call('put');
		const { receipts, included, state } = execute([one], [contract], { isKnown: (id) => id === one.id });
		expect(receipts[0]).toMatchObject({
			status: ReceiptStatus.SKIPPED,
			error: 'Duplicate',
			message: 'an earlier block holds this transaction',
			transactionId: one.idBytes,
			events: []
		});
		expect(included).toEqual([]);
		expect(state.writes()).toEqual([]);
	});

	it('what has expired, whether its id is still remembered or not', () => {
		const one = call('put', { expiryHeight: 9 });
		const of = (isKnown: boolean) => execute([one, one], [contract], { isKnown: () => isKnown }).receipts;
		expect(of(true).map(({ error }) => error)).toEqual(['Expired', 'Expired']);
		expect(of(true)).toEqual(of(false));
	});

	it('what this block holds already, even where the first of the two failed', () => {
		const one = call('put');
		const bad = call('nothing');
		const { receipts, included } = execute([one, one, bad, bad], [contract]);
		expect(receipts.map(({ status }) => status)).toEqual([
			ReceiptStatus.OK,
			ReceiptStatus.SKIPPED,
			ReceiptStatus.FAILED,
			ReceiptStatus.SKIPPED
		]);
		expect(included).toEqual([
			{ id: one.id, expiryHeight: 100, index: 0 },
			{ id: bad.id, expiryHeight: 100, index: 2 }
		]);
	});

	it('what is skipped for its expiry is not in the ledger, and may come again', () => {
		const late = call('put', { expiryHeight: 311 });
		const { receipts } = execute([late, late], [contract]);
		expect(receipts.map(({ error }) => error)).toEqual(['ExpiryTooFar', 'ExpiryTooFar']);
	});
});

describe('the work of a block before its transactions', () => {
	it('is done once, before them, with a seed of the block', () => {
		const seeds: string[] = [];
		const contract = contractOf(
			{ read: ({ state }) => state.set('box/read', state.get('box/begun')!) },
			({ state, seed, height, timeMs, emit }) => {
				seeds.push(toHex(seed));
				state.set('box/begun', Uint8Array.of(height));
				emit('Begun', Uint8Array.of(timeMs / 1000));
			}
		);
		const { receipts, state } = execute([call('read'), call('read')], [contract]);
		expect(state.get('box/read')).toEqual(Uint8Array.of(10));
		expect(seeds).toHaveLength(1);
		// Events of the block itself are in a receipt without an id, behind the others.
		expect(receipts).toHaveLength(3);
		expect(receipts[2]).toMatchObject({
			transactionId: new Uint8Array(0),
			status: ReceiptStatus.OK,
			events: [{ contract: 'box', kind: 'Begun', data: Uint8Array.of(5) }]
		});
		execute([], [contract], { lowerBlockId: new Uint8Array(32).fill(5) });
		expect(seeds[0]).toHaveLength(64);
		expect(seeds[1]).not.toBe(seeds[0]);
	});

	it('that emits nothing has no receipt', () => {
		const quiet = contractOf({ put: put('box/x') }, ({ state }) => state.set('box/y', new Uint8Array(1)));
		const { receipts, state } = execute([call('put')], [quiet]);
		expect(receipts).toHaveLength(1);
		expect(state.get('box/y')).toBeDefined();
	});

	it('that fails leaves nothing, and the block goes on', () => {
		const faulty = contractOf({ put: put('box/x') }, ({ state, emit }) => {
			state.set('box/y', new Uint8Array(1));
			emit('Begun', new Uint8Array(0));
			throw new TypeError('an engine’s own words');
		});
		const { receipts, state } = execute([call('put')], [faulty]);
		expect(receipts.map(({ status }) => status)).toEqual([ReceiptStatus.OK]);
		expect(state.get('box/y')).toBeUndefined();
		expect(state.get('box/x')).toBeDefined();
	});

	it('runs in the order of the network’s contracts, each in its own keys', () => {
		const first: Contract = {
			name: 'first',
			functions: {},
			beginBlock: ({ state, emit }) => {
				state.set('first/x', new Uint8Array(1));
				emit('One', new Uint8Array(0));
			}
		};
		const second: Contract = {
			name: 'second',
			functions: {},
			beginBlock: ({ state, emit }) => {
				expect(state.get('first/x')).toBeDefined();
				expect(() => state.set('first/x', new Uint8Array(1))).toThrow(Refused);
				emit('Two', new Uint8Array(0));
			}
		};
		const idle: Contract = { name: 'idle', functions: {} };
		const { receipts } = execute([], [first, idle, second]);
		expect(receipts[0]!.events.map(({ contract, kind }) => [contract, kind])).toEqual([
			['first', 'One'],
			['second', 'Two']
		]);
	});
});

describe('equal inputs give equal bytes (R18)', () => {
	it('receipts, their root and the writes', () => {
		const contract = contractOf(
			{
				put: put('box/x'),
				fail: () => {
					throw new Refused('No', 'no');
				}
			},
			({ emit, seed }) => emit('Seed', seed)
		);
		const transactions = [call('put'), call('fail'), call('none')];
		const [one, other] = [execute(transactions, [contract]), execute(transactions, [contract])];
		expect(one.bytes).toEqual(other.bytes);
		expect(one.root).toEqual(other.root);
		expect(one.root).toEqual(merkleRoot(one.bytes));
		expect(one.state.writes()).toEqual(other.state.writes());
	});

	it('an empty block has the root of nothing', () => {
		const { receipts, root, included } = execute([], []);
		expect(receipts).toEqual([]);
		expect(included).toEqual([]);
		expect(root).toEqual(ZERO_HASH);
	});

	it('the transactions root is over the ids in their order', () => {
		const [one, two] = [call('put'), call('put')];
		expect(transactionsRoot([one, two])).toEqual(merkleRoot([one.idBytes, two.idBytes]));
		expect(transactionsRoot([one, two])).not.toEqual(transactionsRoot([two, one]));
		expect(transactionsRoot([])).toEqual(ZERO_HASH);
	});
});
