/**
 * Parts of a market in which all channels are alike: every buyer of a zone may take every unit of it, in any combination, with
 * no conflict inside the zone or with another one. A double auction for one kind of good holds in each.
 *
 * Zones are made of who can reach what, never of what somebody bids (TRUST, section IV-A: a group that depended on bids could be
 * chosen by bidding). Each buyer and each seller is in one zone at most, each seller with one unit.
 */
import type { Options } from './options.ts';

/** Indices of {@link Options}. */
export interface Zone {
	buyers: number[];
	units: number[];
}

export function zonesOf(options: Options): Zone[] {
	const zones: Zone[] = [];
	const freeBuyers = new Set(options.buyers.keys());
	const freeUnits = new Set(options.units.keys());
	while (freeUnits.size > 0) {
		const zone = largestAround(options, zones, freeBuyers, freeUnits);
		if (!zone) break;
		// With fewer than two on a side a double auction has no trade to give up, and so none at all.
		if (zone.buyers.length < 2 || zone.units.length < 2) freeUnits.delete(zone.units[0]!);
		else {
			zones.push(zone);
			for (const buyer of zone.buyers) freeBuyers.delete(buyer);
			const sellers = new Set(zone.units.map((unit) => options.units[unit]!.seller));
			for (const unit of [...freeUnits]) if (sellers.has(options.units[unit]!.seller)) freeUnits.delete(unit);
		}
	}
	return zones;
}

/** From the unit that most buyers can take on, the one that costs the fewest buyers is added, as long as trades may grow. */
function largestAround(
	options: Options,
	zones: readonly Zone[],
	freeBuyers: ReadonlySet<number>,
	freeUnits: ReadonlySet<number>
): Zone | undefined {
	const admitted = new Map<number, number[]>();
	for (const unit of freeUnits) {
		const elsewhere = buyersElsewhere(options, zones, unit);
		admitted.set(
			unit,
			[...freeBuyers].filter(
				(buyer) => options.mayTake(buyer, unit) && !elsewhere.some((other) => options.clash(buyer, other))
			)
		);
	}
	const first = best(freeUnits, (unit) => admitted.get(unit)!.length);
	if (first === undefined || admitted.get(first)!.length === 0) return undefined;
	const zone: Zone = { buyers: admitted.get(first)!, units: [first] };
	for (;;) {
		const common = new Map<number, number[]>();
		for (const unit of freeUnits) {
			if (zone.units.some((own) => options.units[own]!.seller === options.units[unit]!.seller)) continue;
			const able = new Set(admitted.get(unit)!);
			const buyers = zone.buyers.filter((buyer) => able.has(buyer));
			if (isAlike(options, zone.units, unit, buyers)) common.set(unit, buyers);
		}
		const next = best(common.keys(), (unit) => common.get(unit)!.length);
		if (next === undefined) return zone;
		const left = common.get(next)!;
		const trades = Math.min(left.length, zone.units.length + 1);
		const grows = trades > Math.min(zone.buyers.length, zone.units.length);
		if (!grows && left.length < zone.buyers.length) return zone;
		zone.buyers = left;
		zone.units.push(next);
	}
}

/** Two units of one channel are alike for buyers only where no two of these would disturb each other on it. */
function isAlike(
	options: Options,
	units: readonly number[],
	unit: number,
	buyers: readonly number[]
): boolean {
	const { resource } = options.units[unit]!;
	if (!units.some((own) => options.units[own]!.resource === resource)) return true;
	return !buyers.some((a, i) => buyers.slice(i + 1).some((b) => options.clash(a, b)));
}

function buyersElsewhere(options: Options, zones: readonly Zone[], unit: number): number[] {
	const { resource } = options.units[unit]!;
	return zones
		.filter((zone) => zone.units.some((other) => options.units[other]!.resource === resource))
		.flatMap((zone) => zone.buyers);
}

/** The first of the highest. */
function best(items: Iterable<number>, score: (item: number) => number): number | undefined {
	let found: number | undefined;
	let most = -1;
	for (const item of items) {
		const its = score(item);
		if (its <= most) continue;
		most = its;
		found = item;
	}
	return found;
}
