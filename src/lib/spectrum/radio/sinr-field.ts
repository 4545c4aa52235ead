/**
 * SINR over a rectangle, line by line: what radio-field.ts says of one place, for maps that ask for thousands. A picture, so it
 * may round: losses come from a table over the distance, and powers are added up once for each channel instead of once for each
 * link. It differs from RadioField by less than 0.05 dB wherever both name the same server.
 */
import { bandPlan } from './bands.ts';
import { USER_HEIGHT_CM, interferenceReachCm } from './conflict-graph.ts';
import { cosineE6 } from './distance.ts';
import { adjacentChannelMilliDb, milliwatts, noiseMilliDbm } from './link-budget.ts';
import { pathLossDb, type PathLossName } from './path-loss.ts';
import { NEGLIGIBLE_MILLI_DB, type Sender } from './radio-field.ts';

/** A rectangle in micro-degrees, cut into points of which each stands for the middle of its cell. */
export interface FieldGrid {
	west: number;
	east: number;
	south: number;
	north: number;
	columns: number;
	rows: number;
}

/** Where nobody of the band is heard. */
export const NOBODY_HEARD = -32_768;

/** A straight line between two of these is off by 0.003 dB at most, with a loss of 40 dB a decade. */
const ENTRIES_PER_OCTAVE = 32;
/** Path loss knows nothing nearer (path-loss.ts). */
const LEAST_METRES = 1;
const METRES_PER_MICRODEGREE = 0.111195;
const FULL_CIRCLE = 360_000_000;
/** An entry of a table that was not computed yet: many are never asked for. */
const UNKNOWN = -1;

interface FieldSender {
	sender: Sender;
	reachM: number;
	/** For each of its channels: its place in #channels, its frequency, and mW at a user by distance. */
	channels: { index: number; frequencyHz: number; receivedMw: Float64Array }[];
}

export class SinrField {
	readonly #model: PathLossName;
	readonly #senders: FieldSender[];
	/** Numbers that are in use. */
	readonly #channels: number[];
	/** Share of the power in channel `to` that is heard in channel `from`: at from · channels + to. */
	readonly #leak: Float64Array;
	readonly #noiseMw: number;
	/** Of the line that is computed: mW of all senders, at channel · columns + column. */
	#totalMw = new Float64Array(0);
	#strongestMw = new Float64Array(0);
	#strongest = new Int32Array(0);

