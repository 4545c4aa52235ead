/**
 * Edges of the map, from the APs' own data: two whose coverage meets (distance below r1 + r2, the teaching rule, or the share of
 * it that genesis says) on one band must not hold the same channel, idle or not. Pure; near-linear by a grid, for some thousands of APs.
 */
import type { ApInfo } from '../types.ts';
import type { Point } from './map-view.ts';

export interface Overlap {
	/** Indexes into the list that was given. */
	a: number;
	b: number;
	/** Channels that both hold. Must be empty: the contract refuses what would make one. */
	shared: number[];
}

/** Edges kept: more would be a solid area, and the measures count them anyway. Those with a conflict are kept first. */
export const MAX_OVERLAPS = 4000;

/** @param percent - of r1 + r2, below which two conflict */
export function findOverlaps(aps: readonly ApInfo[], points: readonly Point[], percent = 100): Overlap[] {
	const largest = aps.reduce((most, ap) => Math.max(most, ap.coverageRadiusM), 1);
	const cell = Math.max(1, (2 * largest * percent) / 100);
	const grid = new Map<string, number[]>();
	points.forEach((point, index) => {
		const key = `${Math.floor(point.x / cell)}:${Math.floor(point.y / cell)}`;
		const there = grid.get(key);
		if (there === undefined) grid.set(key, [index]);
		else there.push(index);
	});
	const conflicts: Overlap[] = [];
	const plain: Overlap[] = [];
	points.forEach((point, a) => {
		const column = Math.floor(point.x / cell);
		const row = Math.floor(point.y / cell);
		for (let dx = -1; dx <= 1; dx++) {
			for (let dy = -1; dy <= 1; dy++) {
				for (const b of grid.get(`${column + dx}:${row + dy}`) ?? []) {
					if (b <= a) continue;
					const overlap = overlapOf(aps, points, a, b, percent);
					if (overlap === null) continue;
					const list = overlap.shared.length > 0 ? conflicts : plain;
					if (list.length < MAX_OVERLAPS) list.push(overlap);
				}
			}
		}
	});
	return [...conflicts, ...plain].slice(0, MAX_OVERLAPS);
}

export function channelsInUse(ap: Pick<ApInfo, 'channels' | 'idleChannels'>): number[] {
	return ap.channels.filter((channel) => !ap.idleChannels.includes(channel));
}

function overlapOf(
	aps: readonly ApInfo[],
	points: readonly Point[],
	a: number,
	b: number,
	percent: number
): Overlap | null {
	const first = aps[a];
	const second = aps[b];
	const from = points[a];
	const to = points[b];
	if (!first || !second || !from || !to || first.band !== second.band) return null;
	const reach = ((first.coverageRadiusM + second.coverageRadiusM) * percent) / 100;
	if ((from.x - to.x) ** 2 + (from.y - to.y) ** 2 >= reach ** 2) return null;
	return { a, b, shared: first.channels.filter((channel) => second.channels.includes(channel)) };
}
