/** What a node lets in of a view change, against a ledger that was really made. */
import { create, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { Kind, payloadDigest, type Statement } from '../../consensus/statement.ts';
import { testSuite, type TestMember } from '../../consensus/testing/members.ts';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { decodeFinalBlock } from '../../ledger/block.ts';
import {
	LeaderChangeContentSchema,
	LeaderChangeSchema,
	LedgerProofSchema,
	NewViewContentSchema,
	NewViewSchema,
	type LeaderChange,
	type NewView
} from '../../wire/gen/tabwave/v1/view_change_pb.js';
import type { NodeInput } from './inputs.ts';
import { PacketChecks, type PacketChecksInit } from './packet-checks.ts';
import { Verifier } from './verifier.ts';

type Lower = ReturnType<PacketChecksInit['lower']>;

let ledger: TestLedger;
let members: TestMember[];
let verifier: Verifier;

beforeEach(async () => {
	ledger = await TestLedger.found([4, 4], { maxTransactionsPerBlock: 3 });
	await ledger.grow(1);
	// The last block is the other partition's: it proves nothing about this one.
	await ledger.grow(2);
	members = ledger.members(1);
	verifier = new Verifier(testSuite);
});

const NEVER = async (): Promise<null> => null;

/** Of the member that leads view 1, unless said otherwise. */
function checksOf(lower: Lower = { view: 0, isActive: true }, self = 1): PacketChecks {
	return new PacketChecks({
		chain: ledger.chain,
		verifier,
		self: members[self]!.id,
		lower: () => lower,
		late: NEVER
	});
}

async function outcome(run: () => Promise<NodeInput | null>): Promise<string> {
	try {
		return (await run())?.type ?? 'nothing';
	} catch (error) {
		return (error as { reason: string }).reason;
	}
}

function statement(kind: Kind, view: number, slot: number, digest: Uint8Array): Statement {
	return { kind, partition: 1, epoch: 1, view, attempt: 0, slot, digest };
}

async function viewChange(view: number, from = 2) {
	return ledger.sign(members[from]!, statement(Kind.VIEW_CHANGE, view, 0, new Uint8Array(32)));
}

async function newView(from: number, view = 1, fields: Partial<Statement> = {}): Promise<NewView> {
	const payload = toBinary(NewViewContentSchema, create(NewViewContentSchema, { lastRoundId: 1 }));
	const signed = await ledger.sign(
		members[from]!,
		{ ...statement(Kind.NEW_VIEW, view, 1, payloadDigest(payload)), ...fields },
		payload
	);
	const { header, finality } = decodeFinalBlock(ledger.blocks.at(-2)!);
	return create(NewViewSchema, { signed, proof: { header, finality } });
}

async function leaderChange(view = 1, leader = view): Promise<LeaderChange> {
	const newViews = [await newView(1, view), await newView(2, view), await newView(3, view)];
	const payload = toBinary(LeaderChangeContentSchema, create(LeaderChangeContentSchema, { lastRoundId: 1 }));
	const signed = await ledger.sign(
		members[leader]!,
		statement(Kind.LEADER_CHANGE, view, 1, payloadDigest(payload)),
		payload
	);
	return create(LeaderChangeSchema, {
		signed,
		newViews: newViews.map((one) => one.signed!),
		proof: newViews[0]!.proof
	});
}

describe('a ViewChange', () => {
	it('is taken, once its signature holds', async () => {
		const signed = await viewChange(1);
		expect(await outcome(() => checksOf().signed(signed))).toBe('signed');
		const spoilt = { ...signed, signature: signed.signature.map((byte) => byte ^ 1) };
		expect(await outcome(() => checksOf().signed(spoilt))).toBe('SignatureInvalid');
	});

	it('to a view that this node has joined costs no signature check', async () => {
		const signed = await viewChange(1);
		expect(await outcome(() => checksOf({ view: 1, isActive: false }).signed(signed))).toBe('nothing');
		expect(verifier.checks).toBe(0);
	});
});

describe('a vote of a lower view', () => {
	it('costs no signature check', async () => {
		const vote = await ledger.sign(members[2]!, statement(Kind.PREPARE, 0, 2, new Uint8Array(32)));
		expect(await outcome(() => checksOf({ view: 1, isActive: true }).signed(vote))).toBe('nothing');
		expect(verifier.checks).toBe(0);
		expect(await outcome(() => checksOf().signed(vote))).toBe('signed');
	});
});

describe('a NewView', () => {
	it('is taken by the leader of its view, with a block of the ledger as its proof', async () => {
		const message = await newView(2);
		expect(await checksOf().newView(message)).toMatchObject({
			type: 'new-view',
			newView: { sender: members[2]!.id, view: 1, content: { lastRoundId: 1 } }
		});
	});

	it.each<[string, Lower, number, number]>([
		['by who does not lead its view', { view: 0, isActive: true }, 2, 1],
		['of a view that has begun', { view: 1, isActive: true }, 1, 1],
		['of a view that was left', { view: 2, isActive: false }, 1, 1],
		['by who is no member any more', null, 1, 1]
	])('asks for nothing %s, and costs no check', async (_what, lower, self, view) => {
		const message = await newView(2, view);
		expect(await outcome(() => checksOf(lower, self).newView(message))).toBe('nothing');
		expect(verifier.checks).toBe(0);
	});

	it('of another epoch is late or early, not wrong', async () => {
		const message = await newView(2, 1, { epoch: 2 });
		expect(await outcome(() => checksOf().newView(message))).toBe('nothing');
		expect(await outcome(() => checksOf().newView({ ...message, signed: undefined }))).toBe('nothing');
	});

	it('forged costs the check of its own signature, and no more', async () => {
		const message = await newView(2);
		message.signed!.signature[0]! ^= 1;
		expect(await outcome(() => checksOf().newView(message))).toBe('SignatureInvalid');
		expect(verifier.checks).toBe(1);
	});

	it('with a proof of another partition’s block is refused', async () => {
		const { header, finality } = decodeFinalBlock(ledger.blocks.at(-1)!);
		const message = await newView(2);
		message.proof = create(LedgerProofSchema, { header, finality });
		expect(await outcome(() => checksOf().newView(message))).toBe('CertificateInvalid');
	});
});

describe('a LeaderChange', () => {
	it('is taken, once every signature in it holds', async () => {
		expect(await checksOf(undefined, 3).leaderChange(await leaderChange())).toMatchObject({
			type: 'leader-change',
			leaderChange: { view: 1, content: { lastRoundId: 1, choices: [] } }
		});
		// Its leader's, three NewViews', and three Dones of each of two partitions.
		expect(verifier.checks).toBe(1 + 3 + 6);
	});

	it('of the view that this node waits for is taken, of a view that has begun it is not', async () => {
		const message = await leaderChange();
		expect(await outcome(() => checksOf({ view: 1, isActive: false }, 3).leaderChange(message))).toBe(
			'leader-change'
		);
		const checksBefore = verifier.checks;
		expect(await outcome(() => checksOf({ view: 1, isActive: true }, 3).leaderChange(message))).toBe(
			'nothing'
		);
		expect(await outcome(() => checksOf({ view: 2, isActive: false }, 3).leaderChange(message))).toBe(
			'nothing'
		);
		expect(verifier.checks).toBe(checksBefore);
	});

	it('of who does not lead its view is refused without a check', async () => {
		const message = await leaderChange(1, 2);
		expect(await outcome(() => checksOf(undefined, 3).leaderChange(message))).toBe('MessageMalformed');
		expect(verifier.checks).toBe(0);
	});

	it.each<[string, (message: LeaderChange) => Uint8Array]>([
		['a NewView', (message) => message.newViews[1]!.signature],
		['a Done of its proof', (message) => message.proof!.finality!.partitions[1]!.votes[2]!.signature]
	])('with a forged signature of %s is refused', async (_what, signatureOf) => {
		const message = structuredClone(await leaderChange());
		signatureOf(message)[0]! ^= 1;
		expect(await outcome(() => checksOf(undefined, 3).leaderChange(message))).toBe('SignatureInvalid');
	});

	it('that rests on a ledger further than this node’s is left alone', async () => {
		const behind = new PacketChecks({
			chain: await chainAt(ledger.chain.head.height - 2),
			verifier,
			self: members[3]!.id,
			lower: () => ({ view: 0, isActive: true }),
			late: NEVER
		});
		expect(await outcome(async () => behind.leaderChange(await leaderChange()))).toBe('leader-change');
		const further = new PacketChecks({
			chain: await chainAt(ledger.chain.head.height - 3),
			verifier,
			self: members[3]!.id,
			lower: () => ({ view: 0, isActive: true }),
			late: NEVER
		});
		expect(await outcome(async () => further.leaderChange(await leaderChange()))).toBe('nothing');
	});
});

describe('a LeaderChange that this node has to catch up for', () => {
	const further = async (view = 1): Promise<{ checks: PacketChecks; chain: Chain }> => {
		const chain = await chainAt(ledger.chain.head.height - 3);
		const lower = () => ({ view, isActive: false });
		return { checks: new PacketChecks({ chain, verifier, self: members[3]!.id, lower, late: NEVER }), chain };
	};

	it('is kept until the blocks are there, and handed back once', async () => {
		const { checks, chain } = await further();
		const message = await leaderChange();
		expect(await outcome(() => checks.leaderChange(message))).toBe('nothing');
		expect(checks.takeUnjudged()).toBeNull();
		catchUp(chain);
		expect(checks.takeUnjudged()).toBe(message);
		expect(checks.takeUnjudged()).toBeNull();
		expect(await outcome(() => checks.leaderChange(message))).toBe('leader-change');
	});

	it('is not kept where this node waits for another view', async () => {
		const { checks, chain } = await further(0);
		await checks.leaderChange(await leaderChange());
		catchUp(chain);
		expect(checks.takeUnjudged()).toBeNull();
	});

	it('is not kept where its leader did not sign it, and does not drive out the one that is', async () => {
		const { checks, chain } = await further();
		const message = await leaderChange();
		const forged = structuredClone(message);
		forged.signed!.signature[0]! ^= 1;
		await checks.leaderChange(message);
		expect(await outcome(() => checks.leaderChange(forged))).toBe('nothing');
		catchUp(chain);
		expect(checks.takeUnjudged()).toBe(message);
	});
});

describe('a proposal', () => {
	it('is taken where a block could have made it, whatever it holds: its hash says what it is', () => {
		const bytes = new Uint8Array(3 * 32 + 256);
		expect(checksOf().proposal(bytes)).toEqual({ type: 'proposal', bytes });
		expect(() => checksOf().proposal(new Uint8Array(3 * 32 + 257))).toThrow(
			expect.objectContaining({ reason: 'MessageMalformed' })
		);
	});
});

async function chainAt(height: number) {
	const chain = ledger.fresh();
	while (chain.head.height < height) catchUp(chain);
	return chain;
}

/** By one block. */
function catchUp(chain: Chain): void {
	const next = ledger.blocks[chain.head.height]!;
	const { outcome: checked, finality } = chain.check(decodeFinalBlock(next));
	if (!('executed' in checked)) throw new Error(checked.message);
	chain.commitChecked(checked.executed, finality);
}
