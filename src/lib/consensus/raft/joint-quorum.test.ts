import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { majority } from '../quorum.ts';
import { configurationOf, enterJoint, isSimpleChange, type Configuration } from './configuration.ts';
import { committedIndex, isQuorum, voteResult } from './joint-quorum.ts';

const IDS = ['01', '02', '03', '04', '05'];

const sets = fc.subarray(IDS, { minLength: 1 });
const configurations = fc
	.tuple(sets, fc.option(sets, { nil: null }))
	.map(([voters, outgoing]): Configuration =>
		outgoing
			? enterJoint(configurationOf({ voters: outgoing }), { voters }, true)
			: configurationOf({ voters })
	);

/** All sets of ids, as bits. */
const SUBSETS = Array.from({ length: 2 ** IDS.length }, (_, bits) => IDS.filter((_, i) => bits & (1 << i)));

/** By the definition: so many of each half. */
function isEnough({ voters, outgoing }: Configuration, ids: readonly string[]): boolean {
	return [voters, outgoing]
		.filter((half) => half.length > 0)
		.every((half) => half.filter((id) => ids.includes(id)).length >= majority(half.length));
}

describe('a quorum of a configuration', () => {
	it('shares a replica with each other quorum of it', () => {
		fc.assert(
			fc.property(configurations, (configuration) => {
				const quorums = SUBSETS.filter((ids) => isQuorum(configuration, (id) => ids.includes(id)));
				for (const one of quorums)
					for (const other of quorums) expect(one.some((id) => other.includes(id))).toBe(true);
			}),
			{ numRuns: 50 }
		);
	});

	it('of a joint one shares a replica with each of the one before and of the one after', () => {
		fc.assert(
			fc.property(sets, sets, (before, after) => {
				const old = configurationOf({ voters: before });
				const joint = enterJoint(old, { voters: after }, true);
				const quorumsOf = (configuration: Configuration) =>
					SUBSETS.filter((ids) => isQuorum(configuration, (id) => ids.includes(id)));
				for (const one of quorumsOf(joint))
					for (const other of [...quorumsOf(old), ...quorumsOf(configurationOf({ voters: after }))])
						expect(one.some((id) => other.includes(id))).toBe(true);
			}),
			{ numRuns: 50 }
		);
	});

	it('before and after a simple change shares a replica, and of another change it need not', () => {
		let isDisjoint = false;
		for (const before of SUBSETS.slice(1))
			for (const after of SUBSETS.slice(1)) {
				const configuration = configurationOf({ voters: before });
				const apart = SUBSETS.some(
					(ids) =>
						isEnough(configuration, ids) &&
						isEnough(
							configurationOf({ voters: after }),
							IDS.filter((id) => !ids.includes(id))
						)
				);
				if (isSimpleChange(configuration, { voters: after })) expect(apart).toBe(false);
				else isDisjoint ||= apart;
			}
		expect(isDisjoint).toBe(true);
	});

	it('of nobody does not exist', () => {
		expect(isQuorum(configurationOf({ voters: [] }), () => true)).toBe(false);
		expect(voteResult(configurationOf({ voters: [] }), new Map([['01', true]]))).toBe('lost');
		expect(committedIndex(configurationOf({ voters: [] }), () => 7)).toBe(0);
	});
});

describe('the committed index', () => {
	it('is the highest that a quorum holds', () => {
		const matches = fc.tuple(...IDS.map(() => fc.nat({ max: 6 })));
		fc.assert(
			fc.property(configurations, matches, (configuration, list) => {
				const matchOf = (id: string): number => list[IDS.indexOf(id)]!;
				const isHeld = (index: number): boolean =>
					isEnough(
						configuration,
						IDS.filter((id) => matchOf(id) >= index)
					);
				const index = committedIndex(configuration, matchOf);
				expect(isHeld(index)).toBe(true);
				expect(isHeld(index + 1)).toBe(false);
			})
		);
	});
});

describe('votes', () => {
	it('win with a quorum, and are lost when no quorum is possible any more', () => {
		const votes = fc.tuple(...IDS.map(() => fc.constantFrom(true, false, null)));
		fc.assert(
			fc.property(configurations, votes, (configuration, list) => {
				const granted = IDS.filter((_, i) => list[i] === true);
				const possible = IDS.filter((_, i) => list[i] !== false);
				const known = new Map(IDS.flatMap((id, i) => (list[i] === null ? [] : [[id, list[i]!] as const])));
				const expected = isEnough(configuration, granted)
					? 'won'
					: isEnough(configuration, possible)
						? 'pending'
						: 'lost';
				expect(voteResult(configuration, known)).toBe(expected);
			})
		);
	});
});
