/** What a chart says at a time: the index that is meant, and the value that stands there. Pure. */

/** Index of the time nearest to the one asked for; null where there are none. @param timesMs - ascending */
export function nearestTo(timesMs: readonly number[], atMs: number): number | null {
	if (timesMs.length === 0) return null;
	let low = 0;
	let high = timesMs.length - 1;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (timesMs[middle]! < atMs) low = middle + 1;
		else high = middle;
	}
	const before = low - 1;
	return before >= 0 && atMs - timesMs[before]! <= timesMs[low]! - atMs ? before : low;
}

/** The value at an index; where it was not measured there, the last one before: the line goes on from it. */
export function knownAt(values: readonly (number | null)[], index: number): number | null {
	for (let i = Math.min(index, values.length - 1); i >= 0; i--) {
		const value = values[i];
		if (value !== null && value !== undefined) return value;
	}
	return null;
}
