/**
 * Evidence as a running member handles it (R24): it notices lies in what it receives, shows votes that differ from its own to
 * the others, who may hold their other half, and hands what it holds to the members and the Booters until the ledger has it.
 */
import { EvidenceBook } from '../../consensus/evidence/book.ts';
import { EvidenceWatch } from '../../consensus/evidence/watch.ts';
import { noEffects, type Effects } from '../../consensus/effects.ts';
import { proposalFault, withoutPayload } from '../../consensus/evidence/evidence.ts';
import { evidenceContext } from '../../consensus/membership/change.ts';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { Kind } from '../../consensus/statement.ts';
import { leaderOf, type PartitionView } from '../../consensus/topology.ts';
import { equalBytes, toHex } from '../../crypto/hex.ts';
import { banKey } from '../../ledger/genesis.ts';
import type { Evidence, MembershipChange, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';

/** Votes of one member that are shown in an epoch: a liar shows itself with its first ones, and causes no flood with the rest. */
export const MAX_SHOWN = 16;
/** What was said to a Booter that may have lost it is said again. */
export const EVIDENCE_REPEAT_MS = 5000;

export interface EvidenceKeeperInit {
	chain: Chain;
	self: string;
	/** Evidence that is new to this node: it has been verified. */
	found(offender: string, evidence: Evidence): void;
}

export class EvidenceKeeper {
	readonly #init: EvidenceKeeperInit;
	readonly #watch = new EvidenceWatch();
	readonly #book = new EvidenceBook();
	/** By member. */
	readonly #shown = new Map<string, number>();
	/** Of this node's partition, in its epoch. */
	#members: string[] = [];
	#saidMs = -Infinity;

	constructor(init: EvidenceKeeperInit) {
		this.#init = init;
	}

	restore(records: { key: string; value: Uint8Array }[]): void {
		this.#book.restore(records);
	}

	enter(partition: PartitionView | undefined): void {
		this.#members = partition?.members ?? [];
		this.#watch.enter(this.#members.filter((member) => member !== this.#init.self));
		this.#shown.clear();
	}

	/** By who is accused, lower-case hex. */
	held(): [offender: string, evidence: Evidence][] {
		return this.#book.list();
	}

	/** Whether evidence against this member would be news: all other evidence costs no check. */
	isNews(offender: string): boolean {
		return !this.#book.has(offender) && !this.#init.chain.state.get(banKey(offender));
	}

	/** Whether the message of a neighbour, with what is remembered here, would be evidence if its signature held. */
	contradicts(signed: Signed): boolean {
		return this.isNews(toHex(signed.sender)) && this.#watch.contradicts(signed);
	}

	/** Whether a vote that comes too late to count is worth a check: its other half may be here, or come yet. */
	isWorthKeeping(signed: Signed): boolean {
		return this.isNews(toHex(signed.sender)) && !this.#watch.remembers(signed);
	}

	/**
	 * A member's message whose signature holds.
	 * @param own digest of what this node itself holds there; null where it holds nothing
	 */
	saw(signed: Signed, own: Uint8Array | null): Effects {
		const effects = noEffects();
		const sender = toHex(signed.sender);
		if (sender === this.#init.self) return effects;
		const evidence = this.#watch.see(signed) ?? this.#proposalFault(signed);
		if (evidence) this.#take(sender, evidence, effects);
		else if (own && !equalBytes(own, signed.digest)) this.#show(signed, effects);
		// Others vote on another block than the leader has named to this node: one of them lies, and most likely the leader.
		const proposed = this.#proposalOf(signed);
		if (proposed && !equalBytes(proposed.digest, signed.digest)) {
			this.#show(proposed, effects);
			this.#show(signed, effects);
		}
		return effects;
	}

	/** R3: a transaction's body without a valid form came, and a PrePrepare names it. */
	sawBody(prePrepare: Signed, body: Uint8Array): Effects {
		const effects = noEffects();
		const evidence = this.#proposalFault(prePrepare, body);
		if (evidence) this.#take(toHex(prePrepare.sender), evidence, effects);
		return effects;
	}

	#proposalFault(signed: Signed, body?: Uint8Array): Evidence | null {
		// Every vote comes by here.
		if (signed.kind !== Kind.PRE_PREPARE) return null;
		const { state, genesis, chainId } = this.#init.chain;
		return proposalFault(signed, evidenceContext({ state, genesis: genesis.fields, chainId }), body);
	}

	#proposalOf(signed: Signed): Signed | undefined {
		if (signed.kind !== Kind.PREPARE && signed.kind !== Kind.COMMIT) return undefined;
		return this.#watch.said(leaderOf(this.#members, signed.view), Kind.PRE_PREPARE, signed);
	}

	/** Shows a vote to the other members: who holds another of the same place has evidence. */
	#show(signed: Signed, effects: Effects): void {
		const sender = toHex(signed.sender);
		const shown = this.#shown.get(sender) ?? 0;
		if (shown >= MAX_SHOWN || sender === this.#init.self || !this.isNews(sender)) return;
		this.#shown.set(sender, shown + 1);
		effects.send.push({ to: 'members', packet: { case: 'suspect', value: withoutPayload(signed) } });
	}

	/** Evidence that holds, of another node's finding or this one's. */
	take(offender: string, evidence: Evidence): Effects {
		const effects = noEffects();
		this.#take(offender, evidence, effects);
		return effects;
	}

	/** The ledger holds a change of members: what it has of evidence need not be kept here. */
	moved({ evictions }: MembershipChange): Effects {
		const effects = noEffects();
		for (const { member, evidence } of evictions)
			if (evidence) effects.persist.push(...this.#book.forget(toHex(member)));
		return effects;
	}

	/** Says again to the Booters what they have not acted on. */
	tick(nowMs: number): Effects {
		const effects = noEffects();
		if (nowMs - this.#saidMs < EVIDENCE_REPEAT_MS) return effects;
		this.#saidMs = nowMs;
		for (const [offender, evidence] of this.#book.list())
			if (this.#init.chain.topology.partitionOf(offender)) this.#tellBooters(evidence, effects);
		return effects;
	}

	#take(offender: string, evidence: Evidence, effects: Effects): void {
		if (!this.isNews(offender) || offender === this.#init.self) return;
		const persist = this.#book.add(offender, evidence);
		if (!persist) return;
		effects.persist.push(...persist);
		effects.send.push({ to: 'members', packet: { case: 'evidence', value: evidence } });
		this.#tellBooters(evidence, effects);
		this.#init.found(offender, evidence);
	}

	#tellBooters(evidence: Evidence, effects: Effects): void {
		for (const booter of this.#init.chain.genesis.fields.booters)
			effects.send.push({ to: toHex(booter), packet: { case: 'evidence', value: evidence } });
	}
}
