/**
 * A second book of bids beside the contract's: which are committed, open or closed, and what each has in escrow. Open bids hold their
 * price, commitments their deposit, and the treasury the deposits of those that nobody revealed. A commitment is revealed at most
 * once, within its round's window, and says what was hidden in it.
 */
import { ACCOUNT_PREFIX, readBalance } from '#lib/ledger/accounts.ts';
import { ESCROW_PREFIX } from '#lib/ledger/contract.ts';
import { BID_PREFIX, TREASURY, escrowAccount } from '#lib/spectrum/contract/keys.ts';
import type { SealedBidRules } from '#lib/spectrum/contract/parameters.ts';
import { decodeBid, type BidRecord, type BidStatus } from '#lib/spectrum/contract/records.ts';
import type { Chain } from '#lib/consensus/ordering/chain.ts';

interface Entry {
	status: BidStatus;
	buyer: string;
	price: bigint;
	/** Of a commitment: of the block that holds it. */
	committedHeight: number;
	/** The last height at which it may be taken, once it is open. */
	expiryHeight: number;
}

export class EscrowBook {
	readonly #rules: SealedBidRules | undefined;
	readonly #hidden: ReadonlyMap<string, bigint | null>;
	readonly #bids = new Map<string, Entry>();
	#treasury = 0n;
	readonly counts = { bids: 0, replaced: 0, expired: 0, commitments: 0, reveals: 0, forfeits: 0 };

	/** @param hidden prices in commitments, as far as they are known; null for what nothing opens */
	constructor(rules: SealedBidRules | undefined, hidden: ReadonlyMap<string, bigint | null>) {
		this.#rules = rules;
		this.#hidden = hidden;
	}

