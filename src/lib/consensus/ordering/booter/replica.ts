/**
 * One replica of the Booter: the ordering core, and the cluster's log that decides who is active and holds what is open
 * (R19–R21). The core acts only while this replica is active, in ballots of Raft's term; what it opens is in the log before
 * it is said (R20). A replica that is not active follows the log, and has final blocks from block sync.
 *
 *     apply(replica.start());                              // first, and once
 *     every tick:            apply(replica.tick(nowMs));
 *     packet of a replica:   apply(replica.message(from, message));
 *     anything for the core: apply(replica.step(replica.core.vote(vote)));
 */
import { RaftEntryType, type RaftMessage } from '../../raft/messages.ts';
import type { Entry, Raft, RaftEffects } from '../../raft/raft.ts';
import type { Chain } from '../chain.ts';
import type { BooterCore } from './booter.ts';
import { addBooterEffects, noBooterEffects, type BooterEffects } from './booter-effects.ts';
import { OpenBallot } from './open-ballot.ts';

export interface ReplicaInit {
	chain: Chain;
	core: BooterCore;
	raft: Raft;
	/** Ids of all replicas, this one among them. */
	replicas: readonly string[];
}

export class BooterReplica {
	readonly core: BooterCore;
	readonly #chain: Chain;
	readonly #raft: Raft;
	readonly #others: ReadonlySet<string>;
	readonly #open = new OpenBallot();
	/** Entries that the log refused for now: it is handing over, or full. At most those of one order. */
	#refused: Uint8Array[] = [];
	/** The last in which this replica was active. */
	#activeTerm = 0;
	/** The highest height that the log has opened. */
	#loggedHeight = 0;

	constructor({ chain, core, raft, replicas }: ReplicaInit) {
		this.core = core;
		this.#chain = chain;
		this.#raft = raft;
		this.#others = new Set(replicas.filter((id) => id !== raft.self));
	}

	/** This replica is the Booter. */
	get isActive(): boolean {
		return this.core.isLeading;
	}

	get term(): number {
		return this.#raft.term;
	}

	/** Who is active as far as this replica knows; a leader that is not active yet is not told of. */
	get active(): string | null {
		const { leader, self } = this.#raft;
		return leader !== self || this.isActive ? leader : null;
	}

	/** It leads, if only to hand over. */
	get isLeader(): boolean {
		return this.#raft.isLeader;
	}

	isReplica(peer: string): boolean {
		return this.#others.has(peer);
	}

	/** For status and logs. */
	state() {
		return { ...this.core.state(), raft: this.#raft.state(), openHeight: this.#open.height };
	}

	/** Entries of the log that are kept, for checks. */
	log(): Entry[] {
		return this.#raft.entries();
	}

	start(): BooterEffects {
		const effects = noBooterEffects();
		this.#follow(this.#raft.start(), effects);
		return this.step(effects);
	}

	/** @param timeMs the Booter's clock, which gives blocks their time */
	tick(timeMs: number): BooterEffects {
		const effects = this.core.tick(timeMs);
		// R21: by the log, or by blocks that this replica was handed.
		this.#raft.setWaiting(this.core.isWaiting || this.#open.height > this.#chain.head.height);
		this.#follow(this.#raft.tick(), effects);
		effects.entries.push(...this.#refused.splice(0));
		return this.step(effects);
	}

	/** A message of another replica that has passed its check, over a link that says who it is. */
	message(from: string, message: RaftMessage): BooterEffects {
		const effects = noBooterEffects();
		if (this.isReplica(from)) this.#follow(this.#raft.message(from, message), effects);
		return this.step(effects);
	}

	link(peer: string, isUp: boolean): BooterEffects {
		const effects = noBooterEffects();
		if (this.isReplica(peer))
			this.#follow(isUp ? this.#raft.linkUp(peer) : this.#raft.linkDown(peer), effects);
		return this.step(isUp ? added(effects, this.core.linkUp(peer)) : effects);
	}

	/**
	 * R21: members complain, and enough of them.
	 * @param isLasting progress does not take it back
	 */
	accuse(booter: string, term: number, isLasting: boolean): void {
		if (booter === this.#raft.leader && term === this.#raft.term) this.#raft.accuse(isLasting);
	}

	/** Before a clean stop: another replica leads without an election timeout. */
	handOver(): BooterEffects {
		const effects = noBooterEffects();
		// Raft refuses where this replica does not lead, or is alone.
		this.#follow(this.#raft.transferLeadership(), effects);
		return this.step(effects);
	}

	/** Takes what a step of the core asks for through the log. */
	step(effects: BooterEffects): BooterEffects {
		if (effects.commits.length > 0) this.#raft.headMoved();
		for (let entry = effects.entries.shift(); entry; entry = effects.entries.shift()) {
			const proposed = this.#raft.propose(entry);
			if (proposed.refusal && proposed.refusal !== 'NotLeader') this.#refused.push(entry);
			this.#follow(proposed, effects);
		}
		if (effects.higherTerm !== null) {
			const term = effects.higherTerm;
			effects.higherTerm = null;
			this.#follow(this.#raft.termSeen(term), effects);
			return this.step(effects);
		}
		return effects;
	}

	#follow(raft: RaftEffects, effects: BooterEffects): void {
		effects.persist.push(...raft.persist);
		effects.send.push(...raft.send);
		if (raft.restored) {
			this.#open.restore(raft.restored.data);
			this.#noteHeight();
		}
		for (const entry of raft.committed) this.#apply(entry, effects);
		this.#followRole(effects);
		if (this.#raft.isSnapshotDue)
			this.#follow(this.#raft.snapshot(this.#raft.deliveredIndex, this.#open.snapshot()), effects);
	}

	#apply({ type, term, data }: Entry, effects: BooterEffects): void {
		if (type !== RaftEntryType.DATA) return;
		const entry = this.#open.apply(data);
		if (!entry) {
			effects.notes.push('the log holds an entry that no Booter of this version writes');
			return;
		}
		this.#noteHeight();
		// R20: what another leader recorded, or this one in an earlier term, is continued through R14 and not said as it is.
		if (this.isActive && term === this.core.term)
			addBooterEffects(effects, this.core.recorded(entry, this.#open.logged));
	}

	/** R21: that a height is opened shows that the one below is final. */
	#noteHeight(): void {
		if (this.#open.height <= this.#loggedHeight) return;
		this.#loggedHeight = this.#open.height;
		this.#raft.headMoved();
	}

	#followRole(effects: BooterEffects): void {
		const { isActive, term } = this.#raft;
		if (this.isActive && (!isActive || term !== this.core.term)) {
			this.core.stepDown();
			this.#refused = [];
			effects.notes.push(`term ${this.#activeTerm} of this Booter is over`);
		}
		if (!isActive || term <= this.#activeTerm) return;
		this.#activeTerm = term;
		this.#refused = [];
		addBooterEffects(effects, this.core.lead(term, this.#open.logged));
	}
}

function added(effects: BooterEffects, later: BooterEffects): BooterEffects {
	addBooterEffects(effects, later);
	return effects;
}
