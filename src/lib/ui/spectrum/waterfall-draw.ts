/** Draws the waterfall on a canvas from its layout. No state: the same scene gives the same picture. */
import { channelColor } from './channels.ts';
import {
	columnWidth,
	heightTicks,
	laneBox,
	markEnds,
	yOf,
	type Frame,
	type TradeMark,
	type Waterfall
} from './waterfall-layout.ts';

export interface WaterfallScene {
	waterfall: Waterfall;
	/** Id of the trade that is looked at. */
	selected: string | null;
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

export function drawWaterfall(context: CanvasRenderingContext2D, scene: WaterfallScene, frame: Frame): void {
	context.fillStyle = scene.colors.surface;
	context.fillRect(0, 0, frame.width, frame.height);
	drawTicks(context, scene, frame);
	drawColumns(context, scene, frame);
	for (const mark of scene.waterfall.marks)
		if (mark.trade.id !== scene.selected) drawMark(context, scene, frame, mark, false);
	const selected = scene.waterfall.marks.find(({ trade }) => trade.id === scene.selected);
	if (selected) drawMark(context, scene, frame, selected, true);
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

function drawColumns(context: CanvasRenderingContext2D, scene: WaterfallScene, frame: Frame): void {
	const { columns } = scene.waterfall;
	const whole = columnWidth(columns.length, frame);
	columns.forEach((column, index) => {
		const x = frame.left + index * whole;
		context.fillStyle = scene.colors.ink;
		context.font = `600 12px ${scene.fontFamily}`;
		context.textAlign = 'center';
		context.textBaseline = 'alphabetic';
		context.fillText(String(column.channel), x + whole / 2, frame.top - 8);
		column.lanes.forEach((lane, place) => {
			const box = laneBox(index, place, column.lanes.length, columns.length, frame);
			const gap = box.width > 4 ? 1 : 0;
			for (const holding of lane.holdings) {
				const from = Math.min(frame.height, yOf(Math.max(holding.fromHeight, frame.fromHeight), frame));
				const to = yOf(holding.toHeight ?? frame.toHeight, frame);
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
		if (index === 0) return;
		context.strokeStyle = scene.colors.line;
		context.lineWidth = 1;
		context.beginPath();
		context.moveTo(Math.round(x) + 0.5, 0);
		context.lineTo(Math.round(x) + 0.5, frame.height);
		context.stroke();
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
