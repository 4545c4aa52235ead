/**
 * Models of path loss. Every formula is built of the operations of exact-math.ts, so a loss in milli-dB is the same integer on
 * every node (R18).
 *
 * Sources: 3GPP TR 38.901 V17, table 7.4.1-1 (UMi, UMa, InH; c is 3·10⁸ m/s there, and the effective environment height 1 m);
 * Hata, "Empirical Formula for Propagation Loss in Land Mobile Radio Services", IEEE Trans. VT-29 (1980), large city above
 * 300 MHz; free space after Friis. Where a link is outside of what a model was measured for, the nearest height that it knows is
 * taken, and a distance below a metre counts as a metre: a loss must not fall below that of the antennas touching.
 */
import { log10 } from './exact-math.ts';

/** Integers, so that a link is the same on every node. */
export interface Link {
	frequencyHz: number;
	/** Over the ground. */
	distanceCm: number;
	transmitterHeightCm: number;
	receiverHeightCm: number;
}

export type PathLossName =
	| 'free-space'
	| 'log-distance'
	| 'umi-los'
	| 'umi-nlos'
	| 'uma-los'
	| 'uma-nlos'
	| 'inh-los'
	| 'inh-nlos'
	| 'okumura-hata';

/** A link that no model can take. */
export class InvalidLinkError extends Error {
	override readonly name = 'InvalidLink';
}

export const PATH_LOSS_MODELS: readonly PathLossName[] = [
	'free-space',
	'log-distance',
	'umi-los',
	'umi-nlos',
	'uma-los',
	'uma-nlos',
	'inh-los',
	'inh-nlos',
	'okumura-hata'
];

/** Loss in dB, never below 0, never falling as the distance grows. @throws InvalidLinkError */
export function pathLossDb(model: PathLossName, link: Link): number {
	return Math.max(0, MODELS[model](geometryOf(link)));
}

/** {@link pathLossDb} as the chain would hold it: an integer of thousandths, halves rounded up. @throws InvalidLinkError */
export function pathLossMilliDb(model: PathLossName, link: Link): number {
	return Math.round(pathLossDb(model, link) * 1000);
}

/**
 * L0 + 10 n log10(d / 1 m), for measured rooms and streets that no standard knows.
 * @param lossAtMetreDb - L0 @param exponent - n: 2 in free space, 2.7–3.5 in a city, 4–6 through walls @throws InvalidLinkError
 */
export function logDistanceLossDb(lossAtMetreDb: number, exponent: number, link: Link): number {
	return lossAtMetreDb + 10 * exponent * log10(geometryOf(link).distanceM);
}

/** TR 38.901 computes its breakpoint with this. */
const ROUND_SPEED_OF_LIGHT_M_S = 300_000_000;
/** 20 log10(4π / c), for metres and hertz, with c = 299,792,458 m/s. */
const FREE_SPACE_CONSTANT_DB = -147.55221677811664;
/** Of the log-distance model by default: free space at 1 m and 2.4 GHz, and a city. */
const DEFAULT_EXPONENT = 3;
/** TR 38.901: a user's terminal stands 1.5–22.5 m high; from 13 m on UMa's breakpoint becomes a matter of chance. */
const MIN_TERMINAL_M = 1.5;
const MAX_UMI_TERMINAL_M = 22.5;
const MAX_UMA_TERMINAL_M = 13;
/** Below this an antenna would stand in the effective environment, and there would be no breakpoint. */
const MIN_BASE_M = 1.5;
/** Hata's measurements: 30–200 m over 1–10 m. */
const HATA_BASE_M: Range = [30, 200];
const HATA_TERMINAL_M: Range = [1, 10];
/** 100 GHz, where TR 38.901 ends; and the other end of the earth. */
const MAX_FREQUENCY_HZ = 100_000_000_000;
const MAX_DISTANCE_CM = 2_100_000_000;
/** 10 km: a plane. */
const MAX_HEIGHT_CM = 1_000_000;
const CM_PER_M = 100;

type Range = readonly [low: number, high: number];

interface Geometry {
	frequencyGhz: number;
	frequencyHz: number;
	/** Over the ground, at least 1 m. */
	distanceM: number;
	transmitterM: number;
	receiverM: number;
}

