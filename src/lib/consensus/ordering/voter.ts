/**
 * A member in the upper tier: it checks and executes what the Booter proposes, signs, locks, signs again, and commits on the
 * finality proof (R11–R15, R17). Where it leads its partition it also carries the partition's votes.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { equalBytes, toHex } from '../../crypto/hex.ts';
import { contentDigest, decodeContent, decodeMembershipChange } from '../../ledger/block.ts';
import { invariant, LedgerError } from '../../ledger/errors.ts';
import type { OrderCertificate, OrderContent, OrderEntry } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Next } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { OrderVoteRecordSchema, type OrderVoteRecord } from '../../wire/gen/tabwave/v1/storage_pb.js';
import { orderStatement, orderVoteDigest } from '../certificates.ts';
import { noEffects, padded, type Effects, type Received } from '../effects.ts';
import { quorum } from '../quorum.ts';
import { Kind } from '../statement.ts';
import type { CertifiedBody } from './certified-block.ts';
import type { Chain, Commit, EntryBody, Execution } from './chain.ts';

export interface VoterInit {
	chain: Chain;
	self: string;
	booter: string;
	/** Certified blocks that this node holds, by id. */
	bodies: { get(id: string): CertifiedBody | undefined };
	/** The partition's leader as this node sees it; null while it is no member. */
	leader(): string | null;
	resendTicks: number;
}

/** Where a member stands at the height above its head. */
export interface OrderState {
	term: number;
	attempt: number;
	height: number;
	phase: 'fetching' | 'signed' | 'locked' | 'refused';
	missing: string[];
	refusal: string | null;
	signs: number;
	dones: number;
}

export interface VoterEffects extends Effects {
	/** Blocks that became final in this step. */
	commits: Commit[];
	/** Finality was proven above this node's reach: it has to catch up. */
	behind: boolean;
}

interface Open {
	next: Next;
	content: OrderContent;
	contentBytes: Uint8Array;
	contentDigest: Uint8Array;
	term: number;
	attempt: number;
	missing: Set<string>;
	execution: Execution | null;
	refusal: string | null;
	orderCommit: OrderCertificate | null;
	done: boolean;
	startedTick: number;
	lastSentTick: number;
	/** Votes of the own partition, which this node gathers where it leads. */
	gathered: { sign: Map<string, Received>; done: Map<string, Received> };
	carried: Set<Kind>;
}

export class Voter {
	readonly #init: VoterInit;
	readonly #chain: Chain;
	#open: Open | null = null;
	#record: OrderVoteRecord | null = null;
	/** The height that the record is of. */
	#recordHeight = 0;
	/** A proof that came before what it proves could be executed. */
	#finality: OrderCertificate | null = null;
	#tick = 0;

	constructor(init: VoterInit) {
		this.#init = init;
		this.#chain = init.chain;
	}

