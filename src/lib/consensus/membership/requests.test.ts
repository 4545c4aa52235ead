import { beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../crypto/hex.ts';
import { decodeMembershipChange } from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import {
	Kind,
	type Evidence,
	type Signed,
	type SignedRecovery
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { doubleVote } from '../evidence/evidence.ts';
import { testMembers, type TestMember } from '../testing/members.ts';
import { membershipEntry, TestLedger } from '../testing/test-ledger.ts';
import { recoveryOf } from './recovery.ts';
import { MAX_WAITING_REQUESTS, MembershipRequests } from './requests.ts';

let ledger: TestLedger;
let members: TestMember[];
let newcomer: TestMember;
let requests: MembershipRequests;

beforeEach(async () => {
	ledger = await TestLedger.found([4, 1], {
		silenceWindow: 5,
		partitions: [1, 2].map((id) => ({ $typeName: 'tabwave.v1.PartitionGenesis', id, maxMembers: 6 }))
	});
	members = ledger.members(1);
	[newcomer] = (await testMembers(1)) as [TestMember];
	requests = new MembershipRequests();
});

const next = () => requests.next(ledger.chain.topology, ledger.membershipContext());
const commit = async (): Promise<void> => {
	await ledger.commit(membershipEntry(next()!.change));
};
const senders = (signed: Signed[]): string[] => signed.map(({ sender }) => toHex(sender));
const refused = (): [string, string][] =>
	requests.takeRefused().map(({ member, error }) => [member, error.reason]);
const declare = async (silent: TestMember, by: TestMember[], slot?: number): Promise<void> => {
	for (const member of by) requests.add(await ledger.silence(member, silent, 1, slot));
};

/** Two Prepares of a member in one place. */
async function against(liar: TestMember, partition = 1): Promise<Evidence> {
	const { epoch } = ledger.chain.topology.partition(partition)!;
	const place = { kind: Kind.PREPARE, partition, epoch, view: 0, attempt: 0, slot: 7 };
	const [first, second] = await Promise.all(
		[1, 2].map((value) => ledger.sign(liar, { ...place, digest: new Uint8Array(32).fill(value) }))
	);
	return doubleVote(first!, second!);
}

describe('the Booter’s list of requests', () => {
	it('is empty, and then there is no change', () => {
		expect(requests.isEmpty).toBe(true);
		expect(next()).toBeNull();
		expect(refused()).toEqual([]);
	});

	it('makes one entry of a join, and forgets it when it is final', async () => {
		requests.add(await ledger.join(newcomer, 1));
		expect(requests.isEmpty).toBe(false);
		const { change, bytes } = next()!;
		expect(change).toMatchObject({ partition: 1, epoch: 2 });
		expect(senders(change.joins)).toEqual([newcomer.id]);
		expect(decodeMembershipChange(bytes).members).toHaveLength(5);
		await commit();
		expect(next()).toBeNull();
		expect(requests.isEmpty).toBe(true);
		// That it was granted is no refusal.
		expect(refused()).toEqual([]);
	});

	it('lets joins and leaves share an entry, but not partitions', async () => {
		const [other, third] = (await testMembers(2)) as [TestMember, TestMember];
		for (const request of [
			await ledger.join(third, 2),
			await ledger.join(newcomer, 1),
			await ledger.leave(members[0]!, 1),
			await ledger.join(other, 1)
		])
			requests.add(request);
		const { change } = next()!;
		expect(change.partition).toBe(1);
		expect(senders(change.joins)).toEqual([newcomer.id, other.id]);
		expect(senders(change.leaves)).toEqual([members[0]!.id]);
		await commit();
		expect(next()!.change.partition).toBe(2);
		expect(senders(next()!.change.joins)).toEqual([third.id]);
	});

	it('takes a request that comes again as the same', async () => {
		for (let i = 0; i < 3; i++) requests.add(await ledger.join(newcomer, 1, { nickname: `name ${i}` }));
		const { change } = next()!;
		expect(change.joins).toHaveLength(1);
		expect(change.members.map(({ nickname }) => nickname)).toContain('name 2');
	});

	it('lets wait who finds no seat, and seats who comes when one is free', async () => {
		const many = await testMembers(3);
		for (const member of many) requests.add(await ledger.join(member, 1));
		expect(next()!.change.joins).toHaveLength(2);
		await commit();
		expect(next()).toBeNull();
		expect(refused()).toEqual([]);
		requests.add(await ledger.leave(members[1]!, 1));
		const { change } = next()!;
		expect(senders(change.leaves)).toEqual([members[1]!.id]);
		expect(change.joins).toHaveLength(1);
	});

	it('refuses by name who cannot be admitted, once, and admits the others', async () => {
		const [other] = (await testMembers(1)) as [TestMember];
		requests.add(await ledger.join(newcomer, 1, { nickname: ' ' }));
		requests.add(await ledger.join(other, 1));
		expect(senders(next()!.change.joins)).toEqual([other.id]);
		expect(refused()).toEqual([[newcomer.id, 'MembershipInvalid']]);
		next();
		expect(refused()).toEqual([]);
	});

	it('an invitation that is used up does not spoil the entry for the others', async () => {
		requests.add(await ledger.leave(members[0]!, 1));
		const [second, third] = (await testMembers(2)) as [TestMember, TestMember];
		const invitation = await ledger.invitation({ uses: 1 });
		requests.add(await ledger.join(newcomer, 1, { invitation }));
		requests.add(await ledger.join(second, 1, { invitation }));
		requests.add(await ledger.join(third, 1));
		expect(senders(next()!.change.joins)).toEqual([newcomer.id, third.id]);
		expect(refused()).toEqual([[second.id, 'InvitationInvalid']]);
	});

	it('drops a leave of an epoch that has passed', async () => {
		requests.add(await ledger.leave(members[0]!, 1));
		await ledger.admit(1, [newcomer]);
		expect(next()).toBeNull();
		expect(requests.isEmpty).toBe(true);
	});

	it('refuses more joins than may wait', async () => {
		const join = await ledger.join(newcomer, 1);
		const key = (i: number) => Uint8Array.from({ length: 32 }, (_, at) => (at < 2 ? i >> (8 * at) : 9));
		for (let i = 0; i < MAX_WAITING_REQUESTS; i++) requests.add({ ...join, sender: key(i) });
		expect(refused()).toEqual([]);
		requests.add({ ...join, sender: key(7) });
		expect(refused()).toEqual([]);
		requests.add(join);
		expect(refused()).toEqual([[newcomer.id, 'TooManyRequests']]);
	});

	it('keeps no more refusals than requests', async () => {
		for (let i = 0; i < MAX_WAITING_REQUESTS + 5; i++) {
			const [member] = (await testMembers(1)) as [TestMember];
			requests.add(await ledger.join(member, 1, { nickname: ' ' }));
			next();
		}
		expect(refused()).toHaveLength(MAX_WAITING_REQUESTS);
	});
});

describe('declarations of silence', () => {
	it('evict with q of the members, and not before', async () => {
		await declare(members[0]!, members.slice(1, 3));
		expect(requests.isEmpty).toBe(false);
		expect(next()).toBeNull();
		await declare(members[0]!, members.slice(3));
		const { change } = next()!;
		expect(change.evictions.map(({ member }) => toHex(member))).toEqual([members[0]!.id]);
		expect(change.evictions[0]!.silences).toHaveLength(3);
		expect(change.members).toHaveLength(3);
	});

	it('free a seat for who waits', async () => {
		await ledger.admit(1, await testMembers(2));
		members = ledger.members(1);
		requests.add(await ledger.join(newcomer, 1));
		expect(next()).toBeNull();
		await declare(members[0]!, members.slice(1));
		const { change } = next()!;
		// q of six is four, however many have declared it.
		expect(change.evictions[0]!.silences).toHaveLength(4);
		expect(senders(change.joins)).toEqual([newcomer.id]);
	});

	it('are void when the member is heard', async () => {
		await declare(members[0]!, members.slice(1));
		requests.heard(members[0]!.id);
		expect(next()).toBeNull();
		expect(requests.isEmpty).toBe(true);
	});

	it('are void when the member leaves by itself: nobody goes twice', async () => {
		await declare(members[0]!, members.slice(1));
		requests.add(await ledger.leave(members[0]!, 1));
		const { change } = next()!;
		expect(change.evictions).toEqual([]);
		expect(senders(change.leaves)).toEqual([members[0]!.id]);
	});

	it('of oneself count for nothing, and spoil nothing: who speaks is not silent', async () => {
		await declare(members[0]!, members.slice(0, 3));
		requests.add(await ledger.join(newcomer, 1));
		expect(next()!.change).toMatchObject({ evictions: [], joins: [{}] });
		await declare(members[0]!, members.slice(3));
		expect(next()!.change).toMatchObject({ evictions: [{}], joins: [{}] });
		expect(refused()).toEqual([]);
		await commit();
	});

	it('of strangers count for nothing', async () => {
		await declare(members[0]!, [newcomer, ledger.members(2)[0]!, members[1]!, members[2]!]);
		expect(next()).toBeNull();
	});

	it('of who is no member are ignored', async () => {
		await declare(newcomer, members);
		expect(next()).toBeNull();
	});

	it('hold for as many heights as genesis says', async () => {
		await declare(members[0]!, members.slice(1), 2);
		for (let height = 3; height < 7; height++) await ledger.grow(1);
		expect(ledger.membershipContext().height).toBe(7);
		expect(next()!.change.evictions).toHaveLength(1);
		await ledger.grow(1);
		expect(next()).toBeNull();
	});

	it('of a height to come count when it has come', async () => {
		await declare(members[0]!, members.slice(1), 4);
		expect(next()).toBeNull();
		await ledger.grow(1);
		expect(next()!.change.evictions).toHaveLength(1);
	});

	it('of an epoch that has passed are dropped', async () => {
		await declare(members[0]!, members.slice(1));
		await ledger.admit(1, [newcomer]);
		expect(next()).toBeNull();
		requests.prune(ledger.chain.topology);
		expect(requests.isEmpty).toBe(true);
	});

	it('of this epoch are kept', async () => {
		await declare(members[0]!, members.slice(1));
		requests.prune(ledger.chain.topology);
		expect(next()!.change.evictions).toHaveLength(1);
	});

	it('of more members than may wait are not taken; those that wait go on', async () => {
		const silence = await ledger.silence(members[1]!, members[0]!, 1);
		for (let i = 0; i < MAX_WAITING_REQUESTS; i++)
			requests.add({ ...silence, digest: new Uint8Array(32).fill(i + 1) });
		await declare(members[0]!, members.slice(1));
		expect(next()).toBeNull();
		expect(refused()).toEqual([]);
	});
});

describe('evidence (R24)', () => {
	it('evicts, without anybody’s declaration, and is forgotten when the ledger has it', async () => {
		const evidence = await against(members[0]!);
		requests.addEvidence(members[0]!.id, evidence);
		expect([
			requests.isEmpty,
			requests.isAccused(members[0]!.id),
			requests.isAccused(members[1]!.id)
		]).toEqual([false, true, false]);
		const { evictions, members: remaining } = next()!.change;
		expect(evictions).toMatchObject([{ member: members[0]!.signer.publicKey, silences: [], evidence }]);
		expect(remaining).toHaveLength(3);
		requests.prune(ledger.chain.topology);
		expect(requests.isEmpty).toBe(false);
		await commit();
		requests.prune(ledger.chain.topology);
		expect([requests.isEmpty, next()]).toEqual([true, null]);
	});

	it('goes before a leave, and before what is declared of the member: it is evicted once, as who it is', async () => {
		requests.addEvidence(members[0]!.id, await against(members[0]!));
		requests.add(await ledger.leave(members[0]!, 1));
		await declare(members[0]!, members.slice(1));
		requests.add(await ledger.leave(members[1]!, 1));
		const { leaves, evictions } = next()!.change;
		expect(senders(leaves)).toEqual([members[1]!.id]);
		expect(evictions.map(({ member, evidence }) => [toHex(member), evidence !== undefined])).toEqual([
			[members[0]!.id, true]
		]);
	});

	it('is of its member’s partition, the first of each, and so many to an entry', async () => {
		await ledger.admit(1, await testMembers(2));
		members = ledger.members(1);
		const first = await against(members[0]!);
		requests.addEvidence(members[0]!.id, first);
		requests.addEvidence(members[0]!.id, await against(members[0]!));
		const elsewhere = ledger.members(2)[0]!;
		requests.addEvidence(elsewhere.id, await against(elsewhere, 2));
		expect(next()!.change).toMatchObject({ partition: 1, evictions: [{ evidence: first }] });
		for (const member of members.slice(1, 5)) requests.addEvidence(member.id, await against(member));
		expect(next()!.change.evictions).toHaveLength(4);
		await commit();
		expect(next()!.change.evictions.map(({ member }) => toHex(member))).toEqual([members[4]!.id]);
		await commit();
		expect(next()!.change).toMatchObject({ partition: 2 });
	});

	it('has room for so many', async () => {
		const evidence = await against(members[0]!);
		for (let i = 0; i < MAX_WAITING_REQUESTS; i++) requests.addEvidence(`liar ${i}`, evidence);
		requests.addEvidence(members[0]!.id, evidence);
		expect(requests.isAccused(members[0]!.id)).toBe(false);
		expect(requests.isAccused(`liar ${MAX_WAITING_REQUESTS - 1}`)).toBe(true);
	});
});

describe('what is dropped, since voters refused it', () => {
	const refusedByVoters = new LedgerError('OrderRefused', 'no');

	it('comes again only when it is asked for again', async () => {
		await ledger.admit(1, await testMembers(1));
		members = ledger.members(1);
		requests.add(await ledger.join(newcomer, 1));
		requests.add(await ledger.leave(members[0]!, 1));
		await declare(members[1]!, [members[0]!, ...members.slice(2)]);
		requests.addEvidence(members[2]!.id, await against(members[2]!));
		const { change } = next()!;
		expect([change.joins.length, change.leaves.length, change.evictions.length]).toEqual([1, 1, 2]);
		requests.drop(change, refusedByVoters);
		expect([requests.isEmpty, next()]).toEqual([true, null]);
		expect(refused()).toEqual([[newcomer.id, 'OrderRefused']]);
	});

	it('is all of it, and nothing else', async () => {
		const [other] = (await testMembers(1)) as [TestMember];
		requests.add(await ledger.join(other, 2));
		requests.add(await ledger.leave(members[0]!, 1));
		const { change } = next()!;
		requests.drop(change, refusedByVoters);
		expect(next()!.change.partition).toBe(2);
		const recovered = { ...change, recovery: undefined, partition: 2 };
		requests.drop(recovered, refusedByVoters);
		expect(senders(next()!.change.joins)).toEqual([other.id]);
	});
});

describe('recoveries (R22)', () => {
	async function recovery(partition: number): Promise<SignedRecovery> {
		const view = ledger.chain.topology.partition(partition)!;
		const { genesis, chainId } = ledger;
		const silentSinceMs = ledger.membershipContext().timeMs - Number(genesis.fields.recoverySilenceMs);
		const fields = { chainId, remaining: [], retire: false, silentSinceMs, automatic: false };
		const { recovery: bytes, message } = recoveryOf(view, fields);
		const signature = await ledger.operator.signer.sign(message);
		return { $typeName: 'tabwave.v1.SignedRecovery', recovery: bytes, signature };
	}

	it('are of one epoch: another makes them void, and they are forgotten', async () => {
		const signed = await recovery(1);
		const { topology } = ledger.chain;
		const view = topology.partition(1)!;
		requests.addRecovery(signed);
		requests.addRecovery({ ...(await recovery(2)), recovery: (await recoveryOfNobody()).recovery });
		expect(requests.recovery(view)).toBe(signed);
		expect(requests.recovery({ ...view, epoch: 2 })).toBeNull();
		requests.prune(topology);
		expect(requests.recovery(view)).toBe(signed);
		expect(requests.recovery({ id: 9, epoch: 1 })).toBeNull();
		await ledger.admit(1, [newcomer]);
		requests.prune(topology);
		expect(requests.recovery(view)).toBeNull();
	});

	it('go before everything else of their partition, and are dropped like everything else', async () => {
		requests.add(await ledger.join(newcomer, 1));
		requests.addRecovery(await recovery(1));
		const { change } = next()!;
		expect([change.recovery !== undefined, change.joins]).toEqual([true, []]);
		expect(requests.nextRecovery(ledger.chain.topology, ledger.membershipContext())!.change).toEqual(change);
		requests.drop({ ...change, recovery: undefined }, new LedgerError('OrderRefused', 'no'));
		expect(next()!.change.recovery).toBeDefined();
		requests.drop(change, new LedgerError('OrderRefused', 'no'));
		expect(senders(next()!.change.joins)).toEqual([newcomer.id]);
		expect(requests.nextRecovery(ledger.chain.topology, ledger.membershipContext())).toBeNull();
	});

	/** Of a partition that there is not. */
	async function recoveryOfNobody(): Promise<{ recovery: Uint8Array }> {
		const view = { ...ledger.chain.topology.partition(1)!, id: 9 };
		const fields = { remaining: [], retire: false, silentSinceMs: 0, automatic: false };
		return recoveryOf(view, { chainId: ledger.chainId, ...fields });
	}
});
