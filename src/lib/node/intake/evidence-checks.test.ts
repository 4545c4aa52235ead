import { beforeEach, describe, expect, it } from 'vitest';
import { Kind, type Statement } from '../../consensus/statement.ts';
import { testSuite, type TestMember } from '../../consensus/testing/members.ts';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import type { Evidence, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { EvidenceKeeper } from '../driver/evidence-keeper.ts';
import { EvidenceChecks } from './evidence-checks.ts';
import { Verifier } from './verifier.ts';

let ledger: TestLedger;
let members: TestMember[];
let verifier: Verifier;
let found: [offender: string, evidence: Evidence][];
let keeper: EvidenceKeeper;
let checks: EvidenceChecks;

beforeEach(async () => {
	ledger = await TestLedger.found([4]);
	members = ledger.members(1);
	verifier = new Verifier(testSuite);
	found = [];
	keeper = new EvidenceKeeper({
		chain: ledger.chain,
		self: members[3]!.id,
		found: (offender, evidence) => found.push([offender, evidence])
	});
	keeper.enter(ledger.chain.topology.partition(1));
	checks = new EvidenceChecks(ledger.chain, verifier, keeper);
});

function vote(digest: number, fields: Partial<Statement> = {}): Promise<Signed> {
	const place = { kind: Kind.DONE, partition: 1, epoch: 1, view: 0, attempt: 0, slot: 1 };
	return ledger.sign(members[1]!, { ...place, digest: new Uint8Array(32).fill(digest), ...fields });
}

/** Takes a late vote as the node does. */
async function takeLate(signed: Signed): Promise<void> {
	const input = await checks.late(signed);
	if (input?.type === 'witnessed') keeper.saw(input.signed, null);
}

describe('a vote that comes too late to count (R24)', () => {
	it.each([Kind.PREPARE, Kind.COMMIT, Kind.SIGN, Kind.DONE])(
		'of kind %i is evidence with its other half, whichever comes first',
		async (kind) => {
			await takeLate(await vote(1, { kind }));
			expect(found).toEqual([]);
			await takeLate(await vote(2, { kind }));
			expect(found.map(([offender]) => offender)).toEqual([members[1]!.id]);
		}
	);

	it('makes evidence with what a neighbour shows later', async () => {
		await takeLate(await vote(1));
		const input = await checks.suspect(await vote(2));
		expect(input?.type).toBe('witnessed');
	});

	it('is checked once, however often it comes', async () => {
		const signed = await vote(1);
		await takeLate(signed);
		// The verifier's own memory of signatures is not what saves the check.
		const other = new EvidenceChecks(ledger.chain, new Verifier(testSuite), keeper);
		expect(await other.late(signed)).toBeNull();
		expect(verifier.checks).toBe(1);
	});

	it('costs nothing once there is evidence against its sender', async () => {
		await takeLate(await vote(1));
		await takeLate(await vote(2));
		const before = verifier.checks;
		expect(await checks.late(await vote(3))).toBeNull();
		expect(verifier.checks).toBe(before);
	});

	it('frames nobody: a forged one is refused and not remembered', async () => {
		const forged = { ...(await vote(2)), signature: new Uint8Array(64).fill(1) };
		await expect(checks.late(forged)).rejects.toMatchObject({ reason: 'SignatureInvalid' });
		await takeLate(await vote(1));
		expect(found).toEqual([]);
	});
});
