import { fromBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../crypto/hex.ts';
import { splitHashes } from '../../ledger/block.ts';
import { GENESIS_DEFAULTS } from '../../ledger/genesis.ts';
import { ProposalSchema, type Genesis } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Effects } from '../effects.ts';
import { Kind } from '../statement.ts';
import { receive, signedBy, TEST_CHAIN_ID, testMembers, type TestMember } from '../testing/members.ts';
import { Pbft, type PbftEffects } from './pbft.ts';

const ID = 'aa'.repeat(32);
const OTHER_ID = 'bb'.repeat(32);
let members: TestMember[];
let pools: Map<string, Set<string>>;
let cores: Map<string, Pbft>;
let transcript: string[];
let disk: Map<string, Map<string, Uint8Array>>;

beforeEach(async () => {
	members = await testMembers(4);
	pools = new Map(members.map(({ id }) => [id, new Set<string>()]));
	disk = new Map(members.map(({ id }) => [id, new Map()]));
	cores = new Map(members.map(({ id }) => [id, coreOf(id)]));
	transcript = [];
});

function coreOf(self: string): Pbft {
	return new Pbft({
		chainId: TEST_CHAIN_ID,
		genesis: GENESIS_DEFAULTS as unknown as Genesis,
		partition: 1,
		epoch: 1,
		members: members.map(({ id }) => id),
		self,
		lastRoundId: 0,
		pool: {
			has: (id) => pools.get(self)!.has(id),
			isComing: () => false,
			waiting: (limit, _bytes, except) =>
				[...pools.get(self)!].filter((id) => !except.has(id)).slice(0, limit)
		},
		looksAlive: () => true,
		isCatchingUp: () => false,
		ledgerProof: () => null,
		resendTicks: 10,
		commitToAllTicks: 40,
		gapTicks: 20,
		viewTimeoutTicks: 80,
		viewTimeoutCapTicks: 640,
		maxBodyBytes: 1_000_000
	});
}

const name = (id: string): string => `m${members.findIndex((member) => member.id === id)}`;

/** Does what a driver does: persist, sign, send, and hand own votes back; `reaches` may lose messages. */
async function drive(
	self: string,
	effects: PbftEffects,
	reaches: (from: string, to: string, kind: string) => boolean = () => true
): Promise<void> {
	const member = members.find(({ id }) => id === self)!;
	for (const { key, value } of effects.persist) {
		if (value) disk.get(self)!.set(key, value);
		else disk.get(self)!.delete(key);
	}
	for (const { roundId } of effects.certified) transcript.push(`${name(self)} certified ${roundId}`);
	for (const vote of effects.votes) {
		const signed = await signedBy(member, vote.statement, vote.payload);
		const kind = Kind[vote.statement.kind]!;
		transcript.push(
			`${name(self)} ${kind} ${vote.statement.slot} → ${vote.to.map((to) => (to === 'members' ? 'all' : name(to))).join()}`
		);
		await drive(self, cores.get(self)!.message(receive(signed)), reaches);
		for (const to of targets(self, vote.to))
			if (reaches(self, to, kind)) await drive(to, cores.get(to)!.message(receive(signed)), reaches);
	}
	await send(self, effects, reaches);
}

async function send(
	self: string,
	effects: Effects,
	reaches: (from: string, to: string, kind: string) => boolean
): Promise<void> {
	for (const { to, packet } of effects.send) {
		transcript.push(`${name(self)} ${packet.case} → ${to === 'members' ? 'all' : name(to)}`);
		if (packet.case !== 'blockCertificate') continue;
		for (const peer of targets(self, [to]))
			if (reaches(self, peer, packet.case))
				await drive(peer, cores.get(peer)!.certificate(packet.value), reaches);
	}
}

function targets(self: string, to: string[]): string[] {
	return to
		.flatMap((target) => (target === 'members' ? members.map(({ id }) => id) : [target]))
		.filter((id) => id !== self);
}

function give(id: string, ...to: TestMember[]): void {
	for (const member of to) pools.get(member.id)!.add(id);
}