const MODELS: Readonly<Record<PathLossName, (geometry: Geometry) => number>> = {
	'free-space': freeSpace,
	'log-distance': (g) => freeSpace({ ...g, distanceM: 1 }) + 10 * DEFAULT_EXPONENT * log10(g.distanceM),
	'umi-los': umiLos,
	'umi-nlos': (g) => {
		const receiverM = clamp(g.receiverM, [MIN_TERMINAL_M, MAX_UMI_TERMINAL_M]);
		const slant = slantM(g, g.transmitterM, receiverM);
		const loss = 22.4 + 35.3 * log10(slant) + 21.3 * log10(g.frequencyGhz) - 0.3 * (receiverM - 1.5);
		return Math.max(umiLos(g), loss);
	},
	'uma-los': umaLos,
	'uma-nlos': (g) => {
		const receiverM = clamp(g.receiverM, [MIN_TERMINAL_M, MAX_UMA_TERMINAL_M]);
		const slant = slantM(g, g.transmitterM, receiverM);
		const loss = 13.54 + 39.08 * log10(slant) + 20 * log10(g.frequencyGhz) - 0.6 * (receiverM - 1.5);
		return Math.max(umaLos(g), loss);
	},
	'inh-los': inhLos,
	'inh-nlos': (g) => {
		const slant = slantM(g, g.transmitterM, g.receiverM);
		return Math.max(inhLos(g), 17.3 + 38.3 * log10(slant) + 24.9 * log10(g.frequencyGhz));
	},
	'okumura-hata': (g) => {
		const base = log10(clamp(g.transmitterM, HATA_BASE_M));
		const terminal = log10(11.75 * clamp(g.receiverM, HATA_TERMINAL_M));
		const loss =
			69.55 +
			26.16 * log10(g.frequencyHz / 1_000_000) -
			13.82 * base -
			(3.2 * terminal * terminal - 4.97) +
			(44.9 - 6.55 * base) * log10(g.distanceM / 1000);
		// Measured from 1 km on: nearer by, its straight line would pass below free space.
		return Math.max(freeSpace(g), loss);
	}
};

function freeSpace({ frequencyHz, distanceM }: Geometry): number {
	return FREE_SPACE_CONSTANT_DB + 20 * log10(frequencyHz) + 20 * log10(distanceM);
}

function umiLos(g: Geometry): number {
	const receiverM = clamp(g.receiverM, [MIN_TERMINAL_M, MAX_UMI_TERMINAL_M]);
	return dualSlope(g, receiverM, { at1m: 32.4, near: 21, breakpoint: 9.5 });
}

function umaLos(g: Geometry): number {
	const receiverM = clamp(g.receiverM, [MIN_TERMINAL_M, MAX_UMA_TERMINAL_M]);
	return dualSlope(g, receiverM, { at1m: 28, near: 22, breakpoint: 9 });
}

function inhLos(g: Geometry): number {
	return 32.4 + 17.3 * log10(slantM(g, g.transmitterM, g.receiverM)) + 20 * log10(g.frequencyGhz);
}

/** Up to the breakpoint a gentle slope, then 40 dB a decade; both meet there. */
function dualSlope(
	g: Geometry,
	receiverM: number,
	slopes: { at1m: number; near: number; breakpoint: number }
): number {
	const transmitterM = Math.max(MIN_BASE_M, g.transmitterM);
	const slant = slantM(g, transmitterM, receiverM);
	const common = slopes.at1m + 20 * log10(g.frequencyGhz);
	const breakpointM = (4 * (transmitterM - 1) * (receiverM - 1) * g.frequencyHz) / ROUND_SPEED_OF_LIGHT_M_S;
	if (g.distanceM <= breakpointM) return common + slopes.near * log10(slant);
	const rise = transmitterM - receiverM;
	return common + 40 * log10(slant) - slopes.breakpoint * log10(breakpointM * breakpointM + rise * rise);
}

function slantM(g: Geometry, transmitterM: number, receiverM: number): number {
	const rise = transmitterM - receiverM;
	return Math.sqrt(g.distanceM * g.distanceM + rise * rise);
}

function clamp(value: number, [low, high]: Range): number {
	return Math.min(high, Math.max(low, value));
}

function geometryOf(link: Link): Geometry {
	check('frequency in Hz', link.frequencyHz, 1, MAX_FREQUENCY_HZ);
	check('distance in centimetres', link.distanceCm, 0, MAX_DISTANCE_CM);
	check('height of the transmitter in centimetres', link.transmitterHeightCm, 0, MAX_HEIGHT_CM);
	check('height of the receiver in centimetres', link.receiverHeightCm, 0, MAX_HEIGHT_CM);
	return {
		frequencyHz: link.frequencyHz,
		frequencyGhz: link.frequencyHz / 1_000_000_000,
		distanceM: Math.max(1, link.distanceCm / CM_PER_M),
		transmitterM: link.transmitterHeightCm / CM_PER_M,
		receiverM: link.receiverHeightCm / CM_PER_M
	};
}

function check(what: string, value: number, low: number, high: number): void {
	if (!Number.isSafeInteger(value) || value < low || value > high)
		throw new InvalidLinkError(`the ${what} must be an integer from ${low} to ${high}, not ${value}`);
}
