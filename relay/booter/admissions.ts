/**
 * Who comes and who goes (R22): where a newcomer finds a seat, and which requests to join, to leave, or to evict the silent are worth an
 * entry. Who asks for what cannot be is told why; who asks a replica that is not active is told which one is, and its request is not kept:
 * it may be out of date by the time.
 */
import {
	checkJoin,
	checkLeave,
	membershipSignatures,
	readJoin,
	splitTarget,
	unusedId,
	type MembershipContext
} from '#lib/consensus/membership/change.ts';
import type { Chain } from '#lib/consensus/ordering/chain.ts';
import { isWellFormed, Kind, signedCheck } from '#lib/consensus/statement.ts';
import type { PartitionView } from '#lib/consensus/topology.ts';
import { toHex } from '#lib/crypto/hex.ts';
import { LedgerError } from '#lib/ledger/errors.ts';
import type { Clock } from '#lib/node/clock.ts';
import type { Verifier } from '#lib/node/intake/verifier.ts';
import { Admission, type Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { Assignments } from './assignments.ts';
import type { BooterInput } from './inputs.ts';
import type { RevokedInvitations } from './revocation-spread.ts';

export interface AdmissionsInit {
	chain: Chain;
	verifier: Verifier;
	clock: Pick<Clock, 'now'>;
	/** Invitations that the operator has taken back. */
	revoked: Pick<RevokedInvitations, 'has'> | undefined;
	/** This replica is the active one. */
	isActive(): boolean;
	/** A member was heard of lately: nobody evicts it. */
	isHeard(member: string): boolean;
	/** Somebody who is no member wants to be one. */
	newcomer(nowMs: number): void;
	/** Tells a peer who is active. */
	redirect(to: string): void;
	send(to: string, packet: Packet['body']): void;
}

export class Admissions {
	readonly #init: AdmissionsInit;
	readonly #assignments: Assignments;

	constructor(init: AdmissionsInit) {
		const { topology, genesis } = init.chain;
		this.#init = init;
		this.#assignments = new Assignments(topology, () => unusedId(topology, genesis.fields) !== null);
	}

	/** Sends a newcomer to a partition. @param wish 0 for none */
	assign(from: string, wish: number): void {
		if (!this.#isAskedRightly(from)) return;
		const { chain, clock, newcomer, send } = this.#init;
		const nowMs = clock.now();
		const { topology, genesis, head } = chain;
		// Where everybody is gone all seats may be taken still.
		if (genesis.fields.admission === Admission.OPEN && !topology.partitionOf(from)) newcomer(nowMs);
		const partition = this.#assignments.choose(from, wish, nowMs);
		if (partition === null) {
			const what = wish === 0 ? 'every partition' : `partition ${wish}`;
			send(from, refusalPacket(new LedgerError('PartitionFull', `${what} is full or does not exist`)));
			return;
		}
		send(from, {
			case: 'assignment',
			value: { $typeName: 'tabwave.v1.Assignment', partition, finalHeight: head.height }
		});
	}

	/** A join, a leave or a declaration of silence, whoever carries it. @throws LedgerError for what cannot be granted */
	async request(from: string, signed: Signed): Promise<BooterInput | null> {
		if (!this.#isAskedRightly(from)) return null;
		const { topology } = this.#init.chain;
		if (!isWellFormed(signed))
			throw new LedgerError('MessageMalformed', 'a request has fields of wrong size');
		const partition = topology.partition(signed.partition);
		try {
			if (!partition) throw new LedgerError('MembershipInvalid', `there is no partition ${signed.partition}`);
			const isDue =
				signed.kind === Kind.JOIN
					? await this.#checkJoin(from, signed, partition)
					: await this.#checkParting(signed, partition);
			if (!isDue) return null;
		} catch (error) {
			if (error instanceof LedgerError && error.reason !== 'AlreadyMember')
				this.#init.send(from, refusalPacket(error));
			throw error;
		}
		return { type: 'request', signed };
	}

	async #checkJoin(from: string, signed: Signed, partition: PartitionView): Promise<true> {
		const { chain, verifier, clock, revoked, newcomer } = this.#init;
		const { topology, chainId, genesis } = chain;
		checkJoin(signed, partition, topology, this.#context());
		if (partition.members.length >= partition.maxMembers && !this.#maySplit(partition, from))
			throw new LedgerError(
				'PartitionFull',
				`partition ${partition.id} has ${partition.maxMembers} seats and all are taken`
			);
		const checks = membershipSignatures(
			{ joins: [signed], leaves: [], evictions: [] },
			genesis.fields.operator,
			chainId
		);
		if (!(await verifier.verifyAll(checks)))
			throw new LedgerError(
				'InvitationInvalid',
				'the signature of the join or of its invitation does not hold'
			);
		const { invitation } = readJoin(signed);
		if (invitation && revoked?.has(invitation.invitation))
			throw new LedgerError('InvitationRevoked', 'the operator has taken this invitation back');
		newcomer(clock.now());
		return true;
	}

	/** A leave, or a declaration that another member is silent. @returns whether it is one, of a present member, and counts */
	async #checkParting(signed: Signed, partition: PartitionView): Promise<boolean> {
		const { chain, verifier, isHeard } = this.#init;
		if (signed.kind !== Kind.LEAVE && signed.kind !== Kind.SILENCE) return false;
		if (signed.epoch !== partition.epoch || !partition.members.includes(toHex(signed.sender))) return false;
		if (signed.kind === Kind.LEAVE) checkLeave(signed, partition);
		if (!(await verifier.verifyOnce(signedCheck(chain.chainId, signed))))
			throw new LedgerError('SignatureInvalid', 'a request carries a bad signature');
		// R22: who is heard is not silent.
		return signed.kind === Kind.LEAVE || !isHeard(toHex(signed.digest));
	}

	#context(): MembershipContext {
		const { chain, clock } = this.#init;
		const { chainId, genesis, head, state } = chain;
		return { state, genesis: genesis.fields, chainId, height: head.height + 1, timeMs: clock.now() };
	}

	/** R22: a full partition takes a newcomer that finds no seat elsewhere, or that was sent here when it found none. */
	#maySplit(partition: PartitionView, from: string): boolean {
		const { topology, genesis } = this.#init.chain;
		if (unusedId(topology, genesis.fields) === null || partition.maxMembers === 0) return false;
		return (
			splitTarget(partition, topology, genesis.fields) !== null ||
			this.#assignments.isAssigned(from, partition.id)
		);
	}

	#isAskedRightly(from: string): boolean {
		if (this.#init.isActive()) return true;
		this.#init.redirect(from);
		return false;
	}
}

/** Why not, with a stable name. */
export function refusalPacket(error: LedgerError): Packet['body'] {
	return {
		case: 'refusal',
		value: { $typeName: 'tabwave.v1.Refusal', name: error.reason, message: error.message }
	};
}
