/**
 * R6–R8, R10: how a member leaves a view whose leader does not finish, and comes to the next. It asks and joins, tells the new
 * leader what it has prepared, and where it is that leader makes the LeaderChange. What a LeaderChange means for the rounds is
 * `Rounds`' to do.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ZERO_HASH } from '../../crypto/hash.ts';
import { equalBytes, fromHex, toHex } from '../../crypto/hex.ts';
import { invariant } from '../../ledger/errors.ts';
import { decodeMessage } from '../../wire/codec.ts';
import { MAX_PACKET_BYTES } from '../../wire/limits.ts';
import { SignedSchema, type Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { ViewRecordSchema } from '../../wire/gen/tabwave/v1/storage_pb.js';
import {
	LeaderChangeContentSchema,
	NewViewContentSchema,
	NewViewSchema,
	PreparedRoundSchema,
	type LeaderChange,
	type LeaderChangeContent,
	type NewView
} from '../../wire/gen/tabwave/v1/view_change_pb.js';
import type { Received, Vote } from '../effects.ts';
import { Kind, payloadDigest, type Statement } from '../statement.ts';
import { leaderOf } from '../topology.ts';
import { nextView } from './candidates.ts';
import { assemble, NewViews, type HeldNewView } from './leader-change.ts';
import type { PbftEffects } from './pbft-effects.ts';
import type { PreparedRounds } from './prepared-rounds.ts';
import type { Standing } from './standing.ts';
import { ViewRequests } from './view-requests.ts';
import { ViewTimer } from './view-timer.ts';

/** A LeaderChange that holds: recomputed, and every signature in it checked. */
export interface HeldLeaderChange {
	view: number;
	leaderChange: LeaderChange;
	content: LeaderChangeContent;
}

/** What waits while this member works. R8: only that makes the view timer run. */
export type Demand = 'none' | 'waiting' | 'overdue';

export class ViewChange {
	readonly #standing: Standing;
	readonly #prepared: PreparedRounds;
	readonly #key: string;
	readonly #requests: ViewRequests;
	readonly #timer: ViewTimer;
	readonly #newViews = new NewViews();
	/** The highest view that this member has asked for in this run. */
	#asked = 0;
	#askedTick = 0;
	/** What this member told the leader of the view that it has joined, unsigned; null once the view has begun. */
	#newView: NewView | null = null;
	#newViewTick = 0;
	/** The highest LeaderChange that this member holds (R10). */
	#held: HeldLeaderChange | null = null;
	/** Its own, while the driver signs it. */
	#making: HeldLeaderChange | null = null;

	/** @param key of the record of views */
	constructor(standing: Standing, prepared: PreparedRounds, key: string) {
		const { members, viewTimeoutTicks, viewTimeoutCapTicks } = standing.init;
		this.#standing = standing;
		this.#prepared = prepared;
		this.#key = key;
		this.#requests = new ViewRequests(members);
		this.#timer = new ViewTimer(viewTimeoutTicks, viewTimeoutCapTicks);
	}

	/** R10: whoever works in a lower view is answered with it. */
	get held(): HeldLeaderChange | null {
		return this.#held;
	}

	/** For "why am I stuck?". */
	get state() {
		const asked = this.#timer.isExpired ? this.#asked : null;
		return {
			/** The view that this member asks for; null while it does not. */
			asked,
			supporters: this.#requests.supporters(asked ?? this.#standing.view),
			/** Of the view that this member is to lead and that has not begun. */
			newViews: this.#newViews.of(this.#standing.view).map(({ sender }) => sender),
			timerTicks: this.#timer.leftTicks,
			askAgainTicks: asked === null ? null : this.#untilTicks(this.#askedTick),
			newViewAgainTicks: this.#newView === null ? null : this.#untilTicks(this.#newViewTick)
		};
	}

	/** R8: a block certificate was formed. */
	progress(): void {
		this.#timer.progress();
	}

