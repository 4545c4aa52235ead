import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
	ACCOUNT_PREFIX,
	accountsOver,
	accountState,
	creditNewcomer,
	MAX_AMOUNT,
	readBalance
} from './accounts.ts';
import { AccountStateSchema } from '../wire/gen/tabwave/v1/contracts_pb.js';
import { Overlay, VersionedState } from './state.ts';
import { reasonOf } from './testing/transactions.ts';

fc.configureGlobal({ seed: 3 });

function overlayWith(balances: Record<string, bigint>): Overlay {
	const overlay = new Overlay(new VersionedState());
	for (const [account, balance] of Object.entries(balances)) creditNewcomer(overlay, account, balance);
	return overlay;
}

it('a balance is written as the schema has it', () => {
	fc.assert(
		fc.property(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), (balance) => {
			expect(accountState(balance)).toEqual(
				toBinary(AccountStateSchema, create(AccountStateSchema, { balance }))
			);
		}),
		{ numRuns: 500 }
	);
});

describe('moving money', () => {
	it('takes from one account what it gives to the other', () => {
		const state = overlayWith({ ada: 100n, bob: 5n });
		accountsOver(state).transfer('ada', 'bob', 30n);
		accountsOver(state).transfer('bob', 'eve', 1n);
		expect(['ada', 'bob', 'eve'].map((account) => readBalance(state, account))).toEqual([70n, 34n, 1n]);
		expect(accountsOver(state).balance('bob')).toBe(34n);
		expect(accountsOver(state).balance('nobody')).toBe(0n);
	});

	it('leaves no row of an account that holds nothing', () => {
		const state = overlayWith({ ada: 100n });
		accountsOver(state).transfer('ada', 'bob', 100n);
		expect(state.get(ACCOUNT_PREFIX + 'ada')).toBeUndefined();
		expect(readBalance(state, 'ada')).toBe(0n);
		expect(readBalance(state, 'bob')).toBe(100n);
	});

	it('to oneself changes nothing, but asks for the money all the same', () => {
		const state = new Overlay(overlayWith({ ada: 100n }));
		accountsOver(state).transfer('ada', 'ada', 100n);
		expect(state.writes()).toEqual([]);
		expect(reasonOf(() => accountsOver(state).transfer('ada', 'ada', 101n))).toBe('InsufficientBalance');
	});

	it.each([
		['all that there is', 100n, 'none'],
		['one more', 101n, 'InsufficientBalance'],
		['nothing', 0n, 'InvalidAmount'],
		['less than nothing', -1n, 'InvalidAmount'],
		['the greatest amount', MAX_AMOUNT, 'InsufficientBalance'],
		['more than the greatest amount', MAX_AMOUNT + 1n, 'InvalidAmount']
	])('%s: %s', (_what, amount, reason) => {
		const state = overlayWith({ ada: 100n });
		expect(reasonOf(() => accountsOver(state).transfer('ada', 'bob', amount))).toBe(reason);
		expect(readBalance(state, 'ada') + readBalance(state, 'bob')).toBe(100n);
	});

	it('says what is held and what is needed', () => {
		const accounts = accountsOver(overlayWith({ ada: 7n }));
		expect(() => accounts.transfer('ada', 'bob', 9n)).toThrow('the account holds 7, 9 are needed');
		expect(() => accounts.transfer('ada', 'bob', 0n)).toThrow(`between 1 and ${MAX_AMOUNT}, not 0`);
	});

	it('neither makes nor loses any, whatever is tried in whatever order', () => {
		const names = ['ada', 'bob', 'eve'];
		const transfer = fc.tuple(
			fc.constantFrom(...names),
			fc.constantFrom(...names),
			fc.bigInt({ min: -2n, max: 300n })
		);
		fc.assert(
			fc.property(fc.array(transfer, { maxLength: 20 }), (transfers) => {
				const state = overlayWith({ ada: 100n, bob: 50n });
				for (const [from, to, amount] of transfers)
					expect(['none', 'InvalidAmount', 'InsufficientBalance']).toContain(
						reasonOf(() => accountsOver(state).transfer(from, to, amount))
					);
				const balances = names.map((name) => readBalance(state, name));
				expect(balances.reduce((sum, balance) => sum + balance, 0n)).toBe(150n);
				expect(balances.every((balance) => balance >= 0n)).toBe(true);
			})
		);
	});
});

describe('an identity that is admitted (R22)', () => {
	it('is credited the first time and never again, not even after it has spent all', () => {
		const state = new Overlay(new VersionedState());
		expect(creditNewcomer(state, 'ada', 100n)).toBe(true);
		accountsOver(state).transfer('ada', 'bob', 100n);
		expect(creditNewcomer(state, 'ada', 100n)).toBe(false);
		expect(readBalance(state, 'ada')).toBe(0n);
		expect(readBalance(state, 'bob')).toBe(100n);
	});

	it('keeps what it was paid before it came', () => {
		const state = overlayWith({ ada: 100n });
		accountsOver(state).transfer('ada', 'bob', 10n);
		creditNewcomer(state, 'bob', 5n);
		expect(readBalance(state, 'bob')).toBe(15n);
	});

	it('is remembered where newcomers are given nothing', () => {
		const state = new Overlay(new VersionedState());
		expect(creditNewcomer(state, 'ada', 0n)).toBe(true);
		expect(creditNewcomer(state, 'ada', 0n)).toBe(false);
		expect(state.writes().map(({ key }) => key)).toEqual(['admitted/ada']);
	});
});
