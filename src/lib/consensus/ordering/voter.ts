/**
 * A member in the upper tier: it checks and executes what the Booter proposes, signs, locks, signs again, and commits on the
 * finality proof (R11–R15, R17). Where it leads its partition it also carries the partition's votes.
 */
import { equalBytes, toHex } from '../../crypto/hex.ts';
import { contentDigest, decodeContent, decodeMembershipChange } from '../../ledger/block.ts';
import { invariant, LedgerError } from '../../ledger/errors.ts';
import type {
	CertifiedBlock,
	OrderCertificate,
	OrderContent,
	OrderEntry,
	PartitionIds,
	Signed
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Next } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { leftOut, orderStatement, orderVoteDigest, type OrderResult } from '../certificates.ts';
import { noEffects, type Effects, type Received, type Target } from '../effects.ts';
import { blockingCount } from '../quorum.ts';
import { Kind } from '../statement.ts';
import type { PartitionView } from '../topology.ts';
import { ballotName, compareBallots, type Ballot } from './ballot.ts';
import { Carrier, partitionRefusal } from './carrier.ts';
import { toCertifiedBlock, type CertifiedBody } from './certified-block.ts';
import type { Chain, Commit, EntryBody, Execution } from './chain.ts';
import { encodeComplaint, readComplaint, type Grievance } from './complaint.ts';
import { EntryError } from './entry-error.ts';
import { Journal } from './journal.ts';
import { encodeLockProof, lockReference } from './lock.ts';
import { leftOutBy } from './next.ts';
import { encodeRefusal, REFUSED, refuseStatement, type Refused } from './refusal.ts';
import { statusStatement } from './status.ts';
import { VoteRecord } from './vote-record.ts';

export interface VoterInit {
	chain: Chain;
	self: string;
	/** Certified blocks that this node holds, by id and view of their certificate. */
	bodies: { get(id: string, view: number): CertifiedBody | undefined };
	/** The partition's leader as this node sees it; null while it is no member. */
	leader(): string | null;
	/** Ticks of silence after which what was said is said again. */
	resendTicks: number;
	/** Ticks after which votes go to all members, and whoever holds q of them carries them: the leader does not. */
	carryToAllTicks: number;
}

/** Where a member stands at the height above its head. */
export interface OrderState {
	term: number;
	attempt: number;
	height: number;
	phase: 'joined' | 'fetching' | 'signed' | 'locked' | 'refused';
	/** The Booter that opened the ballot. */
	booter: string;
	missing: string[];
	/** Name and sentence. */
	refusal: { name: string; message: string } | null;
	statuses: number;
	signs: number;
	dones: number;
}

export interface VoterEffects extends Effects {
	/** Blocks that became final in this step. */
	commits: Commit[];
}

/** A ballot in which this member has a part: joined by its Status, or opened by its Next. */
interface Part {
	height: number;
	ballot: Ballot;
	booter: string;
	startedTick: number;
	lastSentTick: number;
	/** Votes of the own partition, which this node gathers where it leads. */
	carrier: Carrier;
	carried: Set<Kind>;
}

interface Joined extends Part {
	request: Signed;
}

interface Open extends Part {
	next: Next;
	content: OrderContent;
	contentBytes: Uint8Array;
	contentDigest: Uint8Array;
	/** R22: partitions that have no vote in this ballot. */
	without: PartitionIds | undefined;
	missing: Set<string>;
	hasAsked: boolean;
	execution: Execution | null;
	signed: boolean;
	refusal: Refused | null;
	orderCommit: OrderCertificate | null;
	done: boolean;
}

export class Voter {
	readonly #init: VoterInit;
	readonly #chain: Chain;
	readonly #record = new VoteRecord();
	readonly #journal = new Journal();
	#joined: Joined | null = null;
	#open: Open | null = null;
	/** The last ballot that a Booter asked about, which may be one that is refused; and who refuses, the last of each member. */
	#asked: { height: number; ballot: Ballot; booter: string } | null = null;
	readonly #refusals = new Map<string, Received>();
	/** A proof that came before what it proves could be executed. */
	#finality: OrderCertificate | null = null;
	#equivocation: { first: Signed; second: Signed } | null = null;
	#tick = 0;
	#isPaused = false;
	/** Votes that came during a pause are still to be carried. */
	#hasResumed = false;

