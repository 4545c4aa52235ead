/** Draws the map on a canvas from plain data. No state of its own: the same scene gives the same picture. */
import type { ApInfo } from '../types.ts';
import { channelsInUse, type Overlap } from './conflicts.ts';
import { channelColor } from './channels.ts';
import {
	scaleBar,
	toMetres,
	toPixel,
	unproject,
	type Origin,
	type Point,
	type Size,
	type View
} from './map-view.ts';

export interface Layers {
	coverage: boolean;
	overlaps: boolean;
	/** SINR of one band. */
	heat: boolean;
}

/** A picture of a field with its place on the ground: metres from the origin. */
export interface HeatImage {
	canvas: CanvasImageSource;
	west: number;
	east: number;
	south: number;
	north: number;
}

export interface Scene {
	aps: readonly ApInfo[];
	/** Metres from the origin, one for each AP. */
	points: readonly Point[];
	overlaps: readonly Overlap[];
	origin: Origin;
	view: View;
	layers: Layers;
	/** Each is drawn where the later ones are not. */
	heat: readonly HeatImage[];
	selected: string | null;
	/** From seller to buyer. */
	trade: { from: string; to: string; channel: number } | null;
	/** The crosshair that shows where Enter picks. */
	crosshair: boolean;
	dark: boolean;
	colors: { surface: string; line: string; ink: string; faint: string; bad: string; leader: string };
	formatMetres: (metres: number) => string;
	fontFamily: string;
}

/** Coverage circles below this size are dots; labels appear when circles are large enough to hold them. */
const LABEL_FROM_PIXELS = 26;

/** The grid of the map is seen through it. */
const HEAT_ALPHA = 0.85;

export function drawMap(context: CanvasRenderingContext2D, scene: Scene, size: Size): void {
	context.clearRect(0, 0, size.width, size.height);
	context.fillStyle = scene.colors.surface;
	context.fillRect(0, 0, size.width, size.height);
	if (scene.layers.heat) drawHeat(context, scene.heat, scene.view, size);
	drawGraticule(context, scene, size);
	const pixels = scene.points.map((point) => toPixel(point, scene.view, size));
	if (scene.layers.coverage) drawCoverage(context, scene, pixels, size);
	if (scene.layers.overlaps) drawOverlaps(context, scene, pixels);
	scene.aps.forEach((ap, index) => {
		const pixel = pixels[index];
		if (pixel && isNear(pixel, 24, size)) drawAp(context, scene, ap, pixel);
	});
	drawTrade(context, scene, pixels);
	drawScaleBar(context, scene, size);
	drawNorth(context, scene);
	if (scene.crosshair) drawCrosshair(context, scene, size);
}

/** @returns the index of the AP nearest to a pixel, within reach; null where there is none */
export function pickAp(
	points: readonly Point[],
	pixel: Point,
	view: View,
	size: Size,
	reachPixels: number
): number | null {
	let best: number | null = null;
	let bestDistance = reachPixels;
	points.forEach((point, index) => {
		const at = toPixel(point, view, size);
		const distance = Math.hypot(at.x - pixel.x, at.y - pixel.y);
		if (distance < bestDistance) {
			best = index;
			bestDistance = distance;
		}
	});
	return best;
}

/** It stays on its place on the ground while the map moves; what it does not cover yet is bare. */
function drawHeat(
	context: CanvasRenderingContext2D,
	images: readonly HeatImage[],
	view: View,
	size: Size
): void {
	const boxes = images.map((image) => {
		const from = toPixel({ x: image.west, y: image.north }, view, size);
		const to = toPixel({ x: image.east, y: image.south }, view, size);
		return { x: from.x, y: from.y, width: to.x - from.x, height: to.y - from.y };
	});
	context.save();
	context.globalAlpha = HEAT_ALPHA;
	context.imageSmoothingEnabled = true;
	images.forEach((image, index) => {
		const box = boxes[index]!;
		context.save();
		for (const above of boxes.slice(index + 1)) {
			context.beginPath();
			context.rect(0, 0, size.width, size.height);
			context.rect(above.x, above.y, above.width, above.height);
			context.clip('evenodd');
		}
		context.drawImage(image.canvas, box.x, box.y, box.width, box.height);
		context.restore();
	});
	context.restore();
}

function drawGraticule(context: CanvasRenderingContext2D, scene: Scene, size: Size): void {
	const { view, colors } = scene;
	const { metres } = scaleBar(view, 140);
	const topLeft = toMetres({ x: 0, y: 0 }, view, size);
	context.strokeStyle = colors.line;
	// Over the layer's dark end, a light line would be the brightest thing there is.
	context.globalAlpha = scene.layers.heat ? 0.3 : 1;
	context.lineWidth = 1;
	context.beginPath();
	for (let x = Math.ceil(topLeft.x / metres) * metres; ; x += metres) {
		const at = toPixel({ x, y: 0 }, view, size).x;
		if (at > size.width) break;
		context.moveTo(Math.round(at) + 0.5, 0);
		context.lineTo(Math.round(at) + 0.5, size.height);
	}
	for (let y = Math.floor(topLeft.y / metres) * metres; ; y -= metres) {
		const at = toPixel({ x: 0, y }, view, size).y;
		if (at > size.height) break;
		context.moveTo(0, Math.round(at) + 0.5);
		context.lineTo(size.width, Math.round(at) + 0.5);
	}
	context.stroke();
	context.globalAlpha = 1;
}

