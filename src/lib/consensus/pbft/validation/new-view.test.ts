import { create, toBinary } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it } from 'vitest';
import { GENESIS_DEFAULTS } from '../../../ledger/genesis.ts';
import {
	NewViewContentSchema,
	PreparedRoundSchema,
	type NewView,
	type PreparedCertificate,
	type PreparedRound
} from '../../../wire/gen/tabwave/v1/view_change_pb.js';
import { Kind, payloadDigest } from '../../statement.ts';
import { signedBy, testMembers, type TestMember } from '../../testing/members.ts';
import {
	allHold,
	blockId,
	ledgerProof,
	newViewOf,
	preparedCertificate,
	viewContext
} from '../../testing/view-messages.ts';
import { checkNewView } from './new-view.ts';

const WINDOW = GENESIS_DEFAULTS.maxRoundsInFlight;
let members: TestMember[];
let first: PreparedCertificate;
let third: PreparedCertificate;

beforeAll(async () => {
	members = await testMembers(4);
	first = await preparedCertificate(0, 1, 'a', [members[1]!, members[2]!], members[0]);
	third = await preparedCertificate(1, 3, 'c', members.slice(1));
});

function refuses(newView: NewView, why: RegExp, headHeight = 0): void {
	expect(() => checkNewView(newView, viewContext(members, headHeight))).toThrow(why);
}

/** A NewView whose content is made by hand. */
async function saying(
	content: { lastRoundId?: number; prepared?: PreparedRound[] },
	certificates: PreparedCertificate[] = [],
	slot = content.lastRoundId ?? 0
): Promise<NewView> {
	const payload = toBinary(NewViewContentSchema, create(NewViewContentSchema, content));
	const newView = await newViewOf(members[2]!, 2, []);
	newView.signed = await signedBy(
		members[2]!,
		{
			kind: Kind.NEW_VIEW,
			partition: 1,
			epoch: 1,
			view: 2,
			attempt: 0,
			slot,
			digest: payloadDigest(payload)
		},
		payload
	);
	newView.certificates = certificates;
	return newView;
}

function round(roundId: number, view = 0, block = 'a') {
	return create(PreparedRoundSchema, { roundId, view, blockId: blockId(block) });
}

describe('R6: a NewView', () => {
	it('holds with a certificate for each round that it names', async () => {
		const checked = checkNewView(await newViewOf(members[2]!, 2, [first, third]), viewContext(members))!;
		expect(checked.content.prepared.map(({ roundId }) => roundId)).toEqual([1, 3]);
		// Its own, and three of each certificate.
		expect(checked.checks).toHaveLength(7);
		expect(await allHold(checked.checks)).toBe(true);
	});

	it('holds with no round, at the beginning of an epoch', async () => {
		const checked = checkNewView(await newViewOf(members[2]!, 2, []), viewContext(members))!;
		expect(await allHold(checked.checks)).toBe(true);
	});

	it('proves a last round with its final block', async () => {
		const proof = { roundId: 2, proof: await ledgerProof(members, 2) };
		const checked = checkNewView(await newViewOf(members[2]!, 2, [third], proof), viewContext(members, 2))!;
		expect(checked.content.lastRoundId).toBe(2);
		expect(checked.checks).toHaveLength(7);
		expect(await allHold(checked.checks)).toBe(true);
	});

	it('is left alone where its proof is ahead of this node', async () => {
		const proof = { roundId: 5, proof: await ledgerProof(members, 5) };
		expect(checkNewView(await newViewOf(members[2]!, 2, [], proof), viewContext(members, 2))).toBeNull();
	});

	it('claims no last round without a proof, and proves none that it does not claim', async () => {
		refuses(await saying({ lastRoundId: 2 }), /proves its last round/);
		const newView = await newViewOf(members[2]!, 2, []);
		newView.proof = await ledgerProof(members, 2);
		refuses(newView, /proves its last round/, 2);
	});

	it('names no round without its certificate, and carries none that it does not name', async () => {
		refuses(await saying({ prepared: [round(1)] }), /one certificate for each round/);
		refuses(await saying({}, [first]), /one certificate for each round/);
	});

	it.each([
		['round', () => round(2)],
		['view', () => round(1, 1)],
		['block', () => round(1, 0, 'b')]
	])('a certificate of another %s is none', async (_name, said) => {
		refuses(await saying({ prepared: [said()] }, [first]), /one certificate for each round/);
	});

	it('names rounds in order, once each', async () => {
		refuses(await newViewOf(members[2]!, 2, [third, first]), /in order and inside its window/);
		refuses(await newViewOf(members[2]!, 2, [first, first]), /in order and inside its window/);
	});

	it('names rounds above its last one and inside its window', async () => {
		refuses(await saying({ lastRoundId: 1, prepared: [round(1)] }, [first]), /inside its window/);
		const far = await preparedCertificate(0, WINDOW + 1, 'a', [members[1]!, members[2]!], members[0]);
		refuses(await newViewOf(members[2]!, 2, [far]), /inside its window/);
	});

	it('is not read further where it names more rounds than the window holds', async () => {
		const prepared = Array.from({ length: WINDOW + 1 }, (_, i) => round(i + 1));
		refuses(await saying({ prepared }), new RegExp(`names ${WINDOW + 1} rounds`));
	});

	it('names what was prepared in lower views than its own', async () => {
		const same = await preparedCertificate(2, 1, 'a', members.slice(1));
		refuses(await newViewOf(members[2]!, 2, [same]), /no lower view/);
	});

	it('names blocks by whole ids', async () => {
		const prepared = [create(PreparedRoundSchema, { roundId: 1, view: 0, blockId: new Uint8Array(31) })];
		refuses(await saying({ prepared }), /32 bytes/);
	});

	it('says in its signature what it says in its content', async () => {
		refuses(await saying({ lastRoundId: 2 }, [], 3), /another last round/);
		const newView = await newViewOf(members[2]!, 2, []);
		newView.signed!.payload = toBinary(
			NewViewContentSchema,
			create(NewViewContentSchema, { lastRoundId: 9 })
		);
		refuses(newView, /another payload/);
	});

	it('is nothing without its signed part, or with another kind of it', async () => {
		const newView = await newViewOf(members[2]!, 2, []);
		refuses({ ...newView, signed: undefined }, /wrong size/);
		refuses({ ...newView, signed: { ...newView.signed!, kind: Kind.LEADER_CHANGE } }, /wrong size/);
	});

	it('a forged Prepare anywhere in it does not hold', async () => {
		const forged = structuredClone(third);
		forged.prepares[2]!.signature[0]! ^= 1;
		const checked = checkNewView(await newViewOf(members[2]!, 2, [first, forged]), viewContext(members))!;
		expect(await allHold(checked.checks)).toBe(false);
	});
});
