/**
 * The buyer's side of sealed bids. Nothing of them is stored on this node: what a commitment hides is in its note on the chain,
 * readable with this node's key alone, and the salt is made of key and note. So a tab that reloads between commitment and reveal,
 * or whose AP database is gone, reveals as if nothing had happened.
 *
 * The note is price and mechanism under a pad of hashes, and its first part, from which pad and salt are made, is a keyed hash over
 * all of the bid and the height (a synthetic initialisation vector, RFC 5297): no two different bids share a pad, and a bid that is
 * made again has another hash, so that a revealed one does not give it away.
 */
import { taggedHash } from '../../crypto/hash.ts';
import { fromHex } from '../../crypto/hex.ts';
import { bidArguments, commitArguments } from '../contract/arguments.ts';
import type { SealedBidRules } from '../contract/parameters.ts';
import type { BidRecord } from '../contract/records.ts';
import { revealWindow, sealedBidHash, type RevealWindow, type SealedBid } from '../contract/sealed-bid.ts';

const VECTOR_BYTES = 16;
const PRICE_BYTES = 8;
/** The longest that the contract takes (MECHANISM_PATTERN). */
const MECHANISM_BYTES = 16;
const NOTE_BYTES = VECTOR_BYTES + PRICE_BYTES + MECHANISM_BYTES;

/** For so long a seller waits for the other bids of a round, once it has seen one: a buyer that lives reveals within a few blocks. */
export const REVEAL_PATIENCE_MS = 5_000;
/** Heights that stand still for this long are moved on by whoever waits for the end of a round. */
export const STILL_MS = 400;

type Offer = Omit<SealedBid, 'buyer' | 'salt'>;

export class Sealing {
	readonly #self: string;
	readonly #rules: SealedBidRules;
	readonly #key: Uint8Array;

	/** @param key - 32 bytes that only this node knows */
	constructor(self: string, rules: SealedBidRules, key: Uint8Array) {
		this.#self = self;
		this.#rules = rules;
		this.#key = key;
	}

	/** Arguments of a commitment. @param height - of the head: the same bid of another height has another hash */
	commitment(offer: Offer, replaces: string, height: number): Uint8Array {
		const { buyerAp, sellerAp, channel } = offer;
		const secret = encodeSecret(offer);
		const context = new TextEncoder().encode(JSON.stringify([buyerAp, sellerAp, channel, replaces, height]));
		const vector = taggedHash('bid-vector', this.#key, secret, context).slice(0, VECTOR_BYTES);
		const note = new Uint8Array(NOTE_BYTES);
		note.set(vector);
		note.set(this.#padded(vector, secret), VECTOR_BYTES);
		const hash = sealedBidHash({ ...offer, buyer: this.#self, salt: this.#salt(vector) });
		return commitArguments({ buyerAp, sellerAp, channel, hash, note, replaces });
	}

	/** What an own commitment hides; null where this key did not make it. */
	open({ buyer, buyerAp, sellerAp, channel, commitment }: BidRecord): SealedBid | null {
		if (!commitment || buyer !== this.#self) return null;
		const note = fromHex(commitment.note);
		if (note.length !== NOTE_BYTES) return null;
		const vector = note.slice(0, VECTOR_BYTES);
		const { price, mechanism } = decodeSecret(this.#padded(vector, note.slice(VECTOR_BYTES)));
		const bid = { buyer, buyerAp, sellerAp, channel, price, mechanism, salt: this.#salt(vector) };
		return sealedBidHash(bid) === commitment.hash ? bid : null;
	}

	/** Arguments of the reveal. */
	reveal(committed: BidRecord, { buyer: _, salt, ...bid }: SealedBid): Uint8Array {
		return bidArguments({
			...bid,
			expiryHeight: this.window(committed).standsUntil,
			replaces: '',
			reveals: { commitment: committed.id, salt }
		});
	}

	/** Of a bid that was committed to. */
	window({ height }: BidRecord): RevealWindow {
		return revealWindow(this.#rules, height);
	}

	/** What the reveals of all own commitments will cost beyond their deposits. */
	owed(bids: Iterable<BidRecord>): bigint {
		let owed = 0n;
		for (const bid of bids) {
			if (bid.status !== 'committed') continue;
			const missing = (this.open(bid)?.price ?? 0n) - bid.commitment!.deposit;
			if (missing > 0n) owed += missing;
		}
		return owed;
	}

	#salt(vector: Uint8Array): Uint8Array {
		return taggedHash('bid-salt', this.#key, vector);
	}

	/** A hash is longer than what it covers. Twice is once. */
	#padded(vector: Uint8Array, bytes: Uint8Array): Uint8Array {
		const pad = taggedHash('bid-pad', this.#key, vector);
		return bytes.map((byte, i) => byte ^ pad[i]!);
	}
}

/** Whether other bids of this bid's round, for the same seller, are not revealed yet. */
export function awaitsOthers(bid: BidRecord, bids: Iterable<BidRecord>, rules: SealedBidRules): boolean {
	const { lastReveal } = revealWindow(rules, bid.height);
	for (const other of bids)
		if (
			other.status === 'committed' &&
			other.sellerAp === bid.sellerAp &&
			revealWindow(rules, other.height).lastReveal === lastReveal
		)
			return true;
	return false;
}

function encodeSecret({ price, mechanism }: Offer): Uint8Array {
	const bytes = new Uint8Array(PRICE_BYTES + MECHANISM_BYTES);
	new DataView(bytes.buffer).setBigUint64(0, price);
	bytes.set(new TextEncoder().encode(mechanism), PRICE_BYTES);
	return bytes;
}

function decodeSecret(bytes: Uint8Array): { price: bigint; mechanism: string } {
	const name = bytes.subarray(PRICE_BYTES);
	const end = name.indexOf(0);
	return {
		price: new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0),
		mechanism: new TextDecoder().decode(end < 0 ? name : name.subarray(0, end))
	};
}
