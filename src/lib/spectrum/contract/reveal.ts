/** IssueBidingPriceInfo where bids are sealed: the buyer says what it committed to, and pays the price into escrow. */
import { Refused, type Accounts, type CallContext } from '../../ledger/contract.ts';
import { parseBidArguments } from './arguments.ts';
import { ownCommitment } from './commit.ts';
import { bidKey, escrowAccount } from './keys.ts';
import { releaseCommitment } from './owner.ts';
import type { SealedBidRules } from './parameters.ts';
import { encodeBid, type BidRecord } from './records.ts';
import { revealWindow, sealedBidHash } from './sealed-bid.ts';

/**
 * The commitment becomes a bid like an open one. What has changed at the access points
 * since is not looked at: it is no fault of the buyer, and the switch looks.
 * @throws Refused what {@link parseBidArguments} throws, `BidsAreSealed`, `UnknownCommitment`, `NotBuyerOwner`, `AlreadyRevealed`, `RevealTooEarly`, `RevealTooLate`,
 * `BidMismatch`, `CommitmentMismatch`, `NotReplaceable`, `ExpiryOutOfRange`, `Unfunded`
 */
export function revealBid(context: CallContext, args: Uint8Array, rules: SealedBidRules): void {
	const asked = parseBidArguments(args);
	const { height, state, accounts, sender } = context;
	if (!asked.reveals)
		throw new Refused('BidsAreSealed', 'on this chain a bid reveals a commitment; there is none in it');
	const committed = ownCommitment(context, asked.reveals.commitment);
	const { firstReveal, lastReveal, standsUntil } = revealWindow(rules, committed.height);
	if (height < firstReveal)
		throw new Refused(
			'RevealTooEarly',
			`commitments of this round are revealed from height ${firstReveal} on`
		);
	if (committed.status === 'forfeited' || height > lastReveal)
		throw new Refused('RevealTooLate', `the commitment was to be revealed until height ${lastReveal}`);
	if (committed.status !== 'committed')
		throw new Refused('AlreadyRevealed', `the commitment ${committed.id} is revealed`);
	if (
		committed.buyerAp !== asked.buyerAp ||
		committed.sellerAp !== asked.sellerAp ||
		committed.channel !== asked.channel
	)
		throw new Refused(
			'BidMismatch',
			`the commitment asks ${committed.sellerAp} for channel ${committed.channel} on behalf of ${committed.buyerAp}`
		);
	const commitment = committed.commitment!;
	if (sealedBidHash({ ...asked, buyer: sender, salt: asked.reveals.salt }) !== commitment.hash)
		throw new Refused('CommitmentMismatch', 'the commitment is not to this price, mechanism and salt');
	if (asked.replaces !== '')
		throw new Refused('NotReplaceable', 'what a sealed bid replaces is said by its commitment');
	if (asked.expiryHeight !== standsUntil)
		throw new Refused(
			'ExpiryOutOfRange',
			`bids of this round expire at ${standsUntil}, not at ${asked.expiryHeight}`
		);
	payPrice(accounts, committed, asked.price, commitment.deposit);
	releaseCommitment(state, sender);
	const bytes = encodeBid({
		...committed,
		price: asked.price,
		mechanism: asked.mechanism,
		expiryHeight: standsUntil,
		status: 'open',
		commitment: { ...commitment, revealedHeight: height }
	});
	state.set(bidKey(committed.id), bytes);
	context.emit('IssueBidingPriceInfo', bytes);
}

/** The deposit counts towards the price; what is left of it returns. */
function payPrice(accounts: Accounts, { id, buyer }: BidRecord, price: bigint, deposit: bigint): void {
	const missing = price - deposit;
	if (missing < 0n) accounts.transfer(escrowAccount(id), buyer, -missing);
	if (missing <= 0n) return;
	const balance = accounts.balance(buyer);
	if (balance < missing)
		throw new Refused(
			'Unfunded',
			`the buyer holds ${balance}, and ${missing} of the price are not in the deposit`
		);
	accounts.transfer(buyer, escrowAccount(id), missing);
}
