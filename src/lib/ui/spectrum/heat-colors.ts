/**
 * Colours of the SINR layer: viridis (Smith and van der Walt, matplotlib), whose lightness rises with the value, so that it is read
 * without telling hues apart, on paper and on a bad projector too.
 */
import { NOBODY_HEARD, type FieldPass } from '#lib/node/study/study.ts';

/** dB at the ends of the scale; what is beyond has the end's colour. */
export const HEAT_MIN_DB = -10;
export const HEAT_MAX_DB = 40;
/** Labelled in the legend. 802.11ax needs some 5 dB for its slowest rate and 35 dB for its fastest. */
export const HEAT_TICKS_DB = [-10, 0, 10, 20, 30, 40];

const STOPS: readonly (readonly [number, number, number])[] = [
	[68, 1, 84],
	[72, 40, 120],
	[62, 73, 137],
	[49, 104, 142],
	[38, 130, 142],
	[31, 158, 137],
	[53, 183, 121],
	[110, 206, 88],
	[181, 222, 43],
	[253, 231, 37]
];
/** Of a place where somebody is heard; how much of the map shines through is for who draws. */
const ALPHA = 255;

/** @returns red, green and blue, 0 … 255 */
export function heatColor(sinrDb: number): [number, number, number] {
	const share = (sinrDb - HEAT_MIN_DB) / (HEAT_MAX_DB - HEAT_MIN_DB);
	const at = Math.min(1, Math.max(0, share)) * (STOPS.length - 1);
	const below = STOPS[Math.floor(at)]!;
	const above = STOPS[Math.ceil(at)]!;
	const part = at - Math.floor(at);
	return [0, 1, 2].map((i) => Math.round(below[i]! + (above[i]! - below[i]!) * part)) as [
		number,
		number,
		number
	];
}

/** For a legend: the same scale as a CSS gradient from left to right. */
export function heatGradient(): string {
	return `linear-gradient(to right, ${STOPS.map((stop) => `rgb(${stop.join(' ')})`).join(', ')})`;
}

/** One pixel a point; where nobody is heard it is transparent. @returns RGBA bytes */
export function heatPixels(pass: Pick<FieldPass, 'sinrCentiDb'>): Uint8ClampedArray<ArrayBuffer> {
	const pixels = new Uint8ClampedArray(4 * pass.sinrCentiDb.length);
	pass.sinrCentiDb.forEach((centiDb, index) => {
		if (centiDb === NOBODY_HEARD) return;
		pixels.set(heatColor(centiDb / 100), 4 * index);
		pixels[4 * index + 3] = ALPHA;
	});
	return pixels;
}
