/**
 * Who disturbs whom: one node an access point, one edge a pair that must not hold a channel in common. Both rules end in one
 * comparison of integers, so that all nodes draw the same graph (R18); neighbours are found through cells, not by a scan.
 *
 * - `distance` (teaching mode, the contract's own rule): nearer than a percentage of r1 + r2.
 * - `interference`: either is heard above a threshold where the other's users are. A loss never falls as the distance grows
 *   (path-loss.ts), so "heard above" is a reach, in whole centimetres, of each transmitter alone.
 */
import type { Site } from '../access-point.ts';
import { bandPlan, type Band } from './bands.ts';
import { CellGrid } from './cells.ts';
import { FAR_CM, conflictLimitCm, squaredDistanceCm2 } from './distance.ts';
import { receivedMilliDbm } from './link-budget.ts';
import type { PathLossName } from './path-loss.ts';

/** A site with what its power does. */
export interface Transmitter extends Site {
	antennaHeightCm: number;
	eirpMilliDbm: number;
}

export type ConflictRule =
	| { kind: 'distance'; percent: number }
	| { kind: 'interference'; model: PathLossName; thresholdMilliDbm?: number };

/** Carrier sense of IEEE 802.11 in 20 MHz: what is heard above this keeps a radio silent. */
export const INTERFERENCE_THRESHOLD_MILLI_DBM = -82_000;
/** A hand-held device at the other's place, as TR 38.901 has it. */
export const USER_HEIGHT_CM = 150;

/**
 * The greatest distance at which it is heard above the threshold, in centimetres, below {@link FAR_CM}; −1 where it is heard
 * nowhere. At the band's lowest channel, which carries furthest.
 */
export function interferenceReachCm(
	site: Transmitter,
	model: PathLossName,
	thresholdMilliDbm = INTERFERENCE_THRESHOLD_MILLI_DBM
): number {
	const plan = bandPlan(site.band);
	const isHeardAt = (distanceCm: number): boolean =>
		receivedMilliDbm(model, site.eirpMilliDbm, {
			frequencyHz: plan.centreFrequencyHz(plan.channels[0]!),
			distanceCm,
			transmitterHeightCm: site.antennaHeightCm,
			receiverHeightCm: USER_HEIGHT_CM
		}) > thresholdMilliDbm;
	let heard = -1;
	let silent = FAR_CM;
	while (silent - heard > 1) {
		const middle = Math.floor((heard + silent) / 2);
		if (isHeardAt(middle)) heard = middle;
		else silent = middle;
	}
	return heard;
}

export class ConflictGraph {
	readonly #neighbours: ReadonlyMap<string, ReadonlySet<string>>;

	/** @param sites - each id once; what is in another band disturbs nobody */
	constructor(sites: readonly Transmitter[], rule: ConflictRule) {
		const neighbours = new Map(sites.map((site) => [site.id, new Set<string>()]));
		const bands = new Map<Band, Transmitter[]>();
		for (const site of sites) bands.set(site.band, [...(bands.get(site.band) ?? []), site]);
		for (const inBand of bands.values())
			for (const [a, b] of pairs(inBand, limits(inBand, rule))) {
				neighbours.get(a.id)!.add(b.id);
				neighbours.get(b.id)!.add(a.id);
			}
		this.#neighbours = neighbours;
	}

	conflict(a: string, b: string): boolean {
		return this.#neighbours.get(a)?.has(b) ?? false;
	}

	/** Ids, in no order that means anything. */
	neighbours(id: string): ReadonlySet<string> {
		return this.#neighbours.get(id) ?? NOBODY;
	}

	/** Each pair once, the lesser id first, sorted. */
	edges(): [string, string][] {
		const edges: [string, string][] = [];
		for (const [id, neighbours] of this.#neighbours)
			for (const other of neighbours) if (id < other) edges.push([id, other]);
		return edges.sort(([a, b], [c, d]) => (a < c || (a === c && b < d) ? -1 : 1));
	}
}

const NOBODY: ReadonlySet<string> = new Set();
/** Smaller cells than this would each hold one site. */
const MIN_CELL_M = 50;

interface Limits {
	/** Two sites conflict below this many centimetres. */
	limitCm(a: Transmitter, b: Transmitter): number;
	/** No partner that is found from this site is further. */
	searchCm(site: Transmitter): number;
}

function limits(sites: readonly Transmitter[], rule: ConflictRule): Limits {
	if (rule.kind === 'distance') {
		const greatestM = sites.reduce((most, site) => Math.max(most, site.coverageRadiusM), 0);
		return {
			limitCm: (a, b) => conflictLimitCm(a.coverageRadiusM, b.coverageRadiusM, rule.percent),
			searchCm: (site) => conflictLimitCm(site.coverageRadiusM, greatestM, rule.percent)
		};
	}
	const reaches = new Map(
		sites.map((site) => [site, interferenceReachCm(site, rule.model, rule.thresholdMilliDbm)])
	);
	// The one that is heard further finds the other.
	return {
		limitCm: (a, b) => Math.max(reaches.get(a)!, reaches.get(b)!) + 1,
		searchCm: (site) => reaches.get(site)! + 1
	};
}

function* pairs(
	sites: readonly Transmitter[],
	{ limitCm, searchCm }: Limits
): Generator<[Transmitter, Transmitter]> {
	const greatestCm = sites.reduce((most, site) => Math.max(most, searchCm(site)), 0);
	const grid = new CellGrid(Math.max(MIN_CELL_M, Math.ceil(greatestCm / 100)));
	const cells = new Map<string, Transmitter[]>();
	for (const site of sites) {
		const cell = grid.cellOf(site);
		const inCell = cells.get(cell);
		if (inCell) inCell.push(site);
		else cells.set(cell, [site]);
	}
	for (const site of sites)
		for (const cell of grid.cellsAround(site, Math.ceil(searchCm(site) / 100)))
			for (const other of cells.get(cell) ?? []) {
				const limit = limitCm(site, other);
				if (other !== site && squaredDistanceCm2(site, other) < limit * limit) yield [site, other];
			}
}
