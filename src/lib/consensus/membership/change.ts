/** R22: a change of members, as every voter checks it and as the ledger takes it over. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { taggedHash, ZERO_HASH } from '../../crypto/hash.ts';
import { compareBytes, equalBytes, fromHex, toHex } from '../../crypto/hex.ts';
import type { Verification } from '../../crypto/suite.ts';
import { creditNewcomer } from '../../ledger/accounts.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { banKey, epochKey, partitionIds, partitionKey } from '../../ledger/genesis.ts';
import type { Overlay, StateReader } from '../../ledger/state.ts';
import { KEY_BYTES } from '../../ledger/transaction.ts';
import {
	BanStateSchema,
	InvitationStateSchema,
	PartitionStateSchema
} from '../../wire/gen/tabwave/v1/contracts_pb.js';
import {
	Admission,
	InvitationSchema,
	JoinRequestSchema,
	MembershipChangeSchema,
	type Eviction,
	type Genesis,
	type Invitation,
	type JoinRequest,
	type Member,
	type MembershipChange,
	type Signed
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { checkEvidence, type EvidenceContext } from '../evidence/evidence.ts';
import { quorum } from '../quorum.ts';
import { checkRecovery, readRecovery, recoverySignature } from './recovery.ts';
import { isWellFormed, Kind, payloadDigest, signedCheck } from '../statement.ts';
import { Topology, type PartitionView } from '../topology.ts';

export const MAX_NICKNAME_LENGTH = 32;
/** A newcomer's signature holds for this many heights, so that it cannot be used again after a leave. */
export const JOIN_VALID_HEIGHTS = 1000;

export interface MembershipContext {
	state: StateReader;
	genesis: Genesis;
	chainId: Uint8Array;
	/** Of the block that would hold the change. */
	height: number;
	timeMs: number;
}

/** The signature checks of a change: they depend on nothing but its bytes. @throws LedgerError where it is malformed */
export function membershipSignatures(
	change: Pick<MembershipChange, 'joins' | 'leaves' | 'evictions' | 'recovery'>,
	operator: Uint8Array,
	chainId: Uint8Array
): Verification[] {
	const signed = [
		...change.joins,
		...change.leaves,
		...change.evictions.flatMap(({ silences, evidence }) =>
			[...silences, evidence?.first, evidence?.second].filter((one) => one !== undefined)
		)
	];
	const checks = signed.map((message) => signedCheck(chainId, message));
	if (change.recovery) checks.push(recoverySignature(change.recovery, operator));
	for (const join of change.joins) {
		const { invitation } = readJoin(join);
		if (invitation)
			checks.push({
				publicKey: operator,
				message: taggedHash('invitation', invitation.invitation),
				signature: invitation.signature
			});
	}
	return checks;
}

/**
 * Checks everything but the signatures.
 * @throws LedgerError `MembershipInvalid`, `AlreadyMember`, `KeyBanned`, `PartitionFull`, `InvitationRequired`, `InvitationInvalid`,
 * `EvidenceInvalid`, `RecoveryInvalid`
 */
export function checkMembershipChange(change: MembershipChange, context: MembershipContext): void {
	const topology = topologyOf(context);
	const partition = topology.partition(change.partition);
	if (!partition) throw invalid(`there is no partition ${change.partition}`);
	if (change.epoch !== partition.epoch + 1)
		throw invalid(
			`partition ${change.partition} is in epoch ${partition.epoch}, the change is for ${change.epoch}`
		);
	const proofs = change.joins.length + change.leaves.length + change.evictions.length;
	if (change.recovery) checkRecoveryAlone(change, proofs, partition, topology, context);
	else if (proofs === 0) throw invalid('it changes nothing');
	for (const join of change.joins) checkJoin(join, partition, topology, context);
	for (const leave of change.leaves) checkLeave(leave, partition);
	for (const eviction of change.evictions) checkEviction(eviction, partition, context);
	checkInvitationUses(change, context);
	const expected = nextMembers(change, partition);
	if (change.split) {
		checkSplit(change, expected, partition, topology, context.genesis);
		return;
	}
	if (expected.length > partition.maxMembers)
		throw new LedgerError('PartitionFull', `partition ${partition.id} has ${partition.maxMembers} seats`);
	if (!sameMembers(expected, change.members))
		throw invalid('its list of members is not what its proofs make');
}

