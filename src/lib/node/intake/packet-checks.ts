/**
 * One check for each kind of packet: form and membership first, then signatures, so that nothing untrusted costs more than
 * it must (R26, architecture.md). What passes may be handed to the cores.
 */
import { readCertifiedBlock } from '../../consensus/ordering/certified-block.ts';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { checkBlockCertificate } from '../../consensus/certificates.ts';
import type { Pbft } from '../../consensus/pbft/pbft.ts';
import { checkLeaderChange } from '../../consensus/pbft/validation/leader-change.ts';
import { checkNewView } from '../../consensus/pbft/validation/new-view.ts';
import { checkViewChange } from '../../consensus/pbft/validation/view-change.ts';
import { isWellFormed, Kind, signedCheck } from '../../consensus/statement.ts';
import { leaderOf, type PartitionView } from '../../consensus/topology.ts';
import { HASH_BYTES } from '../../crypto/hash.ts';
import type { Verification } from '../../crypto/suite.ts';
import { equalBytes, toHex } from '../../crypto/hex.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { namedBody, transactionCheck, type ParsedTransaction } from '../../ledger/transaction.ts';
import type { BlockCertificate, CertifiedBlock, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { LeaderChange, NewView } from '../../wire/gen/tabwave/v1/view_change_pb.js';
import { received, type NodeInput } from './inputs.ts';
import { isOrderVote, MAX_SLOTS_LATE, OrderChecks } from './order-checks.ts';
import type { Verifier } from './verifier.ts';

/** What a proposal holds beside the ids of its transactions, with room. */
const MAX_PROPOSAL_FRAME_BYTES = 256;

export interface PacketChecksInit {
	chain: Chain;
	verifier: Verifier;
	self: string;
	/** Where this node stands in its partition: what lies behind it costs no signature check. */
	lower(): Pick<Pbft, 'view' | 'isActive'> | null;
	/** R24: a member's vote in a round or at a height that the ledger holds by now. */
	late(signed: Signed): Promise<NodeInput | null>;
}

export class PacketChecks {
	readonly #chain: Chain;
	readonly #verifier: Verifier;
	readonly #self: string;
	/** Transactions whose signatures are being checked; as many as the inbox lets in. */
	readonly #checking = new Map<string, ParsedTransaction>();
	/** What is of the upper tier alone. */
	readonly orders: OrderChecks;
	readonly #lower: PacketChecksInit['lower'];
	readonly #late: PacketChecksInit['late'];
	/** Its leader's signature holds, and it rests on blocks that this node does not have yet (R9). */
	#unjudged: LeaderChange | null = null;

	constructor({ chain, verifier, self, lower, late }: PacketChecksInit) {
		this.#chain = chain;
		this.orders = new OrderChecks(chain, verifier);
		this.#verifier = verifier;
		this.#self = self;
		this.#lower = lower;
		this.#late = late;
	}

	/** A vote of a member of this node's partition in its present epoch, or a Booter's question. */
	async signed(signed: Signed): Promise<NodeInput | null> {
		if (!isWellFormed(signed))
			throw new LedgerError('MessageMalformed', 'a signed message has fields of wrong size');
		if (signed.kind === Kind.STATUS_REQUEST) return this.orders.statusRequest(signed);
		const partition = this.#chain.topology.partitionOf(this.#self);
		// Another epoch's messages are not wrong, only late or early: they are sent again or void.
		if (!partition || signed.partition !== partition.id || signed.epoch !== partition.epoch) return null;
		if (!partition.members.includes(toHex(signed.sender)))
			throw new LedgerError('NotMember', 'a vote of who is no member');
		const isLower =
			signed.kind === Kind.PRE_PREPARE || signed.kind === Kind.PREPARE || signed.kind === Kind.COMMIT;
		if (isOrderVote(signed))
			return this.orders.isLate(signed) ? this.#late(signed) : this.orders.vote(signed, partition);
		if (signed.kind === Kind.VIEW_CHANGE) return this.#viewChange(signed, partition);
		if (!isLower || signed.view < (this.#lower()?.view ?? 0)) return null;
		// A certificate names no attempt: a vote with one would spoil the certificate that counts it.
		if (signed.attempt !== 0) throw new LedgerError('MessageMalformed', 'a vote in a round has no attempt');
		const last = this.#chain.topology.lastRoundId(partition.id);
		if (signed.slot <= last && signed.slot > last - MAX_SLOTS_LATE) return this.#late(signed);
		// Twice the window: the sender may be further than this node.
		if (signed.slot <= last || signed.slot > last + 2 * this.#chain.genesis.fields.maxRoundsInFlight)
			return null;
		if (!(await this.#verifier.verifyOnce(signedCheck(this.#chain.chainId, signed))))
			throw badSignature('a vote');
		return { type: 'signed', message: received(signed) };
	}

	/** Whether this transaction is here and its signature is being checked. */
	isChecking(id: string): boolean {
		return this.#checking.has(id);
	}

	async #viewChange(signed: Signed, partition: PartitionView): Promise<NodeInput | null> {
		if (signed.view <= (this.#lower()?.view ?? 0)) return null;
		const checks = checkViewChange(signed, { chain: this.#chain, partition });
		if (!(await this.#verifier.verifyAll(checks))) throw badSignature('a ViewChange');
		return { type: 'signed', message: received(signed) };
	}

	/** A NewView for a view that this node is to lead and that has not begun. */
	async newView(newView: NewView): Promise<NodeInput | null> {
		const { signed } = newView;
		const partition = this.#present(signed);
		if (!signed || !partition || !this.#isAhead(signed.view)) return null;
		if (leaderOf(partition.members, signed.view) !== this.#self) return null;
		const checked = checkNewView(newView, { chain: this.#chain, partition });
		if (!checked) return null;
		if (!(await this.#holdInOrder(checked.checks))) throw badSignature('a NewView');
		const { content } = checked;
		return {
			type: 'new-view',
			newView: { sender: toHex(signed.sender), view: signed.view, newView, content }
		};
	}

	/** R6: checked whole, down to the last signature of the last certificate. */
	async leaderChange(leaderChange: LeaderChange): Promise<NodeInput | null> {
		const { signed } = leaderChange;
		const partition = this.#present(signed);
		if (!signed || !partition || !this.#isAhead(signed.view)) return null;
		const checked = checkLeaderChange(leaderChange, { chain: this.#chain, partition });
		if (!checked) {
			// Only the leader of the view that this node waits for can fill this one place.
			const isAwaited = signed.view === this.#lower()?.view;
			if (isAwaited && (await this.#verifier.verifyOnce(signedCheck(this.#chain.chainId, signed))))
				this.#unjudged = leaderChange;
			return null;
		}
		if (!(await this.#holdInOrder(checked.checks))) throw badSignature('a LeaderChange');
		const { view, content } = checked;
		return { type: 'leader-change', leaderChange: { view, leaderChange, content } };
	}

	/** The chain has moved. @returns a LeaderChange that came before the blocks that it rests on, once they are there */
	takeUnjudged(): LeaderChange | null {
		const held = this.#unjudged;
		if (!held || held.proof!.finality!.height > this.#reach(1)) return null;
		this.#unjudged = null;
		return held;
	}

	/** The sender's own signature first: nobody else makes this node check what a message carries. */
	async #holdInOrder([own, ...carried]: Verification[]): Promise<boolean> {
		return (await this.#verifier.verifyOnce(own!)) && (await this.#verifier.verifyAll(carried));
	}

	/** Its hash says what it is; only its size is checked here. */
	proposal(bytes: Uint8Array): NodeInput {
		const { maxTransactionsPerBlock } = this.#chain.genesis.fields;
		if (bytes.length > maxTransactionsPerBlock * HASH_BYTES + MAX_PROPOSAL_FRAME_BYTES)
			throw new LedgerError('MessageMalformed', `a proposal of ${bytes.length} bytes`);
		return { type: 'proposal', bytes };
	}

	/** This node's partition, where the message belongs to its present epoch. Another epoch's is not wrong, only late or early. */
	#present(signed: Signed | undefined): PartitionView | null {
		const partition = this.#chain.topology.partitionOf(this.#self);
		return partition && signed?.partition === partition.id && signed.epoch === partition.epoch
			? partition
			: null;
	}

	/** A view that this node does not work in yet. */
	#isAhead(view: number): boolean {
		const lower = this.#lower();
		return lower !== null && (view > lower.view || (view === lower.view && !lower.isActive));
	}

	/**
	 * @param isKnown ids that cost no check
	 * @param isWanted ids that a round waits for (R3), whatever the height at which they come
	 */
	async transactions(
		batch: Uint8Array[],
		isKnown: (id: string) => boolean,
		isWanted: (id: string) => boolean
	): Promise<NodeInput | null> {
		const { maxTransactionsPerBlock } = this.#chain.genesis.fields;
		if (batch.length > 4 * maxTransactionsPerBlock)
			throw new LedgerError('BatchTooLarge', `a batch of ${batch.length} transactions`);
		const parsed: ParsedTransaction[] = [];
		const malformed: Uint8Array[] = [];
		let fault: LedgerError | null = null;
		for (const bytes of copied(batch)) {
			try {
				const transaction = this.#chain.parse(bytes);
				if (isKnown(transaction.id) || this.#isTheSame(transaction)) continue;
				if (!this.#isTimely(transaction) && !isWanted(transaction.id)) continue;
				this.#checking.set(transaction.id, transaction);
				parsed.push(transaction);
			} catch (error) {
				if (!(error instanceof LedgerError)) throw error;
				fault = error;
				const named = namedBody(bytes);
				if (named && isWanted(named.id)) malformed.push(named.body);
			}
		}
		let holds: boolean[];
		try {
			holds = await Promise.all(
				parsed.map((transaction) => this.#verifier.verify(transactionCheck(transaction)))
			);
		} finally {
			for (const transaction of parsed)
				if (this.#checking.get(transaction.id) === transaction) this.#checking.delete(transaction.id);
		}
		let transactions = parsed.filter((_, i) => holds[i]);
		// What is kept of a batch that held other things too must not hold all of it in memory.
		if (transactions.length < batch.length)
			transactions = transactions.map(({ bytes }) => this.#chain.parse(bytes.slice()));
		if (transactions.length === 0 && malformed.length === 0) {
			if (fault) throw fault;
			if (parsed.length > 0) throw badSignature('a transaction');
			return null;
		}
		return { type: 'transactions', transactions, malformed };
	}

	async blockCertificate(certificate: BlockCertificate): Promise<NodeInput | null> {
		const partition = this.#chain.topology.partitionOf(this.#self);
		if (!partition || certificate.partition !== partition.id || certificate.epoch !== partition.epoch)
			return null;
		if (certificate.roundId <= this.#chain.topology.lastRoundId(partition.id)) return null;
		const checks = checkBlockCertificate(certificate, partition, this.#chain.chainId);
		if (!(await this.#verifier.verifyAll(checks))) throw badSignature('a block certificate');
		return { type: 'block-certificate', certificate };
	}

	async certifiedBlock(from: string, block: CertifiedBlock): Promise<NodeInput | null> {
		const { topology, genesis, chainId } = this.#chain;
		const certificate = block.certificate;
		if (certificate && topology.partition(certificate.partition)?.epoch !== certificate.epoch) return null;
		const { body, checks } = readCertifiedBlock(block, topology, genesis.fields, chainId);
		if (!(await this.#verifier.verifyAll(checks))) throw badSignature('a certified block');
		return { type: 'body', from, body };
	}

	/** One that came from another member too and is being checked. Another signature is another's word, and is checked. */
	#isTheSame({ id, signature }: ParsedTransaction): boolean {
		const other = this.#checking.get(id);
		return other !== undefined && equalBytes(other.signature, signature);
	}

	/** Neither in the ledger nor out of time: what is cannot be included and costs no signature check. */
	#isTimely(transaction: ParsedTransaction): boolean {
		const { height } = this.#chain.head;
		const { expiryHeight } = transaction.body;
		// Heads differ by what is under way; execution decides exactly.
		return (
			expiryHeight > height &&
			expiryHeight <= this.#reach(this.#chain.genesis.fields.expiryWindow + 64) &&
			!this.#chain.recent.has(transaction.id)
		);
	}

	#reach(heights: number): number {
		return this.#chain.head.height + heights;
	}
}

/** The same in one buffer of their own: the pool must not hold the frame that brought them, and 500 buffers cost more than one. */
function copied(batch: Uint8Array[]): Uint8Array[] {
	const buffer = new Uint8Array(batch.reduce((sum, bytes) => sum + bytes.length, 0));
	let end = 0;
	return batch.map((bytes) => {
		buffer.set(bytes, end);
		end += bytes.length;
		return buffer.subarray(end - bytes.length, end);
	});
}

function badSignature(what: string): LedgerError {
	return new LedgerError('SignatureInvalid', `the signature of ${what} does not hold`);
}
