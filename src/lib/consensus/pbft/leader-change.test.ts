import { fromBinary } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it } from 'vitest';
import { NewViewContentSchema, type NewView } from '../../wire/gen/tabwave/v1/view_change_pb.js';
import { testMembers, type TestMember } from '../testing/members.ts';
import { blockId, ledgerProof, newViewOf, preparedCertificate } from '../testing/view-messages.ts';
import { assemble, NewViews, type HeldNewView } from './leader-change.ts';

let members: TestMember[];

beforeAll(async () => {
	members = await testMembers(4);
});

function held(sender: string, view: number, newView: NewView): HeldNewView {
	return { sender, view, newView, content: fromBinary(NewViewContentSchema, newView.signed!.payload) };
}

describe('the NewViews that a leader holds', () => {
	it('are one a member, of its highest view', async () => {
		const newViews = new NewViews();
		const low = held('a', 1, await newViewOf(members[0]!, 1, []));
		const high = held('a', 5, await newViewOf(members[0]!, 5, []));
		newViews.add(low);
		expect(newViews.of(1)).toEqual([low]);
		newViews.add(high);
		newViews.add(low);
		expect(newViews.of(1)).toEqual([]);
		expect(newViews.of(5)).toEqual([high]);
		newViews.forgetBelow(5);
		expect(newViews.of(5)).toEqual([high]);
		newViews.forgetBelow(6);
		expect(newViews.of(5)).toEqual([]);
	});
});

describe('a LeaderChange', () => {
	it('carries what several members prove once, and the proof of the highest last round', async () => {
		const [first, third] = [
			await preparedCertificate(0, 1, 'a', [members[1]!, members[2]!], members[0]),
			await preparedCertificate(0, 3, 'c', [members[1]!, members[2]!], members[0])
		];
		const proof = { roundId: 1, proof: await ledgerProof(members, 1) };
		const { leaderChange, content } = assemble([
			held('b', 1, await newViewOf(members[1]!, 1, [first, third])),
			held('c', 1, await newViewOf(members[2]!, 1, [third], proof)),
			held('d', 1, await newViewOf(members[3]!, 1, [first]))
		])!;
		expect(leaderChange.newViews).toHaveLength(3);
		// Round 1 is in the ledger: what was prepared of it decides nothing any more.
		expect(leaderChange.certificates.map(({ roundId }) => roundId)).toEqual([3]);
		expect(leaderChange.proof).toEqual(proof.proof);
		expect(content.lastRoundId).toBe(1);
		expect(content.choices.map((choice) => [choice.roundId, choice.blockId])).toEqual([
			[2, new Uint8Array(0)],
			[3, blockId('c')]
		]);
	});

	it('is not made where it would not fit a packet', async () => {
		const newView = await newViewOf(members[1]!, 1, [
			await preparedCertificate(0, 1, 'a', [members[1]!, members[2]!], members[0])
		]);
		newView.signed!.payload = new Uint8Array(1024 * 1024);
		const content = { ...held('b', 1, await newViewOf(members[1]!, 1, [])).content };
		expect(assemble([{ sender: 'b', view: 1, newView, content }])).toBeNull();
	});
});
