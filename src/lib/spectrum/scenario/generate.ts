/** Seeded access points on a square, for demonstrations without a file. Hex grid, indoor and residential come with issue 5. */
import type { OwnAccessPoint } from '../access-point.ts';
import { assignMissing } from '../importing/assign.ts';
import type { DraftAccessPoint } from '../importing/draft.ts';
import { MAX_IMPORT_ROWS } from '../importing/limits.ts';
import { cosineE6 } from '../radio/distance.ts';
import { SeededRandom } from '../random.ts';

export interface GenerateOptions {
	seed: number;
	/** 1 … MAX_IMPORT_ROWS */
	count: number;
	center?: { latitudeMicrodegrees: number; longitudeMicrodegrees: number };
	/** Side of the square; the default gives the density of midtown's hotspots. */
	sideM?: number;
	/** First part of the ids, so that two nodes with one seed do not claim the same ids. */
	idPrefix?: string;
	conflictDistancePercent?: number;
}

/** Tsinghua's main gate. */
const DEFAULT_CENTER = { latitudeMicrodegrees: 39_999_500, longitudeMicrodegrees: 116_326_700 };
/** 220 hotspots in midtown stand about this far apart. */
const SPACING_M = 110;

/** Same options, same access points. @throws RangeError where `count` is out of its bounds */
export function generateAccessPoints(options: GenerateOptions): OwnAccessPoint[] {
	const { seed, count } = options;
	if (!Number.isSafeInteger(count) || count < 1 || count > MAX_IMPORT_ROWS)
		throw new RangeError(`between 1 and ${MAX_IMPORT_ROWS} access points are generated, not ${count}`);
	const center = options.center ?? DEFAULT_CENTER;
	const halfSide = Math.ceil((options.sideM ?? SPACING_M * Math.ceil(Math.sqrt(count))) / 2) * 9;
	const halfWidth = Math.ceil((halfSide * 1_000_000) / cosineE6(center.latitudeMicrodegrees));
	const prefix = options.idPrefix ?? 'gen';
	const random = new SeededRandom(seed, 'generate');
	const drafts: DraftAccessPoint[] = [];
	for (let number = 1; number <= count; number++)
		drafts.push({
			id: `${prefix}-${seed}-${number}`,
			name: `AP ${number}`,
			latitudeMicrodegrees: center.latitudeMicrodegrees + random.between(-halfSide, halfSide),
			longitudeMicrodegrees: center.longitudeMicrodegrees + random.between(-halfWidth, halfWidth),
			indoor: random.below(4) === 0,
			assigned: ['position']
		});
	return assignMissing(drafts, { seed, conflictDistancePercent: options.conflictDistancePercent ?? 100 });
}
