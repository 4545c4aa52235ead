/**
 * Certificates: who must have signed what. These functions check everything but the signatures and return the checks that
 * the driver still has to make, so that a certificate is believed only where both hold.
 */
import { toHex } from '../crypto/hex.ts';
import { HASH_BYTES, taggedHash } from '../crypto/hash.ts';
import type { Verification } from '../crypto/suite.ts';
import { LedgerError } from '../ledger/errors.ts';
import type {
	BlockCertificate,
	MemberSignature,
	OrderCertificate,
	PartitionIds,
	PartitionVotes
} from '../wire/gen/tabwave/v1/ledger_pb.js';
import { quorum } from './quorum.ts';
import { Kind, statementBytes, statementCheck, type Statement } from './statement.ts';
import { upperQuorum, type PartitionView } from './topology.ts';

/** What a Sign or Done is about. */
export type OrderResult = Pick<
	OrderCertificate,
	'term' | 'attempt' | 'height' | 'contentDigest' | 'blockHashes' | 'without'
>;

/**
 * What a Sign or Done says: this order makes these blocks.
 * @param without R22: which partitions the vote does without. It is part of what is signed, so that nobody makes a
 * certificate of the smaller quorum out of votes that were given for the full one.
 */
export function orderVoteDigest(
	contentDigest: Uint8Array,
	blockHashes: Uint8Array,
	without?: PartitionIds
): Uint8Array {
	const left = leftOut({ without });
	if (left.length === 0) return taggedHash('order-vote', contentDigest, blockHashes);
	// Their count goes first: only then is it clear where they end.
	const ids = new DataView(new ArrayBuffer(4 + 4 * left.length));
	ids.setUint32(0, left.length);
	left.forEach((id, i) => ids.setUint32(4 + 4 * i, id));
	return taggedHash('order-vote-without', new Uint8Array(ids.buffer), contentDigest, blockHashes);
}

/** Ids of the partitions that have no vote on a ballot (R22). */
export function leftOut({ without }: { without?: PartitionIds }): readonly number[] {
	return without?.ids ?? [];
}

/**
 * The partitions that vote where some are left out (R22).
 * @throws LedgerError `CertificateInvalid`
 */
export function votersWithout(active: PartitionView[], without: readonly number[]): PartitionView[] {
	without.forEach((id, i) => {
		if (i > 0 && without[i - 1]! >= id) throw invalid('the partitions that it leaves out are in no order');
		if (!active.some((partition) => partition.id === id))
			throw invalid(`it leaves out partition ${id}, which has no vote`);
	});
	return active.filter(({ id }) => !without.includes(id));
}

/** The statement under which each Commit of a certificate was signed. */
export function commitStatement(certificate: BlockCertificate): Statement {
	return {
		kind: Kind.COMMIT,
		partition: certificate.partition,
		epoch: certificate.epoch,
		view: certificate.view,
		attempt: 0,
		slot: certificate.roundId,
		digest: certificate.blockId
	};
}

/**
 * @param members of the certificate's partition in its epoch
 * @throws LedgerError `CertificateInvalid`
 */
export function checkBlockCertificate(
	certificate: BlockCertificate,
	members: PartitionView | undefined,
	chainId: Uint8Array
): Verification[] {
	if (!members || members.id !== certificate.partition || members.epoch !== certificate.epoch)
		throw invalid(
			`no members are known for partition ${certificate.partition} in epoch ${certificate.epoch}`
		);
	checkInhabited(members);
	if (certificate.blockId.length !== HASH_BYTES) throw invalid('its block id is not 32 bytes');
	checkVoters(certificate.commits, members, quorum(members.members.length));
	const statement = commitStatement(certificate);
	return certificate.commits.map((commit) => statementCheck(chainId, statement, commit));
}

/** The statement of one partition's vote in the upper tier. */
export function orderStatement(kind: Kind, order: OrderResult, partition: number, epoch: number): Statement {
	return {
		kind,
		partition,
		epoch,
		view: order.term,
		attempt: order.attempt,
		slot: order.height,
		digest: orderVoteDigest(order.contentDigest, order.blockHashes, order.without)
	};
}

