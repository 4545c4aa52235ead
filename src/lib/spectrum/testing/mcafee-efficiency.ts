/** What McAfee's auction reaches of the optimum on average, as he published it: n buyers and n sellers, values and asks U(0, 1). */
import { efficientTrades, mcAfee } from '../mechanisms/double-auction.ts';
import { SeededRandom } from '../random.ts';

/** Fine enough that equals are rare. */
const STEPS = 1_000_000;

/** @returns percent: the sum of gains made over the sum of gains there are */
export function mcAfeeEfficiency(traders: number, seeds: number): number {
	let made = 0;
	let possible = 0;
	for (let seed = 0; seed < seeds; seed++) {
		const random = new SeededRandom(seed, `mcafee/${traders}`);
		const draw = (): bigint[] => Array.from({ length: traders }, () => BigInt(random.below(STEPS)));
		const bids = draw().sort((a, b) => Number(b - a));
		const asks = draw().sort((a, b) => Number(a - b));
		const { trades } = mcAfee(bids, asks);
		for (let i = 0; i < efficientTrades(bids, asks); i++) {
			const gain = Number(bids[i]! - asks[i]!);
			possible += gain;
			if (i < trades) made += gain;
		}
	}
	return (100 * made) / possible;
}
