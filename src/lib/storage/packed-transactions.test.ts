import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pack, searchKey, unpack } from './packed-transactions.ts';
import type { TransactionRow } from './query-tables.ts';

fc.configureGlobal({ seed: 7 });

const word = fc.constantFrom('bank', 'spectrum', 'transfer', '', '漢', 'a","b');
const rows = fc.uniqueArray(
	fc.record<TransactionRow>({
		height: fc.constant(7),
		index: fc.nat(100_000),
		id: fc.string({ maxLength: 20 }),
		partition: fc.nat(60),
		contract: word,
		function: word,
		accounts: fc.uniqueArray(fc.string({ maxLength: 20 }), { maxLength: 4 }),
		status: fc.constantFrom('ok', 'failed', 'skipped')
	}),
	{ selector: ({ index }) => index, maxLength: 12 }
);

it('gives back the rows that were packed, in order of index', () => {
	fc.assert(
		fc.property(rows, (given) => {
			expect(unpack(structuredClone(pack(7, given)))).toEqual([...given].sort((a, b) => a.index - b.index));
		})
	);
});

it('has the keys under which each row is looked for, each once', () => {
	fc.assert(
		fc.property(rows, (given) => {
			const packed = pack(7, given);
			for (const row of given) {
				expect(packed.idKeys).toContain(searchKey(row.id));
				expect(packed.contractKeys).toContainEqual([row.contract, 7]);
				expect(packed.functionKeys).toContainEqual([row.contract, row.function, 7]);
				for (const account of row.accounts)
					expect(packed.accountKeys).toContainEqual([searchKey(account), 7]);
			}
			for (const keys of [packed.idKeys, packed.accountKeys, packed.contractKeys, packed.functionKeys])
				expect(new Set(keys.map((key) => JSON.stringify(key))).size).toBe(keys.length);
		})
	);
});
