/**
 * The map's geometry, pure. Positions are projected to metres on a plane that touches the globe at the middle of the
 * data (local equirectangular: exact enough for a city, off by under 0.1 % at 50 km), then to pixels by a {@link View}.
 */
import type { ApInfo } from '../types.ts';

export interface Point {
	x: number;
	y: number;
}

/** Degrees of the projection's middle. */
export interface Origin {
	latitude: number;
	longitude: number;
}

/** What the canvas shows: the point in its middle, in metres from the origin (x east, y north), and its scale. */
export interface View {
	centre: Point;
	metresPerPixel: number;
}

export interface Size {
	width: number;
	height: number;
}

const METRES_PER_DEGREE = (Math.PI / 180) * 6_371_008.8;
/** A street's width to a continent: beyond these a wheel would lose the data. */
export const MIN_METRES_PER_PIXEL = 0.02;
export const MAX_METRES_PER_PIXEL = 20_000;

export function originOf(aps: readonly ApInfo[]): Origin {
	if (aps.length === 0) return { latitude: 0, longitude: 0 };
	let south = Infinity;
	let north = -Infinity;
	let west = Infinity;
	let east = -Infinity;
	for (const ap of aps) {
		south = Math.min(south, ap.latitudeMicrodegrees);
		north = Math.max(north, ap.latitudeMicrodegrees);
		west = Math.min(west, ap.longitudeMicrodegrees);
		east = Math.max(east, ap.longitudeMicrodegrees);
	}
	return { latitude: (south + north) / 2e6, longitude: (west + east) / 2e6 };
}

/** @returns metres east and north of the origin */
export function project(
	ap: Pick<ApInfo, 'latitudeMicrodegrees' | 'longitudeMicrodegrees'>,
	origin: Origin
): Point {
	const latitude = ap.latitudeMicrodegrees / 1e6;
	const longitude = ap.longitudeMicrodegrees / 1e6;
	return {
		x: (longitude - origin.longitude) * METRES_PER_DEGREE * Math.cos((origin.latitude * Math.PI) / 180),
		y: (latitude - origin.latitude) * METRES_PER_DEGREE
	};
}

/** Degrees of a point in metres. */
export function unproject(point: Point, origin: Origin): Origin {
	return {
		latitude: origin.latitude + point.y / METRES_PER_DEGREE,
		longitude: origin.longitude + point.x / (METRES_PER_DEGREE * Math.cos((origin.latitude * Math.PI) / 180))
	};
}

/** What the map shows, in micro-degrees. */
export function boundsOf(
	view: View,
	size: Size,
	origin: Origin
): { west: number; east: number; south: number; north: number } {
	const from = unproject(toMetres({ x: 0, y: size.height }, view, size), origin);
	const to = unproject(toMetres({ x: size.width, y: 0 }, view, size), origin);
	return {
		west: Math.round(from.longitude * 1e6),
		east: Math.round(to.longitude * 1e6),
		south: Math.round(from.latitude * 1e6),
		north: Math.round(to.latitude * 1e6)
	};
}

/** Whether data around `now` is another place than data around `before`: more than some 20 km away. */
export function isFarFrom(before: Origin, now: Origin): boolean {
	const far = 0.2;
	return (
		Math.abs(before.latitude - now.latitude) > far || Math.abs(before.longitude - now.longitude) > 2 * far
	);
}

export function toPixel(point: Point, view: View, size: Size): Point {
	return {
		x: size.width / 2 + (point.x - view.centre.x) / view.metresPerPixel,
		y: size.height / 2 - (point.y - view.centre.y) / view.metresPerPixel
	};
}

export function toMetres(pixel: Point, view: View, size: Size): Point {
	return {
		x: view.centre.x + (pixel.x - size.width / 2) * view.metresPerPixel,
		y: view.centre.y - (pixel.y - size.height / 2) * view.metresPerPixel
	};
}

/** A view that holds every circle, with a margin. */
export function fit(circles: readonly (Point & { radius: number })[], size: Size): View {
	if (circles.length === 0) return { centre: { x: 0, y: 0 }, metresPerPixel: 1 };
	const west = Math.min(...circles.map((circle) => circle.x - circle.radius));
	const east = Math.max(...circles.map((circle) => circle.x + circle.radius));
	const south = Math.min(...circles.map((circle) => circle.y - circle.radius));
	const north = Math.max(...circles.map((circle) => circle.y + circle.radius));
	const margin = 1.08;
	return {
		centre: { x: (west + east) / 2, y: (south + north) / 2 },
		metresPerPixel: clampScale(
			margin * Math.max((east - west) / Math.max(1, size.width), (north - south) / Math.max(1, size.height))
		)
	};
}

/** Zooms by `factor` (below 1: closer) so that what is under `pixel` stays there. */
export function zoomAt(view: View, pixel: Point, factor: number, size: Size): View {
	const metresPerPixel = clampScale(view.metresPerPixel * factor);
	const fixed = toMetres(pixel, view, size);
	return {
		centre: {
			x: fixed.x - (pixel.x - size.width / 2) * metresPerPixel,
			y: fixed.y + (pixel.y - size.height / 2) * metresPerPixel
		},
		metresPerPixel
	};
}

export function panBy(view: View, dx: number, dy: number): View {
	return {
		centre: { x: view.centre.x - dx * view.metresPerPixel, y: view.centre.y + dy * view.metresPerPixel },
		metresPerPixel: view.metresPerPixel
	};
}

/** The longest of 1, 2, 5 × 10ⁿ metres that fits `maxPixels`. */
export function scaleBar(view: View, maxPixels: number): { metres: number; pixels: number } {
	const most = view.metresPerPixel * maxPixels;
	const power = 10 ** Math.floor(Math.log10(most));
	const metres = [5, 2, 1].map((step) => step * power).find((step) => step <= most) ?? power;
	return { metres, pixels: metres / view.metresPerPixel };
}

function clampScale(metresPerPixel: number): number {
	return Math.min(MAX_METRES_PER_PIXEL, Math.max(MIN_METRES_PER_PIXEL, metresPerPixel));
}
