import { beforeEach, describe, expect, it } from 'vitest';
import { readComplaint } from '../../consensus/ordering/complaint.ts';
import { Kind, type Statement } from '../../consensus/statement.ts';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { BooterComplaints } from './booter-complaints.ts';
import { CertifiedBodies } from './certified-bodies.ts';
import { DECLARATION_REPEAT_MS } from './declarations.ts';

const PATIENCE_MS = 10_000;
let ledger: TestLedger;
let bodies: CertifiedBodies;
let ordered: Set<string>;
let suspect: { booter: string; term: number } | null;
let declared: { statement: Statement; payload: Uint8Array }[];
let warnings: string[];

beforeEach(async () => {
	ledger = await TestLedger.found([1]);
	bodies = new CertifiedBodies();
	ordered = new Set();
	suspect = { booter: ledger.booter.id, term: 3 };
	[declared, warnings] = [[], []];
});

const complaintsOf = (self = ledger.members(1)[0]!.id) =>
	new BooterComplaints({
		chain: ledger.chain,
		self,
		booters: {
			get suspect() {
				return suspect;
			}
		},
		bodies,
		voter: { ordered: () => ordered, state: () => null, equivocation: null },
		patienceMs: PATIENCE_MS,
		declare: (statement, payload) => declared.push({ statement, payload }),
		log: (_level, message) => warnings.push(message)
	});

async function certify() {
	const body = await ledger.certified(1, [await ledger.transaction(ledger.members(1)[0]!)]);
	bodies.add(body);
	return body;
}

describe('a block that waits while the head stands', () => {
	it('is complained of after patience, and again while it lasts', async () => {
		await certify();
		const complaints = complaintsOf();
		complaints.look(0);
		complaints.look(PATIENCE_MS - 1);
		expect([declared, complaints.grievance]).toEqual([[], null]);
		complaints.look(PATIENCE_MS);
		expect(complaints.grievance).toMatchObject({ name: 'BooterStalls', booter: ledger.booter.id });
		const [{ statement, payload }] = declared as [{ statement: Statement; payload: Uint8Array }];
		expect(statement).toMatchObject({ kind: Kind.COMPLAINT, partition: 1, epoch: 1, view: 3 });
		expect(readComplaint(payload).name).toBe('BooterStalls');
		complaints.look(PATIENCE_MS + DECLARATION_REPEAT_MS - 1);
		expect(declared).toHaveLength(1);
		complaints.look(PATIENCE_MS + DECLARATION_REPEAT_MS);
		expect(declared).toHaveLength(2);
		expect(warnings).toEqual(Array(2).fill('complains of the Booter: BooterStalls'));
	});

	it('is none where an order holds it, or the ledger', async () => {
		const body = await certify();
		ordered.add(body.id);
		const complaints = complaintsOf();
		for (const nowMs of [0, PATIENCE_MS]) complaints.look(nowMs);
		ordered.clear();
		await ledger.commit({ kind: 'block', body });
		for (const nowMs of [0, PATIENCE_MS]) complaints.look(nowMs);
		expect(declared).toEqual([]);
	});

	it('is no matter of who is no member, nor of nobody', async () => {
		await certify();
		const stranger = complaintsOf('stranger');
		for (const nowMs of [0, PATIENCE_MS]) stranger.look(nowMs);
		suspect = null;
		const complaints = complaintsOf();
		for (const nowMs of [0, PATIENCE_MS]) complaints.look(nowMs);
		expect(declared).toEqual([]);
	});
});
