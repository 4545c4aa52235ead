/**
 * One hash over what the radio model makes of many random links. Two engines that compute the same hash agree in every bit of
 * every integer that the chain could be given (R18); a browser test and a unit test compare theirs.
 */
import { sha256 } from '../../crypto/hash.ts';
import { toHex } from '../../crypto/hex.ts';
import { SeededRandom } from '../random.ts';
import { BANDS, bandPlan } from './bands.ts';
import { interferenceReachCm } from './conflict-graph.ts';
import {
	adjacentChannelMilliDb,
	capacityBitsPerSecond,
	noiseMilliDbm,
	receivedMilliDbm,
	sinrMilliDb
} from './link-budget.ts';
import { PATH_LOSS_MODELS, pathLossMilliDb, type Link } from './path-loss.ts';

export const HASHED_LINKS = 10_000;
const NUMBERS_PER_LINK = PATH_LOSS_MODELS.length + 4;
/** One in so many links has its reach in the hash as well: it costs as much as twenty losses. */
const REACH_EVERY = 20;

/** @returns SHA-256, lower-case hex, over losses in all models, received power, SINR, capacity and reach of these links */
export function hashOfRandomLinks(count = HASHED_LINKS, seed = 1): string {
	const random = new SeededRandom(seed, 'link-hash');
	const numbers = new DataView(new ArrayBuffer(count * NUMBERS_PER_LINK * Int32Array.BYTES_PER_ELEMENT));
	let offset = 0;
	const put = (value: number): void => {
		numbers.setInt32(offset, value);
		offset += Int32Array.BYTES_PER_ELEMENT;
	};
	for (let number = 0; number < count; number++) {
		const band = BANDS[random.below(BANDS.length)]!;
		const plan = bandPlan(band);
		const channel = () => plan.centreFrequencyHz(plan.channels[random.below(plan.channels.length)]!);
		const [frequencyHz, besideHz] = [channel(), channel()];
		const model = PATH_LOSS_MODELS[random.below(PATH_LOSS_MODELS.length)]!;
		const eirpMilliDbm = random.between(0, 47_000);
		const link: Link = {
			frequencyHz,
			distanceCm: random.between(100, 1_000_000),
			transmitterHeightCm: random.between(100, 5_000),
			receiverHeightCm: random.between(50, 2_500)
		};
		for (const each of PATH_LOSS_MODELS) put(pathLossMilliDb(each, link));
		const signal = receivedMilliDbm(model, eirpMilliDbm, link);
		const interferer =
			receivedMilliDbm(model, random.between(0, 47_000), {
				...link,
				frequencyHz: besideHz,
				distanceCm: random.between(100, 1_000_000)
			}) + adjacentChannelMilliDb(besideHz - frequencyHz, plan.widthHz);
		const sinr = sinrMilliDb(signal, noiseMilliDbm(plan.widthHz), [interferer]);
		put(signal);
		put(sinr);
		put(capacityBitsPerSecond(plan.widthHz, sinr));
		put(
			number % REACH_EVERY === 0
				? interferenceReachCm(
						{
							id: 'hashed',
							latitudeMicrodegrees: 0,
							longitudeMicrodegrees: 0,
							coverageRadiusM: 50,
							antennaHeightCm: link.transmitterHeightCm,
							eirpMilliDbm,
							band
						},
						model
					)
				: 0
		);
	}
	return toHex(sha256(new Uint8Array(numbers.buffer)));
}
