/** Seeded access points, for demonstrations and studies without a file: somewhere on a square, or as a standard places them. */
import type { OwnAccessPoint } from '../access-point.ts';
import { assignMissing } from '../importing/assign.ts';
import type { DraftAccessPoint } from '../importing/draft.ts';
import { MAX_IMPORT_ROWS } from '../importing/limits.ts';
import { cosineE6 } from '../radio/distance.ts';
import { SeededRandom } from '../random.ts';
import { placesOf, type Layout, type Placement } from './layouts.ts';

export interface GenerateOptions {
	seed: number;
	/** 1 … MAX_IMPORT_ROWS */
	count: number;
	/** `uniform` by default. */
	layout?: Layout;
	/** Between the sites of `hex`: 20 to 400 m, 200 by default. */
	spacingM?: number;
	center?: { latitudeMicrodegrees: number; longitudeMicrodegrees: number };
	/** Side of the square of `uniform`; the default gives the density of midtown's hotspots. */
	sideM?: number;
	/** First part of the ids, so that two nodes with one seed do not claim the same ids. */
	idPrefix?: string;
	conflictDistancePercent?: number;
}

/** Tsinghua's main gate. */
const DEFAULT_CENTER = { latitudeMicrodegrees: 39_999_500, longitudeMicrodegrees: 116_326_700 };
/** 220 hotspots in midtown stand about this far apart. */
const SPACING_M = 110;
/** Of a hexagonal grid: the cell's radius is within what every band allows. */
const MIN_HEX_SPACING_M = 20;
const MAX_HEX_SPACING_M = 400;

/** Same options, same access points. @throws RangeError where `count` or `spacingM` is out of its bounds */
export function generateAccessPoints(options: GenerateOptions): OwnAccessPoint[] {
	const { seed, count } = options;
	if (!Number.isSafeInteger(count) || count < 1 || count > MAX_IMPORT_ROWS)
		throw new RangeError(`between 1 and ${MAX_IMPORT_ROWS} access points are generated, not ${count}`);
	const { spacingM } = options;
	if (spacingM !== undefined && !isHexSpacing(spacingM))
		throw new RangeError(
			`sites stand ${MIN_HEX_SPACING_M} to ${MAX_HEX_SPACING_M} whole metres apart, not ${spacingM}`
		);
	const center = options.center ?? DEFAULT_CENTER;
	const layout = options.layout ?? 'uniform';
	const prefix = options.idPrefix ?? 'gen';
	const places =
		layout === 'uniform'
			? uniform(options, center)
			: placesOf(layout, count, center, new SeededRandom(seed, `generate/${layout}`), spacingM);
	const drafts = places.map((place, i): DraftAccessPoint => ({
		id: layout === 'uniform' ? `${prefix}-${seed}-${i + 1}` : `${prefix}-${layout}-${seed}-${i + 1}`,
		name: `AP ${i + 1}`,
		...place,
		assigned: ['position', ...columnsOf(place)]
	}));
	return assignMissing(drafts, { seed, conflictDistancePercent: options.conflictDistancePercent ?? 100 });
}

function uniform(options: GenerateOptions, center: NonNullable<GenerateOptions['center']>): Placement[] {
	const { seed, count } = options;
	const halfSide = Math.ceil((options.sideM ?? SPACING_M * Math.ceil(Math.sqrt(count))) / 2) * 9;
	const halfWidth = Math.ceil((halfSide * 1_000_000) / cosineE6(center.latitudeMicrodegrees));
	const random = new SeededRandom(seed, 'generate');
	return Array.from({ length: count }, () => ({
		latitudeMicrodegrees: center.latitudeMicrodegrees + random.between(-halfSide, halfSide),
		longitudeMicrodegrees: center.longitudeMicrodegrees + random.between(-halfWidth, halfWidth),
		indoor: random.below(4) === 0
	}));
}

/** A layout's own columns are as little measured as the position is. */
function columnsOf(place: Placement): string[] {
	return [
		...(place.antennaHeightCm === undefined ? [] : ['antennaHeight']),
		...(place.coverageRadiusM === undefined ? [] : ['coverageRadius']),
		...(place.eirpMilliDbm === undefined ? [] : ['eirp'])
	];
}

export function isHexSpacing(metres: number): boolean {
	return Number.isSafeInteger(metres) && metres >= MIN_HEX_SPACING_M && metres <= MAX_HEX_SPACING_M;
}
