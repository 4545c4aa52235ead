/** Measures over a market, as pages and studies show them. Not on the chain, so floating point is fine here. */
import type { AccessPointRecord } from '../contract/records.ts';
import { tooClose } from '../radio/distance.ts';

/** (Σx)² / (nΣx²): 1 where all have the same, 1/n where one has all; 1 for nobody and for nothing. */
export function jainIndex(values: readonly number[]): number {
	const sum = values.reduce((total, value) => total + value, 0);
	const squares = values.reduce((total, value) => total + value * value, 0);
	return squares === 0 ? 1 : (sum * sum) / (values.length * squares);
}

/** Nearest-rank percentile of unsorted values. @param percent - 0 … 100 @returns null without values */
export function percentile(values: readonly number[], percent: number): number | null {
	if (values.length === 0) return null;
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]!;
}

/** Pairs that hold a channel in common too close to each other: every pair is looked at, without any index. Must be none. */
export function conflictingPairs(
	accessPoints: readonly AccessPointRecord[],
	conflictDistancePercent: number
): [string, string][] {
	const pairs: [string, string][] = [];
	accessPoints.forEach((a, i) => {
		for (const b of accessPoints.slice(i + 1))
			if (
				a.channels.some((channel) => b.channels.includes(channel)) &&
				tooClose(a, b, conflictDistancePercent)
			)
				pairs.push([a.id, b.id]);
	});
	return pairs;
}
