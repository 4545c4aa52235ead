import fc from 'fast-check';
import { fromBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { ZERO_HASH } from '../../crypto/hash.ts';
import { readBalance } from '../../ledger/accounts.ts';
import { decodeMembershipChange } from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { epochKey, partitionKey } from '../../ledger/genesis.ts';
import { Overlay } from '../../ledger/state.ts';
import { reasonOf } from '../../ledger/testing/transactions.ts';
import { PartitionStateSchema } from '../../wire/gen/tabwave/v1/contracts_pb.js';
import { Admission, type MembershipChange, type Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { mutated } from '../../wire/mutated-bytes.ts';
import { Kind } from '../statement.ts';
import { testMembers, type TestMember } from '../testing/members.ts';
import { hold, membershipEntry, TestLedger } from '../testing/test-ledger.ts';
import {
	applyMembershipChange,
	checkMembershipChange,
	encodeMembershipChange,
	isNickname,
	JOIN_VALID_HEIGHTS,
	MAX_NICKNAME_LENGTH,
	membershipSignatures,
	nextMembers,
	readJoin
} from './change.ts';

fc.configureGlobal({ seed: 22 });

let ledger: TestLedger;
let members: TestMember[];
let newcomer: TestMember;
let another: TestMember;

beforeEach(async () => {
	ledger = await TestLedger.found([4, 1], { silenceWindow: 5 });
	members = ledger.members(1);
	[newcomer, another] = (await testMembers(2)) as [TestMember, TestMember];
});

const check = (change: MembershipChange): void => checkMembershipChange(change, ledger.membershipContext());
const refusal = (change: MembershipChange): string => reasonOf(() => check(change));
const signaturesHold = (change: MembershipChange): Promise<boolean> =>
	hold(membershipSignatures(change, ledger.operator.signer.publicKey, ledger.chainId));
const joining = async (fields?: Parameters<TestLedger['join']>[2]): Promise<MembershipChange> =>
	ledger.change(1, { joins: [await ledger.join(newcomer, 1, fields)] });

describe('a change of members', () => {
	it('takes in who asks, lets go who asks, and keeps the list sorted by id', async () => {
		const change = ledger.change(1, {
			joins: [await ledger.join(another, 1, { nickname: 'Bo' }), await ledger.join(newcomer, 1)],
			leaves: [await ledger.leave(members[0]!, 1)]
		});
		expect(refusal(change)).toBe('none');
		expect(await signaturesHold(change)).toBe(true);
		const ids = change.members.map(({ id }) => Buffer.from(id).toString('hex'));
		expect(ids).toEqual([...members.slice(1), newcomer, another].map(({ id }) => id).sort());
		expect(change.members.find(({ id }) => Buffer.from(id).toString('hex') === another.id)!.nickname).toBe(
			'Bo'
		);
	});

	it('is what its bytes say', async () => {
		const change = await joining();
		expect(encodeMembershipChange(decodeMembershipChange(encodeMembershipChange(change)))).toEqual(
			encodeMembershipChange(change)
		);
		expect(refusal(decodeMembershipChange(encodeMembershipChange(change)))).toBe('none');
	});

	it.each<[string, (change: MembershipChange) => Partial<MembershipChange>, string]>([
		['it is of no partition', () => ({ partition: 3 }), 'MembershipInvalid'],
		['it is of the epoch that is', () => ({ epoch: 1 }), 'MembershipInvalid'],
		['it skips an epoch', () => ({ epoch: 3 }), 'MembershipInvalid'],
		['it changes nothing', () => ({ joins: [] }), 'MembershipInvalid'],
		['its list lacks the newcomer', ({ members: list }) => ({ members: list.slice(1) }), 'MembershipInvalid'],
		[
			'its list is in another order',
			({ members: list }) => ({ members: [...list].reverse() }),
			'MembershipInvalid'
		],
		[
			'its list has one too many',
			({ members: list }) => ({ members: [...list, list[0]!] }),
			'MembershipInvalid'
		],
		[
			'its list renames a member',
			({ members: list }) => ({ members: list.map((one) => ({ ...one, nickname: 'Eve' })) }),
			'MembershipInvalid'
		],
		['one comes twice', ({ joins }) => ({ joins: [joins[0]!, joins[0]!] }), 'MembershipInvalid']
	])('is refused where %s', async (_what, fields, reason) => {
		const change = await joining();
		expect(refusal({ ...change, ...fields(change) })).toBe(reason);
	});

	it('may fill a partition to its last seat, and not beyond', async () => {
		const small = await TestLedger.found([0], {
			partitions: [{ $typeName: 'tabwave.v1.PartitionGenesis', id: 1, maxMembers: 2 }]
		});
		const joins = await Promise.all((await testMembers(3)).map((member) => small.join(member, 1)));
		const run = (count: number) =>
			reasonOf(() =>
				checkMembershipChange(small.change(1, { joins: joins.slice(0, count) }), small.membershipContext())
			);
		expect([run(2), run(3)]).toEqual(['none', 'PartitionFull']);
	});

	it('damaged in any way is refused by name, fails a signature, or makes the same members', async () => {
		const change = ledger.change(1, {
			joins: [await ledger.join(newcomer, 1)],
			leaves: [await ledger.leave(members[0]!, 1)]
		});
		const count = { refused: 0, unsigned: 0, same: 0 };
		await fc.assert(
			fc.asyncProperty(mutated(fc.constant(encodeMembershipChange(change))), async (bytes) => {
				let read;
				try {
					read = decodeMembershipChange(bytes);
					check(read);
				} catch (error) {
					expect(error).toBeInstanceOf(LedgerError);
					count.refused += 1;
					return;
				}
				if (await signaturesHold(read)) {
					count.same += 1;
					expect(read.members).toEqual(change.members);
				} else count.unsigned += 1;
			}),
			{ numRuns: 1000 }
		);
		expect(count.refused).toBeGreaterThan(300);
		expect(count.unsigned).toBeGreaterThan(10);
	});
});

describe('a join', () => {
	const altered = async (fields: Partial<Signed>): Promise<MembershipChange> =>
		ledger.change(1, { joins: [{ ...(await ledger.join(newcomer, 1)), ...fields }] });

	it.each<[string, () => Partial<Signed>]>([
		['another kind of message', () => ({ kind: Kind.LEAVE })],
		['a message of another partition', () => ({ partition: 2 })],
		['without a digest', () => ({ digest: new Uint8Array(0) })],
		['with another digest than its payload has', () => ({ digest: ZERO_HASH })],
		['with a short signature', () => ({ signature: new Uint8Array(63) })]
	])('is refused: %s', async (_what, fields) => {
		expect(refusal(await altered(fields()))).toBe('MembershipInvalid');
	});

	it.each([
		['of a height that has passed', 2, 'MembershipInvalid'],
		['of this very height', 3, 'none'],
		['of the last height that counts', 3 + JOIN_VALID_HEIGHTS, 'none'],
		['of a height too far', 4 + JOIN_VALID_HEIGHTS, 'MembershipInvalid']
	])('%s: it cannot be used again after a leave', async (_what, slot, reason) => {
		expect(ledger.membershipContext().height).toBe(3);
		expect(refusal(await joining({ slot }))).toBe(reason);
	});

	it('of who is a member already, here or elsewhere, is refused', async () => {
		for (const member of [members[0]!, ledger.members(2)[0]!]) {
			const joins = [await ledger.join(member, 1)];
			const change = { ...ledger.change(1, { leaves: [await ledger.leave(members[1]!, 1)] }), joins };
			expect(refusal(change)).toBe('AlreadyMember');
		}
	});

	it('holds only with the newcomer’s own signature', async () => {
		const mine = await ledger.join(newcomer, 1);
		const { signature } = await ledger.join(another, 1);
		expect(await signaturesHold(ledger.change(1, { joins: [mine] }))).toBe(true);
		expect(await signaturesHold(ledger.change(1, { joins: [{ ...mine, signature }] }))).toBe(false);
	});

	it('with a payload that cannot be read is refused', async () => {
		const broken = { ...(await ledger.join(newcomer, 1)), payload: Uint8Array.of(0xff) };
		expect(reasonOf(() => readJoin(broken))).toBe('MembershipInvalid');
	});

	it.each([
		['', false],
		['A', true],
		['x'.repeat(MAX_NICKNAME_LENGTH), true],
		['x'.repeat(MAX_NICKNAME_LENGTH + 1), false],
		[' Ada', false],
		['Ada ', false],
		['Ada Lovelace', true],
		['阿达', true],
		['a\nb', false],
		['a\u0000b', false],
		['a\u0085b', false]
	])('gives the name %j: %s', async (nickname, good) => {
		expect(isNickname(nickname)).toBe(good);
		expect(refusal(await joining({ nickname }))).toBe(good ? 'none' : 'MembershipInvalid');
	});
});

describe('an invitation', () => {
	const withInvitation = async (fields: Parameters<TestLedger['invitation']>[0]) =>
		joining({ invitation: await ledger.invitation(fields) });

	it('is asked for where the operator says so', async () => {
		ledger.genesis.fields.admission = Admission.INVITATION;
		expect(refusal(await joining())).toBe('InvitationRequired');
		expect(refusal(await withInvitation({}))).toBe('none');
	});

	it('is not asked for where everybody may come', async () => {
		expect(refusal(await joining())).toBe('none');
	});

	it.each<[string, () => Parameters<TestLedger['invitation']>[0], string]>([
		['to any partition', () => ({ partition: 0 }), 'none'],
		['to this one', () => ({ partition: 1 }), 'none'],
		['to another', () => ({ partition: 2 }), 'InvitationInvalid'],
		['of another network', () => ({ chainId: ZERO_HASH }), 'InvitationInvalid'],
		['until this very millisecond', () => ({ expiresMs: BigInt(ledger.membershipContext().timeMs) }), 'none'],
		[
			'until the one before',
			() => ({ expiresMs: BigInt(ledger.membershipContext().timeMs - 1) }),
			'InvitationInvalid'
		],
		['for nobody', () => ({ uses: 0 }), 'InvitationInvalid']
	])('%s', async (_what, fields, reason) => {
		expect(refusal(await withInvitation(fields()))).toBe(reason);
	});

	it('that cannot be read is refused', async () => {
		const invitation = { ...(await ledger.invitation()), invitation: Uint8Array.of(0xff) };
		expect(refusal(await joining({ invitation }))).toBe('InvitationInvalid');
	});

	it('holds only with the operator’s signature', async () => {
		const invitation = await ledger.invitation();
		expect(await signaturesHold(await joining({ invitation }))).toBe(true);
		const forged = { ...invitation, signature: (await ledger.join(another, 1)).signature };
		expect(await signaturesHold(await joining({ invitation: forged }))).toBe(false);
		// Two signatures are asked for: the newcomer's and the operator's.
		const change = await joining({ invitation });
		expect(membershipSignatures(change, ledger.operator.signer.publicKey, ledger.chainId)).toHaveLength(2);
	});

	it('may be used as often as it says: inside one change, and over all of them', async () => {
		const invitation = await ledger.invitation({ uses: 2 });
		const [third] = await testMembers(1);
		const join = (member: TestMember) => ledger.join(member, 1, { invitation });
		const all = [await join(newcomer), await join(another), await join(third!)];
		expect(refusal(ledger.change(1, { joins: all }))).toBe('InvitationInvalid');
		expect(refusal(ledger.change(1, { joins: all.slice(0, 2) }))).toBe('none');
		await ledger.commit(membershipEntry(ledger.change(1, { joins: all.slice(0, 1) })));
		expect(refusal(ledger.change(1, { joins: all.slice(1, 2) }))).toBe('none');
		expect(refusal(ledger.change(1, { joins: all.slice(1) }))).toBe('InvitationInvalid');
		await ledger.commit(membershipEntry(ledger.change(1, { joins: all.slice(1, 2) })));
		expect(refusal(ledger.change(1, { joins: all.slice(2) }))).toBe('InvitationInvalid');
		// Another one of the same operator counts for itself.
		const fresh = await ledger.join(third!, 1, { invitation: await ledger.invitation({ uses: 1 }) });
		expect(refusal(ledger.change(1, { joins: [fresh] }))).toBe('none');
	});
});

describe('a leave', () => {
	it.each<[string, Partial<Signed>]>([
		['another kind of message', { kind: Kind.JOIN }],
		['of another partition', { partition: 2 }],
		['of another epoch', { epoch: 2 }],
		['with something to say', { digest: new Uint8Array(32).fill(1) }],
		['with a short signature', { signature: new Uint8Array(0) }]
	])('is refused: %s', async (_what, fields) => {
		const change = ledger.change(1, { leaves: [await ledger.leave(members[0]!, 1)] });
		expect(refusal(change)).toBe('none');
		expect(refusal({ ...change, leaves: [{ ...change.leaves[0]!, ...fields }] })).toBe('MembershipInvalid');
	});

	it('of who is no member is refused', async () => {
		const change = ledger.change(1, { leaves: [await ledger.leave(members[0]!, 1)] });
		const stranger = await ledger.leave(newcomer, 1);
		expect(refusal({ ...change, leaves: [stranger] })).toBe('MembershipInvalid');
	});

	it('may be the last member’s: then the partition has no vote', async () => {
		const change = ledger.change(2, { leaves: [await ledger.leave(ledger.members(2)[0]!, 2)] });
		expect(refusal(change)).toBe('none');
		await ledger.commit(membershipEntry(change));
		expect(ledger.chain.topology.active().map(({ id }) => id)).toEqual([1]);
	});

	it('cannot be used again after a return', async () => {
		const leave = await ledger.leave(members[0]!, 1);
		await ledger.commit(membershipEntry(ledger.change(1, { leaves: [leave] })));
		await ledger.admit(1, [members[0]!]);
		const change = ledger.change(1, { leaves: [leave] });
		expect(refusal(change)).toBe('MembershipInvalid');
	});
});

describe('an eviction', () => {
	const evictionOf = (silent: TestMember, silences: Signed[]): MembershipChange =>
		ledger.change(1, {
			evictions: [{ $typeName: 'tabwave.v1.Eviction', member: silent.signer.publicKey, silences }]
		});
	const declared = (slot?: number): Promise<Signed[]> =>
		Promise.all(members.slice(1).map((member) => ledger.silence(member, members[0]!, 1, slot)));

	it('takes q of the members', async () => {
		const silences = await declared();
		expect(refusal(evictionOf(members[0]!, silences))).toBe('none');
		expect(await signaturesHold(evictionOf(members[0]!, silences))).toBe(true);
		expect(refusal(evictionOf(members[0]!, silences.slice(1)))).toBe('MembershipInvalid');
	});

	it.each<[string, (silence: Signed) => Promise<Signed> | Signed]>([
		['another kind of message', (silence) => ({ ...silence, kind: Kind.LEAVE })],
		['of another partition', (silence) => ({ ...silence, partition: 2 })],
		['of another epoch', (silence) => ({ ...silence, epoch: 2 })],
		['of another member', () => ledger.silence(members[1]!, members[3]!, 1)],
		['by the silent member itself', () => ledger.silence(members[0]!, members[0]!, 1)],
		['by a stranger', () => ledger.silence(newcomer, members[0]!, 1)],
		['by a member of another partition', () => ledger.silence(ledger.members(2)[0]!, members[0]!, 1)],
		['counted twice', () => ledger.silence(members[2]!, members[0]!, 1)],
		['of no form', (silence) => ({ ...silence, signature: new Uint8Array(0) })]
	])('does not count a declaration %s', async (_what, alter) => {
		const [first, ...rest] = await declared();
		expect(refusal(evictionOf(members[0]!, [await alter(first!), ...rest]))).toBe('MembershipInvalid');
	});

	it.each([
		['of the height before', 2, 'none'],
		['of a height to come', 9, 'MembershipInvalid']
	])('counts declarations %s: %s', async (_what, slot, reason) => {
		expect(refusal(evictionOf(members[0]!, await declared(slot)))).toBe(reason);
	});

	it('counts declarations for as many heights as genesis says', async () => {
		const silences = await declared(2);
		for (let height = 3; height < 7; height++) await ledger.grow(1);
		expect(ledger.membershipContext().height).toBe(7);
		expect(refusal(evictionOf(members[0]!, silences))).toBe('none');
		await ledger.grow(1);
		expect(refusal(evictionOf(members[0]!, silences))).toBe('MembershipInvalid');
	});

	it('of who is no member is refused', async () => {
		const silences = await declared();
		const change = evictionOf(members[0]!, silences);
		const stranger = { ...change.evictions[0]!, member: newcomer.signer.publicKey };
		expect(refusal({ ...change, evictions: [stranger] })).toBe('MembershipInvalid');
	});

	it('of who leaves in the same change is refused: nobody goes twice', async () => {
		const silences = await declared();
		const leaves = [await ledger.leave(members[0]!, 1)];
		expect(refusal({ ...evictionOf(members[0]!, silences), leaves })).toBe('MembershipInvalid');
		expect(
			reasonOf(() =>
				nextMembers(
					{ joins: [], leaves, evictions: evictionOf(members[0]!, silences).evictions },
					ledger.chain.topology.partition(1)!
				)
			)
		).toBe('MembershipInvalid');
	});
});

describe('what a change writes', () => {
	it('the partition as it is now and as it was in its epoch, and money for who comes first', async () => {
		const change = ledger.change(1, { joins: [await ledger.join(newcomer, 1)] });
		const overlay = new Overlay(ledger.chain.state);
		applyMembershipChange(change, overlay, ledger.membershipContext());
		for (const key of [partitionKey(1), epochKey(1, 2)]) {
			const state = fromBinary(PartitionStateSchema, overlay.get(key)!);
			expect(state).toMatchObject({ id: 1, epoch: 2, maxMembers: 16, sinceHeight: 3 });
			expect(state.members).toEqual(change.members);
		}
		expect(readBalance(overlay, newcomer.id)).toBe(ledger.genesis.fields.initialBalance);
		expect(readBalance(overlay, another.id)).toBe(0n);
	});

	it('no money for who comes back (nothing else creates money)', async () => {
		const leaves = [await ledger.leave(members[0]!, 1)];
		await ledger.commit(membershipEntry(ledger.change(1, { leaves })));
		expect(readBalance(ledger.chain.state, members[0]!.id)).toBe(1_000_000n);
		await ledger.admit(1, [members[0]!]);
		expect(readBalance(ledger.chain.state, members[0]!.id)).toBe(1_000_000n);
		expect(ledger.chain.topology.partition(1)!.epoch).toBe(3);
	});
});
