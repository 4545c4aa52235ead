import { beforeEach, describe, expect, it } from 'vitest';
import type { SignedRecovery } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import { TestLedger } from '../../testing/test-ledger.ts';
import { Electorate } from './electorate.ts';

/** Partitions of which the operator has signed a recovery. */
let signed: Set<number>;

beforeEach(() => {
	signed = new Set();
});

const recoveryOf = (id: number): SignedRecovery => ({
	$typeName: 'tabwave.v1.SignedRecovery',
	recovery: Uint8Array.of(id),
	signature: new Uint8Array(0)
});

/** @param sizes members of each partition */
async function among(...sizes: number[]): Promise<Electorate> {
	const ledger = await TestLedger.found(sizes);
	return new Electorate(ledger.chain.topology, ({ id }) => (signed.has(id) ? recoveryOf(id) : null));
}

describe('R22: partitions without a vote', () => {
	it('are none while the others are enough for q_u', async () => {
		const electorate = await among(1, 1, 1, 1);
		expect(electorate.lost()).toEqual([]);
		signed.add(2);
		expect(electorate.lost()).toEqual([]);
	});

	it('are all that have a recovery, where the others are too few', async () => {
		const electorate = await among(1, 1, 1, 1);
		for (const id of [4, 2]) signed.add(id);
		expect(electorate.lost()).toEqual([2, 4]);
		expect(electorate.voters(electorate.lost()).map(({ id }) => id)).toEqual([1, 3]);
	});

	it('leave nobody to vote where they are all', async () => {
		const electorate = await among(1);
		signed.add(1);
		expect(electorate.lost()).toEqual([1]);
		expect(electorate.voters([1])).toEqual([]);
		expect((await among(0)).voters([])).toEqual([]);
	});

	it('are left out with the reason', async () => {
		const electorate = await among(1, 1, 1, 1);
		for (const id of [2, 4]) signed.add(id);
		expect(electorate.recoveries([])).toBeUndefined();
		expect(electorate.recoveries([2, 4])!.recoveries).toEqual([recoveryOf(2), recoveryOf(4)]);
	});
});
