/**
 * Who holds which channel where, in memory: the same question that the contract answers from state, for importers,
 * mechanisms and the manager. The rule of conflict is in distance.ts.
 */
import type { Site } from '../access-point.ts';
import type { Band } from './bands.ts';
import { CellGrid, greatestConflictM } from './cells.ts';
import { tooClose } from './distance.ts';

export interface ChannelHolders {
	/** Percent of r1 + r2 below which two holders of a channel conflict. */
	readonly conflictDistancePercent: number;
	/**
	 * A site too close to this one that holds the channel, or undefined. The site itself never conflicts with itself.
	 * @param ignored - holders that do not count, for example the seller that would give the channel up
	 */
	conflicting(site: Site, channel: number, ignored?: (id: string) => boolean): string | undefined;
	holds(id: string, channel: number): boolean;
}

export class HolderBoard implements ChannelHolders {
	readonly conflictDistancePercent: number;
	readonly #grids = new Map<Band, CellGrid>();
	readonly #cells = new Map<string, Site[]>();
	readonly #held = new Map<string, { site: Site; channels: Set<number> }>();

	constructor(conflictDistancePercent: number) {
		this.conflictDistancePercent = conflictDistancePercent;
	}

	/** Sets what this site holds; it takes the place of what was known of it. */
	put(site: Site, channels: Iterable<number>): void {
		this.remove(site.id);
		const held = new Set(channels);
		this.#held.set(site.id, { site, channels: held });
		for (const channel of held) {
			const key = this.#key(site, channel);
			const cell = this.#cells.get(key);
			if (cell) cell.push(site);
			else this.#cells.set(key, [site]);
		}
	}

	remove(id: string): void {
		const held = this.#held.get(id);
		if (!held) return;
		this.#held.delete(id);
		for (const channel of held.channels) {
			const key = this.#key(held.site, channel);
			const left = this.#cells.get(key)!.filter((site) => site.id !== id);
			if (left.length > 0) this.#cells.set(key, left);
			else this.#cells.delete(key);
		}
	}

	holds(id: string, channel: number): boolean {
		return this.#held.get(id)?.channels.has(channel) ?? false;
	}

	conflicting(site: Site, channel: number, ignored?: (id: string) => boolean): string | undefined {
		const reachM = greatestConflictM(site.band, this.conflictDistancePercent, site.coverageRadiusM);
		for (const cell of this.#grid(site.band).cellsAround(site, reachM))
			for (const other of this.#cells.get(`${site.band}/${channel}/${cell}`) ?? [])
				if (
					other.id !== site.id &&
					!ignored?.(other.id) &&
					tooClose(site, other, this.conflictDistancePercent)
				)
					return other.id;
		return undefined;
	}

	#key(site: Site, channel: number): string {
		return `${site.band}/${channel}/${this.#grid(site.band).cellOf(site)}`;
	}

	#grid(band: Band): CellGrid {
		let grid = this.#grids.get(band);
		if (!grid) this.#grids.set(band, (grid = CellGrid.forBand(band, this.conflictDistancePercent)));
		return grid;
	}
}

/** Transfers tried out over a board that stays as it is. */
export class HolderDraft implements ChannelHolders {
	readonly conflictDistancePercent: number;
	readonly #base: ChannelHolders;
	/** Key `id/channel`. */
	readonly #gone = new Set<string>();
	readonly #added = new Map<number, Site[]>();

	constructor(base: ChannelHolders) {
		this.#base = base;
		this.conflictDistancePercent = base.conflictDistancePercent;
	}

	transfer(channel: number, from: string, to: Site): void {
		const added = (this.#added.get(channel) ?? []).filter((site) => site.id !== from);
		this.#gone.add(`${from}/${channel}`);
		this.#gone.delete(`${to.id}/${channel}`);
		this.#added.set(channel, [...added, to]);
	}

	holds(id: string, channel: number): boolean {
		if (this.#gone.has(`${id}/${channel}`)) return false;
		return (
			this.#base.holds(id, channel) || (this.#added.get(channel)?.some((site) => site.id === id) ?? false)
		);
	}

	conflicting(site: Site, channel: number, ignored?: (id: string) => boolean): string | undefined {
		for (const other of this.#added.get(channel) ?? [])
			if (other.id !== site.id && !ignored?.(other.id) && tooClose(site, other, this.conflictDistancePercent))
				return other.id;
		return this.#base.conflicting(
			site,
			channel,
			(id) => this.#gone.has(`${id}/${channel}`) || (ignored?.(id) ?? false)
		);
	}
}
