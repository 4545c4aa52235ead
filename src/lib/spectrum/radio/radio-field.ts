/**
 * What users hear in a network of access points: the strongest server at a place, its SINR with everything that disturbs it, on
 * the same channel and beside it, and the capacity that is left. For maps and measures; integers all the same, so that two who
 * look at one network see one picture.
 */
import type { Site } from '../access-point.ts';
import { bandPlan, type Band } from './bands.ts';
import { CellGrid } from './cells.ts';
import { USER_HEIGHT_CM, interferenceReachCm, type Transmitter } from './conflict-graph.ts';
import { squaredDistanceCm2 } from './distance.ts';
import {
	adjacentChannelMilliDb,
	capacityBitsPerSecond,
	noiseMilliDbm,
	receivedMilliDbm,
	sinrMilliDb
} from './link-budget.ts';
import type { PathLossName } from './path-loss.ts';

/** An access point with the channels that it sends in. */
export interface Sender extends Transmitter {
	channels: readonly number[];
}

export interface Reception {
	server: string;
	channel: number;
	signalMilliDbm: number;
	sinrMilliDb: number;
	/** Shannon's bound in this channel alone. */
	capacityBitsPerSecond: number;
}

type Position = Pick<Site, 'latitudeMicrodegrees' | 'longitudeMicrodegrees'>;

/** What is so far below noise changes a SINR by less than 0.005 dB, and is left out. */
export const NEGLIGIBLE_MILLI_DB = -30_000;
/** Smaller cells than this would each hold one site. */
const MIN_CELL_M = 50;
/** A user of an access point stands at this share of its radius, due north. */
const USER_RADIUS_PERCENT = 50;
/** A micro-degree of arc is 11.1195 cm (distance.ts). */
const MICRODEGREES_PER_M = 8.9932;

export class RadioField {
	readonly #model: PathLossName;
	readonly #senders: ReadonlyMap<string, Sender>;
	readonly #bands = new Map<Band, BandIndex>();

	/** @param senders - each id once */
	constructor(senders: readonly Sender[], model: PathLossName) {
		this.#model = model;
		this.#senders = new Map(senders.map((sender) => [sender.id, sender]));
		const ofBand = new Map<Band, Sender[]>();
		for (const sender of senders) {
			if (sender.channels.length === 0) continue;
			const inBand = ofBand.get(sender.band);
			if (inBand) inBand.push(sender);
			else ofBand.set(sender.band, [sender]);
		}
		for (const [band, inBand] of ofBand) this.#bands.set(band, new BandIndex(inBand, band, model));
	}

	/** The channel in which a user at this place hears best; null where nobody of the band is heard above noise. */
	receptionAt(position: Position, band: Band): Reception | null {
		const heard = this.#heardAt(position, band);
		let best: Reception | null = null;
		for (const { sender, channel, milliDbm } of strongestOf(heard)) {
			const reception = this.#reception(heard, sender, channel, milliDbm);
			if (best === null || reception.sinrMilliDb > best.sinrMilliDb) best = reception;
		}
		return best;
	}

	/** What this access point's users get in each of its channels, ascending; empty where it holds none. */
	receptionsOf(id: string): Reception[] {
		const sender = this.#senders.get(id);
		if (!sender || sender.channels.length === 0) return [];
		const metres = (sender.coverageRadiusM * USER_RADIUS_PERCENT) / 100;
		const position: Position = {
			latitudeMicrodegrees: sender.latitudeMicrodegrees + Math.round(metres * MICRODEGREES_PER_M),
			longitudeMicrodegrees: sender.longitudeMicrodegrees
		};
		const heard = this.#heardAt(position, sender.band);
		return sender.channels.map((channel) =>
			this.#reception(heard, sender, channel, receivedAt(sender, channel, position, this.#model))
		);
	}

	/** Of all its channels together. */
	capacityOf(id: string): number {
		return this.receptionsOf(id).reduce((sum, reception) => sum + reception.capacityBitsPerSecond, 0);
	}

	#reception(heard: readonly Heard[], server: Sender, channel: number, signalMilliDbm: number): Reception {
		const plan = bandPlan(server.band);
		const noise = noiseMilliDbm(plan.widthHz);
		const interferers: number[] = [];
		for (const other of heard) {
			if (other.sender === server) continue;
			const offsetHz = plan.centreFrequencyHz(other.channel) - plan.centreFrequencyHz(channel);
			const milliDbm = other.milliDbm + adjacentChannelMilliDb(offsetHz, plan.widthHz);
			if (milliDbm > noise + NEGLIGIBLE_MILLI_DB) interferers.push(milliDbm);
		}
		const sinr = sinrMilliDb(signalMilliDbm, noise, interferers);
		return {
			server: server.id,
			channel,
			signalMilliDbm,
			sinrMilliDb: sinr,
			capacityBitsPerSecond: capacityBitsPerSecond(plan.widthHz, sinr)
		};
	}

	#heardAt(position: Position, band: Band): Heard[] {
		const heard: Heard[] = [];
		for (const sender of this.#bands.get(band)?.around(position) ?? [])
			for (const channel of sender.channels)
				heard.push({ sender, channel, milliDbm: receivedAt(sender, channel, position, this.#model) });
		return heard;
	}
}

interface Heard {
	sender: Sender;
	channel: number;
	milliDbm: number;
}

/** All channels of the one that is heard best. */
function strongestOf(heard: readonly Heard[]): Heard[] {
	let strongest: Heard | undefined;
	for (const one of heard) if (!strongest || one.milliDbm > strongest.milliDbm) strongest = one;
	return strongest ? heard.filter(({ sender }) => sender === strongest.sender) : [];
}

function receivedAt(sender: Sender, channel: number, position: Position, model: PathLossName): number {
	return receivedMilliDbm(model, sender.eirpMilliDbm, {
		frequencyHz: bandPlan(sender.band).centreFrequencyHz(channel),
		distanceCm: Math.floor(Math.sqrt(squaredDistanceCm2(sender, position))),
		transmitterHeightCm: sender.antennaHeightCm,
		receiverHeightCm: USER_HEIGHT_CM
	});
}

/** Who of a band is heard above what is negligible, by cells. */
class BandIndex {
	readonly #grid: CellGrid;
	readonly #greatestM: number;
	readonly #cells = new Map<string, { sender: Sender; reachCm: number }[]>();

	constructor(senders: readonly Sender[], band: Band, model: PathLossName) {
		const threshold = noiseMilliDbm(bandPlan(band).widthHz) + NEGLIGIBLE_MILLI_DB;
		const reaching = senders.map((sender) => ({
			sender,
			reachCm: interferenceReachCm(sender, model, threshold)
		}));
		this.#greatestM = Math.ceil(reaching.reduce((most, { reachCm }) => Math.max(most, reachCm), 0) / 100);
		this.#grid = new CellGrid(Math.max(MIN_CELL_M, this.#greatestM));
		for (const one of reaching) {
			const cell = this.#grid.cellOf(one.sender);
			const inCell = this.#cells.get(cell);
			if (inCell) inCell.push(one);
			else this.#cells.set(cell, [one]);
		}
	}

	*around(position: Position): Generator<Sender> {
		for (const cell of this.#grid.cellsAround(position, this.#greatestM))
			for (const { sender, reachCm } of this.#cells.get(cell) ?? [])
				if (squaredDistanceCm2(sender, position) <= reachCm * reachCm) yield sender;
	}
}
