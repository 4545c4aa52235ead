import { create, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { checkEvidence } from '../../consensus/evidence/evidence.ts';
import { evidenceContext } from '../../consensus/membership/change.ts';
import { Kind } from '../../consensus/statement.ts';
import type { TestMember } from '../../consensus/testing/members.ts';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { taggedHash } from '../../crypto/hash.ts';
import { toHex } from '../../crypto/hex.ts';
import { joinHashes, proposalId } from '../../ledger/block.ts';
import { ProposalSchema, type Evidence, type Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { EvidenceKeeper } from './evidence-keeper.ts';

/** Not a transaction, whoever reads it. */
const BODY = Uint8Array.of(0xff);
const GOOD = new Uint8Array(32).fill(4);
const NOTHING = { persist: [], votes: [], send: [] };
let ledger: TestLedger;
/** Of one partition: the first leads view 0, and the last is this node. */
let members: TestMember[];
let keeper: EvidenceKeeper;
let found: [offender: string, evidence: Evidence][];

beforeEach(async () => {
	ledger = await TestLedger.found([4]);
	members = ledger.members(1);
	found = [];
	keeper = new EvidenceKeeper({
		chain: ledger.chain,
		self: members[3]!.id,
		found: (offender, evidence) => found.push([offender, evidence])
	});
	keeper.enter(ledger.chain.topology.partition(1));
});

async function prePrepare(transactionIds: Uint8Array[], by = members[0]!): Promise<Signed> {
	const proposal = { chainId: ledger.chainId, partition: 1, epoch: 1, roundId: 7 };
	const ids = joinHashes(transactionIds);
	const payload = toBinary(ProposalSchema, create(ProposalSchema, { ...proposal, transactionIds: ids }));
	const place = { kind: Kind.PRE_PREPARE, partition: 1, epoch: 1, view: 0, attempt: 0, slot: 7 };
	return ledger.sign(by, { ...place, digest: proposalId(payload) }, payload);
}

function holds([offender, evidence]: [string, Evidence]): string {
	const { state, genesis, chainId } = ledger.chain;
	const checked = checkEvidence(evidence, evidenceContext({ state, genesis: genesis.fields, chainId }));
	expect(checked.offender).toBe(offender);
	return checked.name;
}

describe('a proposal that no honest member makes (R3, R24)', () => {
	it.each<[string, (by: TestMember[]) => Promise<Signed>, number]>([
		['of nothing', async () => prePrepare([]), 0],
		['of one transaction twice', async () => prePrepare([GOOD, GOOD]), 0],
		['of who does not lead', async ([, second]) => prePrepare([GOOD], second), 1]
	])('%s is written down, shown to the members and to the Booters, once', async (_what, make, liar) => {
		const signed = await make(members);
		const effects = keeper.saw(signed, null);
		expect(effects.persist).toHaveLength(1);
		const booters = ledger.genesis.fields.booters.map(toHex);
		expect(effects.send.map(({ to, packet }) => [to, packet.case])).toEqual(
			['members', ...booters].map((to) => [to, 'evidence'])
		);
		expect(found.map(holds)).toEqual(['ProposalInvalid']);
		expect(found[0]![0]).toBe(members[liar]!.id);
		expect(keeper.saw(signed, null)).toEqual(NOTHING);
	});

	it('is found by a body without a valid form that it names, when that comes', async () => {
		const signed = await prePrepare([GOOD, taggedHash('transaction', BODY)]);
		expect(keeper.saw(signed, null)).toEqual(NOTHING);
		expect(keeper.sawBody(signed, Uint8Array.of(0xfe))).toEqual(NOTHING);
		expect(keeper.sawBody(signed, BODY).send).not.toEqual([]);
		expect(found.map(holds)).toEqual(['ProposalInvalid']);
		expect(keeper.sawBody(signed, BODY)).toEqual(NOTHING);
	});

	it('is none where its payload was changed on its way: nobody is framed', async () => {
		const signed = await prePrepare([GOOD]);
		const { payload } = await prePrepare([]);
		expect(keeper.saw({ ...signed, payload }, null)).toEqual(NOTHING);
	});
});
