/** "Did you mean …": the allowed name nearest to a misspelt one. */

/** Longer names are cut before they are compared: the work stays bounded, and no allowed name is longer. */
const MAX_COMPARED_LENGTH = 40;

/** The name with the fewest edits, where that is at most a third of its length (and at least one); else undefined. */
export function nearestName(found: string, allowed: readonly string[]): string | undefined {
	let best: string | undefined;
	let bestDistance = Infinity;
	for (const name of allowed) {
		const distance = editDistance(found.toLowerCase(), name.toLowerCase());
		if (distance < bestDistance) [best, bestDistance] = [name, distance];
	}
	return best !== undefined && bestDistance <= Math.max(1, Math.floor(best.length / 3)) ? best : undefined;
}

/** Levenshtein's distance, one row at a time. */
export function editDistance(left: string, right: string): number {
	const a = left.slice(0, MAX_COMPARED_LENGTH);
	const b = right.slice(0, MAX_COMPARED_LENGTH);
	let row = Array.from({ length: b.length + 1 }, (_, column) => column);
	for (let i = 1; i <= a.length; i++) {
		const next = [i];
		for (let j = 1; j <= b.length; j++) {
			const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
			next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
		}
		row = next;
	}
	return row[b.length]!;
}
