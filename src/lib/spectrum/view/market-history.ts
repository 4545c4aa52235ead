/**
 * The market as it was, from what it is now and the trades that are known: channels move in trades alone, so that undoing the trades
 * from the newest on leads back to any height. What a page shows of the past needs no history kept beside the chain.
 */
import type { ApView, LoadView, TradeView } from './spectrum-view.ts';

/** One access point that held one channel for a time. */
export interface Holding {
	ap: string;
	channel: number;
	/** The first height at which it held it: of its registration, or of the trade that brought it. */
	fromHeight: number;
	/** Height of the trade that took it; null where it holds it still. */
	toHeight: number | null;
	/** Ids of the trades; null where it came with the registration, and where it is held still. */
	boughtBy: string | null;
	soldBy: string | null;
	/** Now, held idle. */
	idle: boolean;
}

type Trade = Pick<
	TradeView,
	'id' | 'buyerAp' | 'sellerAp' | 'channel' | 'height' | 'buyerAfter' | 'sellerAfter'
>;

/**
 * Who held which channel from when to when, in no order that means anything. A holding that began before the oldest known trade
 * counts from the registration.
 * @param trades - newest first
 */
export function holdingsOf(
	accessPoints: readonly Pick<ApView, 'id' | 'channels' | 'idleChannels' | 'registeredHeight' | 'height'>[],
	trades: readonly Trade[]
): Holding[] {
	const holdings: Holding[] = [];
	/** Key `ap/channel`: those whose beginning is not known yet. */
	const open = new Map<string, Holding>();
	const begin = (ap: string, channel: number, fields: Partial<Holding>): Holding => {
		const holding: Holding = {
			ap,
			channel,
			fromHeight: 0,
			toHeight: null,
			boughtBy: null,
			soldBy: null,
			idle: false,
			...fields
		};
		holdings.push(holding);
		open.set(`${ap}/${channel}`, holding);
		return holding;
	};
	const known = new Map(accessPoints.map((ap) => [ap.id, ap]));
	for (const ap of accessPoints)
		for (const channel of ap.channels) begin(ap.id, channel, { idle: ap.idleChannels.includes(channel) });
	for (const trade of trades) {
		const buyer = known.get(trade.buyerAp);
		if (buyer) {
			const key = `${buyer.id}/${trade.channel}`;
			// What it bought and does not hold went without a trade, at its last change at the latest.
			const bought = open.get(key) ?? begin(buyer.id, trade.channel, { toHeight: buyer.height });
			bought.fromHeight = trade.height;
			bought.boughtBy = trade.id;
			open.delete(key);
		}
		if (known.has(trade.sellerAp))
			begin(trade.sellerAp, trade.channel, { toHeight: trade.height, soldBy: trade.id });
	}
	for (const holding of open.values()) holding.fromHeight = known.get(holding.ap)!.registeredHeight;
	return holdings;
}

/**
 * The access points as they were before block `height`: later trades undone, newest first, and who came later left out. Exact in
 * channels; an occupancy is exact to some parts per million where nothing but trades changed it since.
 * @param trades - newest first
 */
export function rewind<Ap extends LoadView & Pick<ApView, 'id' | 'registeredHeight'>>(
	accessPoints: readonly Ap[],
	trades: readonly Trade[],
	height: number
): Ap[] {
	const before = new Map(
		accessPoints.filter((ap) => ap.registeredHeight < height).map((ap) => [ap.id, ap] as const)
	);
	for (const trade of trades) {
		if (trade.height < height) break;
		const buyer = before.get(trade.buyerAp);
		if (buyer) before.set(buyer.id, { ...buyer, ...beforeBuying(trade) });
		const seller = before.get(trade.sellerAp);
		if (seller) before.set(seller.id, { ...seller, ...beforeSelling(trade) });
	}
	return [...before.values()];
}

/** The buyer as the trade found it: the occupancy of which ρ·n/(n+1) is what the trade left, rounded up. */
export function beforeBuying({ channel, buyerAfter }: Pick<Trade, 'channel' | 'buyerAfter'>): LoadView {
	const held = buyerAfter.channels.length;
	return {
		channels: buyerAfter.channels.filter((one) => one !== channel),
		idleChannels: buyerAfter.idleChannels,
		// With its first channel it took over all that waited.
		occupancyPpm:
			held < 2 ? buyerAfter.occupancyPpm : Math.ceil((buyerAfter.occupancyPpm * held) / (held - 1))
	};
}

/** The seller as the trade found it, with the channel idle. */
export function beforeSelling({ channel, sellerAfter }: Pick<Trade, 'channel' | 'sellerAfter'>): LoadView {
	const held = sellerAfter.channels.length;
	const withIt = (channels: readonly number[]): number[] =>
		[...channels.filter((one) => one !== channel), channel].sort((a, b) => a - b);
	return {
		channels: withIt(sellerAfter.channels),
		idleChannels: withIt(sellerAfter.idleChannels),
		occupancyPpm: Math.ceil((sellerAfter.occupancyPpm * held) / (held + 1))
	};
}