function drawCoverage(
	context: CanvasRenderingContext2D,
	scene: Scene,
	pixels: readonly Point[],
	size: Size
): void {
	context.lineWidth = 1;
	scene.aps.forEach((ap, index) => {
		const pixel = pixels[index];
		const radius = ap.coverageRadiusM / scene.view.metresPerPixel;
		if (!pixel || !isNear(pixel, radius, size)) return;
		const key = { band: ap.band, channel: channelsInUse(ap)[0] ?? ap.channels[0] ?? 0 };
		context.beginPath();
		context.arc(pixel.x, pixel.y, radius, 0, 2 * Math.PI);
		if (!scene.layers.heat) {
			context.fillStyle = channelColor(key, scene.dark, 0.09);
			context.fill();
		}
		context.strokeStyle = scene.layers.heat ? scene.colors.ink : channelColor(key, scene.dark, 0.5);
		context.globalAlpha = scene.layers.heat ? 0.35 : 1;
		context.stroke();
		context.globalAlpha = 1;
	});
}

function drawOverlaps(context: CanvasRenderingContext2D, scene: Scene, pixels: readonly Point[]): void {
	for (const conflict of [false, true]) {
		context.beginPath();
		for (const overlap of scene.overlaps) {
			const from = pixels[overlap.a];
			const to = pixels[overlap.b];
			if (!from || !to || overlap.shared.length > 0 !== conflict) continue;
			context.moveTo(from.x, from.y);
			context.lineTo(to.x, to.y);
		}
		context.strokeStyle = conflict ? scene.colors.bad : scene.colors.faint;
		context.globalAlpha = conflict ? 1 : 0.45;
		context.lineWidth = conflict ? 2.5 : 1;
		context.setLineDash(conflict ? [6, 4] : []);
		context.stroke();
	}
	context.globalAlpha = 1;
	context.setLineDash([]);
}

/**
 * A mark whose shape is the band and whose colour is the channel, filled from below as far as the AP is busy; a ring
 * where it is one's own, a thick one where it is inspected.
 */
function drawAp(context: CanvasRenderingContext2D, scene: Scene, ap: ApInfo, pixel: Point): void {
	const coverage = ap.coverageRadiusM / scene.view.metresPerPixel;
	const radius = Math.min(11, Math.max(4.5, coverage / 4));
	const key = { band: ap.band, channel: channelsInUse(ap)[0] ?? ap.channels[0] ?? 0 };
	const color = channelColor(key, scene.dark);
	const busy = Math.min(1, Math.max(0, ap.occupancyPpm / 1e6));
	traceMark(context, ap.band, pixel, radius);
	context.fillStyle = scene.colors.surface;
	context.fill();
	context.save();
	context.clip();
	context.fillStyle = color;
	context.fillRect(pixel.x - 2 * radius, pixel.y + radius - 2 * radius * busy, 4 * radius, 2 * radius * busy);
	context.restore();
	context.lineWidth = 1.75;
	context.strokeStyle = color;
	context.stroke();
	const selected = ap.id === scene.selected;
	if (ap.own || selected) {
		context.beginPath();
		context.arc(pixel.x, pixel.y, radius + (selected ? 7 : 4.5), 0, 2 * Math.PI);
		context.strokeStyle = scene.colors.ink;
		context.lineWidth = selected ? 3 : 1.25;
		context.stroke();
	}
	if (coverage >= LABEL_FROM_PIXELS) {
		context.font = `600 12px ${scene.fontFamily}`;
		context.textAlign = 'center';
		const text = ap.channels.join(' · ');
		context.lineWidth = 3;
		context.strokeStyle = scene.colors.surface;
		context.strokeText(text, pixel.x, pixel.y + radius + 15);
		context.fillStyle = scene.colors.ink;
		context.fillText(text, pixel.x, pixel.y + radius + 15);
	}
}

/** 2.4 GHz a circle, 5 GHz a square, 6 GHz a diamond, CBRS a triangle: colour is never the only sign. */
function traceMark(
	context: CanvasRenderingContext2D,
	band: ApInfo['band'],
	{ x, y }: Point,
	radius: number
): void {
	context.beginPath();
	if (band === '2.4GHz') {
		context.arc(x, y, radius, 0, 2 * Math.PI);
	} else if (band === '5GHz') {
		context.rect(x - 0.88 * radius, y - 0.88 * radius, 1.76 * radius, 1.76 * radius);
	} else if (band === '6GHz') {
		context.moveTo(x, y - 1.2 * radius);
		context.lineTo(x + 1.2 * radius, y);
		context.lineTo(x, y + 1.2 * radius);
		context.lineTo(x - 1.2 * radius, y);
		context.closePath();
	} else {
		context.moveTo(x, y - 1.15 * radius);
		context.lineTo(x + 1.15 * radius, y + 0.9 * radius);
		context.lineTo(x - 1.15 * radius, y + 0.9 * radius);
		context.closePath();
	}
}

