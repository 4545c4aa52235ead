/** One round: what this member has seen of it, in the view that it works in. */
import type { BlockCertificate } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Received } from '../effects.ts';

export type Phase = 'waiting' | 'pre-prepared' | 'prepared' | 'committed' | 'certified';

export interface Round {
	readonly roundId: number;
	/** Hex; null until a PrePrepare, a LeaderChange or a certificate named a block. */
	digest: string | null;
	digestBytes: Uint8Array;
	/** Null while only its id is known. */
	proposal: Uint8Array | null;
	transactionIds: string[];
	/** Ids whose bodies this member lacks. R3: it does not vote before it has them. */
	missing: Set<string>;
	/** When this member asks for them for the first time. */
	askAtTick: number;
	prePrepare: Received | null;
	/** R6: chosen by a LeaderChange. It runs again from Prepare, and its leader prepares it as everyone does. */
	isCarried: boolean;
	/** The first Prepare and Commit of each member; R2 allows it no other. */
	prepares: Map<string, Received>;
	commits: Map<string, Received>;
	/** This member has said its Prepare. */
	hasPrepared: boolean;
	phase: Phase;
	certificate: BlockCertificate | null;
	/** Certificate, proposal and bodies are all there and were handed to the driver. */
	isDelivered: boolean;
	/** Nobody seems to have its bodies: its transactions may go into other rounds, and the ledger will pass it (R9). */
	isGivenUp: boolean;
	startedTick: number;
	lastSentTick: number;
	/** When each member was last sent the certificate, on having missed it: its Prepare and its Commit come together. */
	answeredTick: Map<string, number>;
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
		isCarried: false,
		prepares: new Map(),
		commits: new Map(),
		hasPrepared: false,
		phase: 'waiting',
		certificate: null,
		isDelivered: false,
		isGivenUp: false,
		startedTick: tick,
		lastSentTick: tick,
		answeredTick: new Map(),
		commitToAll: false
	};
}

/** Messages that name the round's digest. */
export function matching(messages: Map<string, Received>, digest: string): Received[] {
	return [...messages.values()].filter((message) => message.digest === digest);
}

/** A block that this member cannot vote for, or hand on, before it has more of it. */
export function isIncomplete(round: Round): boolean {
	return round.digest !== null && (round.proposal === null || round.missing.size > 0);
}