	/** IssueBidingCommitInfo. @returns what is wrong with it, or null, as all of these */
	committed({ id, buyer, commitment }: BidRecord, height: number): string | null {
		this.counts.commitments += 1;
		if (!this.#rules) return `${short(id)} is a commitment, and bids are open`;
		if (this.#bids.has(id)) return `${short(id)} is committed to twice`;
		if (commitment?.deposit !== this.#rules.deposit)
			return `${short(id)} is committed to without its deposit`;
		this.#bids.set(id, { status: 'committed', buyer, price: 0n, committedHeight: height, expiryHeight: 0 });
		return null;
	}

	/** IssueBidingPriceInfo: an open bid, or the reveal of a commitment. */
	asked(bid: BidRecord, height: number): string | null {
		const { id, buyer, price, expiryHeight } = bid;
		this.counts.bids += 1;
		const known = this.#bids.get(id);
		const committedHeight = known?.committedHeight ?? 0;
		this.#bids.set(id, { status: 'open', buyer, price, committedHeight, expiryHeight });
		if (this.#rules) return this.#revealed(this.#rules, bid, known, height);
		return known ? `the bid ${short(id)} is made twice` : null;
	}

	#revealed(
		rules: SealedBidRules,
		{ id, buyer, price }: BidRecord,
		known: Entry | undefined,
		height: number
	): string | null {
		this.counts.reveals += 1;
		if (!known) return `${short(id)} is revealed, and nobody committed to it`;
		if (known.status !== 'committed') return `${short(id)} is revealed, and was ${known.status}`;
		const { first, last } = windowOf(rules, known.committedHeight);
		if (height < first || height > last)
			return `${short(id)} is revealed outside of its window from ${first} to ${last}`;
		if (known.buyer !== buyer) return `${short(id)} is revealed by another buyer`;
		const hidden = this.#hidden.get(id);
		if (hidden === null) return `${short(id)} is a copy of another's commitment, and is revealed`;
		if (hidden !== undefined && hidden !== price)
			return `${short(id)} hid ${hidden}, and is revealed as ${price}`;
		return null;
	}

	/** BidReplaced. */
	replaced({ id }: BidRecord): string | null {
		this.counts.replaced += 1;
		return this.#close(id, 'open', 'replaced');
	}

	/** A switch takes it. */
	taken({ id, price }: BidRecord, height: number): string | null {
		const wrong = this.#close(id, 'open', 'taken');
		if (wrong) return wrong;
		const known = this.#bids.get(id)!;
		if (known.expiryHeight < height) return `the bid ${short(id)} is taken after its last height`;
		return known.price === price ? null : `the bid ${short(id)} of ${known.price} is taken for ${price}`;
	}

	/** BidsExpired. */
	expired(ids: readonly string[], height: number): string | null {
		this.counts.expired += ids.length;
		for (const id of ids) {
			const wrong = this.#close(id, 'open', 'expired');
			if (wrong) return wrong;
			if (this.#bids.get(id)!.expiryHeight >= height)
				return `the bid ${short(id)} expires before its last height`;
		}
		return null;
	}

	/** BidsForfeited. */
	forfeited(ids: readonly string[], height: number): string | null {
		this.counts.forfeits += ids.length;
		for (const id of ids) {
			const wrong = this.#close(id, 'committed', 'forfeited');
			if (wrong) return wrong;
			const { last } = windowOf(this.#rules!, this.#bids.get(id)!.committedHeight);
			if (last >= height) return `${short(id)} is forfeited while it can be revealed`;
			this.#treasury += this.#rules!.deposit;
		}
		return null;
	}

	/** The contract has swept what is over: nothing of it may be left. */
	swept(height: number): string | null {
		for (const [id, { status, committedHeight, expiryHeight }] of this.#bids) {
			if (status === 'open' && expiryHeight < height)
				return `the bid ${short(id)} is open after its last height ${expiryHeight}`;
			if (status === 'committed' && windowOf(this.#rules!, committedHeight).last < height)
				return `${short(id)} is committed to after its last reveal`;
		}
		return null;
	}

	/** Compares with a state. */
	state(state: Chain['state']): string | null {
		let escrows = 0n;
		let paid = 0n;
		const open = new Set<string>();
		for (const { key, value } of state.rows()) {
			if (!value) continue;
			if (key.startsWith(BID_PREFIX)) {
				const { id, status } = decodeBid(value);
				const known = this.#bids.get(id);
				if (known?.status !== status)
					return `the bid ${short(id)} is ${status}, and by its events ${known?.status ?? 'unknown'}`;
				const amount = readBalance(state, escrowAccount(id));
				if (amount !== this.#escrowOf(known))
					return `the bid ${short(id)} is ${status}, with ${amount} in escrow and not ${this.#escrowOf(known)}`;
				paid += amount;
				if (isStanding(known)) open.add(id);
			} else if (key.startsWith(ACCOUNT_PREFIX + ESCROW_PREFIX))
				escrows += readBalance(state, key.slice(ACCOUNT_PREFIX.length));
		}
		for (const [id, entry] of this.#bids)
			if (isStanding(entry) && !open.has(id)) return `the bid ${short(id)} is ${entry.status}, and forgotten`;
		const treasury = readBalance(state, TREASURY);
		if (treasury !== this.#treasury)
			return `the treasury holds ${treasury}, and ${this.#treasury} were forfeited`;
		const more = escrows - paid - treasury;
		return more === 0n ? null : `${more} more in escrow than bids have paid`;
	}

	#close(id: string, from: BidStatus, to: BidStatus): string | null {
		const known = this.#bids.get(id);
		if (known?.status !== from) return `the bid ${short(id)} is ${to}, and was ${known?.status ?? 'unknown'}`;
		known.status = to;
		return null;
	}

	#escrowOf({ status, price }: Entry): bigint {
		if (status === 'open') return price;
		return status === 'committed' ? this.#rules!.deposit : 0n;
	}
}

/** Written down a second time, as the documents say it: rounds of so many heights, revealed in those that follow. */
function windowOf(
	{ commitHeights, revealHeights }: SealedBidRules,
	committedHeight: number
): { first: number; last: number } {
	const first = committedHeight - (committedHeight % commitHeights) + commitHeights;
	return { first, last: first + revealHeights - 1 };
}

function isStanding({ status }: Entry): boolean {
	return status === 'open' || status === 'committed';
}

function short(id: string): string {
	return id.slice(0, 8);
}
