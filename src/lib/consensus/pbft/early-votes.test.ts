import { beforeAll, describe, expect, it } from 'vitest';
import { Kind } from '../statement.ts';
import { receive, signedBy, testMembers, type TestMember } from '../testing/members.ts';
import type { Received } from '../effects.ts';
import { EarlyVotes } from './early-votes.ts';

const ROUNDS = 2;
let members: TestMember[];

beforeAll(async () => {
	members = await testMembers(4);
});

async function vote(from: number, kind: Kind, view: number, slot = 1): Promise<Received> {
	const digest = new Uint8Array(32);
	return receive(
		await signedBy(members[from]!, { kind, partition: 1, epoch: 1, view, attempt: 0, slot, digest })
	);
}

function early(): EarlyVotes {
	return new EarlyVotes(
		members.map(({ id }) => id),
		ROUNDS
	);
}

describe('votes that overtake their view', () => {
	it('are kept for it, in order, and taken once', async () => {
		const votes = early();
		const kept = [
			await vote(1, Kind.PRE_PREPARE, 1),
			await vote(1, Kind.PREPARE, 1),
			await vote(2, Kind.PREPARE, 1)
		];
		for (const message of kept) votes.add(message);
		expect(votes.take(1)).toEqual(kept);
		expect(votes.take(1)).toEqual([]);
	});

	it('wait on for a higher view, and are void in a lower one', async () => {
		const votes = early();
		const [low, high] = [await vote(1, Kind.PREPARE, 1), await vote(2, Kind.PREPARE, 5)];
		votes.add(low);
		votes.add(high);
		expect(votes.take(3)).toEqual([]);
		expect(votes.take(5)).toEqual([high]);
	});

	it('of a member’s highest view replace the others', async () => {
		const votes = early();
		const [low, high] = [await vote(1, Kind.PREPARE, 1), await vote(1, Kind.PREPARE, 2)];
		votes.add(low);
		votes.add(high);
		votes.add(low);
		expect(votes.take(2)).toEqual([high]);
	});

	it('are bounded for each member', async () => {
		const votes = early();
		for (let slot = 1; slot <= 20; slot++) votes.add(await vote(1, Kind.PREPARE, 1, slot));
		votes.add(await vote(2, Kind.PREPARE, 1));
		expect(votes.take(1)).toHaveLength(3 * ROUNDS + 1);
	});

	it('a proposal is kept of its view’s leader alone', async () => {
		const votes = early();
		votes.add(await vote(2, Kind.PRE_PREPARE, 1));
		expect(votes.take(1)).toEqual([]);
	});
});
