/** IssueChannelSwitchInfo: the seller takes a bid. One channel and the money change hands, or nothing does. */
import { Refused, type CallContext } from '../../ledger/contract.ts';
import { SELLER_CAP_PPM, occupancyAfterBuying, occupancyAfterSelling } from '../access-point.ts';
import { parseSwitchArguments, type SwitchArguments } from './arguments.ts';
import { checkTransferable, knownAccessPoint, readBid } from './bid.ts';
import type { HolderIndex } from './holders.ts';
import { apKey, bidKey, escrowAccount } from './keys.ts';
import {
	encodeAccessPoint,
	encodeBid,
	encodeUpdate,
	type AccessPointRecord,
	type BidRecord
} from './records.ts';

/**
 * @throws Refused what {@link parseSwitchArguments} throws, `UnknownBid`, `BidMismatch`, `NotSellerOwner`, `BidTaken`,
 * `BidReplaced`, `BidExpired`, `Unfunded`, `UnknownAp`, `BandMismatch`, `NotHeld`, `NotIdle`, `AlreadyHeld`,
 * `TooManyChannels`, `LastChannel`, `SellerCap`, `Conflict`, `CellFull`
 */
export function issueSwitch(context: CallContext, args: Uint8Array, holders: HolderIndex): void {
	const asked = parseSwitchArguments(args);
	const { state, accounts } = context;
	const bid = matchingBid(context, asked);
	const sellerAp = knownAccessPoint(state, bid.sellerAp);
	if (sellerAp.owner !== context.sender)
		throw new Refused('NotSellerOwner', `only the owner of ${sellerAp.id} can give its channels away`);
	checkOpen(bid, context.height);
	const buyerAp = knownAccessPoint(state, bid.buyerAp);
	checkTransferable(buyerAp, sellerAp, bid.channel);
	checkSellerKeepsEnough(sellerAp);
	holders.refuseConflict(state, buyerAp, bid.channel, sellerAp.id);
	const escrow = escrowAccount(bid.id);
	if (accounts.balance(escrow) < bid.price)
		throw new Refused('Unfunded', `the escrow of ${bid.id} holds less than the price of ${bid.price}`);

	holders.remove(state, sellerAp, bid.channel);
	holders.add(state, buyerAp, bid.channel);
	accounts.transfer(escrow, sellerAp.owner, bid.price);
	const bought = afterBuying(buyerAp, bid.channel, context.height);
	const sold = afterSelling(sellerAp, bid.channel, context.height);
	const taken: BidRecord = { ...bid, status: 'taken' };
	state.set(apKey(bought.id), encodeAccessPoint(bought));
	state.set(apKey(sold.id), encodeAccessPoint(sold));
	state.set(bidKey(bid.id), encodeBid(taken));
	context.emit(
		'UpdateAPChannelInfo',
		encodeUpdate({
			bid: taken,
			seller: sellerAp.owner,
			buyerAp: bought,
			sellerAp: sold,
			mechanism: asked.mechanism
		})
	);
}

function matchingBid(context: CallContext, asked: SwitchArguments): BidRecord {
	const bid = readBid(context.state, asked.bidId);
	if (!bid) throw new Refused('UnknownBid', `there is no bid ${asked.bidId}, or it closed long ago`);
	if (bid.buyerAp !== asked.buyerAp || bid.sellerAp !== asked.sellerAp || bid.channel !== asked.channel)
		throw new Refused(
			'BidMismatch',
			`the bid asks ${bid.sellerAp} for channel ${bid.channel} on behalf of ${bid.buyerAp}`
		);
	return bid;
}

function checkOpen(bid: BidRecord, height: number): void {
	if (bid.status === 'taken') throw new Refused('BidTaken', `the bid ${bid.id} was taken before`);
	if (bid.status === 'replaced') throw new Refused('BidReplaced', `its buyer replaced the bid ${bid.id}`);
	if (bid.status === 'expired' || bid.expiryHeight < height)
		throw new Refused('BidExpired', `the bid ${bid.id} was good until height ${bid.expiryHeight}`);
}

function checkSellerKeepsEnough(sellerAp: AccessPointRecord): void {
	if (sellerAp.channels.length < 2)
		throw new Refused('LastChannel', `${sellerAp.id} would be left without a channel`);
	const after = occupancyAfterSelling(sellerAp.occupancyPpm, sellerAp.channels.length);
	if (after > SELLER_CAP_PPM)
		throw new Refused(
			'SellerCap',
			`${sellerAp.id} would be busy for ${after} ppm of the time; at most ${SELLER_CAP_PPM} are allowed`
		);
}

/** A channel is bought to be used: it is not idle at the buyer. */
function afterBuying(ap: AccessPointRecord, channel: number, height: number): AccessPointRecord {
	return {
		...ap,
		channels: [...ap.channels, channel].sort((a, b) => a - b),
		occupancyPpm: occupancyAfterBuying(ap.occupancyPpm, ap.channels.length),
		changedHeight: height
	};
}

function afterSelling(ap: AccessPointRecord, channel: number, height: number): AccessPointRecord {
	return {
		...ap,
		channels: ap.channels.filter((held) => held !== channel),
		idleChannels: ap.idleChannels.filter((idle) => idle !== channel),
		occupancyPpm: occupancyAfterSelling(ap.occupancyPpm, ap.channels.length),
		changedHeight: height
	};
}
