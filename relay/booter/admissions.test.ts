import { beforeEach, describe, expect, it } from 'vitest';
import { testMembers, testSuite, type TestMember } from '#lib/consensus/testing/members.ts';
import { TEST_START_MS, TestLedger } from '#lib/consensus/testing/test-ledger.ts';
import { Kind } from '#lib/consensus/statement.ts';
import type { LedgerError } from '#lib/ledger/errors.ts';
import type { GenesisFields } from '#lib/ledger/genesis.ts';
import { Verifier } from '#lib/node/intake/verifier.ts';
import { Admission, type Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { Admissions } from './admissions.ts';

let ledger: TestLedger;
let ada: TestMember;
let bob: TestMember;
let newcomer: TestMember;
let isActive: boolean;
let heard: Set<string>;
let revoked: Set<Uint8Array>;
let newcomers: number;
let redirected: string[];
let sent: { to: string; packet: Packet['body'] }[];
let admissions: Admissions;

beforeEach(() => begin());

/** Two seats in the first partition, and both are taken unless it is said otherwise. */
async function begin(fields: Partial<GenesisFields> = {}, sizes = [2, 0]): Promise<void> {
	ledger = await TestLedger.found(sizes, {
		partitions: [2, 3].map((maxMembers, i) => ({
			$typeName: 'tabwave.v1.PartitionGenesis',
			id: i + 1,
			maxMembers
		})),
		maxPartitions: 0,
		...fields
	});
	[ada, bob] = ledger.members(1) as [TestMember, TestMember];
	[newcomer] = (await testMembers(1)) as [TestMember];
	[isActive, heard, revoked, newcomers] = [true, new Set(), new Set(), 0];
	[redirected, sent] = [[], []];
	admissions = new Admissions({
		chain: ledger.chain,
		verifier: new Verifier(testSuite),
		clock: { now: () => TEST_START_MS },
		revoked: { has: (invitation) => [...revoked].some((one) => String(one) === String(invitation)) },
		isActive: () => isActive,
		isHeard: (member) => heard.has(member),
		newcomer: () => (newcomers += 1),
		redirect: (to) => redirected.push(to),
		send: (to, packet) => sent.push({ to, packet })
	});
}

/** The request's kind where it counts, or null, or why not, as the asker is told. */
async function ask(signed: Signed, from = newcomer.id): Promise<Kind | null | string> {
	try {
		const input = await admissions.request(from, signed);
		return input?.type === 'request' ? input.signed.kind : null;
	} catch (error) {
		const { reason } = error as LedgerError;
		expect(sent.splice(0)).toMatchObject([
			{ to: from, packet: { case: 'refusal', value: { name: reason } } }
		]);
		return reason;
	}
}

describe('a newcomer', () => {
	it('is sent to a partition with a seat, or told that there is none', () => {
		admissions.assign(newcomer.id, 0);
		admissions.assign(newcomer.id, 1);
		expect(sent).toMatchObject([
			{ packet: { case: 'assignment', value: { partition: 2, finalHeight: ledger.chain.head.height } } },
			{ packet: { case: 'refusal', value: { name: 'PartitionFull' } } }
		]);
	});

	it('may join where there is a seat', async () => {
		expect(await ask(await ledger.join(newcomer, 2))).toBe(Kind.JOIN);
		expect(newcomers).toBe(1);
		expect(await ask(await ledger.join(newcomer, 1))).toBe('PartitionFull');
		expect(await ask(await ledger.join(newcomer, 7))).toBe('MembershipInvalid');
		const forged = { ...(await ledger.join(newcomer, 2)), signature: new Uint8Array(64) };
		expect(await ask(forged)).toBe('InvitationInvalid');
		expect(newcomers).toBe(1);
	});

	it('comes with an invitation that the operator has not taken back', async () => {
		await begin({ admission: Admission.INVITATION }, [0, 0]);
		const invitation = await ledger.invitation();
		expect(await ask(await ledger.join(newcomer, 2, { invitation }))).toBe(Kind.JOIN);
		revoked.add(invitation.invitation);
		expect(await ask(await ledger.join(newcomer, 2, { invitation }))).toBe('InvitationRevoked');
	});

	it('that is a member already is told nothing: it finds that out by itself', async () => {
		await expect(admissions.request(ada.id, await ledger.join(ada, 2))).rejects.toMatchObject({
			reason: 'AlreadyMember'
		});
		expect(sent).toEqual([]);
	});

	it('counts as one that asks where everybody may come, whether or not there is a seat', async () => {
		admissions.assign(ada.id, 0);
		expect(newcomers).toBe(0);
		admissions.assign(newcomer.id, 1);
		expect(newcomers).toBe(1);
		await begin({ admission: Admission.INVITATION }, [0, 0]);
		admissions.assign(newcomer.id, 1);
		expect(newcomers).toBe(0);
	});
});

describe('a member', () => {
	it('leaves by its own signature, whoever carries it', async () => {
		const leave = await ledger.leave(ada, 1);
		expect(await ask(leave)).toBe(Kind.LEAVE);
		expect(await ask({ ...leave, signature: new Uint8Array(64) })).toBe('SignatureInvalid');
		expect(await ask(await ledger.leave(newcomer, 1))).toBeNull();
	});

	it('is declared silent by another, unless it is heard (R22)', async () => {
		const silence = await ledger.silence(ada, bob, 1);
		expect(await ask(silence)).toBe(Kind.SILENCE);
		heard.add(bob.id);
		expect(await ask(silence)).toBeNull();
	});

	it('says nothing else here', async () => {
		const { epoch } = ledger.chain.topology.partition(1)!;
		const vote = { kind: Kind.COMMIT, partition: 1, epoch, view: 0, attempt: 0, slot: 1 };
		expect(await ask(await ledger.sign(ada, { ...vote, digest: new Uint8Array(32) }))).toBeNull();
	});
});

describe('a replica that is not active', () => {
	it('says who is, and keeps no request', async () => {
		isActive = false;
		admissions.assign(newcomer.id, 0);
		expect(await ask(await ledger.join(newcomer, 2))).toBeNull();
		expect([redirected, sent]).toEqual([[newcomer.id, newcomer.id], []]);
	});
});