	constructor(init: VoterInit) {
		this.#init = init;
		this.#chain = init.chain;
	}

	/** Takes up the votes of an earlier run (R2). */
	restore(records: { key: string; value: Uint8Array }[]): void {
		this.#record.restore(records, this.#chain.head.height + 1);
		const evidence = records.find(({ key }) => key === EVIDENCE_KEY);
		const [first, second] = evidence ? readComplaint(evidence.value).nexts : [];
		if (first && second) this.#equivocation = { first, second };
	}

	/** The blocks of this member's lock (R14): after a restart it may be the only one that still has them. */
	lockedBlocks(): CertifiedBlock[] {
		return this.#record.lockedBlocks(this.#chain.head.height + 1);
	}

	/** R23: a node that catches up carries no votes. */
	pause(isPaused: boolean): void {
		this.#hasResumed ||= this.#isPaused && !isPaused;
		this.#isPaused = isPaused;
	}

	state(): OrderState | null {
		const open = this.#open;
		const part = open ?? this.#joined;
		if (!part) return null;
		return {
			...part.ballot,
			height: part.height,
			booter: part.booter,
			phase: open ? phaseOf(open) : 'joined',
			missing: [...(open?.missing ?? [])],
			refusal: open?.refusal ? { name: open.refusal.name, message: open.refusal.message } : null,
			statuses: part.carrier.count(Kind.STATUS),
			signs: part.carrier.count(Kind.SIGN),
			dones: part.carrier.count(Kind.DONE)
		};
	}

	/** The digest that this node's own result has in the place of a Sign or Done; null where it has none there. */
	resultAt({
		kind,
		slot,
		view,
		attempt
	}: Pick<Signed, 'kind' | 'slot' | 'view' | 'attempt'>): Uint8Array | null {
		const open = this.#open;
		if (!open?.execution || (kind !== Kind.SIGN && kind !== Kind.DONE) || open.height !== slot) return null;
		return compareBallots(open.ballot, { term: view, attempt }) === 0 ? resultDigest(open) : null;
	}

