import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TransferEventSchema } from '../wire/gen/tabwave/v1/contracts_pb.js';
import { ReceiptSchema, ReceiptStatus, type Receipt } from '../wire/gen/tabwave/v1/ledger_pb.js';
import { anyBytes } from '../wire/mutated-bytes.ts';
import { creditNewcomer, readBalance } from './accounts.ts';
import { executeBlock } from './runtime.ts';
import { Overlay, VersionedState } from './state.ts';
import { accountOf, keyOf, transactionOf } from './testing/transactions.ts';
import { transferArguments, transferContract } from './transfer.ts';

fc.configureGlobal({ seed: 5 });

const sound = fc.tuple(fc.constant(keyOf('bob')), fc.bigInt({ min: 1n, max: 200n }));

function run(args: Uint8Array): { receipt: Receipt; state: Overlay } {
	const state = new Overlay(new VersionedState());
	creditNewcomer(state, accountOf('ada'), 100n);
	const { receiptBytes } = executeBlock(
		{
			height: 1,
			timeMs: 1,
			lowerBlockId: new Uint8Array(32),
			transactions: [transactionOf('ada', { contract: 'transfer', function: 'transfer', arguments: args })],
			expiryWindow: 300,
			isKnown: () => false
		},
		state,
		new Map([['transfer', transferContract]])
	);
	return { receipt: fromBinary(ReceiptSchema, receiptBytes[0]!), state };
}

describe('transfer.transfer', () => {
	it('pays from its sender, and says so in an event', () => {
		const { receipt, state } = run(transferArguments(keyOf('bob'), 30n));
		expect(receipt.status).toBe(ReceiptStatus.OK);
		expect(readBalance(state, accountOf('ada'))).toBe(70n);
		expect(readBalance(state, accountOf('bob'))).toBe(30n);
		expect(receipt.events).toHaveLength(1);
		const { contract, kind, data } = receipt.events[0]!;
		expect({ contract, kind }).toEqual({ contract: 'transfer', kind: 'Transferred' });
		expect(fromBinary(TransferEventSchema, data)).toMatchObject({
			from: keyOf('ada'),
			to: keyOf('bob'),
			amount: 30n
		});
	});

	it.each([
		['no bytes at all', new Uint8Array(0), 'MalformedArguments', 'the recipient is not a key of 32 bytes'],
		['no protobuf', Uint8Array.of(0xff), 'MalformedArguments', 'the arguments are not those of a transfer'],
		[
			'a short recipient',
			transferArguments(new Uint8Array(31), 1n),
			'MalformedArguments',
			'the recipient is not a key of 32 bytes'
		],
		[
			'a long recipient',
			transferArguments(new Uint8Array(33), 1n),
			'MalformedArguments',
			'the recipient is not a key of 32 bytes'
		],
		['no amount', transferArguments(keyOf('bob'), 0n), 'InvalidAmount', undefined],
		[
			'too much',
			transferArguments(keyOf('bob'), 101n),
			'InsufficientBalance',
			'the account holds 100, 101 are needed'
		],
		['more than any amount', transferArguments(keyOf('bob'), 2n ** 64n - 1n), 'InvalidAmount', undefined]
	])('refuses %s and moves nothing', (_what, args, code, message) => {
		const { receipt, state } = run(args);
		expect(receipt).toMatchObject({ status: ReceiptStatus.FAILED, error: code, events: [] });
		if (message) expect(receipt.message).toBe(message);
		expect(readBalance(state, accountOf('ada'))).toBe(100n);
	});

	it('pays or refuses by name, whatever the arguments are, and keeps the sum', () => {
		const count = { paid: 0, refused: 0 };
		fc.assert(
			fc.property(anyBytes(sound.map(([to, amount]) => transferArguments(to, amount))), (args) => {
				const { receipt, state } = run(args);
				if (receipt.status === ReceiptStatus.OK) count.paid += 1;
				else {
					count.refused += 1;
					expect(['MalformedArguments', 'InvalidAmount', 'InsufficientBalance']).toContain(receipt.error);
				}
				let sum = 0n;
				for (const { key } of state.writes())
					if (key.startsWith('account/')) sum += readBalance(state, key.slice('account/'.length));
				expect(sum).toBe(100n);
			}),
			{ numRuns: 1000 }
		);
		expect(count.paid).toBeGreaterThan(100);
		expect(count.refused).toBeGreaterThan(100);
	});
});

describe('what people and query tables see of it', () => {
	const args = transferArguments(keyOf('bob'), 30n);

	it('names the recipient beside the sender', () => {
		expect(transferContract.accountsNamed!('transfer', args)).toEqual([accountOf('bob')]);
		expect(transferContract.accountsNamed!('transfer', Uint8Array.of(0xff))).toEqual([]);
	});

	it('shows calls, events and balances as plain values', () => {
		expect(transferContract.describeCall!('transfer', args)).toEqual({ to: accountOf('bob'), amount: '30' });
		const { receipt, state } = run(args);
		expect(transferContract.describeEvent!('Transferred', receipt.events[0]!.data)).toEqual({
			from: accountOf('ada'),
			to: accountOf('bob'),
			amount: '30'
		});
		const key = `account/${accountOf('bob')}`;
		expect(transferContract.describeState!(key, state.get(key)!)).toBe('30');
	});

	it('shows nothing of what cannot be read, and never throws', () => {
		fc.assert(
			fc.property(anyBytes(sound.map(([to, amount]) => transferArguments(to, amount))), (bytes) => {
				for (const shown of [
					transferContract.describeCall!('transfer', bytes),
					transferContract.describeEvent!('Transferred', bytes)
				])
					expect(shown === null || typeof shown === 'object').toBe(true);
				expect(transferContract.accountsNamed!('transfer', bytes).length).toBeLessThan(2);
			}),
			{ numRuns: 1000 }
		);
		expect(transferContract.describeCall!('transfer', Uint8Array.of(0xff))).toBeNull();
		expect(transferContract.describeEvent!('Transferred', Uint8Array.of(0xff))).toBeNull();
		expect(transferContract.describeState!('account/x', Uint8Array.of(0xff))).toBeNull();
	});
});
