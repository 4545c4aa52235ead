/**
 * The waterfall's geometry, pure: a column for each channel, in it a lane for each access point that ever held the channel, and time
 * running down from the newest block. A trade moves a channel and keeps its number, so it stays within its column.
 */
import type { Holding } from '#lib/node/study/study.ts';
import type { ApInfo, TradeInfo } from '../types.ts';
import { centreMhz } from './channels.ts';

export interface Lane {
	ap: string;
	/** In order of time. */
	holdings: Holding[];
}

export interface Column {
	band: ApInfo['band'];
	channel: number;
	lanes: Lane[];
}

export interface TradeMark {
	trade: TradeInfo;
	column: number;
	/** Indexes into the column's lanes; null where that access point is not shown. */
	from: number | null;
	to: number | null;
}

export interface Waterfall {
	columns: Column[];
	/** Oldest first. */
	marks: TradeMark[];
}

/** Lanes drawn in all: beyond it a picture says no more. The table has every holding. */
export const MAX_LANES = 4000;

export interface WaterfallFilter {
	/** null: all bands. */
	band: ApInfo['band'] | null;
	/** null: all channels. */
	channel: number | null;
	/** What ended below it is left out. */
	fromHeight: number;
	/** What began above it is left out. */
	toHeight: number;
}

/** Columns by frequency, lanes by the time at which they began: who bought stands to the right of who sold, mostly. */
export function layOut(
	aps: readonly Pick<ApInfo, 'id' | 'band'>[],
	holdings: readonly Holding[],
	trades: readonly TradeInfo[],
	filter: WaterfallFilter
): Waterfall {
	const bandOf = new Map(aps.map((ap) => [ap.id, ap.band]));
	const columns = new Map<string, Column & { byAp: Map<string, Lane> }>();
	const sorted = holdings
		.filter(
			(holding) =>
				(holding.toHeight ?? Infinity) >= filter.fromHeight &&
				holding.fromHeight <= filter.toHeight &&
				(filter.channel === null || holding.channel === filter.channel) &&
				bandOf.has(holding.ap) &&
				(filter.band === null || bandOf.get(holding.ap) === filter.band)
		)
		.toSorted((a, b) => a.fromHeight - b.fromHeight || (a.ap < b.ap ? -1 : 1));
	let lanes = 0;
	for (const holding of sorted) {
		const band = bandOf.get(holding.ap)!;
		const key = `${band}/${holding.channel}`;
		let column = columns.get(key);
		if (!column) columns.set(key, (column = { band, channel: holding.channel, lanes: [], byAp: new Map() }));
		const lane = column.byAp.get(holding.ap);
		if (lane) {
			lane.holdings.push(holding);
			continue;
		}
		if (lanes >= MAX_LANES) continue;
		lanes++;
		const added: Lane = { ap: holding.ap, holdings: [holding] };
		column.byAp.set(holding.ap, added);
		column.lanes.push(added);
	}
	const ordered = [...columns.values()].sort((a, b) => centreMhz(a) - centreMhz(b));
	const indexOf = new Map(ordered.map(({ band, channel }, index) => [`${band}/${channel}`, index]));
	const laneOf = ordered.map(({ lanes: inColumn }) => new Map(inColumn.map(({ ap }, index) => [ap, index])));
	const marks: TradeMark[] = [];
	for (const trade of trades.toReversed()) {
		if (trade.height < filter.fromHeight || trade.height > filter.toHeight) continue;
		const column = indexOf.get(`${bandOf.get(trade.buyerAp) ?? ''}/${trade.channel}`);
		if (column === undefined) continue;
		const from = laneOf[column]!.get(trade.sellerAp) ?? null;
		const to = laneOf[column]!.get(trade.buyerAp) ?? null;
		if (from !== null || to !== null) marks.push({ trade, column, from, to });
	}
	return {
		columns: ordered.map(({ band, channel, lanes: inColumn }) => ({ band, channel, lanes: inColumn })),
		marks
	};
}

/** Where things are on the canvas, in pixels. */
export interface Frame {
	width: number;
	height: number;
	/** Left of the columns: heights. Above them: channels. */
	left: number;
	top: number;
	fromHeight: number;
	toHeight: number;
}

export function yOf(height: number, frame: Frame): number {
	const span = Math.max(1, frame.toHeight - frame.fromHeight);
	return frame.top + ((frame.toHeight - height) / span) * (frame.height - frame.top);
}

export function heightAt(y: number, frame: Frame): number {
	const span = Math.max(1, frame.toHeight - frame.fromHeight);
	return Math.round(frame.toHeight - ((y - frame.top) / (frame.height - frame.top)) * span);
}

export function columnWidth(columns: number, frame: Frame): number {
	return columns === 0 ? 0 : (frame.width - frame.left) / columns;
}

/** The left edge of a lane and its width; a sixteenth of the column stays free on both sides. */
export function laneBox(
	column: number,
	lane: number,
	lanes: number,
	columns: number,
	frame: Frame
): { x: number; width: number } {
	const whole = columnWidth(columns, frame);
	const inner = whole * 0.875;
	const width = inner / Math.max(1, lanes);
	return { x: frame.left + column * whole + whole / 16 + lane * width, width };
}

/** Heights to label, newest first: 1, 2 or 5 × 10ⁿ apart, at least `minPixels`. */
export function heightTicks(frame: Frame, minPixels = 44): number[] {
	const span = Math.max(1, frame.toHeight - frame.fromHeight);
	const least = (span * minPixels) / Math.max(1, frame.height - frame.top);
	const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
	const step = Math.max(
		1,
		[1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= least)!
	);
	const ticks: number[] = [];
	for (let height = Math.floor(frame.toHeight / step) * step; height >= frame.fromHeight; height -= step)
		ticks.push(height);
	return ticks;
}

/** Every how many columns have room for their number. */
export function labelEvery(columns: number, frame: Frame, minPixels = 28): number {
	return Math.max(1, Math.ceil(minPixels / Math.max(0.01, columnWidth(columns, frame))));
}

/** The middles of the lanes of seller and buyer; one of them where only that one is shown. */
export function markEnds(mark: TradeMark, waterfall: Waterfall, frame: Frame): { x: [number, number] } {
	const lanes = waterfall.columns[mark.column]!.lanes.length;
	const middle = (lane: number): number => {
		const box = laneBox(mark.column, lane, lanes, waterfall.columns.length, frame);
		return box.x + box.width / 2;
	};
	return { x: [middle(mark.from ?? mark.to ?? 0), middle(mark.to ?? mark.from ?? 0)] };
}
