/**
 * Sealed bids: when they are committed to and revealed, and what their hash is over. Commitments of one round are all made
 * before the first of them can be revealed, so nobody adapts a bid to another one of its round.
 *
 *     heights    0 ……… C−1 | C ……… C+V−1 | … E
 *     round 0    commit     | reveal        | the bids stand
 *     round 1               | commit  | reveal …
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { taggedHash } from '../../crypto/hash.ts';
import { fromHex, toHex } from '../../crypto/hex.ts';
import { SealedBidSchema } from '../../wire/gen/tabwave/v1/spectrum_pb.js';
import { SEALED_BID_HEIGHTS } from './limits.ts';
import type { SealedBidRules } from './parameters.ts';

export interface SealedBid {
	/** Account, lower-case hex. A commitment that somebody else copied is none of his bids. */
	buyer: string;
	buyerAp: string;
	sellerAp: string;
	channel: number;
	price: bigint;
	mechanism: string;
	salt: Uint8Array;
}

/** Heights of a commitment. */
export interface RevealWindow {
	firstReveal: number;
	lastReveal: number;
	/** The last height at which the bid, once revealed, may be taken. */
	standsUntil: number;
}

/** @param height - of the commitment */
export function revealWindow({ commitHeights, revealHeights }: SealedBidRules, height: number): RevealWindow {
	const firstReveal = (Math.floor(height / commitHeights) + 1) * commitHeights;
	const lastReveal = firstReveal + revealHeights - 1;
	// The same for all bids of a round, so that whoever reveals finds room in the index of that height. One more than a multiple
	// of the round's length: bids of one round never expire at the height at which commitments of another are forfeited.
	const stand = Math.ceil(SEALED_BID_HEIGHTS / commitHeights) * commitHeights + 1;
	return { firstReveal, lastReveal, standsUntil: lastReveal + stand };
}

/** @returns lower-case hex */
export function sealedBidHash(bid: SealedBid): string {
	const message = create(SealedBidSchema, { ...bid, buyer: fromHex(bid.buyer) });
	return toHex(taggedHash('sealed-bid', toBinary(SealedBidSchema, message)));
}
