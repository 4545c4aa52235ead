/**
 * Why this seller: everybody that a buyer could have asked, in the order in which the mechanism that ran looks at them, and for
 * each the first reason for which it was not the one. For people, so nothing on the chain depends on it.
 */
import { SELL_AT_PPM } from '../access-point.ts';
import { MINIMUM_GAIN } from '../manager/limits.ts';
import { asksOfSeller, valueToBuyer } from '../mechanisms/valuation.ts';
import { squaredDistanceCm2, tooClose } from '../radio/distance.ts';
import type { ApView, TradeView } from './spectrum-view.ts';
import { beforeBuying, beforeSelling } from './market-history.ts';

/** What a ranking needs of an access point; {@link ApView} has it. */
export type RankedAp = Pick<
	ApView,
	| 'id'
	| 'latitudeMicrodegrees'
	| 'longitudeMicrodegrees'
	| 'coverageRadiusM'
	| 'band'
	| 'channels'
	| 'idleChannels'
	| 'occupancyPpm'
>;

export type Verdict =
	| 'chosen'
	/** Could have sold and stands after the chosen one. */
	| 'behind'
	/** Could have sold and stands before it: its channels went to others in the same round, or it did not answer. */
	| 'passed'
	/** Busier than a seller may be. */
	| 'busy'
	| 'nothing-idle'
	/** One channel, which it keeps, or a sale would make it too busy. */
	| 'keeps'
	/** The buyer holds all that it offers. */
	| 'held'
	/** Open bids ask for all that it offers. */
	| 'asked'
	/** Somebody near the buyer holds each channel that it offers. */
	| 'conflict'
	/** The ask, and the least gain, are more than the channel is worth to the buyer. */
	| 'too-dear';

export interface Candidate {
	id: string;
	verdict: Verdict;
	distanceM: number;
	occupancyPpm: number;
	/** The least that it takes; null where it sells nothing. Decimal string. */
	ask: string | null;
	/** The channel that it would have given; null where there is none. */
	channel: number | null;
	/** By which the mechanism orders sellers: metres for `seed`, money for the others. null where it sells nothing. */
	score: number | null;
	/** Who is in the way, where the verdict is `conflict`. */
	inTheWay: { id: string; channel: number; distanceM: number; limitM: number } | null;
}

export interface Ranking {
	/** What the channel is worth to the buyer; decimal string. */
	value: string;
	/** The least that a trade must gain; decimal string. */
	minimumGain: string;
	/** Who could have sold, in the mechanism's order, then the others from near to far. */
	candidates: Candidate[];
	/** In other bands: they sell nothing that the buyer could use. */
	otherBands: number;
}

export interface RankingInput {
	buyer: string;
	/** All, as they were when the bid was made. */
	accessPoints: readonly RankedAp[];
	mechanism: string;
	/** `seller/channel` for which bids were open. */
	reserved: ReadonlySet<string>;
	chosen: { seller: string; channel: number };
	conflictDistancePercent: number;
}

/** @returns null where the buyer is not among the access points */
export function rankSellers(input: RankingInput): Ranking | null {
	const buyer = input.accessPoints.find((ap) => ap.id === input.buyer);
	if (!buyer) return null;
	const value = valueToBuyer(buyer);
	const inBand = input.accessPoints.filter((ap) => ap.band === buyer.band && ap.id !== buyer.id);
	// What is near the buyer decides about every seller's channels alike.
	const near = inBand.filter((ap) => tooClose(buyer, ap, input.conflictDistancePercent));
	const candidates = inBand.map((seller) => judge(input, buyer, value, seller, near));
	const chosen = candidates.find(({ id }) => id === input.chosen.seller);
	if (chosen) {
		chosen.verdict = 'chosen';
		chosen.channel = input.chosen.channel;
		chosen.inTheWay = null;
	}
	candidates.sort(
		(a, b) =>
			Number(isOpen(b)) - Number(isOpen(a)) ||
			(isOpen(a) ? (a.score ?? Infinity) - (b.score ?? Infinity) : 0) ||
			a.distanceM - b.distanceM ||
			(a.id < b.id ? -1 : 1)
	);
	const place = chosen ? candidates.indexOf(chosen) : candidates.length;
	candidates.forEach((candidate, index) => {
		if (candidate.verdict === 'behind' && index < place) candidate.verdict = 'passed';
	});
	return {
		value: value.toString(),
		minimumGain: MINIMUM_GAIN.toString(),
		candidates,
		otherBands: input.accessPoints.length - inBand.length - 1
	};
}

/** What a trade brought in all, as mechanisms count it: the buyer's value less the seller's ask and the least gain. Decimal string. */
export function welfareOfTrade(trade: Pick<TradeView, 'channel' | 'buyerAfter' | 'sellerAfter'>): string {
	const [ask = 0n] = asksOfSeller(beforeSelling(trade));
	return (valueToBuyer(beforeBuying(trade)) - ask - MINIMUM_GAIN).toString();
}

function isOpen({ verdict }: Candidate): boolean {
	return verdict === 'chosen' || verdict === 'behind';
}

function judge(
	input: RankingInput,
	buyer: RankedAp,
	value: bigint,
	seller: RankedAp,
	near: readonly RankedAp[]
): Candidate {
	const asks = asksOfSeller(seller);
	const distanceM = metresBetween(buyer, seller);
	const candidate: Candidate = {
		id: seller.id,
		verdict: 'behind',
		distanceM,
		occupancyPpm: seller.occupancyPpm,
		ask: asks[0]?.toString() ?? null,
		channel: null,
		score: scoreOf(input.mechanism, asks, distanceM),
		inTheWay: null
	};
	const refused = (verdict: Verdict): Candidate => ({ ...candidate, verdict });
	if (seller.occupancyPpm > SELL_AT_PPM) return refused('busy');
	if (seller.idleChannels.length === 0) return refused('nothing-idle');
	if (asks[0] === undefined) return refused('keeps');
	const wanted = seller.idleChannels.filter((channel) => !buyer.channels.includes(channel));
	if (wanted.length === 0) return refused('held');
	const unasked = wanted.filter((channel) => !input.reserved.has(`${seller.id}/${channel}`));
	if (unasked.length === 0) return refused('asked');
	const holderOf = (channel: number): RankedAp | undefined =>
		near.find((ap) => ap.id !== seller.id && ap.channels.includes(channel));
	const free = unasked.find((channel) => holderOf(channel) === undefined);
	if (free === undefined) {
		const channel = unasked[0]!;
		const holder = holderOf(channel)!;
		return {
			...refused('conflict'),
			inTheWay: {
				id: holder.id,
				channel,
				distanceM: metresBetween(buyer, holder),
				limitM: ((buyer.coverageRadiusM + holder.coverageRadiusM) * input.conflictDistancePercent) / 100
			}
		};
	}
	candidate.channel = free;
	return asks[0] + MINIMUM_GAIN > value ? { ...candidate, verdict: 'too-dear' } : candidate;
}

/** `veritas` holds all of a seller's channels at its last ask; the others look at the first. */
function scoreOf(mechanism: string, asks: readonly bigint[], distanceM: number): number | null {
	if (asks.length === 0) return null;
	if (mechanism === 'seed') return distanceM;
	return Number(mechanism === 'veritas' ? asks[asks.length - 1]! : asks[0]!);
}

function metresBetween(a: RankedAp, b: RankedAp): number {
	return Math.round(Math.sqrt(squaredDistanceCm2(a, b)) / 100);
}