	/** A ViewChange of a member whose signature holds, this one's own among them. */
	onViewChange({ sender, signed }: Received, effects: PbftEffects): void {
		if (this.#requests.add(sender, signed.view)) this.#follow(effects);
	}

	/** A NewView that holds. Its sender has joined the view, and so asks for it as well. */
	onNewView(newView: HeldNewView, effects: PbftEffects): void {
		const { init, view } = this.#standing;
		if (newView.view < view || leaderOf(init.members, newView.view) !== init.self) return;
		this.#newViews.add(newView);
		this.#requests.add(newView.sender, newView.view);
		this.#follow(effects);
		this.#lead(effects);
	}

	/** This member's own NewView or LeaderChange, signed now. @returns the LeaderChange that its view begins with */
	onOwn(signed: Signed, effects: PbftEffects): HeldLeaderChange | null {
		const { view, isActive, init } = this.#standing;
		if (signed.view !== view || isActive) return null;
		if (signed.kind === Kind.LEADER_CHANGE) {
			const making = this.#making;
			if (!making || !equalBytes(making.leaderChange.signed!.digest, signed.digest)) return null;
			return { ...making, leaderChange: { ...making.leaderChange, signed } };
		}
		if (this.#newView)
			this.onNewView(
				{
					sender: init.self,
					view,
					newView: { ...this.#newView, signed },
					content: decodeMessage(NewViewContentSchema, signed.payload, MAX_PACKET_BYTES)
				},
				effects
			);
		return null;
	}

	/** R10: whether a LeaderChange takes this member to a view that it does not work in yet. */
	isNews({ view }: Pick<HeldLeaderChange, 'view'>): boolean {
		return view > this.#standing.view || (view === this.#standing.view && !this.#standing.isActive);
	}

	/** The view begins. The standing has moved to it. */
	begin(held: HeldLeaderChange, effects: PbftEffects): void {
		// R8: its time began when q members asked for it; who did not hear them counts from now.
		if (this.#newView?.signed!.view !== held.view) this.#timer.start();
		this.#held = held;
		this.#newView = null;
		this.#making = null;
		this.#newViews.forgetBelow(held.view + 1);
		this.#persist(effects);
	}

	/**
	 * @param hasOpenRound a round that its leader could bring to an end
	 * @param demand what else waits
	 */
	tick(hasOpenRound: boolean, demand: Demand, effects: PbftEffects): void {
		const { view, isActive, init, leader } = this.#standing;
		if (init.members.length === 1) return;
		const hasWork = !isActive || hasOpenRound || demand === 'overdue';
		// R7: with a dead leader there is nothing to wait for, once anything waits at all.
		const isHopeless = leader !== init.self && !init.looksAlive(leader);
		const hasFailed = this.#timer.tick(hasWork || (isHopeless && demand === 'waiting'), isHopeless);
		if (this.#timer.isExpired && (hasFailed || this.#untilTicks(this.#askedTick) === 0)) {
			// A candidate that died meanwhile is passed over now; a request once made does not fall.
			// Who is behind could lead nobody yet (R23).
			const isFit = (member: string): boolean => init.looksAlive(member) && !init.isCatchingUp(member);
			const candidate = nextView(init.members, init.self, view, isFit);
			this.#ask(Math.max(candidate, this.#asked), effects);
		}
		if (!isActive && this.#untilTicks(this.#newViewTick) === 0) {
			this.#askAgain(effects);
			this.#tell(effects);
		}
	}

	/** Takes up where an earlier run stood. @returns the LeaderChange of the view, where it has begun */
	restore(records: { key: string; value: Uint8Array }[], effects: PbftEffects): HeldLeaderChange | null {
		const value = records.find(({ key }) => key === this.#key)?.value;
		if (!value) return null;
		const { view, newView, leaderChange } = fromBinary(ViewRecordSchema, value);
		const { self } = this.#standing.init;
		this.#standing.view = view;
		this.#standing.isActive = false;
		this.#newView = newView ?? null;
		this.#timer.start();
		const held = leaderChange && heldOf(leaderChange);
		if (held && leaderChange!.signed!.signature.length > 0) this.#held = held;
		if (held?.view === view) {
			if (this.#held === held) return held;
			invariant(
				toHex(leaderChange!.signed!.sender) === self,
				'R6',
				'only its own LeaderChange is kept unsigned'
			);
			this.#making = held;
			this.#announce(effects);
		} else this.#tell(effects);
		return null;
	}

	/** R6: asks for, and joins, what enough members ask for. */
	#follow(effects: PbftEffects): void {
		const { view } = this.#standing;
		const { joinView, quorumView } = this.#requests;
		if (joinView > Math.max(view, this.#asked)) this.#ask(joinView, effects);
		if (quorumView > view) this.#join(quorumView, effects);
	}

	#ask(view: number, effects: PbftEffects): void {
		this.#asked = view;
		this.#askedTick = this.#standing.tick;
		effects.votes.push({ statement: this.#statement(Kind.VIEW_CHANGE, view, 0, ZERO_HASH), to: ['members'] });
	}

	/** Members that have not joined may have missed that this one asked. */
	#askAgain(effects: PbftEffects): void {
		this.#ask(Math.max(this.#standing.view, this.#asked), effects);
	}

	/** R6: q members ask for the view. From here on this member sends nothing in lower ones. */
	#join(view: number, effects: PbftEffects): void {
		const { lastRoundId, init } = this.#standing;
		this.#standing.view = view;
		this.#standing.isActive = false;
		this.#making = null;
		this.#newViews.forgetBelow(view);
		this.#timer.start();
		const proof = lastRoundId > 0 ? init.ledgerProof() : null;
		invariant(
			lastRoundId === 0 || proof,
			'R9',
			`no block proves round ${lastRoundId}, which the ledger holds`
		);
		const prepared = this.#prepared.above(lastRoundId).map(({ certificate }) => certificate!);
		const payload = toBinary(
			NewViewContentSchema,
			create(NewViewContentSchema, {
				lastRoundId,
				prepared: prepared.map(({ roundId, view: preparedView, blockId }) =>
					create(PreparedRoundSchema, { roundId, view: preparedView, blockId })
				)
			})
		);
		this.#newView = create(NewViewSchema, {
			signed: this.#unsigned(Kind.NEW_VIEW, lastRoundId, payload),
			certificates: prepared,
			proof: proof ?? undefined
		});
		effects.hasJoined = true;
		this.#persist(effects);
		this.#tell(effects);
	}

	/** Tells the leader of the view what this member has prepared; the same words each time. */
	#tell(effects: PbftEffects): void {
		const { leader, init, tick } = this.#standing;
		const newView = this.#newView;
		if (!newView) return;
		this.#newViewTick = tick;
		effects.votes.push(
			vote(newView.signed!, leader === init.self ? [] : [leader], (signed) => ({
				case: 'newView',
				value: { ...newView, signed }
			}))
		);
	}

	/** Where q NewViews of its view are held, the leader makes the LeaderChange of them. */
	#lead(effects: PbftEffects): void {
		const { view, isActive, leader, quorum, init } = this.#standing;
		if (isActive || leader !== init.self || this.#making) return;
		const newViews = this.#newViews.of(view);
		if (newViews.length < quorum) return;
		const assembled = assemble(newViews.slice(0, quorum));
		if (!assembled) return;
		const { leaderChange, content } = assembled;
		const payload = toBinary(LeaderChangeContentSchema, content);
		const signed = this.#unsigned(Kind.LEADER_CHANGE, content.lastRoundId, payload);
		this.#making = { view, content, leaderChange: { ...leaderChange, signed } };
		this.#persist(effects);
		this.#announce(effects);
	}

	#announce(effects: PbftEffects): void {
		const { leaderChange } = this.#making!;
		effects.votes.push(
			vote(leaderChange.signed!, ['members'], (signed) => ({
				case: 'leaderChange',
				value: { ...leaderChange, signed }
			}))
		);
	}

	/** R6: the joined view, the NewView and the LeaderChange are durable before they are sent. */
	#persist(effects: PbftEffects): void {
		const record = create(ViewRecordSchema, {
			view: this.#standing.view,
			newView: this.#newView ?? undefined,
			leaderChange: (this.#making ?? this.#held)?.leaderChange
		});
		effects.persist.push({ key: this.#key, value: toBinary(ViewRecordSchema, record) });
	}

	#statement(kind: Kind, view: number, slot: number, digest: Uint8Array): Statement {
		return { ...this.#standing.statement(kind, slot, digest), view };
	}

	#unsigned(kind: Kind, slot: number, payload: Uint8Array): Signed {
		return create(SignedSchema, {
			...this.#standing.statement(kind, slot, payloadDigest(payload)),
			sender: fromHex(this.#standing.init.self),
			payload
		});
	}

	/** Ticks until what was sent at `sinceTick` is sent again; 0 when it is due. */
	#untilTicks(sinceTick: number): number {
		return Math.max(0, sinceTick + this.#standing.init.resendTicks - this.#standing.tick);
	}
}

/** Its own word, or one that was checked before it was kept. */
function heldOf(leaderChange: LeaderChange): HeldLeaderChange {
	const { signed } = leaderChange;
	return {
		view: signed!.view,
		leaderChange,
		content: decodeMessage(LeaderChangeContentSchema, signed!.payload, MAX_PACKET_BYTES)
	};
}

function vote(unsigned: Signed, to: string[], packet: NonNullable<Vote['packet']>): Vote {
	const { kind, partition, epoch, view, attempt, slot, digest, payload } = unsigned;
	return { statement: { kind, partition, epoch, view, attempt, slot, digest }, payload, to, packet };
}
