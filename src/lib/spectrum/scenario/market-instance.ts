/**
 * Random markets to compare mechanisms on: buyers and sellers in 1 km², one to three idle channels a seller, values and asks
 * U(0, 1) in millionths, one radius for all. Places, values and asks of a seed are the same with conflicts and without.
 */
import type { Site } from '../access-point.ts';
import type { Buyer, Market, Seller } from '../mechanisms/mechanism.ts';
import { bandPlan } from '../radio/bands.ts';
import { cosineE6 } from '../radio/distance.ts';
import { HolderBoard } from '../radio/holder-board.ts';
import { SeededRandom } from '../random.ts';

export interface MarketInstanceOptions {
	seed: number;
	/** Of each, buyers and sellers. */
	size: number;
	/** Without, everyone may take every channel. */
	conflicts: boolean;
	/** Idle channels of a seller, at most; McAfee's market has 1. */
	maxUnits?: number;
}

/** 1.0 of a value. */
export const UNIT_VALUE = 1_000_000;
/** Two that hold a channel conflict below twice this: 200 m, an eighth of the area. */
const RADIUS_M = 100;
/** Of the band's 25: so few that neighbours are in each other's way. */
const CHANNELS = 12;
const MAX_UNITS = 3;
const SIDE_MICRODEGREES = 8_993;
const ORIGIN = { latitudeMicrodegrees: 40_750_000, longitudeMicrodegrees: -73_980_000 };

export function marketInstance(options: MarketInstanceOptions): Market {
	const { seed, size, conflicts, maxUnits = MAX_UNITS } = options;
	const random = new SeededRandom(seed, `market-instance/${size}`);
	const holders = new HolderBoard(conflicts ? 100 : 0);
	// Where channels are is the same with conflicts and without.
	const apart = new HolderBoard(100);
	const channels = bandPlan('5GHz').channels.slice(0, CHANNELS);
	const sellers: Seller[] = [];
	const buyers: Buyer[] = [];
	for (let number = 0; number < size; number++) {
		const site = place(`seller-${number}`, random);
		const ask = BigInt(random.between(0, UNIT_VALUE));
		const wanted = random.between(1, maxUnits);
		const idleChannels = random
			.shuffle([...channels])
			.filter((channel) => apart.conflicting(site, channel) === undefined)
			.slice(0, wanted)
			.sort((a, b) => a - b);
		apart.put(site, idleChannels);
		holders.put(site, idleChannels);
		sellers.push({ site, idleChannels, asks: idleChannels.map(() => ask) });
	}
	for (let number = 0; number < size; number++) {
		const site = place(`buyer-${number}`, random);
		holders.put(site, []);
		buyers.push({ site, value: BigInt(random.between(0, UNIT_VALUE)) });
	}
	return { buyers, sellers, holders, minimumGain: 0n, seed };
}

function place(id: string, random: SeededRandom): Site {
	const width = Math.floor((SIDE_MICRODEGREES * 1_000_000) / cosineE6(ORIGIN.latitudeMicrodegrees));
	return {
		id,
		latitudeMicrodegrees: ORIGIN.latitudeMicrodegrees + random.between(0, SIDE_MICRODEGREES),
		longitudeMicrodegrees: ORIGIN.longitudeMicrodegrees + random.between(0, width),
		coverageRadiusM: RADIUS_M,
		band: '5GHz'
	};
}