/**
 * One partition's Signs or Dones (R11: a partition counts once, with q of its members behind it).
 * @throws LedgerError `CertificateInvalid`
 */
export function checkPartitionVotes(
	kind: Kind,
	order: OrderResult,
	votes: PartitionVotes,
	members: PartitionView | undefined,
	chainId: Uint8Array
): Verification[] {
	if (!members || members.id !== votes.partition || members.epoch !== votes.epoch)
		throw invalid(`partition ${votes.partition} has no vote in epoch ${votes.epoch}`);
	checkInhabited(members);
	checkOrderForm(order);
	checkVoters(votes.votes, members, quorum(members.members.length));
	const statement = orderStatement(kind, order, votes.partition, votes.epoch);
	return votes.votes.map((vote) => statementCheck(chainId, statement, vote));
}

/**
 * An OrderCommit (`Kind.SIGN`) or a finality proof (`Kind.DONE`).
 * @param active the partitions that have a vote at the certificate's height
 * @param operator its key, whose signature alone is enough where no partition is left to vote (R22)
 * @throws LedgerError `CertificateInvalid`
 */
export function checkOrderCertificate(
	kind: Kind.SIGN | Kind.DONE,
	certificate: OrderCertificate,
	active: PartitionView[],
	operator: Uint8Array,
	chainId: Uint8Array
): Verification[] {
	checkOrderForm(certificate);
	const voters = votersWithout(active, leftOut(certificate));
	if (voters.length === 0) {
		const statement = { ...orderStatement(Kind.OPERATOR, certificate, 0, 0) };
		return [
			{
				publicKey: operator,
				message: statementBytes(chainId, statement, operator),
				signature: certificate.operatorSignature
			}
		];
	}
	const seen = new Set<number>();
	const checks = certificate.partitions.flatMap((votes) => {
		if (seen.has(votes.partition)) throw invalid(`partition ${votes.partition} is counted twice`);
		seen.add(votes.partition);
		return checkPartitionVotes(
			kind,
			certificate,
			votes,
			voters.find((p) => p.id === votes.partition),
			chainId
		);
	});
	if (seen.size < upperQuorum(voters))
		throw invalid(`${seen.size} of ${voters.length} partitions; ${upperQuorum(voters)} are needed`);
	return checks;
}

/** Both are hashed one behind the other: only fixed lengths keep the border between them where it was signed. */
function checkOrderForm(order: Pick<OrderCertificate, 'contentDigest' | 'blockHashes'>): void {
	if (order.contentDigest.length !== HASH_BYTES) throw invalid('its content digest is not 32 bytes');
	if (order.blockHashes.length === 0 || order.blockHashes.length % HASH_BYTES !== 0)
		throw invalid('it names no whole blocks');
}

/** Who has left has no vote, and a quorum of nobody is none: a partition may be empty in some of its epochs (R22). */
function checkInhabited({ id, epoch, members }: PartitionView): void {
	if (members.length === 0) throw invalid(`partition ${id} had no members in epoch ${epoch}`);
}

/** Members of the partition, each once, and enough of them. @throws LedgerError `CertificateInvalid` */
export function checkVoters(votes: MemberSignature[], members: PartitionView, needed: number): void {
	const voters = new Set<string>();
	for (const vote of votes) {
		const id = toHex(vote.member);
		if (!members.members.includes(id))
			throw invalid(`${id.slice(0, 8)} is no member of partition ${members.id}`);
		if (voters.has(id)) throw invalid(`${id.slice(0, 8)} is counted twice`);
		voters.add(id);
	}
	if (voters.size < needed)
		throw invalid(`${voters.size} of ${members.members.length} members; ${needed} are needed`);
}

function invalid(why: string): LedgerError {
	return new LedgerError('CertificateInvalid', `a certificate does not hold: ${why}`);
}
