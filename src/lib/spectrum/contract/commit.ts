/**
 * IssueBidingCommitInfo and IssueBidingRoundInfo: a buyer asks a chosen seller for one channel, and hides the price in a hash
 * until nobody can adapt to it. Whom it asks and for which channel is open, so that others can look elsewhere.
 */
import { toHex } from '../../crypto/hex.ts';
import { Refused, type CallContext } from '../../ledger/contract.ts';
import { parseCommitArguments, parseRoundArguments } from './arguments.ts';
import { askSeller, placeBid, readBid } from './bid.ts';
import { readIndex } from './expiry.ts';
import { MAX_COMMITMENTS_PER_ROUND } from './limits.ts';
import { countCommitment } from './owner.ts';
import type { SealedBidRules } from './parameters.ts';
import type { BidRecord } from './records.ts';
import { revealWindow } from './sealed-bid.ts';

/**
 * @throws Refused what {@link parseCommitArguments} throws, `UnknownAp`, `NotBuyerOwner`, `BandMismatch`, `NotHeld`, `NotIdle`,
 * `Granted`, `Lent`, `AlreadyHeld`, `TooManyChannels`, `NotReplaceable`, `RoundFull`, `TooManyCommitments`, `Unfunded`
 */
export function issueCommitment(context: CallContext, args: Uint8Array, rules: SealedBidRules): void {
	const asked = parseCommitArguments(args);
	const { height, state, accounts, sender } = context;
	const question = askSeller(context, asked);
	const { lastReveal } = revealWindow(rules, height);
	if (readIndex(state, lastReveal).length >= MAX_COMMITMENTS_PER_ROUND)
		throw new Refused('RoundFull', `this round has ${MAX_COMMITMENTS_PER_ROUND} commitments already`);
	countCommitment(state, sender);
	const balance = accounts.balance(sender);
	if (balance < rules.deposit)
		throw new Refused('Unfunded', `the buyer holds ${balance}, less than the deposit of ${rules.deposit}`);
	const bid: BidRecord = {
		...question,
		price: 0n,
		expiryHeight: lastReveal,
		mechanism: '',
		status: 'committed',
		commitment: { hash: asked.hash, note: toHex(asked.note), deposit: rules.deposit, revealedHeight: 0 }
	};
	placeBid(context, bid, rules.deposit, 'IssueBidingCommitInfo');
}

/** @throws Refused `MalformedArguments`, `UnknownCommitment`, `NotBuyerOwner`, `AlreadyRevealed`, `RoundEnded` */
export function issueRound(context: CallContext, args: Uint8Array, rules: SealedBidRules): void {
	const committed = ownCommitment(context, parseRoundArguments(args));
	if (committed.status !== 'committed' && committed.status !== 'forfeited')
		throw new Refused('AlreadyRevealed', `the commitment ${committed.id} waits for nothing`);
	const { firstReveal } = revealWindow(rules, committed.height);
	if (context.height >= firstReveal)
		throw new Refused('RoundEnded', `commitments of this round are revealed from height ${firstReveal} on`);
}

/** @throws Refused `UnknownCommitment`, `NotBuyerOwner` */
export function ownCommitment(context: CallContext, id: string): BidRecord {
	const committed = readBid(context.state, id);
	if (!committed?.commitment)
		throw new Refused('UnknownCommitment', `there is no commitment ${id}, or it closed long ago`);
	if (committed.buyer !== context.sender)
		throw new Refused('NotBuyerOwner', `the commitment ${id} is another buyer's`);
	return committed;
}