function drawTrade(context: CanvasRenderingContext2D, scene: Scene, pixels: readonly Point[]): void {
	if (scene.trade === null) return;
	const { from: seller, to: buyer, channel } = scene.trade;
	const from = pixels[scene.aps.findIndex((ap) => ap.id === seller)];
	const to = pixels[scene.aps.findIndex((ap) => ap.id === buyer)];
	if (!from || !to) return;
	const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
	const bend = Math.min(60, length / 4);
	const middle = {
		x: (from.x + to.x) / 2 - ((to.y - from.y) / length) * bend,
		y: (from.y + to.y) / 2 + ((to.x - from.x) / length) * bend
	};
	const turn = Math.atan2(to.y - middle.y, to.x - middle.x);
	const tip = { x: to.x - 13 * Math.cos(turn), y: to.y - 13 * Math.sin(turn) };
	context.beginPath();
	context.moveTo(from.x, from.y);
	context.quadraticCurveTo(middle.x, middle.y, tip.x, tip.y);
	for (const side of [-0.45, 0.45]) {
		context.moveTo(tip.x, tip.y);
		context.lineTo(tip.x - 11 * Math.cos(turn + side), tip.y - 11 * Math.sin(turn + side));
	}
	context.lineWidth = 5.5;
	context.strokeStyle = scene.colors.surface;
	context.stroke();
	context.strokeStyle = scene.colors.ink;
	context.lineWidth = 2.5;
	context.stroke();
	for (const end of [from, to]) {
		context.beginPath();
		context.arc(end.x, end.y, 12, 0, 2 * Math.PI);
		context.strokeStyle = scene.colors.leader;
		context.lineWidth = 2.5;
		context.stroke();
	}
	const label = { x: (from.x + 2 * middle.x + to.x) / 4, y: (from.y + 2 * middle.y + to.y) / 4 };
	context.beginPath();
	context.arc(label.x, label.y, 13, 0, 2 * Math.PI);
	context.fillStyle = scene.colors.leader;
	context.fill();
	context.font = `600 12px ${scene.fontFamily}`;
	context.textAlign = 'center';
	context.fillStyle = '#1b1206';
	context.fillText(String(channel), label.x, label.y + 4);
}

function drawScaleBar(context: CanvasRenderingContext2D, scene: Scene, size: Size): void {
	const bar = scaleBar(scene.view, Math.min(160, size.width / 3));
	const x = 16;
	const y = size.height - 18;
	context.strokeStyle = scene.colors.ink;
	context.lineWidth = 2;
	context.beginPath();
	context.moveTo(x, y - 6);
	context.lineTo(x, y);
	context.lineTo(x + bar.pixels, y);
	context.lineTo(x + bar.pixels, y - 6);
	context.stroke();
	const middle = unproject(scene.view.centre, scene.origin);
	const place = `${middle.latitude.toFixed(4)}°, ${middle.longitude.toFixed(4)}°`;
	context.font = `12px ${scene.fontFamily}`;
	context.textAlign = 'left';
	for (const [text, at] of [
		[scene.formatMetres(bar.metres), y - 9],
		[place, y + 14]
	] as const) {
		context.lineWidth = 3;
		context.strokeStyle = scene.colors.surface;
		context.strokeText(text, x + 3, at);
		context.fillStyle = scene.colors.ink;
		context.fillText(text, x + 3, at);
	}
}

/** The projection keeps north up everywhere, so an arrow says all. */
function drawNorth(context: CanvasRenderingContext2D, scene: Scene): void {
	const x = 26;
	context.beginPath();
	context.moveTo(x, 12);
	context.lineTo(x + 7, 30);
	context.lineTo(x, 26);
	context.lineTo(x - 7, 30);
	context.closePath();
	context.lineWidth = 3;
	context.strokeStyle = scene.colors.surface;
	context.stroke();
	context.fillStyle = scene.colors.ink;
	context.fill();
	context.font = `600 12px ${scene.fontFamily}`;
	context.textAlign = 'center';
	context.strokeText('N', x, 44);
	context.fillText('N', x, 44);
}

function drawCrosshair(context: CanvasRenderingContext2D, scene: Scene, size: Size): void {
	const x = size.width / 2;
	const y = size.height / 2;
	context.strokeStyle = scene.colors.ink;
	context.lineWidth = 1.5;
	context.beginPath();
	context.moveTo(x - 14, y);
	context.lineTo(x - 4, y);
	context.moveTo(x + 4, y);
	context.lineTo(x + 14, y);
	context.moveTo(x, y - 14);
	context.lineTo(x, y - 4);
	context.moveTo(x, y + 4);
	context.lineTo(x, y + 14);
	context.stroke();
}

function isNear(pixel: Point, radius: number, size: Size): boolean {
	return (
		pixel.x > -radius && pixel.y > -radius && pixel.x < size.width + radius && pixel.y < size.height + radius
	);
}