describe('a round of four', () => {
	it('goes from the pool to a certificate that everyone has', async () => {
		give(ID, ...members);
		await drive(members[0]!.id, cores.get(members[0]!.id)!.pool());
		expect(transcript.filter((line) => /PRE_PREPARE|COMMIT|blockCertificate|certified/.test(line))).toEqual([
			'm0 PRE_PREPARE 1 → all',
			'm2 COMMIT 1 → m0',
			'm0 COMMIT 1 → m0',
			'm1 COMMIT 1 → m0',
			'm0 certified 1',
			'm0 blockCertificate → all',
			'm1 certified 1',
			'm2 certified 1',
			// The fourth hears of the round when the others are done: the certificate has overtaken the PrePrepare.
			'm3 certified 1'
		]);
		expect(transcript.filter((line) => line.includes(' PREPARE '))).toEqual([
			'm1 PREPARE 1 → all',
			'm2 PREPARE 1 → all'
		]);
	});

	it('never proposes a block of nothing', async () => {
		await drive(members[0]!.id, cores.get(members[0]!.id)!.tick());
		expect(transcript).toEqual([]);
	});

	it('R3: who lacks a body asks for it and does not vote; when it comes, it votes', async () => {
		give(ID, members[0]!, members[1]!, members[2]!);
		const [, , , late] = members;
		await drive(members[0]!.id, cores.get(members[0]!.id)!.pool());
		// It may be on its way on another link.
		await drive(late!.id, cores.get(late!.id)!.tick());
		expect(transcript).not.toContain('m3 bodyRequest → m0');
		await drive(late!.id, cores.get(late!.id)!.tick());
		expect(transcript).toContain('m3 bodyRequest → m0');
		expect(transcript).not.toContain('m3 PREPARE 1 → all');
		// Three are q: the round is done without it, and it may not claim the block before it can show it.
		expect(transcript).not.toContain('m3 certified 1');
		give(ID, late!);
		await drive(late!.id, cores.get(late!.id)!.pool());
		expect(transcript).toContain('m3 certified 1');
	});

	it('R3: a missing body is reported after a while, with zeros, and never as a vote', async () => {
		give(ID, members[0]!);
		await drive(members[0]!.id, cores.get(members[0]!.id)!.pool());
		for (let tick = 0; tick < 11; tick++) await drive(members[1]!.id, cores.get(members[1]!.id)!.tick());
		expect(transcript).toContain('m1 PREPARE_REPORT 1 → m0');
		expect(transcript.filter((line) => / (PREPARE|COMMIT) /.test(line))).toEqual([]);
	});

	it('R4: no Commit before q matching Prepares, and the certificate is persisted with it', async () => {
		give(ID, ...members);
		const isAlone = (from: string, to: string, kind: string): boolean =>
			kind !== 'PREPARE' && [from, to].includes(members[0]!.id);
		await drive(members[0]!.id, cores.get(members[0]!.id)!.pool(), isAlone);
		expect(transcript.filter((line) => line.includes('COMMIT'))).toEqual([]);
		for (const { id } of members)
			expect([...disk.get(id)!.keys()].filter((key) => key.includes('/prepared/'))).toEqual([]);
		// The Prepares come after all, sent again.
		for (let tick = 0; tick < 11; tick++)
			for (const { id } of members) await drive(id, cores.get(id)!.tick());
		const committed = members.filter(({ id }) =>
			transcript.some((line) => line.startsWith(`${name(id)} COMMIT`))
		);
		expect(committed.length).toBeGreaterThanOrEqual(3);
		for (const { id } of committed)
			expect(
				[...disk.get(id)!.keys()].filter((key) => key.includes('/prepared/') || key.endsWith('/commit'))
			).toHaveLength(2);
	});

	it('R5: a leader that withholds the certificate is not needed: Commits go to all, and members form it', async () => {
		give(ID, ...members);
		const leaderIsSilent = (from: string, _to: string, kind: string): boolean =>
			from !== members[0]!.id || kind === 'PRE_PREPARE' || kind === 'COMMIT';
		await drive(members[0]!.id, cores.get(members[0]!.id)!.pool(), leaderIsSilent);
		expect(transcript).not.toContain('m1 certified 1');
		for (let tick = 0; tick < 60; tick++)
			for (const { id } of members.slice(1)) await drive(id, cores.get(id)!.tick(), leaderIsSilent);
		expect(transcript).toContain('m1 COMMIT 1 → all');
		for (const follower of ['m1', 'm2', 'm3']) expect(transcript).toContain(`${follower} certified 1`);
	});
});

