/**
 * Demand that moves: a seeded process over a node's own access points, off unless someone starts it. Each step a few of them
 * become busy, quiet or something between, so that a demonstration keeps trading. The caller stores the rows that come back.
 */
import { idleChannelsAt, type OwnAccessPoint } from '../access-point.ts';
import { SeededRandom } from '../random.ts';

export class OccupancyDrift {
	readonly #random: SeededRandom;
	readonly #changesPerStep: number;

	constructor(init: { seed: number; changesPerStep?: number }) {
		this.#random = new SeededRandom(init.seed, 'occupancy-drift');
		this.#changesPerStep = init.changesPerStep ?? 2;
	}

	/** @returns the rows that changed; only issued ones do */
	step(accessPoints: readonly OwnAccessPoint[]): OwnAccessPoint[] {
		const issued = this.#random.shuffle(accessPoints.filter((ap) => ap.issued));
		return issued.slice(0, this.#changesPerStep).map((ap) => {
			const occupancyPpm = this.#demand(ap.channels.length);
			return { ...ap, occupancyPpm, idleChannels: idleChannelsAt(occupancyPpm, ap.channels) };
		});
	}

	/** Who holds more falls quiet more often, so that channels wander and do not pile up. */
	#demand(channelsHeld: number): number {
		const roll = this.#random.below(10);
		const quietBelow = channelsHeld >= 3 ? 6 : channelsHeld === 2 ? 4 : 2;
		if (roll < quietBelow) return 20_000 + this.#random.below(160_000);
		return roll < 8 ? 820_000 + this.#random.below(150_000) : 300_000 + this.#random.below(400_000);
	}
}