	/** Takes up the votes of an earlier run (R2). */
	restore(records: { key: string; value: Uint8Array }[]): void {
		this.#recordHeight = this.#chain.head.height + 1;
		const own = records.find(({ key }) => key === orderRecordKey(this.#recordHeight));
		this.#record = own ? fromBinary(OrderVoteRecordSchema, own.value) : null;
	}

	state(): OrderState | null {
		const open = this.#open;
		if (!open) return null;
		return {
			term: open.term,
			attempt: open.attempt,
			height: open.content.height,
			phase: open.refusal ? 'refused' : open.done ? 'locked' : open.execution ? 'signed' : 'fetching',
			missing: [...open.missing],
			refusal: open.refusal,
			signs: open.gathered.sign.size,
			dones: open.gathered.done.size
		};
	}

	/** Ids of the blocks in the open order, lower-case hex. */
	ordered(): ReadonlySet<string> {
		return new Set(this.#open?.content.entries.map((entry) => toHex(entry.id)));
	}

	/** Highest height this node executed. */
	get height(): number {
		return this.#open?.execution?.blocks.at(-1)?.height ?? this.#chain.head.height;
	}

	/**
	 * A Next of the Booter whose signature holds, and whose changes of members carry signatures that hold.
	 * @param timeMs this node's clock
	 */
	next(next: Next, timeMs: number): VoterEffects {
		const effects = this.#effects();
		const content = decodeContent(next.signed!.payload);
		const { view: term, attempt } = next.signed!;
		const { head } = this.#chain;
		if (content.height <= head.height) return effects;
		if (content.height > head.height + 1) return { ...effects, behind: true };
		if (this.#open && compareBallots(this.#open, { term, attempt }) >= 0) {
			// The Booter asks again: what this member has said may be what it lacks.
			if (this.#open.term === term && this.#open.attempt === attempt) this.#resend(effects);
			return effects;
		}
		// R14: after joining a ballot a member takes no part in a lower one, and a lock admits no other content.
		if (this.#record && compareBallots(this.#record, { term, attempt }) > 0) return effects;
		if (
			this.#record?.lock &&
			!equalBytes(this.#record.lock.contentDigest, contentDigest(next.signed!.payload))
		)
			return effects;
		this.#openBallot(next, content, term, attempt);
		this.#forward({ case: 'next', value: next }, effects);
		this.#checkTime(content, timeMs);
		this.#advance(effects);
		return effects;
	}

	/** A Sign or Done of a member of the own partition whose signature holds, this node's own among them. */
	vote(message: Received): VoterEffects {
		const effects = this.#effects();
		const open = this.#open;
		const { signed, sender } = message;
		const partition = this.#chain.topology.partitionOf(this.#init.self);
		if (!open || !partition || signed.partition !== partition.id || signed.epoch !== partition.epoch)
			return effects;
		if (!partition.members.includes(sender) || this.#init.leader() !== this.#init.self) return effects;
		if (signed.slot !== open.content.height || signed.view !== open.term || signed.attempt !== open.attempt)
			return effects;
		const gathered = signed.kind === Kind.SIGN ? open.gathered.sign : open.gathered.done;
		if (!gathered.has(sender)) gathered.set(sender, message);
		this.#carry(signed.kind as Kind.SIGN | Kind.DONE, effects);
		return effects;
	}

	/** A first certificate that holds: q_u partitions signed (the OrderCommit). */
	orderCommit(certificate: OrderCertificate): VoterEffects {
		const effects = this.#effects();
		const open = this.#open;
		if (certificate.height <= this.#chain.head.height) return effects;
		if (
			!open ||
			open.content.height !== certificate.height ||
			open.term !== certificate.term ||
			open.attempt !== certificate.attempt
		)
			return effects; // Its Next is sent again with it.
		if (!open.orderCommit) {
			open.orderCommit = certificate;
			this.#forward({ case: 'orderCommit', value: certificate }, effects);
		}
		this.#advance(effects);
		return effects;
	}

	/**
	 * A finality proof that holds.
	 * @param alone it did not ride on a Next, which would carry it to the members as well
	 */
	finality(certificate: OrderCertificate, alone: boolean): VoterEffects {
		const effects = this.#effects();
		const { head } = this.#chain;
		if (certificate.height <= head.height) return effects;
		if (certificate.height > head.height + 1) return { ...effects, behind: true };
		this.#finality = certificate;
		if (alone) this.#forward({ case: 'finality', value: certificate }, effects);
		this.#commit(effects);
		if (this.#finality) effects.behind = true;
		return effects;
	}

	/** A certified block arrived. */
	body(id: string): VoterEffects {
		const effects = this.#effects();
		if (this.#open?.missing.delete(id)) this.#advance(effects);
		return effects;
	}

	/** The chain moved without this voter: block sync applied a block. */
	moved(): VoterEffects {
		const effects = this.#effects();
		this.#forget(effects);
		if (this.#finality && this.#finality.height <= this.#chain.head.height) this.#finality = null;
		return effects;
	}

	tick(): VoterEffects {
		const effects = this.#effects();
		this.#tick += 1;
		const open = this.#open;
		if (!open || this.#tick - open.lastSentTick < this.#init.resendTicks) return effects;
		this.#resend(effects);
		return effects;
	}

	#openBallot(next: Next, content: OrderContent, term: number, attempt: number): void {
		const contentBytes = next.signed!.payload;
		this.#open = {
			next,
			content,
			contentBytes,
			contentDigest: contentDigest(contentBytes),
			term,
			attempt,
			missing: new Set(),
			execution: null,
			refusal: null,
			orderCommit: null,
			done: false,
			startedTick: this.#tick,
			lastSentTick: this.#tick,
			gathered: { sign: new Map(), done: new Map() },
			carried: new Set()
		};
	}

	#checkTime(content: OrderContent, timeMs: number): void {
		const skewMs = Math.abs(Number(content.timeMs) - timeMs);
		const boundMs = Number(this.#chain.genesis.fields.maxClockSkewMs);
		if (skewMs > boundMs)
			this.#open!.refusal = `block time is ${Math.round(skewMs / 1000)} s from this clock; ${boundMs / 1000} s are allowed`;
	}

	/** Goes as far as what this node holds allows: fetch, execute and sign, lock and sign again, commit. */
	#advance(effects: VoterEffects): void {
		const open = this.#open;
		if (!open) return;
		if (!open.execution && !open.refusal) this.#execute(open, effects);
		if (open.execution && open.orderCommit && !open.done) this.#lock(open, open.orderCommit, effects);
		this.#commit(effects);
	}

	#execute(open: Open, effects: VoterEffects): void {
		const bodies = open.content.entries.map((entry) => this.#bodyOf(entry));
		open.missing = new Set(open.content.entries.filter((_, i) => !bodies[i]).map((entry) => toHex(entry.id)));
		if (open.missing.size > 0) {
			this.#askForBodies(open, this.#init.leader() ?? this.#init.booter, effects);
			return;
		}
		try {
			open.execution = this.#chain.execute(open.content, open.contentBytes, bodies as EntryBody[]);
		} catch (error) {
			if (!(error instanceof LedgerError)) throw error;
			open.refusal = error.message;
			return;
		}
		this.#voteOnce(Kind.SIGN, open, effects);
	}

	#lock(open: Open, certificate: OrderCertificate, effects: VoterEffects): void {
		invariant(
			equalBytes(certificate.contentDigest, open.contentDigest) &&
				equalBytes(certificate.blockHashes, open.execution!.blockHashes),
			'R17',
			`q_u partitions executed height ${certificate.height} to another result than this node did: it stops here`
		);
		open.done = true;
		this.#voteOnce(Kind.DONE, open, effects);
	}

	#commit(effects: VoterEffects): void {
		const open = this.#open;
		const finality = this.#finality;
		if (!open?.execution || !finality || finality.height !== open.content.height) return;
		effects.commits.push(this.#chain.commit(open.execution, finality));
		this.#finality = null;
		this.#forget(effects);
	}

	/** Votes of heights that are final are no longer needed. */
	#forget(effects: VoterEffects): void {
		const { height } = this.#chain.head;
		if (this.#open && this.#open.content.height <= height) this.#open = null;
		if (!this.#record || this.#recordHeight > height) return;
		effects.persist.push({ key: orderRecordKey(this.#recordHeight), value: null });
		this.#record = null;
	}

	/** R2, R11: one Sign and one Done for each ballot, recorded before they leave. */
	#voteOnce(kind: Kind.SIGN | Kind.DONE, open: Open, effects: VoterEffects): void {
		const partition = this.#chain.topology.partitionOf(this.#init.self);
		const leader = this.#init.leader();
		if (!partition || !leader) return; // A node that is no member executes and follows, and has no vote.
		const blockHashes = open.execution!.blockHashes;
		const digest = orderVoteDigest(open.contentDigest, blockHashes);
		const same = this.#record && compareBallots(this.#record, open) === 0 ? this.#record : null;
		const before = kind === Kind.SIGN ? same?.signedDigest : same?.doneDigest;
		if (before && before.length > 0 && !equalBytes(before, digest)) {
			open.refusal = 'this node has given another vote on this ballot';
			return;
		}
		if (!before || before.length === 0) {
			this.#record = create(OrderVoteRecordSchema, {
				term: open.term,
				attempt: open.attempt,
				signedDigest: digest,
				doneDigest: kind === Kind.DONE ? digest : new Uint8Array(0),
				lock: kind === Kind.DONE ? open.orderCommit! : this.#record?.lock,
				lockContent: kind === Kind.DONE ? open.contentBytes : this.#record?.lockContent
			});
			this.#recordHeight = open.content.height;
			effects.persist.push({
				key: orderRecordKey(open.content.height),
				value: toBinary(OrderVoteRecordSchema, this.#record)
			});
		}
		effects.votes.push({
			statement: orderStatement(kind, this.#orderOf(open), partition.id, partition.epoch),
			to: leader === this.#init.self ? [] : [leader]
		});
	}

	/** The leader hands q equal votes of its members to the Booter. */
	#carry(kind: Kind.SIGN | Kind.DONE, effects: VoterEffects): void {
		const open = this.#open!;
		const partition = this.#chain.topology.partitionOf(this.#init.self)!;
		if (!open.execution || open.carried.has(kind)) return;
		const digest = toHex(orderVoteDigest(open.contentDigest, open.execution.blockHashes));
		const votes = [...(kind === Kind.SIGN ? open.gathered.sign : open.gathered.done).values()]
			.filter((message) => message.digest === digest)
			.slice(0, quorum(partition.members.length));
		if (votes.length < quorum(partition.members.length)) return;
		open.carried.add(kind);
		effects.send.push({
			to: this.#init.booter,
			packet: {
				case: 'partitionVote',
				value: {
					$typeName: 'tabwave.v1.PartitionVote',
					kind,
					...this.#orderOf(open),
					votes: {
						$typeName: 'tabwave.v1.PartitionVotes',
						partition: partition.id,
						epoch: partition.epoch,
						votes: votes.map(({ signed }) => ({
							$typeName: 'tabwave.v1.MemberSignature',
							member: signed.sender,
							signature: signed.signature
						}))
					}
				}
			}
		});
	}

	#resend(effects: VoterEffects): void {
		const open = this.#open!;
		if (open.lastSentTick === this.#tick && open.startedTick !== this.#tick) return;
		open.lastSentTick = this.#tick;
		if (open.missing.size > 0) {
			this.#askForBodies(open, 'members', effects);
			this.#askForBodies(open, this.#init.booter, effects);
		}
		if (open.refusal) return;
		// Members that have not answered may have missed the question.
		if (this.#init.leader() === this.#init.self) {
			effects.send.push({ to: 'members', packet: { case: 'next', value: open.next } });
			if (open.orderCommit)
				effects.send.push({ to: 'members', packet: { case: 'orderCommit', value: open.orderCommit } });
		}
		if (open.execution) this.#voteOnce(Kind.SIGN, open, effects);
		if (open.execution && open.done) this.#voteOnce(Kind.DONE, open, effects);
		open.carried.clear();
		if (this.#init.leader() === this.#init.self) {
			this.#carry(Kind.SIGN, effects);
			if (open.done) this.#carry(Kind.DONE, effects);
		}
	}

	/** What comes from the Booter goes on to the members, once; who carries the votes carries the questions. */
	#forward(packet: Effects['send'][number]['packet'], effects: VoterEffects): void {
		if (this.#init.leader() === this.#init.self) effects.send.push({ to: 'members', packet });
	}

	/** R12: a missing body is asked for, never voted against. */
	#askForBodies(open: Open, from: string, effects: VoterEffects): void {
		for (const entry of open.content.entries)
			if (open.missing.has(toHex(entry.id)))
				effects.send.push({
					to: from === this.#init.self ? this.#init.booter : from,
					packet: {
						case: 'certifiedBlockRequest',
						value: { $typeName: 'tabwave.v1.CertifiedBlockRequest', blockId: entry.id }
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
		const body = this.#init.bodies.get(toHex(entry.id));
		return body && { kind: 'block', body };
	}

	#orderOf(open: Open) {
		return {
			term: open.term,
			attempt: open.attempt,
			height: open.content.height,
			contentDigest: open.contentDigest,
			blockHashes: open.execution!.blockHashes
		};
	}

	#effects(): VoterEffects {
		return { ...noEffects(), commits: [], behind: false };
	}
}

/** Ballots are ordered by term, then by attempt. */
export function compareBallots(
	a: { term: number; attempt: number },
	b: { term: number; attempt: number }
): number {
	return a.term - b.term || a.attempt - b.attempt;
}

export function orderRecordKey(height: number): string {
	return `order/${padded(height)}`;
}
