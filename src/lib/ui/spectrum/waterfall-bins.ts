/**
 * What a waterfall shows where there is less room than there are access points, trades or blocks: how many held a channel, and how
 * many trades there were, in each bin of time. Pure.
 */
import type { Holding } from '#lib/node/study/study.ts';
import {
	columnWidth,
	heightAt,
	laneBox,
	markEnds,
	yOf,
	type Column,
	type Frame,
	type TradeMark,
	type Waterfall
} from './waterfall-layout.ts';

/** Trades nearer to each other than this in one column are one dot. */
const DOT_PIXELS = 7;
/** A bar from seller to buyer needs this much of a column. */
const BAR_COLUMN_PIXELS = 20;
/** Zoomed in further, a block would be higher than the picture is of use. */
export const MIN_SPAN_BLOCKS = 4;

/** How many held a channel over a span of time on the canvas. */
export interface HolderBand {
	top: number;
	bottom: number;
	used: number;
	/** Those that hold it and use it not, as far as it is known: now. */
	idle: number;
}

/** The bands of a column, newest first; where nobody held it there is none. Their edges are where a number changes. */
export function holderBands(column: Column, frame: Frame): HolderBand[] {
	// Changes at whole pixels, so that a chain of any length has no more bands than the canvas has lines.
	const lines = Math.max(1, Math.round(frame.height - frame.top));
	const used = new Int32Array(lines + 1);
	const idle = new Int32Array(lines + 1);
	for (const lane of column.lanes)
		for (const holding of lane.holdings) {
			const [top, bottom] = linesOf(holding, frame, lines);
			const counts = holding.idle ? idle : used;
			counts[top]!++;
			counts[bottom]!--;
		}
	const bands: HolderBand[] = [];
	let now = { used: 0, idle: 0 };
	for (let line = 0; line < lines; line++) {
		if (line > 0 && used[line] === 0 && idle[line] === 0) continue;
		const last = bands.at(-1);
		if (last && last.bottom === Infinity) last.bottom = frame.top + line;
		now = { used: now.used + used[line]!, idle: now.idle + idle[line]! };
		if (now.used + now.idle > 0) bands.push({ top: frame.top + line, bottom: Infinity, ...now });
	}
	const last = bands.at(-1);
	if (last && last.bottom === Infinity) last.bottom = frame.top + lines;
	return bands;
}

/** From its newest line to behind its oldest one, at least one line: what was held for one block is still seen. */
function linesOf(holding: Holding, frame: Frame, lines: number): [number, number] {
	const line = (height: number): number =>
		Math.min(lines, Math.max(0, Math.round(yOf(height, frame) - frame.top)));
	const top = Math.min(lines - 1, line(holding.toHeight ?? frame.toHeight));
	return [top, Math.max(top + 1, line(Math.max(holding.fromHeight, frame.fromHeight)))];
}

/** Trades that are drawn as one: a bar where one alone has room, else a dot. */
export interface MarkGroup {
	x: number;
	y: number;
	/** Oldest first. */
	marks: TradeMark[];
}

/** Whether a column has room for bars from lane to lane. */
export function hasBars(waterfall: Waterfall, frame: Frame): boolean {
	return columnWidth(waterfall.columns.length, frame) >= BAR_COLUMN_PIXELS;
}

/** In columns without room for bars: trades near each other in time, as one dot in the middle of the column. */
export function markGroups(waterfall: Waterfall, frame: Frame): MarkGroup[] {
	const whole = columnWidth(waterfall.columns.length, frame);
	const groups = new Map<string, MarkGroup>();
	for (const mark of waterfall.marks) {
		const bin = Math.floor((yOf(mark.trade.height, frame) - frame.top) / DOT_PIXELS);
		const key = `${mark.column}/${bin}`;
		const group = groups.get(key);
		if (group) group.marks.push(mark);
		else
			groups.set(key, {
				x: frame.left + (mark.column + 0.5) * whole,
				y: Math.min(frame.height - 2, Math.max(frame.top, yOf(mark.trade.height, frame))),
				marks: [mark]
			});
	}
	return [...groups.values()];
}

/** The trade that is nearest to a pixel, as it is drawn; null where none is within reach. */
export function pickMark(
	waterfall: Waterfall,
	frame: Frame,
	pixel: { x: number; y: number },
	reach: number
): TradeMark | null {
	let best: TradeMark | null = null;
	let least = reach;
	const offer = (mark: TradeMark, distance: number): void => {
		if (distance > least) return;
		best = mark;
		least = distance;
	};
	if (hasBars(waterfall, frame))
		for (const mark of waterfall.marks) {
			const { x } = markEnds(mark, waterfall, frame);
			const nearest = Math.min(Math.max(pixel.x, Math.min(...x)), Math.max(...x));
			offer(mark, Math.hypot(pixel.x - nearest, pixel.y - yOf(mark.trade.height, frame)));
		}
	else
		for (const { x, y, marks } of markGroups(waterfall, frame))
			offer(marks.at(-1)!, Math.hypot(pixel.x - x, pixel.y - y));
	return best;
}