/** Writes what a checked change means. */
export function applyMembershipChange(
	change: MembershipChange,
	overlay: Overlay,
	context: MembershipContext
): void {
	const partition = topologyOf(context).partition(change.partition)!;
	const value = toBinary(
		PartitionStateSchema,
		create(PartitionStateSchema, {
			id: change.partition,
			epoch: change.epoch,
			members: change.members,
			maxMembers: change.recovery && readRecovery(change.recovery).retire ? 0 : partition.maxMembers,
			sinceHeight: context.height
		})
	);
	overlay.set(partitionKey(change.partition), value);
	overlay.set(epochKey(change.partition, change.epoch), value);
	if (change.split) {
		const begun = toBinary(
			PartitionStateSchema,
			create(PartitionStateSchema, {
				id: change.split.partition,
				epoch: 1,
				members: change.split.members,
				maxMembers: partition.maxMembers,
				sinceHeight: context.height
			})
		);
		overlay.set(partitionKey(change.split.partition), begun);
		overlay.set(epochKey(change.split.partition, 1), begun);
	}
	for (const { member, evidence } of change.evictions)
		if (evidence) overlay.set(banKey(toHex(member)), banState(change, context.height));
	for (const join of change.joins) {
		creditNewcomer(overlay, toHex(join.sender), context.genesis.initialBalance);
		const invitation = readJoin(join).invitation;
		if (!invitation) continue;
		const key = invitationKey(invitation.invitation);
		const used = invitationUses(overlay, key) + 1;
		overlay.set(key, toBinary(InvitationStateSchema, create(InvitationStateSchema, { used })));
	}
}

/** One join as the Booter checks it when it arrives, and each voter in a change. @throws LedgerError as {@link checkMembershipChange} */
export function checkJoin(
	join: Signed,
	partition: PartitionView,
	topology: Topology,
	context: MembershipContext
): void {
	if (!isWellFormed(join) || join.kind !== Kind.JOIN || join.partition !== partition.id)
		throw invalid('a join is malformed');
	if (join.slot < context.height || join.slot > context.height + JOIN_VALID_HEIGHTS)
		throw invalid('a join is signed for other heights');
	if (!equalBytes(join.digest, payloadDigest(join.payload)))
		throw invalid('a join does not match its payload');
	const member = toHex(join.sender);
	if (topology.partitionOf(member))
		throw new LedgerError('AlreadyMember', `${member.slice(0, 8)} is a member already`);
	if (context.state.get(banKey(member)))
		throw new LedgerError(
			'KeyBanned',
			`${member.slice(0, 8)} was evicted for evidence against it, and cannot join again`
		);
	const request = readJoin(join);
	if (!isNickname(request.nickname)) throw invalid('a nickname has 1 to 32 printable characters');
	if (request.invitation) {
		const invitation = readInvitation(request.invitation.invitation);
		if (!equalBytes(invitation.chainId, context.chainId)) throw badInvitation('it is for another network');
		if (invitation.partition !== 0 && invitation.partition !== partition.id)
			throw badInvitation('it is for another partition');
		if (Number(invitation.expiresMs) < context.timeMs) throw badInvitation('it has expired');
	} else if (context.genesis.admission === Admission.INVITATION) {
		throw new LedgerError('InvitationRequired', 'this network admits who has an invitation of its operator');
	}
}

/** @throws LedgerError `MembershipInvalid` */
export function checkLeave(leave: Signed, partition: PartitionView): void {
	if (
		!isWellFormed(leave) ||
		leave.kind !== Kind.LEAVE ||
		leave.partition !== partition.id ||
		leave.epoch !== partition.epoch
	)
		throw invalid('a leave is malformed or of another epoch');
	if (!equalBytes(leave.digest, ZERO_HASH)) throw invalid('a leave says nothing but itself');
	if (!partition.members.includes(toHex(leave.sender))) throw invalid('who is no member cannot leave');
}

