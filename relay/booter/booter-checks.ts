/**
 * One check for each kind of packet that the ordering core hears of: form, place and bounds first, then signatures. Requests to come or
 * go have their own (admissions.ts).
 */
import { checkPartitionVotes } from '#lib/consensus/certificates.ts';
import { readCertifiedBlock } from '#lib/consensus/ordering/certified-block.ts';
import type { Chain } from '#lib/consensus/ordering/chain.ts';
import { checkPartitionRefusal } from '#lib/consensus/ordering/refusal.ts';
import { checkPartitionStatus } from '#lib/consensus/ordering/status.ts';
import { checkLeaderChange } from '#lib/consensus/pbft/validation/leader-change.ts';
import { checkRaftMessage, type RaftMessage } from '#lib/consensus/raft/messages.ts';
import { Kind } from '#lib/consensus/statement.ts';
import { toHex } from '#lib/crypto/hex.ts';
import type { Verification } from '#lib/crypto/suite.ts';
import { LedgerError } from '#lib/ledger/errors.ts';
import { holdEvidence } from '#lib/node/intake/evidence-checks.ts';
import { votersOf } from '#lib/node/intake/order-checks.ts';
import type { Verifier } from '#lib/node/intake/verifier.ts';
import type { CertifiedBlock, Evidence } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { LeaderChange } from '#lib/wire/gen/tabwave/v1/view_change_pb.js';
import type { PartitionRefusal, PartitionStatus, PartitionVote } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import type { BooterInput } from './inputs.ts';

export interface BooterChecksInit {
	chain: Chain;
	verifier: Verifier;
	isReplica(peer: string): boolean;
	/** The view of a partition, as far as it was proved. */
	view(partition: number): number;
	/** R24: evidence against this member waits already. */
	isAccused(member: string): boolean;
}

export class BooterChecks {
	readonly #init: BooterChecksInit;

	constructor(init: BooterChecksInit) {
		this.#init = init;
	}

	/** The link says who speaks; nobody but a replica has a say in who is active. */
	raft(from: string, message: RaftMessage): BooterInput {
		if (!this.#init.isReplica(from))
			throw new LedgerError('NotBooter', 'what only a Booter says comes from who is none');
		checkRaftMessage(message);
		return { type: 'raft', from, message };
	}

	async certified(block: CertifiedBlock): Promise<BooterInput | null> {
		const { topology, genesis, chainId } = this.#init.chain;
		const certificate = block.certificate;
		if (certificate && topology.partition(certificate.partition)?.epoch !== certificate.epoch) return null;
		if (certificate && certificate.roundId <= topology.lastRoundId(certificate.partition)) return null;
		const { body, checks } = readCertifiedBlock(block, topology, genesis.fields, chainId);
		await this.#hold(checks, 'a certified block');
		return { type: 'certified', body };
	}

	async vote(vote: PartitionVote): Promise<BooterInput | null> {
		const { chain } = this.#init;
		if (vote.kind !== Kind.SIGN && vote.kind !== Kind.DONE)
			throw new LedgerError('MessageMalformed', 'a partition votes Sign or Done');
		if (!vote.votes) throw new LedgerError('MessageMalformed', 'a partition vote holds votes');
		if (vote.height <= chain.head.height) return null;
		const partition = chain.topology.partition(vote.votes.partition);
		const checks = checkPartitionVotes(vote.kind, vote, vote.votes, partition, chain.chainId);
		await this.#hold(checks, 'a partition vote');
		return { type: 'vote', vote };
	}

	async status(status: PartitionStatus): Promise<BooterInput | null> {
		const { chain } = this.#init;
		if (status.height !== chain.head.height + 1) return null;
		await this.#hold(checkPartitionStatus(status, votersOf(chain)), 'a partition status');
		return { type: 'status', status };
	}

	async refusal(refusal: PartitionRefusal): Promise<BooterInput | null> {
		const { chain } = this.#init;
		const partition = chain.topology.partition(refusal.partition);
		if (partition?.epoch !== refusal.epoch) return null;
		await this.#hold(checkPartitionRefusal(refusal, partition, chain.chainId), 'a refusal');
		return { type: 'refusal', refusal };
	}

	/** Who leads a partition is believed of what its members signed, never of who says so. */
	async leaderChange(leaderChange: LeaderChange): Promise<BooterInput | null> {
		const { chain, view } = this.#init;
		const { signed } = leaderChange;
		const partition = signed && chain.topology.partition(signed.partition);
		if (!partition || signed.epoch !== partition.epoch || signed.view <= view(partition.id)) return null;
		const checked = checkLeaderChange(leaderChange, { chain, partition });
		if (!checked) return null;
		await this.#hold(checked.checks, 'a LeaderChange');
		return { type: 'leader-changed', partition: partition.id, view: checked.view };
	}

	/** R24: against a member; of anybody else there is nobody to evict. */
	async evidence(evidence: Evidence): Promise<BooterInput | null> {
		const { chain, verifier, isAccused } = this.#init;
		const accused = evidence.first && toHex(evidence.first.sender);
		if (!accused || !chain.topology.partitionOf(accused) || isAccused(accused)) return null;
		const { offender, evidence: held } = await holdEvidence(evidence, chain, verifier);
		return { type: 'evidence', offender, evidence: held };
	}

	#hold(checks: Verification[], what: string): Promise<void> {
		return hold(this.#init.verifier, checks, what);
	}
}

/** @throws LedgerError `SignatureInvalid` where one of the signatures of `what` does not hold */
export async function hold(verifier: Verifier, checks: Verification[], what: string): Promise<void> {
	if (!(await verifier.verifyAll(checks)))
		throw new LedgerError('SignatureInvalid', `${what} carries a bad signature`);
}
