/** Draws the waterfall on a canvas from its layout. No state: the same scene gives the same picture. */
import { channelColor } from './channels.ts';
import {
	columnWidth,
	heightTicks,
	labelEvery,
	laneBox,
	markEnds,
	yOf,
	type Frame,
	type TradeMark,
	type Waterfall
} from './waterfall-layout.ts';
import { hasBars, holderBands, markGroups, type MarkGroup } from './waterfall-bins.ts';

export interface WaterfallScene {
	waterfall: Waterfall;
	/** Id of the trade that is looked at. */
	selected: string | null;
	/** Where a person reads: a column and a block. */
	cursor: { column: number; height: number } | null;
	/** A span that is being chosen, in pixels. */
	choosing: { top: number; bottom: number } | null;
	dark: boolean;
	fontFamily: string;
	colors: { surface: string; sunken: string; line: string; ink: string; soft: string; leader: string };
	/** Of a lane, where a channel is looked at alone and there is room. */
	laneName: (ap: string) => string;
	formatHeight: (height: number) => string;
}

/** A lane this wide has room for its name, written along it. */
const NAMED_LANE_PIXELS = 15;
/** What was held for one block is still seen. */
const MIN_HOLDING_PIXELS = 2;
/** Narrower lanes are drawn as how many there are. */
const MIN_LANE_PIXELS = 1;
/** Lines between narrower columns would hide them. */
const LINED_COLUMN_PIXELS = 14;

export function drawWaterfall(context: CanvasRenderingContext2D, scene: WaterfallScene, frame: Frame): void {
	context.fillStyle = scene.colors.surface;
	context.fillRect(0, 0, frame.width, frame.height);
	drawTicks(context, scene, frame);
	drawBands(context, scene, frame);
	drawColumns(context, scene, frame);
	const selected = scene.waterfall.marks.find(({ trade }) => trade.id === scene.selected);
	if (hasBars(scene.waterfall, frame)) {
		for (const mark of scene.waterfall.marks)
			if (mark !== selected) drawMark(context, scene, frame, mark, false);
		if (selected) drawMark(context, scene, frame, selected, true);
	} else {
		const groups = markGroups(scene.waterfall, frame);
		const chosen = selected && groups.find(({ marks }) => marks.includes(selected));
		for (const group of groups) if (group !== chosen) drawGroup(context, scene, group, false);
		if (chosen) drawGroup(context, scene, chosen, true);
	}
	if (scene.cursor) drawCursor(context, scene, frame, scene.cursor);
	if (scene.choosing) drawChoosing(context, scene, frame, scene.choosing);
}

function drawTicks(context: CanvasRenderingContext2D, scene: WaterfallScene, frame: Frame): void {
	context.font = `12px ${scene.fontFamily}`;
	context.textAlign = 'right';
	context.textBaseline = 'middle';
	context.lineWidth = 1;
	context.strokeStyle = scene.colors.line;
	context.fillStyle = scene.colors.soft;
	for (const height of heightTicks(frame)) {
		const y = Math.round(yOf(height, frame)) + 0.5;
		context.beginPath();
		context.moveTo(frame.left, y);
		context.lineTo(frame.width, y);
		context.stroke();
		context.fillText(
			scene.formatHeight(height),
			frame.left - 8,
			Math.min(frame.height - 7, Math.max(frame.top + 7, y))
		);
	}
}

/** The name of each band over its columns, and a line where another one begins: their channels have the same numbers. */
function drawBands(context: CanvasRenderingContext2D, scene: WaterfallScene, frame: Frame): void {
	const { columns } = scene.waterfall;
	const whole = columnWidth(columns.length, frame);
	context.font = `12px ${scene.fontFamily}`;
	context.textAlign = 'left';
	context.textBaseline = 'alphabetic';
	let nextFree = 0;
	columns.forEach(({ band }, index) => {
		if (band === columns[index - 1]?.band) return;
		const x = Math.round(frame.left + index * whole);
		if (index > 0) {
			context.strokeStyle = scene.colors.soft;
			context.lineWidth = 1;
			context.beginPath();
			context.moveTo(x + 0.5, 0);
			context.lineTo(x + 0.5, frame.height);
			context.stroke();
		}
		const width = context.measureText(band).width;
		// A narrow band leaves its name standing over the next one, whose own then stands beside it.
		const from = Math.max(nextFree, Math.min(x + 4, frame.width - width - 2));
		const next = columns.findIndex((column, other) => other > index && column.band !== band);
		const end = next === -1 ? frame.width : frame.left + next * whole;
		if (index > 0 && from + width > end) return;
		nextFree = from + width + 6;
		context.fillStyle = scene.colors.soft;
		context.fillText(band, from, 14);
	});
}