describe('R2: one vote a slot', () => {
	it('a second PrePrepare of a round is not voted for', async () => {
		give(ID, ...members);
		give(OTHER_ID, ...members);
		await drive(
			members[0]!.id,
			cores.get(members[0]!.id)!.pool(),
			(_from, _to, kind) => kind === 'PRE_PREPARE'
		);
		const first = transcript.length;
		const [liar, honest] = [members[0]!, members[1]!];
		const other = await otherProposal(liar);
		await drive(honest.id, cores.get(honest.id)!.message(receive(other)), () => false);
		expect(transcript.slice(first)).toEqual([]);
	});

	it('holds through a restart: the same vote may be given again, no other', async () => {
		give(ID, ...members);
		give(OTHER_ID, ...members);
		await drive(
			members[0]!.id,
			cores.get(members[0]!.id)!.pool(),
			(_from, _to, kind) => kind === 'PRE_PREPARE'
		);
		const honest = members[1]!;
		expect(transcript).toContain('m1 PREPARE 1 → all');
		const again = coreOf(honest.id);
		cores.set(honest.id, again);
		again.restore([...disk.get(honest.id)!].map(([key, value]) => ({ key, value })));
		transcript = [];
		await drive(honest.id, again.message(receive(await otherProposal(members[0]!))), () => false);
		expect(transcript.filter((line) => line.includes('PREPARE 1'))).toEqual([]);
	});

	it('a leader offers its own open proposal again after a restart, word for word', async () => {
		give(ID, ...members);
		await drive(members[0]!.id, cores.get(members[0]!.id)!.pool(), () => false);
		const again = coreOf(members[0]!.id);
		const effects = again.restore([...disk.get(members[0]!.id)!].map(([key, value]) => ({ key, value })));
		expect(effects.votes).toHaveLength(1);
		const ids = splitHashes(fromBinary(ProposalSchema, effects.votes[0]!.payload!).transactionIds).map(toHex);
		expect(ids).toEqual([ID]);
	});
});

describe('R9: the window', () => {
	it('takes no round at or below the ledger, nor above the window', async () => {
		const [leader, follower] = [members[0]!, members[1]!];
		give(ID, ...members);
		const core = cores.get(follower.id)!;
		core.ledger(5);
		for (const roundId of [5, 5 + GENESIS_DEFAULTS.maxRoundsInFlight + 1]) {
			core.message(receive(await otherProposal(leader, roundId, ID)));
			expect(core.rounds()).toEqual([]);
		}
		core.message(receive(await otherProposal(leader, 6, ID)));
		expect(core.rounds().map(({ roundId }) => roundId)).toEqual([6]);
	});

	it('drops rounds that the ledger has passed, and their votes from the disk', async () => {
		give(ID, ...members);
		await drive(members[0]!.id, cores.get(members[0]!.id)!.pool());
		expect(disk.get(members[1]!.id)!.size).toBeGreaterThan(0);
		for (const { id } of members) {
			pools.get(id)!.clear();
			await drive(id, cores.get(id)!.ledger(1));
			expect(disk.get(id)!.size).toBe(0);
			expect(cores.get(id)!.rounds()).toEqual([]);
		}
	});
});

/** A PrePrepare for a block of its own making. */
async function otherProposal(leader: TestMember, roundId = 1, id = OTHER_ID) {
	const { create, toBinary } = await import('@bufbuild/protobuf');
	const { proposalId } = await import('../../ledger/block.ts');
	const payload = toBinary(
		ProposalSchema,
		create(ProposalSchema, {
			chainId: TEST_CHAIN_ID,
			partition: 1,
			epoch: 1,
			roundId,
			transactionIds: fromHex(id)
		})
	);
	return signedBy(
		leader,
		{
			kind: Kind.PRE_PREPARE,
			partition: 1,
			epoch: 1,
			view: 0,
			attempt: 0,
			slot: roundId,
			digest: proposalId(payload)
		},
		payload
	);
}
