/** Where a member stands in its partition: epoch, view, window and time. The parts of the lower tier read it, `Pbft` moves it. */
import type { Genesis } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { LedgerProof } from '../../wire/gen/tabwave/v1/view_change_pb.js';
import { invariant } from '../../ledger/errors.ts';
import { quorum } from '../quorum.ts';
import type { Kind, Statement } from '../statement.ts';
import { leaderOf } from '../topology.ts';

/** The pool as a core sees it. */
export interface PoolView {
	has(id: string): boolean;
	/** Whether the body has come and is being checked: it needs no asking. */
	isComing(id: string): boolean;
	/** Ids that wait for a round, oldest first. Those in `except` are in rounds already. */
	waiting(limit: number, maxBodyBytes: number, except: Pick<ReadonlySet<string>, 'has'>): string[];
}

export interface PbftInit {
	chainId: Uint8Array;
	genesis: Genesis;
	partition: number;
	epoch: number;
	/** Sorted by id. */
	members: string[];
	self: string;
	/** R9: the partition's last round in the ledger. */
	lastRoundId: number;
	pool: PoolView;
	/** R7: whether a member has been heard of lately. */
	looksAlive(member: string): boolean;
	/** R23: whether a member says that it is behind and fetches blocks. */
	isCatchingUp(member: string): boolean;
	/** R9: the final block that proves the last round in the ledger; null where that is 0. */
	ledgerProof(): LedgerProof | null;
	/** Ticks without progress after which an open round's messages are sent again. */
	resendTicks: number;
	/** R5: ticks after which a round's Commits go to everyone. */
	commitToAllTicks: number;
	/** R9: ticks for which the leader waits for a gap in its rounds. */
	gapTicks: number;
	/** R8: ticks of work without a block certificate after which another leader is asked for. */
	viewTimeoutTicks: number;
	/** R8: to which it doubles at most. */
	viewTimeoutCapTicks: number;
	/** Bodies of one block together, in bytes. */
	maxBodyBytes: number;
}

export class Standing {
	readonly init: PbftInit;
	readonly quorum: number;
	/** The view that this member has joined: it sends nothing in lower ones (R6). */
	view = 0;
	/** The LeaderChange of the view is held; view 0 needs none. */
	isActive = true;
	/** R9: the partition's last round in this member's ledger. */
	lastRoundId: number;
	/** The last round that the view's LeaderChange chose, or passed over. The leader proposes above it. */
	chosenRoundId = 0;
	tick = 0;

	constructor(init: PbftInit) {
		invariant(init.members.includes(init.self), 'R22', 'only a member of the epoch runs its rounds');
		this.init = init;
		this.quorum = quorum(init.members.length);
		this.lastRoundId = init.lastRoundId;
	}

	/** Of the view that this member has joined, whether or not it has begun. */
	get leader(): string {
		return leaderOf(this.init.members, this.view);
	}

	get isLeader(): boolean {
		return this.isActive && this.leader === this.init.self;
	}

	/** R9: L < roundId ≤ L + K. */
	inWindow(roundId: number): boolean {
		return roundId > this.lastRoundId && roundId <= this.lastRoundId + this.init.genesis.maxRoundsInFlight;
	}

	statement(kind: Kind, slot: number, digest: Uint8Array): Statement {
		const { partition, epoch } = this.init;
		return { kind, partition, epoch, view: this.view, attempt: 0, slot, digest };
	}
}