function drawColumns(context: CanvasRenderingContext2D, scene: WaterfallScene, frame: Frame): void {
	const { columns } = scene.waterfall;
	const whole = columnWidth(columns.length, frame);
	const every = labelEvery(columns.length, frame);
	let nextFree = 0;
	columns.forEach((column, index) => {
		const x = frame.left + index * whole;
		if (index % every === 0) {
			context.fillStyle = scene.colors.ink;
			context.font = `600 12px ${scene.fontFamily}`;
			context.textBaseline = 'alphabetic';
			// The first and the last one would reach over the edges of narrow columns.
			const text = String(column.channel);
			const half = context.measureText(text).width / 2;
			context.textAlign = 'center';
			const middle = Math.min(x + whole / 2, frame.width - half - 1);
			if (middle - half >= nextFree) context.fillText(text, middle, frame.top - 8);
			nextFree = Math.max(nextFree, middle + half + 6);
		}
		if (laneBox(index, 0, column.lanes.length, columns.length, frame).width < MIN_LANE_PIXELS)
			drawHolders(context, scene, frame, index);
		else drawLanes(context, scene, frame, index);
		if (index === 0 || whole < LINED_COLUMN_PIXELS) return;
		context.strokeStyle = scene.colors.line;
		context.lineWidth = 1;
		context.beginPath();
		context.moveTo(Math.round(x) + 0.5, frame.top);
		context.lineTo(Math.round(x) + 0.5, frame.height);
		context.stroke();
	});
}

/** As wide as there are holders of all that ever were: those who use it, then, pale, those who do not. */
function drawHolders(
	context: CanvasRenderingContext2D,
	scene: WaterfallScene,
	frame: Frame,
	index: number
): void {
	const { columns } = scene.waterfall;
	const column = columns[index]!;
	const box = laneBox(index, 0, 1, columns.length, frame);
	for (const { top, bottom, used, idle } of holderBands(column, frame)) {
		const usedWidth = (box.width * used) / column.lanes.length;
		const idleWidth = (box.width * idle) / column.lanes.length;
		context.fillStyle = channelColor(column, scene.dark, 0.8);
		context.fillRect(box.x, top, usedWidth, bottom - top);
		context.fillStyle = channelColor(column, scene.dark, 0.3);
		context.fillRect(box.x + usedWidth, top, idleWidth, bottom - top);
	}
}

function drawLanes(
	context: CanvasRenderingContext2D,
	scene: WaterfallScene,
	frame: Frame,
	index: number
): void {
	const { columns } = scene.waterfall;
	const column = columns[index]!;
	column.lanes.forEach((lane, place) => {
		const box = laneBox(index, place, column.lanes.length, columns.length, frame);
		const gap = box.width > 4 ? 1 : 0;
		for (const holding of lane.holdings) {
			const from = Math.min(frame.height, yOf(Math.max(holding.fromHeight, frame.fromHeight), frame));
			const to = Math.max(frame.top, yOf(holding.toHeight ?? frame.toHeight, frame));
			// Pale where it is held and not used: hue is not the only sign, an idle lane is an outline.
			const high = Math.max(MIN_HOLDING_PIXELS, from - to);
			context.fillStyle = channelColor(column, scene.dark, holding.idle ? 0.22 : 0.8);
			context.fillRect(box.x, to, box.width - gap, high);
			if (!holding.idle || box.width < 3) continue;
			context.strokeStyle = channelColor(column, scene.dark, 0.9);
			context.lineWidth = 1;
			context.setLineDash([3, 3]);
			context.strokeRect(box.x + 0.5, to + 0.5, Math.max(1, box.width - gap - 1), Math.max(1, high - 1));
			context.setLineDash([]);
		}
		if (box.width >= NAMED_LANE_PIXELS) drawLaneName(context, scene, frame, lane.ap, box);
	});
}

