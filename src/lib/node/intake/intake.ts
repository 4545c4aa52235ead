/**
 * Where packets come in: each kind has its check, and what passes is an input of the node's next turn. What comes too early is kept
 * (early-words.ts); what is no matter of the cores, as a heartbeat or a question, goes to whoever it is for.
 */
import { create } from '@bufbuild/protobuf';
import type { Chain } from '../../consensus/ordering/chain.ts';
import type { Pbft } from '../../consensus/pbft/pbft.ts';
import { Kind } from '../../consensus/statement.ts';
import { toHex } from '../../crypto/hex.ts';
import { encodePacket } from '../../wire/codec.ts';
import { PacketSchema, type Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import type { EvidenceKeeper } from '../driver/evidence-keeper.ts';
import type { Pool } from '../driver/pool.ts';
import type { EarlyWords } from './early-words.ts';
import { EvidenceChecks } from './evidence-checks.ts';
import { Inbox } from './inbox.ts';
import type { NodeInput } from './inputs.ts';
import { PacketChecks } from './packet-checks.ts';
import type { Verifier } from './verifier.ts';

export interface IntakeInit {
	chain: Chain;
	verifier: Verifier;
	self: string;
	pool: Pick<Pool, 'has'>;
	evidence: EvidenceKeeper;
	/** What comes too early. */
	early: EarlyWords;
	/** This node's rounds; null while it is no member. */
	lower(): Pbft | null;
	/** An input of the next turn. */
	deliver(input: NodeInput): void;
	/** Heartbeats, questions and answers: whatever the cores do not hear of. */
	other(from: string, body: Packet['body']): void;
	rejected(from: string, error: Error): void;
}

export class Intake {
	readonly #init: IntakeInit;
	readonly #inbox: Inbox<NodeInput>;
	readonly #checks: PacketChecks;
	readonly #evidenceChecks: EvidenceChecks;

	constructor(init: IntakeInit) {
		const { chain, verifier, self, evidence, lower } = init;
		this.#init = init;
		this.#evidenceChecks = new EvidenceChecks(chain, verifier, evidence);
		this.#checks = new PacketChecks({
			chain,
			verifier,
			self,
			lower,
			late: (signed) => this.#evidenceChecks.late(signed)
		});
		this.#inbox = new Inbox<NodeInput>({
			check: (from, packet) => this.#check(from, packet),
			deliver: init.deliver,
			rejected: init.rejected
		});
	}

	/** Packets refused, by reason. */
	get refused(): ReadonlyMap<string, number> {
		return this.#inbox.refused;
	}

	/** Whether this transaction is here and its signature is being checked. */
	isChecking(id: string): boolean {
		return this.#checks.isChecking(id);
	}

	receive(from: string, packets: Uint8Array[]): void {
		this.#inbox.receive(from, packets);
	}

	/** Its link is down. */
	forget(peer: string): void {
		this.#inbox.forget(peer);
	}

	/**
	 * The chain moved: a LeaderChange that rested on blocks which were missing here is judged now. Asked for again, it would come a second
	 * later, and the others may have to wait for this member.
	 */
	moved(): void {
		const unjudged = this.#checks.takeUnjudged();
		if (!unjudged) return;
		const body = { case: 'leaderChange', value: unjudged } as const;
		this.receive(toHex(unjudged.signed!.sender), [encodePacket(create(PacketSchema, { body }))]);
	}

	#check(from: string, packet: Packet): Promise<NodeInput | null> | NodeInput | null {
		const { body } = packet;
		const { pool, lower, early } = this.#init;
		switch (body.case) {
			case 'signed':
				if (body.value.kind === Kind.STATUS_REQUEST && early.isBeyondNext(body.value.slot))
					return early.order(from, body.value.slot, body);
				if (early.keepsForNextEpoch(from, body.value)) return null;
				return this.#checks.signed(body.value);
			case 'transactions':
				return this.#checks.transactions(
					body.value.transactions,
					(id) => pool.has(id),
					(id) => lower()?.isNamed(id) ?? false
				);
			case 'evidence':
				return this.#evidenceChecks.evidence(body.value);
			case 'suspect':
				return this.#evidenceChecks.suspect(body.value);
			case 'newView':
				return this.#checks.newView(body.value);
			case 'leaderChange':
				return this.#checks.leaderChange(body.value);
			case 'proposalResponse':
				return this.#checks.proposal(body.value.proposal);
			case 'blockCertificate':
				return this.#checks.blockCertificate(body.value);
			case 'certifiedBlock':
				return this.#checks.certifiedBlock(from, body.value);
			case 'next':
				return this.#checkNext(from, body);
			case 'orderCommit':
				if (early.isBeyondNext(body.value.height)) return early.order(from, body.value.height, body);
				return this.#checks.orders.orderCommit(body.value);
			case 'finality':
				if (early.isBeyondNext(body.value.height)) return early.order(from, body.value.height, body);
				return this.#checks.orders.finality(body.value);
			default:
				this.#init.other(from, body);
				return null;
		}
	}

	/** The one after the next carries the proof of the next: it is checked as it comes, and taken if the proof is enough. */
	async #checkNext(from: string, body: Extract<Packet['body'], { case: 'next' }>): Promise<NodeInput | null> {
		const { early } = this.#init;
		const height = body.value.signed?.slot ?? 0;
		const kept = early.isBeyondNext(height) ? early.order(from, height, body) : null;
		// An order may have been of several blocks: its proof has the height of the first.
		if (early.isBeyondNext(body.value.previous?.height ?? height - 1)) return kept;
		const input = await this.#checks.orders.next(body.value);
		return kept && input?.type === 'next' ? { ...input, order: kept.order } : input;
	}
}
