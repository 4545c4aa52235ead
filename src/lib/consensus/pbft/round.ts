/** One round: what this member has seen of it, in one view. */
import type { BlockCertificate } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Received } from '../effects.ts';

export type Phase = 'waiting' | 'pre-prepared' | 'prepared' | 'committed' | 'certified';

export interface Round {
	readonly roundId: number;
	/** Hex; null until the PrePrepare arrived. */
	digest: string | null;
	digestBytes: Uint8Array;
	proposal: Uint8Array | null;
	transactionIds: string[];
	/** Ids whose bodies this member lacks. R3: it does not vote before it has them. */
	missing: Set<string>;
	/** When this member asks for them for the first time. */
	askAtTick: number;
	prePrepare: Received | null;
	/** The first Prepare and Commit of each member; R2 allows it no other. */
	prepares: Map<string, Received>;
	commits: Map<string, Received>;
	/** This member has said its Prepare. */
	hasPrepared: boolean;
	phase: Phase;
	certificate: BlockCertificate | null;
	/** A certificate that came before its PrePrepare. */
	early: BlockCertificate | null;
	startedTick: number;
	lastSentTick: number;
	/** R5: the leader kept silent for so long that Commits go to everyone. */
	commitToAll: boolean;
}

export function newRound(roundId: number, tick: number): Round {
	return {
		roundId,
		digest: null,
		digestBytes: new Uint8Array(0),
		proposal: null,
		transactionIds: [],
		missing: new Set(),
		askAtTick: 0,
		prePrepare: null,
		prepares: new Map(),
		commits: new Map(),
		hasPrepared: false,
		phase: 'waiting',
		certificate: null,
		early: null,
		startedTick: tick,
		lastSentTick: tick,
		commitToAll: false
	};
}

/** Messages that name the round's digest. */
export function matching(messages: Map<string, Received>, digest: string): Received[] {
	return [...messages.values()].filter((message) => message.digest === digest);
}