/** @throws LedgerError `MembershipInvalid`, `EvidenceInvalid` */
export function checkEviction(
	eviction: Pick<Eviction, 'member' | 'silences' | 'evidence'>,
	partition: PartitionView,
	context: MembershipContext
): void {
	const member = toHex(eviction.member);
	if (!partition.members.includes(member)) throw invalid('who is no member cannot be evicted');
	if (eviction.evidence) {
		// It proves itself (R24): no declarations are asked for, and none make it stronger.
		const { offender } = checkEvidence(eviction.evidence, evidenceContext(context));
		if (offender !== member) throw invalid('the evidence is against another member');
		if (eviction.silences.length > 0)
			throw invalid('who is evicted for evidence is declared silent by nobody');
		return;
	}
	const voters = new Set<string>();
	for (const silence of eviction.silences) {
		const voter = toHex(silence.sender);
		if (
			!isWellFormed(silence) ||
			silence.kind !== Kind.SILENCE ||
			silence.partition !== partition.id ||
			silence.epoch !== partition.epoch
		)
			throw invalid('a declaration of silence is malformed or of another epoch');
		if (!equalBytes(silence.digest, eviction.member))
			throw invalid('a declaration of silence names another member');
		if (silence.slot > context.height || silence.slot + context.genesis.silenceWindow < context.height)
			throw invalid('a declaration of silence is too old');
		if (!partition.members.includes(voter) || voter === member)
			throw invalid('who is no other member declares no silence');
		if (voters.has(voter)) throw invalid('a declaration of silence is counted twice');
		voters.add(voter);
	}
	if (voters.size < quorum(partition.members.length)) throw invalid('too few members declare the silence');
}

/** The members after the change, sorted by id. @throws LedgerError where one is named twice */
export function nextMembers(
	change: Pick<MembershipChange, 'joins' | 'leaves' | 'evictions' | 'recovery'>,
	partition: PartitionView
): Member[] {
	if (change.recovery)
		return readRecovery(change.recovery).remaining.map((id) =>
			member(id, partition.nicknames.get(toHex(id)) ?? '')
		);
	const members = new Map<string, Member>();
	partition.members.forEach((id) => members.set(id, member(fromHex(id), partition.nicknames.get(id) ?? '')));
	for (const gone of [
		...change.leaves.map((leave) => leave.sender),
		...change.evictions.map((eviction) => eviction.member)
	])
		if (!members.delete(toHex(gone))) throw invalid('a member goes twice');
	for (const join of change.joins) {
		const id = toHex(join.sender);
		if (members.has(id)) throw invalid('a member comes twice');
		members.set(id, member(join.sender, readJoin(join).nickname));
	}
	return [...members.values()].sort((a, b) => compareBytes(a.id, b.id));
}

export function encodeMembershipChange(
	change: Pick<
		MembershipChange,
		'partition' | 'epoch' | 'members' | 'joins' | 'leaves' | 'evictions' | 'recovery' | 'split'
	>
): Uint8Array {
	return toBinary(MembershipChangeSchema, create(MembershipChangeSchema, change));
}

/** @throws LedgerError `MembershipInvalid` */
export function readJoin(join: Signed): JoinRequest {
	try {
		return fromBinary(JoinRequestSchema, join.payload, { readUnknownFields: false });
	} catch {
		throw invalid('a join is malformed');
	}
}

export function isNickname(nickname: string): boolean {
	return (
		nickname.length > 0 &&
		nickname.length <= MAX_NICKNAME_LENGTH &&
		nickname.trim() === nickname &&
		!/\p{Cc}/u.test(nickname)
	);
}

/**
 * R22: the partition that a split would make; null where genesis allows no more, or where another has a free seat, which is
 * better than one more partition to agree with.
 */
export function splitTarget(
	partition: Pick<PartitionView, 'id'>,
	topology: Topology,
	genesis: Pick<Genesis, 'partitions' | 'maxPartitions'>
): number | null {
	const isOpen = topology
		.partitions()
		.some(({ id, members, maxMembers }) => id !== partition.id && members.length < maxMembers);
	return isOpen ? null : unusedId(topology, genesis);
}

/** An id that no partition has had; null where genesis allows none. */
export function unusedId(
	topology: Topology,
	genesis: Pick<Genesis, 'partitions' | 'maxPartitions'>
): number | null {
	return partitionIds(genesis).find((id) => !topology.partition(id)) ?? null;
}