	/** Ids of the blocks in the open order, lower-case hex. */
	ordered(): ReadonlySet<string> {
		return new Set(this.#open?.content.entries.map((entry) => toHex(entry.id)));
	}

	/** The height that is open: a ballot of it is joined, or its order waits. Null where none is. */
	get openHeight(): number | null {
		return (this.#open ?? this.#joined)?.height ?? null;
	}

	/** Ticks until what is open is said and asked for again. */
	get resendTicks(): number {
		const lastSentTick = (this.#open ?? this.#joined)?.lastSentTick ?? this.#tick;
		return Math.max(0, lastSentTick + this.#init.resendTicks - this.#tick);
	}

	/** Highest height that this node has executed. */
	get height(): number {
		return this.#open?.execution?.blocks.at(-1)?.height ?? this.#chain.head.height;
	}

	/** Two Nexts of one ballot, signed by one Booter. */
	get equivocation(): { first: Signed; second: Signed } | null {
		return this.#equivocation;
	}

	/** Overlays that were rolled back since the start (R15). */
	get rolledBack(): number {
		return this.#journal.rolledBack;
	}

	/** R14: the Booter is about to open a later ballot. Its signature holds. */
	statusRequest(request: Signed): VoterEffects {
		const effects = this.#effects();
		const height = request.slot;
		const ballot = { term: request.view, attempt: request.attempt };
		const booter = toHex(request.sender);
		if (!this.#isNext(height)) return effects;
		this.#asked = { height, ballot, booter };
		const partition = this.#partition();
		if (!partition) return effects;
		const joined = this.#record.joined(height);
		const order = joined ? compareBallots(ballot, joined) : 1;
		if (order < 0) {
			this.#forward({ case: 'signed', value: request }, effects);
			this.#refuse(ballot, passed(joined!), effects);
			return effects;
		}
		if (order === 0 && this.#record.hasSigned(height)) {
			// A late question of a ballot that is open, or one that somebody else has opened under this number.
			const message = `this member has voted in ballot ${ballotName(ballot)}`;
			this.#refuse(ballot, { name: REFUSED.ballotOpened, message, entry: null }, effects);
			return effects;
		}
		if (this.#joined && compareBallots(this.#joined.ballot, ballot) === 0) {
			this.#resend(this.#joined, effects);
			return effects;
		}
		effects.persist.push(...this.#record.join(height, ballot));
		// From here on no part in lower ballots. What was executed stays: the new ballot may order the same.
		this.#open = null;
		this.#joined = { ...this.#newPart(height, ballot, booter), request };
		this.#forward({ case: 'signed', value: request }, effects);
		this.#giveStatus(this.#joined, effects);
		return effects;
	}

	/**
	 * A Next that passed its checks: signatures hold, and so does what justifies a later ballot.
	 * @param timeMs this node's clock
	 */
	next(next: Next, timeMs: number): VoterEffects {
		const effects = this.#effects();
		const signed = next.signed!;
		const height = signed.slot;
		const ballot = { term: signed.view, attempt: signed.attempt };
		const booter = toHex(signed.sender);
		if (!this.#isNext(height)) return effects;
		this.#asked = { height, ballot, booter };
		const open = this.#open;
		const order = open ? compareBallots(ballot, open.ballot) : 1;
		if (open && order === 0) {
			// The Booter asks again: what this member has said may be what it lacks. Or it says two things at once.
			const isSame = equalBytes(signed.digest, open.contentDigest);
			if (isSame) this.#resend(open, effects);
			else this.#keepEvidence(open.next.signed!, signed, effects);
			// What this member has signed before a restart is not what is open: it may be this.
			if (isSame || open.refusal?.name !== REFUSED.votedOtherwise) return effects;
		}
		const refusal = order < 0 ? passed(open!.ballot) : this.#mayJoin(next, ballot);
		if (refusal) {
			this.#forward({ case: 'next', value: next }, effects);
			this.#refuse(ballot, refusal, effects);
			return effects;
		}
		this.#openBallot(next, ballot, booter);
		this.#forward({ case: 'next', value: next }, effects);
		// The content of a lock was timely when it was first proposed; only a free choice is held to this clock.
		if (!next.lock) this.#checkTime(this.#open!, timeMs, effects);
		this.#advance(effects);
		return effects;
	}

	/** A vote or refusal of a member of the own partition whose signature holds, this node's own among them. */
	vote(message: Received): VoterEffects {
		const effects = this.#effects();
		const { signed, sender } = message;
		const partition = this.#partition();
		if (!partition || signed.partition !== partition.id || signed.epoch !== partition.epoch) return effects;
		if (!partition.members.includes(sender)) return effects;
		if (signed.kind === Kind.REFUSE) {
			if (signed.slot !== this.#chain.head.height + 1) return effects;
			this.#refusals.set(sender, message);
			this.#carryRefusals(blockingCount(partition.members.length), effects);
			return effects;
		}
		const part = signed.kind === Kind.STATUS ? this.#joined : this.#open;
		if (!part || signed.slot !== part.height || compareBallots(ballotOf(signed), part.ballot) !== 0)
			return effects;
		part.carrier.add(message);
		this.#carry(signed.kind as Kind.STATUS | Kind.SIGN | Kind.DONE, effects);
		return effects;
	}

	/** A first certificate that holds: q_u partitions signed (the OrderCommit). */
	orderCommit(certificate: OrderCertificate): VoterEffects {
		const effects = this.#effects();
		const open = this.#open;
		if (!open || certificate.height !== open.height || compareBallots(certificate, open.ballot) !== 0)
			return effects; // Its Next is sent again with it, or this member has left the ballot (R14).
		// Of another content: the Booter says two things at once. Whoever heard the other half goes on without this member.
		if (!equalBytes(certificate.contentDigest, open.contentDigest)) return effects;
		// R22: nor of this ballot with other partitions left out.
		if (leftOut(certificate).join() !== leftOut(open).join()) return effects;
		if (!open.orderCommit) {
			open.orderCommit = certificate;
			this.#forward({ case: 'orderCommit', value: certificate }, effects);
		}
		this.#advance(effects);
		return effects;
	}

	/**
	 * A finality proof that holds. What it proves may lie beyond this node's reach; then it is block sync's.
	 * @param alone it did not ride on a Next, which would carry it to the members as well
	 */
	finality(certificate: OrderCertificate, alone: boolean): VoterEffects {
		const effects = this.#effects();
		if (certificate.height !== this.#chain.head.height + 1) return effects;
		this.#finality = certificate;
		if (alone) this.#forward({ case: 'finality', value: certificate }, effects);
		this.#commit(effects);
		return effects;
	}

	/** R6: the partition has another leader, who gathers this member's votes from now on, or this node is that leader. */
	leaderChanged(): VoterEffects {
		const effects = this.#effects();
		for (const part of [this.#joined, this.#open])
			if (part) {
				part.lastSentTick = -1;
				this.#resend(part, effects);
			}
		return effects;
	}

	/** The link to a neighbour came up: a member may have missed the question, and the leader this member's answer. */
	linkUp(peer: string): VoterEffects {
		const effects = this.#effects();
		if (!this.#partition()?.members.includes(peer)) return effects;
		const hand = (packet: Effects['send'][number]['packet']): void => {
			effects.send.push({ to: peer, packet });
		};
		if (this.#leads()) {
			if (this.#joined) hand({ case: 'signed', value: this.#joined.request });
			if (this.#open) hand({ case: 'next', value: this.#open.next });
			if (this.#open?.orderCommit) hand({ case: 'orderCommit', value: this.#open.orderCommit });
		} else if (this.#init.leader() === peer)
			for (const part of [this.#joined, this.#open])
				for (const value of part?.carrier.of(this.#init.self) ?? []) hand({ case: 'signed', value });
		return effects;
	}

	/** A certified block arrived. */
	body(id: string): VoterEffects {
		const effects = this.#effects();
		if (this.#open?.missing.has(id)) this.#advance(effects);
		return effects;
	}

	/** The chain moved without this voter: block sync applied a block. */
	moved(): VoterEffects {
		const effects = this.#effects();
		this.#forget(effects);
		return effects;
	}

	tick(): VoterEffects {
		const effects = this.#effects();
		this.#tick += 1;
		if (this.#hasResumed) {
			this.#hasResumed = false;
			for (const kind of [Kind.STATUS, Kind.SIGN, Kind.DONE] as const) this.#carry(kind, effects);
		}
		const open = this.#open;
		if (open && open.missing.size > 0 && !open.hasAsked) {
			open.hasAsked = true;
			this.#askForBodies(open, this.#init.leader() ?? open.booter, effects);
		}
		for (const part of [this.#joined, this.#open])
			if (part && this.#tick - part.lastSentTick >= this.#init.resendTicks) this.#resend(part, effects);
		return effects;
	}

	/** Of one Booter's two faces; the first that is found is enough, and outlives a restart. */
	#keepEvidence(first: Signed, second: Signed, effects: VoterEffects): void {
		if (this.#equivocation || !equalBytes(first.sender, second.sender)) return;
		this.#equivocation = { first, second };
		const booter = toHex(first.sender);
		const grievance: Grievance = {
			name: 'BooterEquivocates',
			booter,
			waiting: null,
			sinceHeight: 0,
			nexts: [first, second]
		};
		effects.persist.push({ key: EVIDENCE_KEY, value: encodeComplaint(grievance, first.sender) });
	}

	/** Above the head, and not inside an order that is final already. */
	#isNext(height: number): boolean {
		const { head, provenHeight } = this.#chain;
		return height === head.height + 1 && height > provenHeight;
	}

	/** R14: what keeps this member from joining a ballot, or null. */
	#mayJoin(next: Next, ballot: Ballot): Refused | null {
		const joined = this.#record.joined(next.signed!.slot);
		if (!joined || next.statuses.length > 0)
			return joined && compareBallots(joined, ballot) > 0 ? passed(joined) : null;
		const order = compareBallots(joined, ballot);
		if (order > 0) return passed(joined);
		// Its own vote on this very ballot shows that it was justified; another content than that is not voted for.
		if (order === 0 && this.#record.hasSigned(next.signed!.slot)) return null;
		return {
			name: REFUSED.statusRequired,
			message: `ballot ${ballotName(ballot)} shows no Statuses, and this member has joined ballot ${ballotName(joined)}`,
			entry: null
		};
	}

	#openBallot(next: Next, ballot: Ballot, booter: string): void {
		const contentBytes = next.signed!.payload;
		const content = decodeContent(contentBytes);
		const digest = contentDigest(contentBytes);
		const joined = this.#joined;
		this.#joined = null;
		this.#open = {
			...this.#newPart(content.height, ballot, booter),
			...(joined && compareBallots(joined.ballot, ballot) === 0 && { carrier: joined.carrier }),
			next,
			content,
			contentBytes,
			contentDigest: digest,
			without: leftOutBy(next),
			missing: new Set(),
			hasAsked: false,
			// R15: only here, where a higher ballot was verified, and only for other content.
			execution: this.#journal.takeOver(content.height, ballot, digest),
			signed: false,
			refusal: null,
			orderCommit: null,
			done: false
		};
		this.#refusals.clear();
	}

	#newPart(height: number, ballot: Ballot, booter: string): Part {
		return {
			height,
			ballot,
			booter,
			startedTick: this.#tick,
			lastSentTick: this.#tick,
			carrier: new Carrier(),
			carried: new Set()
		};
	}

	#checkTime(open: Open, timeMs: number, effects: VoterEffects): void {
		const skewMs = Math.abs(Number(open.content.timeMs) - timeMs);
		const boundMs = Number(this.#chain.genesis.fields.maxClockSkewMs);
		if (skewMs <= boundMs) return;
		const message = `block time is ${Math.round(skewMs / 1000)} s from this clock; ${boundMs / 1000} s are allowed`;
		this.#refuseOpen(open, { name: REFUSED.clockSkew, message, entry: null }, effects);
	}

	/** Goes as far as what this node holds allows: fetch, execute and sign, lock and sign again, commit. */
	#advance(effects: VoterEffects): void {
		const open = this.#open;
		if (open && !open.refusal) {
			if (!open.execution) this.#execute(open, effects);
			else if (!open.signed) this.#sign(open, effects);
			if (open.signed && open.orderCommit && !open.done) this.#lock(open, open.orderCommit, effects);
		}
		this.#commit(effects);
	}

	#execute(open: Open, effects: VoterEffects): void {
		const bodies = open.content.entries.map((entry) => this.#bodyOf(entry));
		open.missing = new Set(open.content.entries.filter((_, i) => !bodies[i]).map((entry) => toHex(entry.id)));
		// R12: asked for, never voted against; at the next tick, since they often come behind the Next itself.
		if (open.missing.size > 0) return;
		try {
			open.execution = this.#chain.execute(open.content, open.contentBytes, bodies as EntryBody[]);
		} catch (error) {
			if (!(error instanceof LedgerError)) throw error;
			const entry = error instanceof EntryError ? error.entry : null;
			this.#refuseOpen(open, { name: error.reason, message: error.message, entry }, effects);
			return;
		}
		this.#sign(open, effects);
		// R15: an overlay is kept for what this member stands by. Its ballot may come again with what it has signed (R11).
		if (open.refusal) open.execution = null;
		else this.#journal.write(open.height, open.ballot, open.execution);
	}

	#sign(open: Open, effects: VoterEffects): void {
		const partition = this.#partition();
		if (!partition) return; // A node that is no member executes and follows, and has no vote.
		const digest = resultDigest(open);
		const persist = this.#record.sign(open.height, open.ballot, digest);
		if (!persist) {
			const message = `this member has signed another content in ballot ${ballotName(open.ballot)}`;
			this.#refuseOpen(open, { name: REFUSED.votedOtherwise, message, entry: null }, effects);
			return;
		}
		effects.persist.push(...persist);
		open.signed = true;
		this.#giveVote(Kind.SIGN, open, partition, effects);
	}

	#lock(open: Open, certificate: OrderCertificate, effects: VoterEffects): void {
		const partition = this.#partition();
		if (!partition) return;
		if (!equalBytes(certificate.blockHashes, open.execution!.blockHashes)) {
			// R17: where it becomes final, this member stops. Until then it only has no second vote.
			const message = `${certificate.partitions.length} partitions signed another result than this member's`;
			this.#refuseOpen(open, { name: REFUSED.resultDiffers, message, entry: null }, effects);
			return;
		}
		const lock = { orderCommit: certificate, content: open.contentBytes };
		const blocks = open.content.entries.flatMap((entry) => {
			const body = this.#bodyOf(entry);
			return body?.kind === 'block' ? [toCertifiedBlock(body.body)] : [];
		});
		effects.persist.push(...this.#record.done(open.height, open.ballot, resultDigest(open), lock, blocks));
		open.done = true;
		this.#giveVote(Kind.DONE, open, partition, effects);
	}

	#commit(effects: VoterEffects): void {
		const finality = this.#finality;
		const execution = finality && this.#journal.at(finality.height);
		// A ballot that this member has no part in may have made another content final: block sync brings it.
		if (!execution || !equalBytes(execution.contentDigest, finality.contentDigest)) return;
		effects.commits.push(this.#chain.commit(execution, finality));
		this.#forget(effects);
	}

	/** What is of heights that are final is no longer needed. */
	#forget(effects: VoterEffects): void {
		const { height } = this.#chain.head;
		// All of it was of the height above the head, and the head has moved.
		this.#open = null;
		this.#joined = null;
		this.#finality = null;
		this.#refusals.clear();
		this.#journal.forget(height);
		effects.persist.push(...this.#record.forget(height));
	}

	#giveStatus(joined: Joined, effects: VoterEffects): void {
		const partition = this.#partition();
		if (!partition) return;
		const lock = this.#record.lock(joined.height);
		effects.votes.push({
			statement: statusStatement(
				joined.ballot,
				joined.height,
				partition,
				lock ? lockReference(lock.orderCommit) : undefined
			),
			payload: encodeLockProof(lock),
			to: this.#carriers(joined)
		});
	}

	#giveVote(kind: Kind.SIGN | Kind.DONE, open: Open, partition: PartitionView, effects: VoterEffects): void {
		effects.votes.push({
			statement: orderStatement(kind, orderOf(open), partition.id, partition.epoch),
			to: this.#carriers(open)
		});
	}

	#refuseOpen(open: Open, refusal: Refused, effects: VoterEffects): void {
		open.refusal = refusal;
		this.#refuse(open.ballot, refusal, effects);
	}

	#refuse(ballot: Ballot, refusal: Refused, effects: VoterEffects): void {
		const partition = this.#partition();
		if (!partition) return;
		const height = this.#chain.head.height + 1;
		const payload = encodeRefusal(refusal, this.#record.joined(height));
		effects.votes.push({
			statement: refuseStatement(ballot, height, partition, payload),
			payload,
			to: this.#carriers(this.#open)
		});
	}

	/** Who gathers this member's votes: the leader, and all where nothing comes of that. */
	#carriers(part: Part | null): Target[] {
		if (part && this.#isLate(part)) return ['members'];
		return this.#leads() ? [] : [this.#init.leader()!];
	}

	#isLate(part: Part): boolean {
		return this.#tick - part.startedTick >= this.#init.carryToAllTicks;
	}

	/** Hands q equal votes of the members to the Booter, once until something is said again. */
	#carry(kind: Kind.STATUS | Kind.SIGN | Kind.DONE, effects: VoterEffects): void {
		const part = kind === Kind.STATUS ? this.#joined : this.#open;
		const partition = this.#partition();
		if (!part || !partition || part.carried.has(kind) || !this.#mayCarry(part)) return;
		const open = this.#open;
		if (kind !== Kind.STATUS && !open!.execution) return;
		const packet =
			kind === Kind.STATUS
				? part.carrier.partitionStatus(part.ballot, part.height, partition)
				: part.carrier.partitionVote(kind, orderOf(open!), partition);
		if (packet) {
			part.carried.add(kind);
			effects.send.push({ to: part.booter, packet });
		}
		if (kind === Kind.SIGN) this.#carryRefusals(blockingCount(partition.members.length), effects);
	}

	#mayCarry(part: Part | null): boolean {
		return !this.#isPaused && (this.#leads() || (part !== null && this.#isLate(part)));
	}

	/** Hands on who does not follow the ballot that the Booter asked about, where they are at least so many. */
	#carryRefusals(atLeast: number, effects: VoterEffects): void {
		const asked = this.#asked;
		const partition = this.#partition();
		if (!asked || !partition || !this.#mayCarry(this.#open)) return;
		const open = this.#open && compareBallots(this.#open.ballot, asked.ballot) === 0 ? this.#open : null;
		const refusals = [
			...[...this.#refusals.values()].filter(
				({ signed }) => compareBallots(ballotOf(signed), asked.ballot) === 0
			),
			...(open?.execution ? open.carrier.differing(resultDigest(open)) : [])
		];
		if (refusals.length >= atLeast)
			effects.send.push({ to: asked.booter, packet: partitionRefusal(partition, refusals) });
	}

	#resend(part: Joined | Open, effects: VoterEffects): void {
		if (part.lastSentTick === this.#tick && part.startedTick !== this.#tick) return;
		part.lastSentTick = this.#tick;
		part.carried.clear();
		if ('request' in part) {
			this.#forward({ case: 'signed', value: part.request }, effects);
			this.#giveStatus(part, effects);
			this.#carry(Kind.STATUS, effects);
			return;
		}
		if (part.missing.size > 0) {
			this.#askForBodies(part, 'members', effects);
			this.#askForBodies(part, part.booter, effects);
		}
		// Members that have not answered may have missed the question.
		this.#forward({ case: 'next', value: part.next }, effects);
		if (part.orderCommit) this.#forward({ case: 'orderCommit', value: part.orderCommit }, effects);
		const partition = this.#partition();
		if (part.refusal) this.#refuse(part.ballot, part.refusal, effects);
		else if (partition && part.signed) {
			this.#giveVote(Kind.SIGN, part, partition, effects);
			if (part.done) this.#giveVote(Kind.DONE, part, partition, effects);
		}
		this.#carry(Kind.SIGN, effects);
		if (part.done) this.#carry(Kind.DONE, effects);
		// By now a single one is worth knowing.
		this.#carryRefusals(1, effects);
	}

	/** What comes from the Booter goes on to the members, once; who carries the votes carries the questions. */
	#forward(packet: Effects['send'][number]['packet'], effects: VoterEffects): void {
		if (this.#leads()) effects.send.push({ to: 'members', packet });
	}

	#askForBodies(open: Open, from: string, effects: VoterEffects): void {
		for (const entry of open.content.entries)
			if (open.missing.has(toHex(entry.id)))
				effects.send.push({
					to: from === this.#init.self ? open.booter : from,
					packet: {
						case: 'certifiedBlockRequest',
						value: { $typeName: 'tabwave.v1.CertifiedBlockRequest', blockId: entry.id, view: entry.view }
					}
				});
	}

	#bodyOf(entry: OrderEntry): EntryBody | undefined {
		if (entry.membershipChange.length > 0)
			return {
				kind: 'membership',
				bytes: entry.membershipChange,
				change: decodeMembershipChange(entry.membershipChange)
			};
		const body = this.#init.bodies.get(toHex(entry.id), entry.view);
		return body && { kind: 'block', body };
	}

	#partition(): PartitionView | undefined {
		return this.#init.leader() === null ? undefined : this.#chain.topology.partitionOf(this.#init.self);
	}

	#leads(): boolean {
		return this.#init.leader() === this.#init.self;
	}

	#effects(): VoterEffects {
		return { ...noEffects(), commits: [] };
	}
}

const EVIDENCE_KEY = 'booter-evidence';

function phaseOf(open: Open): OrderState['phase'] {
	if (open.refusal) return 'refused';
	if (!open.execution) return 'fetching';
	return open.done ? 'locked' : 'signed';
}

function passed(joined: Ballot): Refused {
	return {
		name: REFUSED.ballotPassed,
		message: `this member has joined ballot ${ballotName(joined)}`,
		entry: null
	};
}

function orderOf(open: Open): OrderResult {
	invariant(open.execution, 'R13', 'a vote is on what was executed');
	return {
		...open.ballot,
		height: open.height,
		contentDigest: open.contentDigest,
		blockHashes: open.execution.blockHashes,
		without: open.without
	};
}

function resultDigest(open: Open): Uint8Array {
	return orderVoteDigest(open.contentDigest, open.execution!.blockHashes, open.without);
}

function ballotOf(signed: Signed): Ballot {
	return { term: signed.view, attempt: signed.attempt };
}
