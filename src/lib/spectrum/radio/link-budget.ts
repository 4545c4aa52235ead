/**
 * From powers to capacity: noise, adjacent channels, SINR, Shannon's bound. Powers are integers of milli-dBm, sums are made in
 * mW; built on exact-math.ts, so that every integer here is the same in every engine (R18).
 */
import { log10, log2, pow10 } from './exact-math.ts';
import { pathLossMilliDb, type Link, type PathLossName } from './path-loss.ts';

/** 10 log10(kT / 1 mW) at 290 K. */
const THERMAL_MILLI_DBM_PER_HZ = -173_975;
/** Of a Wi-Fi receiver. */
export const NOISE_FIGURE_MILLI_DB = 7_000;
/** Nothing is heard at this power: 300 dB below a milliwatt. What is sent nowhere near a channel has it. */
export const SILENCE_MILLI_DBM = -300_000;

/** Noise in a receiver of this bandwidth. */
export function noiseMilliDbm(bandwidthHz: number, noiseFigureMilliDb = NOISE_FIGURE_MILLI_DB): number {
	return Math.round(THERMAL_MILLI_DBM_PER_HZ + 10_000 * log10(bandwidthHz)) + noiseFigureMilliDb;
}

/** @throws InvalidLinkError */
export function receivedMilliDbm(model: PathLossName, eirpMilliDbm: number, link: Link): number {
	return eirpMilliDbm - pathLossMilliDb(model, link);
}

/**
 * What a 20 MHz transmitter leaves in a 20 MHz receiver so many MHz beside it, relative to the same channel: the spectrum mask
 * of IEEE 802.11 over the receiver's channel. Between the points a straight line; from the last on the mask's floor.
 */
const MASK: readonly (readonly [offsetKhz: number, milliDb: number])[] = [
	[0, 0],
	[5_000, -1_140],
	[10_000, -2_970],
	[15_000, -6_230],
	[20_000, -23_410],
	[25_000, -29_800],
	[40_000, -39_730]
];
const MASK_WIDTH_HZ = 20_000_000;

/**
 * Gain (never above 0) in milli-dB of a transmitter beside the receiver's channel. Masks of other widths have the same shape,
 * wider or narrower.
 * @param offsetHz - between the centre frequencies, either sign
 */
export function adjacentChannelMilliDb(offsetHz: number, widthHz = MASK_WIDTH_HZ): number {
	const offsetKhz = Math.round((Math.abs(offsetHz) * (MASK_WIDTH_HZ / widthHz)) / 1000);
	for (let i = 1; i < MASK.length; i++) {
		const [from, at] = MASK[i - 1]!;
		const [to, then] = MASK[i]!;
		if (offsetKhz <= to) return at + Math.round(((then - at) * (offsetKhz - from)) / (to - from));
	}
	return MASK[MASK.length - 1]![1];
}

/** Signal over noise and interference, in milli-dB; what disturbs is added up in mW. */
export function sinrMilliDb(
	signalMilliDbm: number,
	noiseFloorMilliDbm: number,
	interferersMilliDbm: readonly number[]
): number {
	let disturbanceMw = milliwatts(noiseFloorMilliDbm);
	for (const interferer of interferersMilliDbm) disturbanceMw += milliwatts(interferer);
	return Math.round(signalMilliDbm - 10_000 * log10(disturbanceMw));
}

/** Shannon: B log2(1 + SINR), in whole bits a second. */
export function capacityBitsPerSecond(bandwidthHz: number, sinr: number): number {
	return Math.round(bandwidthHz * log2(1 + pow10(sinr / 10_000)));
}

export function milliwatts(milliDbm: number): number {
	return pow10(milliDbm / 10_000);
}
