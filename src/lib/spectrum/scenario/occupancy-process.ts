/**
 * Demand over time, so that a market has something to do: seeded processes in integers (R18). What moves is the demand of an
 * access point, in channels' worth; its occupancy is that demand spread over the channels that it holds by then, so a channel
 * that was bought helps until demand moves on.
 *
 * - `drift`: now and then a few jump (occupancy-drift.ts, for demonstrations).
 * - `daily`: 24 steps a day; homes are busiest at 20 o'clock, offices at 14.
 * - `bursts`: quiet for twelve steps and busy for four on average, each for itself (two states, Gilbert 1960).
 * - `walk`: a step up or down, drawn back to its own mean.
 * - `steady`: nothing moves but what trades do.
 */
import { MAX_OCCUPANCY_PPM, idleChannelsAt, type OwnAccessPoint } from '../access-point.ts';
import { SeededRandom, hash32 } from '../random.ts';
import { OccupancyDrift } from './occupancy-drift.ts';

export type ProcessKind = 'drift' | 'daily' | 'bursts' | 'walk' | 'steady';
export const PROCESS_KINDS: readonly ProcessKind[] = ['drift', 'daily', 'bursts', 'walk', 'steady'];

export interface OccupancyProcess {
	/** One step of time. @returns the rows that changed; only issued ones do */
	step(accessPoints: readonly OwnAccessPoint[]): OwnAccessPoint[];
}

/** Same kind, same seed, same rows: same demand. */
export function occupancyProcess(kind: ProcessKind, seed: number): OccupancyProcess {
	if (kind === 'drift') return new OccupancyDrift({ seed });
	return new DemandProcess(DEMANDS[kind], seed);
}

/** Steps of a day of `daily`. */
export const STEPS_PER_DAY = 24;

const HOME_PEAK = 20;
const OFFICE_PEAK = 14;
/** Per mille of the first demand: at the peak, and twelve hours from it. */
const PEAK_PER_MILLE = 1_500;
const TROUGH_PER_MILLE = 150;
/** One in so many quiet ones becomes busy in a step, one in so many busy ones quiet. */
const BURST_BEGINS = 12;
const BURST_ENDS = 4;
/** The walk's greatest step, and the share of the way back to the mean, as a divisor. */
const WALK_STEP_PPM = 90_000;
const WALK_RETURN = 8;

interface Demand {
	/** In ppm of one channel, when it was first seen. */
	first: number;
	/** Held when it was first seen. */
	channels: number;
	now: number;
	/** Only `bursts` has it. */
	busy: boolean;
}

type NextDemand = (demand: Demand, id: string, step: number, random: SeededRandom) => number;

const DEMANDS: Readonly<Record<Exclude<ProcessKind, 'drift'>, NextDemand>> = {
	daily({ first }, id, step, random) {
		const peak = hash32(id) % 2 === 0 ? HOME_PEAK : OFFICE_PEAK;
		const away = Math.abs((step % STEPS_PER_DAY) - peak);
		const hours = Math.min(away, STEPS_PER_DAY - away);
		const perMille =
			PEAK_PER_MILLE - Math.floor(((PEAK_PER_MILLE - TROUGH_PER_MILLE) * hours) / (STEPS_PER_DAY / 2));
		return Math.floor((first * (perMille + random.between(-50, 50))) / 1000);
	},
	bursts(demand, _id, _step, random) {
		if (random.below(demand.busy ? BURST_ENDS : BURST_BEGINS) === 0) demand.busy = !demand.busy;
		const occupancyPpm = demand.busy ? random.between(820_000, 970_000) : random.between(20_000, 180_000);
		return occupancyPpm * demand.channels;
	},
	walk({ first, now }, _id, _step, random) {
		return now + Math.floor((first - now) / WALK_RETURN) + random.between(-WALK_STEP_PPM, WALK_STEP_PPM);
	},
	steady: ({ now }) => now
};

class DemandProcess implements OccupancyProcess {
	readonly #next: NextDemand;
	readonly #random: SeededRandom;
	/** By id; as many as there are access points. */
	readonly #demands = new Map<string, Demand>();
	#step = 0;

	constructor(next: NextDemand, seed: number) {
		this.#next = next;
		this.#random = new SeededRandom(seed, 'occupancy-process');
	}

	step(accessPoints: readonly OwnAccessPoint[]): OwnAccessPoint[] {
		const changed: OwnAccessPoint[] = [];
		for (const ap of accessPoints) {
			if (!ap.issued) continue;
			const held = Math.max(1, ap.channels.length);
			let demand = this.#demands.get(ap.id);
			if (!demand) {
				const first = ap.occupancyPpm * held;
				const busy = ap.occupancyPpm > 500_000;
				this.#demands.set(ap.id, (demand = { first, channels: held, now: first, busy }));
			}
			demand.now = Math.max(0, this.#next(demand, ap.id, this.#step, this.#random));
			const occupancyPpm = Math.min(MAX_OCCUPANCY_PPM, Math.floor(demand.now / held));
			const idleChannels = idleChannelsAt(occupancyPpm, ap.channels);
			if (occupancyPpm !== ap.occupancyPpm) changed.push({ ...ap, occupancyPpm, idleChannels });
		}
		this.#step++;
		return changed;
	}
}
