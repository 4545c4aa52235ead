/** Checks of the upper tier's packets, one for each kind: form, place and bounds first, then signatures (packet-checks.ts). */
import { checkOrderCertificate } from '../../consensus/certificates.ts';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { checkNext } from '../../consensus/ordering/next.ts';
import { checkRefuse } from '../../consensus/ordering/refusal.ts';
import { checkStatus, checkStatusRequest, type Voters } from '../../consensus/ordering/status.ts';
import { Kind, signedCheck } from '../../consensus/statement.ts';
import type { PartitionView } from '../../consensus/topology.ts';
import { toHex } from '../../crypto/hex.ts';
import type { Verification } from '../../crypto/suite.ts';
import { LedgerError } from '../../ledger/errors.ts';
import type { OrderCertificate, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Next } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { received, type NodeInput } from './inputs.ts';
import type { Verifier } from './verifier.ts';

/** Heights above the head of which Signs and Dones are kept; what is further belongs to who is further. */
const MAX_HEIGHTS_AHEAD = 2;

/** Rounds or heights behind the ledger's last one of which votes are still held against each other (R24). */
export const MAX_SLOTS_LATE = 64;

const UPPER_VOTES: readonly Kind[] = [Kind.SIGN, Kind.DONE, Kind.STATUS, Kind.REFUSE];

export class OrderChecks {
	readonly #chain: Chain;
	readonly #verifier: Verifier;

	constructor(chain: Chain, verifier: Verifier) {
		this.#chain = chain;
		this.#verifier = verifier;
	}

	/** Whether it is a Sign or a Done at a height that has been final for a short time. */
	isLate({ kind, slot }: Signed): boolean {
		const { height } = this.#chain.head;
		return (kind === Kind.SIGN || kind === Kind.DONE) && slot <= height && slot > height - MAX_SLOTS_LATE;
	}

	/** A Sign, Done, Status or Refuse of a member of this node's partition. */
	async vote(signed: Signed, partition: PartitionView): Promise<NodeInput | null> {
		const { height } = this.#chain.head;
		const isOrderVote = signed.kind === Kind.SIGN || signed.kind === Kind.DONE;
		// Statuses and refusals are about the height above the head: its voters are known.
		if (signed.slot <= height || signed.slot > height + (isOrderVote ? MAX_HEIGHTS_AHEAD : 1)) return null;
		await this.#hold(this.#voteChecks(signed, partition), 'a vote on an order');
		return { type: 'signed', message: received(signed) };
	}

	/** R14: the Booter's question. */
	async statusRequest(signed: Signed): Promise<NodeInput | null> {
		if (signed.slot !== this.#chain.head.height + 1) return null;
		await this.#hold(checkStatusRequest(signed, this.voters()), 'a request for Statuses');
		return { type: 'status-request', request: signed };
	}

	/** A Next of a Booter that genesis names, its previous proof, and what justifies it. */
	async next(next: Next): Promise<NodeInput | null> {
		const { height } = this.#chain.head;
		const { previous } = next;
		if (next.signed && next.signed.slot <= height) return null;
		// Whose votes count above the next height is not known here yet: block sync brings it.
		if (previous && previous.height > height + 1) return null;
		const isOwnHeight = next.signed?.slot === height + 1;
		// Who has a vote on it the height before decides: that one's proof is taken, and the Next comes again.
		if (next.signed && !isOwnHeight && next.statuses.length > 0)
			return previous ? this.finality(previous) : null;
		const { fields } = this.#chain.genesis;
		const { maxBlocksPerNext } = fields;
		const { checks } = checkNext(next, this.voters(), { maxBlocksPerNext, isOwnHeight, recovery: fields });
		if (previous && previous.height > height) checks.push(...this.#finalityChecks(previous));
		await this.#hold(checks, 'a Next');
		return { type: 'next', next };
	}

	async orderCommit(certificate: OrderCertificate): Promise<NodeInput | null> {
		if (certificate.height !== this.#chain.head.height + 1) return null;
		const { active, operator, chainId } = this.voters();
		const checks = checkOrderCertificate(Kind.SIGN, certificate, active, operator, chainId);
		await this.#hold(checks, 'an OrderCommit');
		return { type: 'order-commit', certificate };
	}

	async finality(certificate: OrderCertificate): Promise<NodeInput | null> {
		if (certificate.height !== this.#chain.head.height + 1) return null;
		await this.#hold(this.#finalityChecks(certificate), 'a finality proof');
		return { type: 'finality', certificate };
	}

	/** Who has a vote at the height above the head. */
	voters(): Voters {
		return votersOf(this.#chain);
	}

	#voteChecks(signed: Signed, partition: PartitionView): Verification[] {
		if (signed.kind === Kind.STATUS) return checkStatus(signed, this.voters());
		if (signed.kind === Kind.REFUSE) return checkRefuse(signed, partition, this.#chain.chainId);
		if (!partition.members.includes(toHex(signed.sender)))
			throw new LedgerError('NotMember', 'a vote of who is no member');
		return [signedCheck(this.#chain.chainId, signed)];
	}

	#finalityChecks(certificate: OrderCertificate): Verification[] {
		const { active, operator, chainId } = this.voters();
		return checkOrderCertificate(Kind.DONE, certificate, active, operator, chainId);
	}

	async #hold(checks: Verification[], what: string): Promise<void> {
		if (!(await this.#verifier.verifyAll(checks)))
			throw new LedgerError('SignatureInvalid', `the signature of ${what} does not hold`);
	}
}

/** Whether a message is of a kind that members of a partition say to each other about an order. */
export function isOrderVote(signed: Signed): boolean {
	return UPPER_VOTES.includes(signed.kind);
}

/** Who has a vote at the height above a chain's head, and who may ask for it. */
export function votersOf({ topology, genesis, chainId }: Chain): Voters {
	const { operator, booters } = genesis.fields;
	return { active: topology.active(), operator, booters, chainId };
}
