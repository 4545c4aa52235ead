import { fromBinary } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it } from 'vitest';
import {
	NewViewContentSchema,
	type LeaderChange,
	type LeaderChangeContent,
	type NewView,
	type PreparedCertificate
} from '../../../wire/gen/tabwave/v1/view_change_pb.js';
import { testMembers, type TestMember } from '../../testing/members.ts';
import {
	allHold,
	blockId,
	leaderChangeOf,
	ledgerProof,
	newViewOf,
	preparedCertificate,
	viewContext
} from '../../testing/view-messages.ts';
import { checkLeaderChange } from './leader-change.ts';

const VIEW = 2;
let members: TestMember[];
let leader: TestMember;
/** Round 1 in view 0, and rounds 1 and 3 in view 1. */
let low: PreparedCertificate;
let high: PreparedCertificate;
let third: PreparedCertificate;

beforeAll(async () => {
	members = await testMembers(4);
	leader = members[VIEW]!;
	low = await preparedCertificate(0, 1, 'a', [members[1]!, members[3]!], members[0]);
	high = await preparedCertificate(1, 1, 'b', [members[2]!, members[3]!], members[1]);
	third = await preparedCertificate(1, 3, 'c', [members[2]!, members[3]!], members[1]);
});

function contentOf(newView: NewView) {
	return fromBinary(NewViewContentSchema, newView.signed!.payload);
}

async function leaderChange(
	newViews: NewView[],
	change?: (content: LeaderChangeContent) => void,
	by = leader
): Promise<LeaderChange> {
	return leaderChangeOf(by, VIEW, newViews, newViews.map(contentOf), change);
}

/** NewViews of three members, who prepared this. */
async function newViews(...prepared: PreparedCertificate[][]): Promise<NewView[]> {
	const made: NewView[] = [];
	for (const [i, certificates] of prepared.entries())
		made.push(await newViewOf(members[i + 1]!, VIEW, certificates));
	return made;
}

function refuses(message: LeaderChange, why: RegExp, headHeight = 0): void {
	expect(() => checkLeaderChange(message, viewContext(members, headHeight))).toThrow(why);
}

