/** IssueBidingPriceInfo: a buyer asks a chosen seller for one channel at a price, and pays it into escrow. */
import { Refused, type CallContext, type StateView } from '../../ledger/contract.ts';
import { MAX_CHANNELS_PER_AP } from '../access-point.ts';
import { parseBidArguments } from './arguments.ts';
import { scheduleExpiry } from './expiry.ts';
import { bidKey, escrowAccount } from './keys.ts';
import { MAX_BID_WINDOW } from './limits.ts';
import { decodeBid, encodeBid, type AccessPointRecord, type BidRecord } from './records.ts';
import { readAccessPoint } from './register.ts';

/**
 * A conflict is not looked for here: the neighbourhood is what it is when the channel moves.
 * @throws Refused what {@link parseBidArguments} throws, `ExpiryOutOfRange`, `UnknownAp`, `NotBuyerOwner`, `BandMismatch`,
 * `NotHeld`, `NotIdle`, `Granted`, `Lent`, `AlreadyHeld`, `TooManyChannels`, `NotReplaceable`, `Unfunded`, `ExpiryFull`
 */
export function issueBid(context: CallContext, args: Uint8Array): void {
	const asked = parseBidArguments(args);
	if (asked.reveals)
		throw new Refused('BidsAreOpen', 'on this chain bids are open; there is nothing to reveal');
	const { height, accounts, sender } = context;
	if (asked.expiryHeight <= height || asked.expiryHeight > height + MAX_BID_WINDOW)
		throw new Refused(
			'ExpiryOutOfRange',
			`a bid at height ${height} expires between ${height + 1} and ${height + MAX_BID_WINDOW}, not at ${asked.expiryHeight}`
		);
	const question = askSeller(context, asked);
	const balance = accounts.balance(sender);
	if (balance < asked.price)
		throw new Refused('Unfunded', `the buyer holds ${balance}, less than the price of ${asked.price}`);
	const { price, expiryHeight, mechanism } = asked;
	const bid: BidRecord = { ...question, price, expiryHeight, mechanism, status: 'open' };
	placeBid(context, bid, price, 'IssueBidingPriceInfo');
}

/** What a buyer asks a seller for, with a price or a hidden one. */
interface Question {
	buyerAp: string;
	sellerAp: string;
	channel: number;
	/** An own bid that this one takes the place of; empty where it takes none. */
	replaces: string;
}

/**
 * Whether the sender may ask this now; the bid that it replaces is taken back.
 * @throws Refused `UnknownAp`, `NotBuyerOwner`, `BandMismatch`, `NotHeld`, `NotIdle`, `Granted`, `Lent`, `AlreadyHeld`,
 * `TooManyChannels`, `NotReplaceable`
 */
export function askSeller(context: CallContext, asked: Question) {
	const { transactionId, height, timeMs, state, sender } = context;
	const buyerAp = knownAccessPoint(state, asked.buyerAp);
	const sellerAp = knownAccessPoint(state, asked.sellerAp);
	if (buyerAp.owner !== sender) throw new Refused('NotBuyerOwner', `${buyerAp.id} belongs to another owner`);
	checkTransferable(buyerAp, sellerAp, asked.channel);
	if (asked.replaces !== '') replaceBid(context, asked);
	return {
		id: transactionId,
		buyer: sender,
		buyerAp: buyerAp.id,
		sellerAp: sellerAp.id,
		channel: asked.channel,
		height,
		timeMs
	};
}

/** Writes the bid down, with what it holds in escrow. @throws Refused `ExpiryFull` */
export function placeBid(context: CallContext, bid: BidRecord, escrow: bigint, event: string): void {
	const { state, accounts } = context;
	scheduleExpiry(state, bid);
	accounts.transfer(bid.buyer, escrowAccount(bid.id), escrow);
	const bytes = encodeBid(bid);
	state.set(bidKey(bid.id), bytes);
	context.emit(event, bytes);
}

export function readBid(state: StateView, id: string): BidRecord | undefined {
	const bytes = state.get(bidKey(id));
	return bytes && decodeBid(bytes);
}

/** @throws Refused `UnknownAp` */
export function knownAccessPoint(state: StateView, id: string): AccessPointRecord {
	const record = readAccessPoint(state, id);
	if (!record) throw new Refused('UnknownAp', `no access point ${id} is registered`);
	return record;
}

/** What must hold when a bid is made, and again when it is taken. */
export function checkTransferable(
	buyerAp: AccessPointRecord,
	sellerAp: AccessPointRecord,
	channel: number
): void {
	if (buyerAp.band !== sellerAp.band)
		throw new Refused(
			'BandMismatch',
			`${buyerAp.id} is in ${buyerAp.band}, ${sellerAp.id} in ${sellerAp.band}`
		);
	if (!sellerAp.channels.includes(channel))
		throw new Refused('NotHeld', `${sellerAp.id} does not hold channel ${channel}`);
	if (sellerAp.grantedChannels?.includes(channel))
		throw new Refused(
			'Granted',
			`${sellerAp.id} holds channel ${channel} by a grant, which it can relinquish, and not sell`
		);
	if (!sellerAp.idleChannels.includes(channel))
		throw new Refused('NotIdle', `channel ${channel} is in use at ${sellerAp.id}`);
	if (buyerAp.channels.includes(channel))
		throw new Refused('AlreadyHeld', `${buyerAp.id} already holds channel ${channel}`);
	if (buyerAp.lentChannels?.includes(channel))
		throw new Refused('Lent', `channel ${channel} comes back to ${buyerAp.id} from whom it granted it to`);
	// What it lent keeps its place.
	if (buyerAp.channels.length + (buyerAp.lentChannels?.length ?? 0) >= MAX_CHANNELS_PER_AP)
		throw new Refused('TooManyChannels', `${buyerAp.id} already holds ${MAX_CHANNELS_PER_AP} channels`);
}

/** The old bid's escrow returns before the new one is paid, so that a buyer without savings can change its mind. */
function replaceBid(context: CallContext, asked: { replaces: string; buyerAp: string }): void {
	const old = readBid(context.state, asked.replaces);
	if (!old || old.status !== 'open' || old.buyer !== context.sender || old.buyerAp !== asked.buyerAp)
		throw new Refused('NotReplaceable', `${asked.replaces} is no open bid of ${asked.buyerAp}`);
	context.accounts.transfer(escrowAccount(old.id), old.buyer, old.price);
	const bytes = encodeBid({ ...old, status: 'replaced' });
	context.state.set(bidKey(old.id), bytes);
	context.emit('BidReplaced', bytes);
}