function drawLaneName(
	context: CanvasRenderingContext2D,
	scene: WaterfallScene,
	frame: Frame,
	ap: string,
	box: { x: number; width: number }
): void {
	context.save();
	context.beginPath();
	context.rect(box.x, frame.top, box.width, frame.height - frame.top);
	context.clip();
	context.translate(box.x + box.width / 2 + 4, frame.top + 6);
	context.rotate(Math.PI / 2);
	context.textAlign = 'left';
	context.textBaseline = 'alphabetic';
	context.font = `600 12px ${scene.fontFamily}`;
	context.lineWidth = 3;
	context.strokeStyle = scene.colors.surface;
	context.strokeText(scene.laneName(ap), 0, 0);
	context.fillStyle = scene.colors.ink;
	context.fillText(scene.laneName(ap), 0, 0);
	context.restore();
}

/** A bar from the seller's lane to the buyer's, with a dot at the buyer. */
function drawMark(
	context: CanvasRenderingContext2D,
	scene: WaterfallScene,
	frame: Frame,
	mark: TradeMark,
	selected: boolean
): void {
	const y = yOf(mark.trade.height, frame);
	const [from, to] = markEnds(mark, scene.waterfall, frame).x;
	context.lineCap = 'round';
	for (const [color, width] of [
		[scene.colors.surface, selected ? 7 : 4],
		[selected ? scene.colors.leader : scene.colors.ink, selected ? 4 : 1.75]
	] as const) {
		context.beginPath();
		context.moveTo(from, y);
		context.lineTo(to, y);
		context.strokeStyle = color;
		context.lineWidth = width;
		context.stroke();
	}
	context.beginPath();
	context.arc(to, y, selected ? 6 : 3, 0, 2 * Math.PI);
	context.fillStyle = selected ? scene.colors.leader : scene.colors.ink;
	context.fill();
	context.strokeStyle = scene.colors.surface;
	context.lineWidth = 1.5;
	context.stroke();
}

/** One trade or several, where there is no room for a bar: the more, the larger. */
function drawGroup(
	context: CanvasRenderingContext2D,
	scene: WaterfallScene,
	{ x, y, marks }: MarkGroup,
	selected: boolean
): void {
	context.beginPath();
	context.arc(x, y, selected ? 6 : Math.min(4, 1.75 + 0.6 * Math.sqrt(marks.length - 1)), 0, 2 * Math.PI);
	context.fillStyle = selected ? scene.colors.leader : scene.colors.ink;
	context.fill();
	context.strokeStyle = scene.colors.surface;
	context.lineWidth = selected ? 2 : 1;
	context.stroke();
}

/** A frame around the column and a line at the block: what is read is where they cross. */
function drawCursor(
	context: CanvasRenderingContext2D,
	scene: WaterfallScene,
	frame: Frame,
	{ column, height }: { column: number; height: number }
): void {
	const whole = columnWidth(scene.waterfall.columns.length, frame);
	const y = Math.round(yOf(height, frame)) + 0.5;
	for (const [color, width] of [
		[scene.colors.surface, 3.5],
		[scene.colors.ink, 1.25]
	] as const) {
		context.strokeStyle = color;
		context.lineWidth = width;
		context.strokeRect(frame.left + column * whole, frame.top, whole, frame.height - frame.top - 1);
		context.beginPath();
		context.moveTo(frame.left, y);
		context.lineTo(frame.width, y);
		context.stroke();
	}
}

function drawChoosing(
	context: CanvasRenderingContext2D,
	scene: WaterfallScene,
	frame: Frame,
	{ top, bottom }: { top: number; bottom: number }
): void {
	context.globalAlpha = 0.18;
	context.fillStyle = scene.colors.ink;
	context.fillRect(frame.left, top, frame.width - frame.left, bottom - top);
	context.globalAlpha = 1;
	context.strokeStyle = scene.colors.ink;
	context.lineWidth = 1.5;
	context.strokeRect(frame.left, top, frame.width - frame.left - 1, bottom - top);
}