describe('R6: a LeaderChange', () => {
	it('holds with q NewViews, all that they prove, and the choices that follow', async () => {
		const message = await leaderChange(await newViews([low], [high, third], []));
		const checked = checkLeaderChange(message, viewContext(members))!;
		expect(checked.view).toBe(VIEW);
		expect(checked.content.choices.map((choice) => [choice.roundId, choice.blockId])).toEqual([
			[1, blockId('b')],
			[2, new Uint8Array(0)],
			[3, blockId('c')]
		]);
		// The leader's, three NewViews', and three of each certificate, that of the lower view included.
		expect(checked.checks).toHaveLength(1 + 3 + 9);
		expect(await allHold(checked.checks)).toBe(true);
	});

	it('holds with the highest proven last round, above which alone there are choices', async () => {
		const proof = { roundId: 2, proof: await ledgerProof(members, 2) };
		const made = await newViews([low], [high]);
		made.push(await newViewOf(members[3]!, VIEW, [third], proof));
		const checked = checkLeaderChange(await leaderChange(made), viewContext(members, 2))!;
		expect(checked.content.lastRoundId).toBe(2);
		expect(checked.content.choices.map(({ roundId }) => roundId)).toEqual([3]);
		expect(await allHold(checked.checks)).toBe(true);
	});

	it('is left alone where its proof is ahead of this node', async () => {
		const made = await newViews([], []);
		const proof = { roundId: 5, proof: await ledgerProof(members, 5) };
		made.push(await newViewOf(members[3]!, VIEW, [], proof));
		expect(checkLeaderChange(await leaderChange(made), viewContext(members, 3))).toBeNull();
	});

	it.each<[string, (content: LeaderChangeContent) => void]>([
		['leaves a round out', (content) => content.choices.pop()],
		['makes a round null', (content) => (content.choices[0]!.blockId = new Uint8Array(0))],
		['chooses the block of a lower view', (content) => (content.choices[0]!.blockId = blockId('a'))],
		['chooses a block of its own', (content) => (content.choices[1]!.blockId = blockId('x'))],
		['adds a round', (content) => content.choices.push({ ...content.choices[0]!, roundId: 4 })],
		['numbers rounds otherwise', (content) => (content.choices[0]!.roundId = 7)]
	])('is refused where the leader %s', async (_name, lie) => {
		const message = await leaderChange(await newViews([low], [high, third], []), lie);
		expect(() => checkLeaderChange(message, viewContext(members))).toThrow(
			expect.objectContaining({ reason: 'LeaderChangeInvalid' })
		);
	});

	it('is refused where the leader claims a last round that nobody proves', async () => {
		const message = await leaderChange(await newViews([low], [high], []), (content) => {
			content.lastRoundId = 1;
			content.choices = [];
		});
		refuses(message, /other rounds than its NewViews mean/);
	});

	it('is of the leader of its view alone', async () => {
		refuses(await leaderChange(await newViews([], [], []), undefined, members[1]), /does not lead its view/);
	});

	it('holds exactly q NewViews, of as many members', async () => {
		const made = await newViews([], [], []);
		refuses(await leaderChange(made.slice(1)), /exactly 3/);
		refuses(await leaderChange([...made, await newViewOf(members[0]!, VIEW, [])]), /exactly 3/);
		refuses(await leaderChange([made[0]!, made[1]!, made[1]!]), /a member twice/);
	});

	it('holds NewViews for its own view', async () => {
		const made = await newViews([], []);
		made.push(await newViewOf(members[3]!, VIEW + 4, []));
		refuses(await leaderChange(made), /another view/);
	});

	it('proves what each member says, whether or not it decides anything', async () => {
		const message = await leaderChange(await newViews([low], [high, third], []));
		const without = (gone: PreparedCertificate) => ({
			...message,
			certificates: message.certificates.filter(({ roundId, view }) => {
				return roundId !== gone.roundId || view !== gone.view;
			})
		});
		refuses(without(low), /one certificate for each/);
		refuses(without(high), /one certificate for each/);
	});

	it('carries each certificate once, and none that nobody names', async () => {
		const message = await leaderChange(await newViews([low], [low], []));
		expect(message.certificates).toHaveLength(1);
		refuses({ ...message, certificates: [low, low] }, /one certificate for each/);
		refuses({ ...message, certificates: [low, third] }, /one certificate for each/);
	});

	it('proves its last round, and proves none where there is none', async () => {
		const message = await leaderChange(await newViews([], [], []));
		refuses({ ...message, proof: await ledgerProof(members, 2) }, /proves its last round/, 2);
		const made = await newViews([], []);
		made.push(await newViewOf(members[3]!, VIEW, [], { roundId: 2, proof: await ledgerProof(members, 2) }));
		refuses({ ...(await leaderChange(made)), proof: undefined }, /proves its last round/, 2);
	});

	it.each<[string, (message: LeaderChange) => Uint8Array]>([
		['its leader', (message) => message.signed!.signature],
		['a NewView', (message) => message.newViews[2]!.signature],
		['a PrePrepare', (message) => message.certificates[0]!.prePrepare!.signature],
		['a Prepare that decides nothing', (message) => message.certificates[0]!.prepares[1]!.signature],
		['a Prepare', (message) => message.certificates[2]!.prepares[0]!.signature]
	])('does not hold with a forged signature of %s', async (_name, signatureOf) => {
		const message = structuredClone(await leaderChange(await newViews([low], [high, third], [])));
		signatureOf(message)[5]! ^= 1;
		expect(await allHold(checkLeaderChange(message, viewContext(members))!.checks)).toBe(false);
	});

	it('two blocks prepared in one view are more than f liars, and choose nothing', async () => {
		const other = await preparedCertificate(1, 1, 'z', [members[2]!, members[3]!], members[1]);
		const message = await leaderChange(await newViews([high], [], []));
		const both = [...(await newViews([high], [other])), await newViewOf(members[3]!, VIEW, [])];
		refuses(
			{ ...message, newViews: both.map(({ signed }) => signed!), certificates: [high, other] },
			/two blocks were prepared/
		);
	});
});
