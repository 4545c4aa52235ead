import { beforeEach, describe, expect, it } from 'vitest';
import type { ComplaintSummary } from '#lib/consensus/ordering/booter/complaints.ts';
import { complaintStatement, encodeComplaint } from '#lib/consensus/ordering/complaint.ts';
import { testSuite, type TestMember } from '#lib/consensus/testing/members.ts';
import { TEST_START_MS, TestLedger } from '#lib/consensus/testing/test-ledger.ts';
import { Verifier } from '#lib/node/intake/verifier.ts';
import type { Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { ComplaintDesk } from './complaint-desk.ts';

const TERM = 3;
let ledger: TestLedger;
let members: TestMember[];
let nowMs: number;
let upheld: ComplaintSummary[];
let desk: ComplaintDesk;

beforeEach(async () => {
	ledger = await TestLedger.found([4]);
	members = ledger.members(1);
	nowMs = TEST_START_MS;
	upheld = [];
	desk = new ComplaintDesk({
		chain: ledger.chain,
		verifier: new Verifier(testSuite),
		clock: { now: () => nowMs },
		upheld: (summary) => upheld.push(summary),
		log: () => {}
	});
});

function complaint(by: TestMember): Promise<Signed> {
	const { height } = ledger.chain.head;
	const grievance = {
		name: 'BooterStalls',
		booter: ledger.booter.id,
		waiting: null,
		sinceHeight: height,
		nexts: []
	} as const;
	const payload = encodeComplaint({ ...grievance, nexts: [] }, ledger.booter.signer.publicKey);
	const partition = ledger.chain.topology.partition(1)!;
	return ledger.sign(by, complaintStatement(partition, TERM, height, payload), payload);
}

describe('complaints of a Booter', () => {
	it('count when f + 1 members make them, and are forgotten with time', async () => {
		await desk.take(await complaint(members[0]!));
		await desk.take(await complaint(members[0]!));
		expect([upheld, desk.against(ledger.booter.id, TERM)]).toEqual([[], null]);
		await desk.take(await complaint(members[1]!));
		expect(upheld).toMatchObject([{ booter: ledger.booter.id, term: TERM, name: 'BooterStalls' }]);
		expect(desk.against(ledger.booter.id, TERM)).toEqual(upheld[0]);
		expect(desk.against(ledger.booter.id, TERM + 1)).toBeNull();
		nowMs += 15_001;
		expect(desk.against(ledger.booter.id, TERM)).toBeNull();
	});

	it('count with their signature alone', async () => {
		const forged = { ...(await complaint(members[0]!)), signature: new Uint8Array(64) };
		await expect(desk.take(forged)).rejects.toMatchObject({ reason: 'SignatureInvalid' });
	});
});