/** By id, which is a prefix of all ids: the lower half stays, the upper half begins a partition of its own. */
export function halves(members: Member[]): { staying: Member[]; leaving: Member[] } {
	const middle = Math.ceil(members.length / 2);
	return { staying: members.slice(0, middle), leaving: members.slice(middle) };
}

/** That a partition is past its maximum is what a split needs; where newcomers are better sent is the Booter's choice. */
function checkSplit(
	{ split, members }: MembershipChange,
	all: Member[],
	{ maxMembers }: PartitionView,
	topology: Topology,
	genesis: Genesis
): void {
	if (all.length <= maxMembers) throw invalid('a partition that is not past its maximum does not split');
	if (split!.partition !== unusedId(topology, genesis))
		throw invalid(`partition ${split!.partition} is not the next that a split makes`);
	const { staying, leaving } = halves(all);
	if (staying.length > maxMembers)
		throw new LedgerError('PartitionFull', `two partitions of ${maxMembers} seats are not enough for all`);
	if (!sameMembers(staying, members) || !sameMembers(leaving, split!.members))
		throw invalid('its two lists of members are not what its proofs make');
}

/** An override stands alone in its entry, so that nobody takes part of it for ordinary business. */
function checkRecoveryAlone(
	{ recovery, split }: MembershipChange,
	proofs: number,
	partition: PartitionView,
	topology: Topology,
	context: MembershipContext
): void {
	if (proofs > 0 || split) throw invalid('a recovery comes with nothing else');
	const { retire } = checkRecovery(recovery!, partition, context);
	if (retire && !topology.partitions().some(({ id, maxMembers }) => id !== partition.id && maxMembers > 0))
		throw invalid('the last partition that anybody can join is not retired');
}

/** What evidence is checked against: the ledger's lists of members, now and before. */
export function evidenceContext(
	context: Pick<MembershipContext, 'state' | 'genesis' | 'chainId'>
): EvidenceContext {
	const topology = new Topology(context.state, partitionIds(context.genesis));
	return {
		chainId: context.chainId,
		genesis: context.genesis,
		epoch: (partition, epoch) => topology.epoch(partition, epoch)
	};
}

function banState({ partition, epoch }: MembershipChange, height: number): Uint8Array {
	return toBinary(BanStateSchema, create(BanStateSchema, { height, partition, epoch }));
}

function checkInvitationUses(change: MembershipChange, context: MembershipContext): void {
	const uses = new Map<string, number>();
	for (const join of change.joins) {
		const signed = readJoin(join).invitation;
		if (!signed) continue;
		const key = invitationKey(signed.invitation);
		const used = (uses.get(key) ?? invitationUses(context.state, key)) + 1;
		if (used > readInvitation(signed.invitation).uses)
			throw badInvitation('it was used as often as it allows');
		uses.set(key, used);
	}
}

function invitationKey(invitation: Uint8Array): string {
	return `invitation/${toHex(taggedHash('invitation', invitation))}`;
}

function invitationUses(state: StateReader, key: string): number {
	const value = state.get(key);
	return value ? fromBinary(InvitationStateSchema, value).used : 0;
}

function readInvitation(bytes: Uint8Array): Invitation {
	try {
		return fromBinary(InvitationSchema, bytes, { readUnknownFields: false });
	} catch {
		throw badInvitation('it is malformed');
	}
}

function topologyOf(context: MembershipContext): Topology {
	return new Topology(context.state, partitionIds(context.genesis));
}

function member(id: Uint8Array, nickname: string): Member {
	return { $typeName: 'tabwave.v1.Member', id, nickname };
}

function sameMembers(a: Member[], b: Member[]): boolean {
	return (
		a.length === b.length &&
		a.every(
			(member, i) =>
				member.id.length === KEY_BYTES &&
				equalBytes(member.id, b[i]!.id) &&
				member.nickname === b[i]!.nickname
		)
	);
}

function invalid(why: string): LedgerError {
	return new LedgerError('MembershipInvalid', `a change of members does not hold: ${why}`);
}

function badInvitation(why: string): LedgerError {
	return new LedgerError('InvitationInvalid', `the invitation does not hold: ${why}`);
}