	/** @param senders - of one band, each id once */
	constructor(senders: readonly Sender[], model: PathLossName) {
		const sending = senders.filter(({ channels }) => channels.length > 0);
		this.#model = model;
		this.#channels = [...new Set(sending.flatMap(({ channels }) => channels))].sort((a, b) => a - b);
		if (sending.length === 0) {
			this.#senders = [];
			this.#leak = new Float64Array(0);
			this.#noiseMw = 0;
			return;
		}
		const plan = bandPlan(sending[0]!.band);
		const noise = noiseMilliDbm(plan.widthHz);
		this.#noiseMw = milliwatts(noise);
		const count = this.#channels.length;
		this.#leak = new Float64Array(count * count);
		for (let from = 0; from < count; from++)
			for (let to = 0; to < count; to++) {
				const offsetHz =
					plan.centreFrequencyHz(this.#channels[from]!) - plan.centreFrequencyHz(this.#channels[to]!);
				this.#leak[from * count + to] = milliwatts(adjacentChannelMilliDb(offsetHz, plan.widthHz));
			}
		this.#senders = sending.map((sender) => {
			const reachM = interferenceReachCm(sender, model, noise + NEGLIGIBLE_MILLI_DB) / 100;
			const octaves = Math.log2(Math.max(LEAST_METRES, reachM) / LEAST_METRES);
			return {
				sender,
				reachM,
				channels: sender.channels.map((channel) => ({
					index: this.#channels.indexOf(channel),
					frequencyHz: plan.centreFrequencyHz(channel),
					receivedMw: new Float64Array(Math.ceil(octaves * ENTRIES_PER_OCTAVE) + 2).fill(UNKNOWN)
				}))
			};
		});
	}

	/** One line of the grid, from west to east. @returns hundredths of a dB; {@link NOBODY_HEARD} where nobody is */
	row(grid: FieldGrid, row: number, into: Int16Array): void {
		const { columns } = grid;
		if (this.#strongest.length !== columns) {
			this.#totalMw = new Float64Array(this.#channels.length * columns);
			this.#strongestMw = new Float64Array(columns);
			this.#strongest = new Int32Array(columns);
		}
		this.#totalMw.fill(0);
		this.#strongestMw.fill(0);
		this.#strongest.fill(-1);
		const line = lineOf(grid, row);
		this.#senders.forEach((one, index) => this.#addSender(one, index, line, columns));
		for (let column = 0; column < columns; column++) into[column] = this.#sinrCentiDb(line, column, columns);
	}

	#addSender(one: FieldSender, index: number, line: Line, columns: number): void {
		const { northM, metresPerColumn, firstM } = placeOf(one.sender, line);
		const free = one.reachM * one.reachM - northM * northM;
		if (free < 0) return;
		const half = Math.sqrt(free);
		const from = Math.max(0, Math.ceil((-half - firstM) / metresPerColumn));
		const to = Math.min(columns - 1, Math.floor((half - firstM) / metresPerColumn));
		for (let column = from; column <= to; column++) {
			const east = firstM + column * metresPerColumn;
			const at = entryAt(east * east + northM * northM);
			for (const channel of one.channels) {
				const mw = this.#receivedMw(one, channel, at);
				this.#totalMw[channel.index * columns + column]! += mw;
				if (mw <= this.#strongestMw[column]!) continue;
				this.#strongestMw[column] = mw;
				this.#strongest[column] = index;
			}
		}
	}

	#sinrCentiDb(line: Line, column: number, columns: number): number {
		const server = this.#senders[this.#strongest[column]!];
		if (!server) return NOBODY_HEARD;
		const { northM, metresPerColumn, firstM } = placeOf(server.sender, line);
		const east = firstM + column * metresPerColumn;
		const at = entryAt(east * east + northM * northM);
		const own = server.channels.map((channel) => this.#receivedMw(server, channel, at));
		const count = this.#channels.length;
		let best = 0;
		server.channels.forEach(({ index }, place) => {
			let disturbance = 0;
			for (let other = 0; other < count; other++)
				disturbance += this.#leak[index * count + other]! * this.#totalMw[other * columns + column]!;
			// Its own channels do not disturb each other.
			server.channels.forEach(
				(channel, i) => (disturbance -= this.#leak[index * count + channel.index]! * own[i]!)
			);
			best = Math.max(best, own[place]! / (this.#noiseMw + Math.max(0, disturbance)));
		});
		return Math.max(NOBODY_HEARD + 1, Math.round(1000 * Math.log10(best)));
	}

	/** Between the two entries on either side. */
	#receivedMw(one: FieldSender, channel: FieldSender['channels'][number], at: number): number {
		const table = channel.receivedMw;
		const below = Math.min(table.length - 2, Math.floor(at));
		let low = table[below]!;
		if (low === UNKNOWN) low = this.#fill(one, channel, below);
		let high = table[below + 1]!;
		if (high === UNKNOWN) high = this.#fill(one, channel, below + 1);
		return low + (high - low) * (at - below);
	}

	#fill(
		{ sender }: FieldSender,
		{ frequencyHz, receivedMw }: FieldSender['channels'][number],
		entry: number
	): number {
		const lossDb = pathLossDb(this.#model, {
			frequencyHz,
			distanceCm: Math.round(100 * LEAST_METRES * 2 ** (entry / ENTRIES_PER_OCTAVE)),
			transmitterHeightCm: sender.antennaHeightCm,
			receiverHeightCm: USER_HEIGHT_CM
		});
		return (receivedMw[entry] = 10 ** (sender.eirpMilliDbm / 10_000 - lossDb / 10));
	}
}

/** One line of a grid. */
interface Line {
	latitude: number;
	/** Of the first column, in micro-degrees. */
	longitude: number;
	/** Of a column. */
	microdegrees: number;
	/** Of the line's middle: the nearest way around the globe is looked for from there. */
	middle: number;
}

function lineOf({ west, east, south, north, columns, rows }: FieldGrid, row: number): Line {
	const microdegrees = (east - west) / columns;
	return {
		latitude: north - ((row + 0.5) * (north - south)) / rows,
		longitude: west + microdegrees / 2,
		microdegrees,
		middle: (west + east) / 2
	};
}

/** Where a line lies for a sender, in metres: how far north or south, and from where to where. */
function placeOf(sender: Sender, line: Line): { northM: number; firstM: number; metresPerColumn: number } {
	const mean = Math.floor((sender.latitudeMicrodegrees + Math.round(line.latitude)) / 2);
	const metresPerMicrodegree = (METRES_PER_MICRODEGREE * cosineE6(mean)) / 1_000_000;
	const turns = Math.round((line.middle - sender.longitudeMicrodegrees) / FULL_CIRCLE);
	return {
		northM: (line.latitude - sender.latitudeMicrodegrees) * METRES_PER_MICRODEGREE,
		firstM: (line.longitude - sender.longitudeMicrodegrees - turns * FULL_CIRCLE) * metresPerMicrodegree,
		metresPerColumn: line.microdegrees * metresPerMicrodegree
	};
}

/** Where in a table a distance is, from its square in m². */
function entryAt(squaredM2: number): number {
	return squaredM2 <= LEAST_METRES * LEAST_METRES
		? 0
		: (ENTRIES_PER_OCTAVE / 2) * Math.log2(squaredM2 / (LEAST_METRES * LEAST_METRES));
}
