import { describe, expect, it } from 'vitest';
import { proposalId } from '../../ledger/block.ts';
import type { Persist } from '../effects.ts';
import { Kind } from '../statement.ts';
import { VoteRecords } from './vote-records.ts';

const ONE = new Uint8Array(32).fill(1);
const OTHER = new Uint8Array(32).fill(2);
const SLOT = { roundId: 4, view: 1, kind: Kind.PREPARE } as const;

/** A disk, and what was written to it. */
function disk() {
	const records = new Map<string, Uint8Array>();
	const persist: Persist[] = [];
	return {
		persist,
		sync() {
			for (const { key, value } of persist.splice(0)) {
				if (value) records.set(key, value);
				else records.delete(key);
			}
			return [...records].map(([key, value]) => ({ key, value }));
		}
	};
}

describe('R2: one vote a slot', () => {
	it('the same may be said again, nothing else, and it is written down once', () => {
		const votes = new VoteRecords('pbft/');
		const { persist } = disk();
		expect(votes.mayVote(SLOT, ONE, ONE, persist)).toBe(true);
		expect(votes.mayVote(SLOT, ONE, ONE, persist)).toBe(true);
		expect(votes.mayVote(SLOT, OTHER, OTHER, persist)).toBe(false);
		expect(persist).toHaveLength(1);
	});

	it('another kind, round or view is another slot', () => {
		const votes = new VoteRecords('pbft/');
		const { persist } = disk();
		votes.mayVote(SLOT, ONE, ONE, persist);
		expect(votes.mayVote({ ...SLOT, kind: Kind.COMMIT }, OTHER, OTHER, persist)).toBe(true);
		expect(votes.mayVote({ ...SLOT, roundId: 5 }, OTHER, OTHER, persist)).toBe(true);
		expect(votes.mayVote({ ...SLOT, view: 2 }, OTHER, OTHER, persist)).toBe(true);
	});

	it('holds through a restart, and proposals come back', () => {
		const { persist, sync } = disk();
		const votes = new VoteRecords('pbft/');
		const proposal = new Uint8Array([1, 2, 3]);
		votes.mayVote(SLOT, ONE, ONE, persist);
		const own = { roundId: 6, view: 1, kind: Kind.PRE_PREPARE } as const;
		votes.mayVote(own, proposalId(proposal), proposal, persist);
		const again = new VoteRecords('pbft/');
		const others = [
			{ key: 'order/1', value: ONE },
			{ key: 'pbft/view', value: ONE }
		];
		expect(again.restore([...sync(), ...others])).toEqual([{ roundId: 6, view: 1, proposal }]);
		expect(again.mayVote(SLOT, OTHER, OTHER, persist)).toBe(false);
		expect(again.mayVote(SLOT, ONE, ONE, persist)).toBe(true);
		expect(again.mayVote(own, proposalId(new Uint8Array(1)), new Uint8Array(1), persist)).toBe(false);
		expect(persist).toEqual([]);
	});

	it('what can never be voted on again is forgotten, and nothing else', () => {
		const { persist, sync } = disk();
		const votes = new VoteRecords('pbft/');
		for (const roundId of [3, 4])
			for (const view of [1, 2]) votes.mayVote({ ...SLOT, roundId, view }, ONE, ONE, persist);
		votes.forgetThrough(3, persist);
		expect(sync()).toHaveLength(2);
		votes.forgetBelow(2, persist);
		expect(sync().map(({ key }) => key)).toEqual(['pbft/vote/0000000004/0000000002/prepare']);
		votes.forgetAll(persist);
		expect(sync()).toEqual([]);
	});
});
