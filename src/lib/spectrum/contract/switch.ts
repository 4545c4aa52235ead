/** IssueChannelSwitchInfo: the seller takes a bid. One channel and the money change hands, or nothing does. */
import { Refused, type CallContext } from '../../ledger/contract.ts';
import { SELLER_CAP_PPM, occupancyAfterBuying, occupancyAfterSelling } from '../access-point.ts';
import { parseSwitchArguments, type SwitchArguments } from './arguments.ts';
import { checkTransferable, knownAccessPoint, readBid } from './bid.ts';
import { addGrant, withChannel } from './grants.ts';
import type { HolderIndex } from './holders.ts';
import { apKey, bidKey, escrowAccount } from './keys.ts';
import type { GrantRules } from './parameters.ts';
import {
	encodeAccessPoint,
	encodeBid,
	encodeUpdate,
	type AccessPointRecord,
	type BidRecord,
	type GrantRecord
} from './records.ts';

/**
 * @throws Refused what {@link parseSwitchArguments} throws, `UnknownBid`, `BidMismatch`, `NotSellerOwner`, `BidTaken`,
 * `BidReplaced`, `BidExpired`, `NotRevealed`, `Unfunded`, `UnknownAp`, `BandMismatch`, `NotHeld`, `NotIdle`, `Granted`, `Lent`,
 * `AlreadyHeld`, `TooManyChannels`, `LastChannel`, `SellerCap`, `Conflict`, `CellFull`
 */
export function issueSwitch(
	context: CallContext,
	args: Uint8Array,
	holders: HolderIndex,
	grants?: GrantRules
): void {
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

	// A grantor stays in the index: nobody near it takes what comes back to it.
	if (!grants) holders.remove(state, sellerAp, bid.channel);
	holders.add(state, buyerAp, bid.channel);
	accounts.transfer(escrow, sellerAp.owner, bid.price);
	const grant = grants && grantOf(bid, context.height, grants);
	const bought = afterBuying(buyerAp, bid.channel, context.height, grant);
	const sold = afterSelling(sellerAp, bid.channel, context.height, grant);
	if (grant) addGrant(state, grant);
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
			mechanism: asked.mechanism,
			...(grant && { grant })
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
	if (bid.status === 'committed' || bid.status === 'forfeited')
		throw new Refused('NotRevealed', `its buyer has not revealed the bid ${bid.id}`);
	if (bid.status === 'taken') throw new Refused('BidTaken', `the bid ${bid.id} was taken before`);
	if (bid.status === 'replaced') throw new Refused('BidReplaced', `its buyer replaced the bid ${bid.id}`);
	if (bid.status === 'expired' || bid.expiryHeight < height)
		throw new Refused('BidExpired', `the bid ${bid.id} was good until height ${bid.expiryHeight}`);
}

function checkSellerKeepsEnough(sellerAp: AccessPointRecord): void {
	// What it holds by grants may go at any time.
	if (sellerAp.channels.length - (sellerAp.grantedChannels?.length ?? 0) < 2)
		throw new Refused('LastChannel', `${sellerAp.id} would be left without a channel of its own`);
	const after = occupancyAfterSelling(sellerAp.occupancyPpm, sellerAp.channels.length);
	if (after > SELLER_CAP_PPM)
		throw new Refused(
			'SellerCap',
			`${sellerAp.id} would be busy for ${after} ppm of the time; at most ${SELLER_CAP_PPM} are allowed`
		);
}

function grantOf(bid: BidRecord, height: number, { heartbeatHeights }: GrantRules): GrantRecord {
	return {
		ap: bid.buyerAp,
		channel: bid.channel,
		grantorAp: bid.sellerAp,
		bidId: bid.id,
		grantedHeight: height,
		expiryHeight: height + heartbeatHeights
	};
}

/** A channel is bought to be used: it is not idle at the buyer. */
function afterBuying(
	ap: AccessPointRecord,
	channel: number,
	height: number,
	grant: GrantRecord | undefined
): AccessPointRecord {
	return {
		...ap,
		...(grant && { grantedChannels: withChannel(ap.grantedChannels ?? [], channel) }),
		channels: withChannel(ap.channels, channel),
		occupancyPpm: occupancyAfterBuying(ap.occupancyPpm, ap.channels.length),
		changedHeight: height
	};
}

function afterSelling(
	ap: AccessPointRecord,
	channel: number,
	height: number,
	grant: GrantRecord | undefined
): AccessPointRecord {
	return {
		...ap,
		...(grant && { lentChannels: withChannel(ap.lentChannels ?? [], channel) }),
		channels: ap.channels.filter((held) => held !== channel),
		idleChannels: ap.idleChannels.filter((idle) => idle !== channel),
		occupancyPpm: occupancyAfterSelling(ap.occupancyPpm, ap.channels.length),
		changedHeight: height
	};
}
