/**
 * The rule of conflict, and the index in state that answers it without a scan.
 *
 * **No conflicting pair.** Two access points conflict on a channel of their band where both hold it and their distance is below
 * `conflictDistancePercent` of r1 + r2 (teaching mode; issue 5 adds interference). Holding counts, idle or not: an idle channel
 * may be taken into use at any time without asking anyone. The chain starts without access points, a registration that would
 * make a conflicting pair is refused whole, an update never touches position, radius or channels, and a switch is refused where
 * the buyer would conflict with anyone but the seller, who gives the channel up. So there is never a conflicting pair on the
 * chain. Where channels are held by grants (grants.ts), whoever granted one counts as a holder until it comes back. Importers assign channels by the same rule and manage with fewer where a neighbourhood is full; a manager leaves out
 * the channels that others already hold nearby before it registers.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Refused, type StateView } from '../../ledger/contract.ts';
import {
	ChannelHolderSchema,
	HolderCellSchema,
	type ChannelHolder
} from '../../wire/gen/tabwave/v1/spectrum_pb.js';
import type { Site } from '../access-point.ts';
import { BANDS, type Band } from '../radio/bands.ts';
import { CellGrid, greatestConflictM } from '../radio/cells.ts';
import { tooClose } from '../radio/distance.ts';
import { CELL_PREFIX } from './keys.ts';
import { MAX_HOLDERS_PER_CELL } from './limits.ts';
import { bandToWire } from './records.ts';

export class HolderIndex {
	readonly #percent: number;
	readonly #grids: ReadonlyMap<Band, CellGrid>;

	constructor(conflictDistancePercent: number) {
		this.#percent = conflictDistancePercent;
		this.#grids = new Map(BANDS.map((band) => [band, CellGrid.forBand(band, conflictDistancePercent)]));
	}

	/** @throws Refused `Conflict` where another access point than `seller` holds the channel too close to this site */
	refuseConflict(state: StateView, site: Site, channel: number, seller?: string): void {
		const reachM = greatestConflictM(site.band, this.#percent, site.coverageRadiusM);
		for (const cell of this.#grids.get(site.band)!.cellsAround(site, reachM))
			for (const holder of readCell(state, cellKey(site.band, channel, cell)))
				if (
					holder.id !== site.id &&
					holder.id !== seller &&
					tooClose(site, { ...holder, band: site.band }, this.#percent)
				)
					throw new Refused(
						'Conflict',
						`${site.id} and ${holder.id} are too close to each other to hold channel ${channel} both`
					);
	}

	/** @throws Refused `CellFull` */
	add(state: StateView, site: Site, channel: number): void {
		const key = this.#keyOf(site, channel);
		const holders = readCell(state, key);
		if (holders.length >= MAX_HOLDERS_PER_CELL)
			throw new Refused(
				'CellFull',
				`${MAX_HOLDERS_PER_CELL} access points around ${site.id} already hold channel ${channel}`
			);
		holders.push(
			create(ChannelHolderSchema, {
				id: site.id,
				latitudeMicrodegrees: site.latitudeMicrodegrees,
				longitudeMicrodegrees: site.longitudeMicrodegrees,
				coverageRadiusM: site.coverageRadiusM
			})
		);
		writeCell(state, key, holders);
	}

	remove(state: StateView, site: Site, channel: number): void {
		const key = this.#keyOf(site, channel);
		writeCell(
			state,
			key,
			readCell(state, key).filter((holder) => holder.id !== site.id)
		);
	}

	#keyOf(site: Site, channel: number): string {
		return cellKey(site.band, channel, this.#grids.get(site.band)!.cellOf(site));
	}
}

function cellKey(band: Band, channel: number, cell: string): string {
	return `${CELL_PREFIX}${bandToWire(band)}/${channel}/${cell}`;
}

function readCell(state: StateView, key: string): ChannelHolder[] {
	const bytes = state.get(key);
	return bytes ? fromBinary(HolderCellSchema, bytes).holders : [];
}

function writeCell(state: StateView, key: string, holders: ChannelHolder[]): void {
	if (holders.length === 0) state.delete(key);
	else state.set(key, toBinary(HolderCellSchema, create(HolderCellSchema, { holders })));
}