/** What is at a place of the picture. */
export interface WaterfallReading {
	column: number;
	height: number;
	/** All that held the channel then. */
	holders: Holding[];
	/** The one whose lane is pointed at, where lanes can be told apart. */
	holder: Holding | null;
	/** Trades of the channel in this block. */
	trades: number;
}

/** A lane that is narrower cannot be pointed at. */
const POINTED_LANE_PIXELS = 4;

/** @param x - null: of the whole column */
export function readingAt(
	waterfall: Waterfall,
	frame: Frame,
	column: number,
	height: number,
	x: number | null = null
): WaterfallReading | null {
	const shown = waterfall.columns[column];
	if (!shown) return null;
	const isThen = (holding: Holding): boolean =>
		holding.fromHeight <= height && (holding.toHeight ?? Infinity) >= height;
	const lane = x === null ? null : laneAt(waterfall, frame, column, x);
	return {
		column,
		height,
		holders: shown.lanes.flatMap(({ holdings }) => holdings.find(isThen) ?? []),
		holder: (lane === null ? undefined : shown.lanes[lane]?.holdings.find(isThen)) ?? null,
		trades: waterfall.marks.filter((mark) => mark.column === column && mark.trade.height === height).length
	};
}

/** Column and block under a pixel; null left of the columns and above them. */
export function placeAt(
	waterfall: Waterfall,
	frame: Frame,
	{ x, y }: { x: number; y: number }
): { column: number; height: number } | null {
	if (x < frame.left || y < frame.top || waterfall.columns.length === 0) return null;
	const column = Math.floor((x - frame.left) / columnWidth(waterfall.columns.length, frame));
	if (column >= waterfall.columns.length) return null;
	return { column, height: Math.max(frame.fromHeight, Math.min(frame.toHeight, heightAt(y, frame))) };
}

function laneAt(waterfall: Waterfall, frame: Frame, column: number, x: number): number | null {
	const { lanes } = waterfall.columns[column]!;
	const first = laneBox(column, 0, lanes.length, waterfall.columns.length, frame);
	const lane = Math.floor((x - first.x) / first.width);
	return first.width >= POINTED_LANE_PIXELS && lane >= 0 && lane < lanes.length ? lane : null;
}

export interface Span {
	fromHeight: number;
	toHeight: number;
}

/** Nearer (factor below 1) or further, so that a block stays where it is on the picture, within what there is. */
export function zoomSpan(span: Span, at: number, factor: number, whole: Span): Span {
	const length = span.toHeight - span.fromHeight;
	const wanted = Math.min(
		whole.toHeight - whole.fromHeight,
		Math.max(MIN_SPAN_BLOCKS, factor < 1 ? Math.floor(length * factor) : Math.ceil(length * factor))
	);
	const above = length === 0 ? 0 : (span.toHeight - at) / length;
	return within({ toHeight: at + Math.round(above * wanted), length: wanted }, whole);
}

/** Two fingers on the picture, and what it showed when they came. */
export interface Pinch {
	/** Pixels between them, and where their middle is. */
	apart: number;
	middleY: number;
	shown: Span;
}

/** What two fingers make of the picture: they zoom as they part, and the block between them goes along. */
export function pinchSpan(pinch: Pinch, apart: number, middleY: number, frame: Frame, whole: Span): Span {
	const held = heightAt(pinch.middleY, { ...frame, ...pinch.shown });
	const zoomed = zoomSpan(pinch.shown, held, Math.max(1, pinch.apart) / Math.max(1, apart), whole);
	return moveSpan(zoomed, held - heightAt(middleY, { ...frame, ...zoomed }), whole);
}

/** By so many blocks, newer where positive, within what there is. */
export function moveSpan(span: Span, blocks: number, whole: Span): Span {
	return within({ toHeight: span.toHeight + blocks, length: span.toHeight - span.fromHeight }, whole);
}

function within({ toHeight, length }: { toHeight: number; length: number }, whole: Span): Span {
	const to = Math.max(
		Math.min(whole.toHeight, toHeight),
		Math.min(whole.toHeight, whole.fromHeight + length)
	);
	return { fromHeight: Math.max(whole.fromHeight, to - length), toHeight: to };
}
