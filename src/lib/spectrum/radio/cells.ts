/**
 * A grid of cells over the globe, so that neighbours are found without a scan. Rows have one height; columns are cut row by
 * row, so that cells stay about square at every latitude. In integers only (R18).
 */
import { MAX_LATITUDE_MICRODEGREES, MAX_LONGITUDE_MICRODEGREES, type Site } from '../access-point.ts';
import { bandPlan, type Band } from './bands.ts';
import { conflictLimitCm, cosineE6 } from './distance.ts';

type Position = Pick<Site, 'latitudeMicrodegrees' | 'longitudeMicrodegrees'>;

/** One metre is 8.9932 micro-degrees; nine makes every search a little wider than it must be, and never narrower. */
const MICRODEGREES_PER_M = 9;
const FULL_CIRCLE = 360_000_000;
/** Where conflicts reach nowhere (a percentage of 0) the grid still needs cells. */
const MIN_CELL_M = 50;

/** Greatest distance at which two sites of a band can conflict, in metres, rounded up. */
export function greatestConflictM(
	band: Band,
	percent: number,
	radiusM = bandPlan(band).maxCoverageRadiusM
): number {
	return Math.ceil(conflictLimitCm(radiusM, bandPlan(band).maxCoverageRadiusM, percent) / 100);
}

export class CellGrid {
	readonly #rowHeight: number;

	/** @param cellM - side of a cell in metres */
	constructor(cellM: number) {
		this.#rowHeight = cellM * MICRODEGREES_PER_M;
	}

	/** A search within the greatest conflict of the band then meets two or three rows, and as many columns in each. */
	static forBand(band: Band, percent: number): CellGrid {
		return new CellGrid(Math.max(MIN_CELL_M, greatestConflictM(band, percent)));
	}

	/** `row/column` */
	cellOf(position: Position): string {
		const row = this.#rowOf(position.latitudeMicrodegrees);
		return `${row}/${columnOf(wrap(position.longitudeMicrodegrees), this.#columnWidth(row))}`;
	}

	/** Every cell that may hold a position within this distance, in a fixed order. */
	cellsAround(position: Position, distanceM: number): string[] {
		const reach = distanceM * MICRODEGREES_PER_M;
		const south = Math.max(-MAX_LATITUDE_MICRODEGREES, position.latitudeMicrodegrees - reach);
		const north = Math.min(MAX_LATITUDE_MICRODEGREES, position.latitudeMicrodegrees + reach);
		const widest = Math.ceil((reach * 1_000_000) / cosineE6(Math.max(Math.abs(south), Math.abs(north))));
		const cells: string[] = [];
		for (let row = this.#rowOf(south); row <= this.#rowOf(north); row++) {
			const width = this.#columnWidth(row);
			const columns = Math.ceil(FULL_CIRCLE / width);
			const first = columnOf(wrap(position.longitudeMicrodegrees - widest), width);
			const last = columnOf(wrap(position.longitudeMicrodegrees + widest), width);
			const steps = 2 * widest >= FULL_CIRCLE ? columns - 1 : (last - first + columns) % columns;
			for (let step = 0; step <= steps; step++) cells.push(`${row}/${(first + step) % columns}`);
		}
		return cells;
	}

	#rowOf(latitude: number): number {
		return Math.floor((latitude + MAX_LATITUDE_MICRODEGREES) / this.#rowHeight);
	}

	#columnWidth(row: number): number {
		const middle = row * this.#rowHeight + Math.floor(this.#rowHeight / 2) - MAX_LATITUDE_MICRODEGREES;
		const latitude = Math.min(MAX_LATITUDE_MICRODEGREES, Math.abs(middle));
		return Math.floor((this.#rowHeight * 1_000_000) / cosineE6(latitude));
	}
}

function columnOf(longitude: number, width: number): number {
	return Math.floor((longitude + MAX_LONGITUDE_MICRODEGREES) / width);
}

/** Into −180° … 180°, the upper end excluded, so that the antimeridian has one number. */
function wrap(longitude: number): number {
	if (longitude < -MAX_LONGITUDE_MICRODEGREES) return longitude + FULL_CIRCLE;
	if (longitude >= MAX_LONGITUDE_MICRODEGREES) return longitude - FULL_CIRCLE;
	return longitude;
}
