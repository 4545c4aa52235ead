/**
 * VERITAS (Zhou, Gandhi, Suri and Zheng, "eBay in the Sky: Strategy-Proof Wireless Spectrum Auctions", MobiCom 2008): the highest
 * bid first, each to a channel that nobody near has, and each winner pays the bid of its critical neighbour: the least with which
 * it would still have won. Truthful for buyers. Sellers do not bid in it: an ask is the reserve below which a channel is not
 * sold, and as no seller knows which of its channels goes last, all of them are held at its last ask.
 *
 * Where a channel has one holder after a trade, as on the chain, it is sold once (`Market.reuse`).
 */
import { awardHighest } from './award.ts';
import type { Market, Mechanism, Offer, Outcome, Seller } from './mechanism.ts';
import { Options } from './options.ts';
import { compare } from './trading-floor.ts';

export const veritasMechanism: Mechanism = {
	name: 'veritas',
	offers: (market) => clearVeritas({ ...market, reuse: false }).trades,
	award: awardHighest,
	clear: (market) => clearVeritas(market)
};

/** @param options - of this market, where they are known already */
export function clearVeritas(market: Market, options = new Options(market)): Outcome {
	const queue = [...options.buyers.keys()].sort((a, b) => priority(options, a, b));
	const choices = choicesOf(options, market);
	const start = (): Allocation => new Allocation(options, choices, market.reuse ?? false);
	const allocation = start();
	const winners: { buyer: number; unit: number }[] = [];
	for (const buyer of queue) {
		const unit = allocation.serve(buyer);
		if (unit !== undefined) winners.push({ buyer, unit });
	}
	const trades: Offer[] = [];
	const receipts = new Map<string, bigint>();
	for (const { buyer, unit } of winners) {
		const { seller, channel } = options.units[unit]!;
		const price = criticalBid(options, start(), queue, buyer);
		trades.push({ buyer: options.buyers[buyer]!.site.id, seller: seller.site.id, channel, price });
		receipts.set(seller.site.id, (receipts.get(seller.site.id) ?? 0n) + price);
	}
	return { trades, receipts };
}

/** Highest bid first; who is equal, in the order of the options. */
function priority(options: Options, a: number, b: number): number {
	return compare(options.buyers[b]!.value, options.buyers[a]!.value) || a - b;
}

/**
 * The least bid that still wins: the others are served in their order without this buyer, and before each of them it is asked
 * what it would have to bid to be served now. What is free only shrinks, so the least answer is the threshold.
 * @param allocation - nobody served yet
 */
function criticalBid(
	options: Options,
	allocation: Allocation,
	queue: readonly number[],
	buyer: number
): bigint {
	let critical: bigint | undefined;
	const others = queue.filter((other) => other !== buyer);
	for (let position = 0; position <= others.length; position++) {
		const reserve = allocation.cheapest(buyer)?.reserve;
		if (reserve === undefined) break;
		const next = others[position];
		const beaten = next === undefined ? 0n : options.buyers[next]!.value;
		const needed = beaten > reserve ? beaten : reserve;
		if (critical === undefined || needed < critical) critical = needed;
		if (next !== undefined) allocation.serve(next);
	}
	return critical!;
}

/** For each buyer the units that it may take, cheapest first. */
type Choices = readonly (readonly Choice[])[];

interface Choice {
	unit: number;
	/** What a buyer must bid at least. */
	reserve: bigint;
	resource: string;
}

function choicesOf(options: Options, market: Market): Choices {
	const cheapestFirst = options.units
		.map(({ seller, resource }, unit) => ({
			unit,
			reserve: seller.asks[seller.asks.length - 1]! + market.minimumGain,
			resource
		}))
		.sort((a, b) => compare(a.reserve, b.reserve) || a.unit - b.unit);
	return options.buyers.map((_, buyer) => cheapestFirst.filter(({ unit }) => options.mayTake(buyer, unit)));
}

/** Who got what so far. */
class Allocation {
	readonly #options: Options;
	readonly #choices: Choices;
	readonly #reuse: boolean;
	/** Units by seller, each once: a seller gives away as many channels as it has asks. */
	readonly #sold = new Map<Seller, Set<number>>();
	readonly #holders = new Map<string, number[]>();

	constructor(options: Options, choices: Choices, reuse: boolean) {
		this.#options = options;
		this.#choices = choices;
		this.#reuse = reuse;
	}

	cheapest(buyer: number): Choice | undefined {
		return this.#choices[buyer]!.find(
			({ unit, resource }) =>
				this.#isForSale(unit) &&
				!this.#holders.get(resource)?.some((holder) => this.#options.clash(holder, buyer))
		);
	}

	/** @returns the unit, if its bid reaches the cheapest that is free for it */
	serve(buyer: number): number | undefined {
		const found = this.cheapest(buyer);
		if (!found || this.#options.buyers[buyer]!.value < found.reserve) return undefined;
		const { seller } = this.#options.units[found.unit]!;
		const sold = this.#sold.get(seller);
		if (sold) sold.add(found.unit);
		else this.#sold.set(seller, new Set([found.unit]));
		const holders = this.#holders.get(found.resource);
		if (holders) holders.push(buyer);
		else this.#holders.set(found.resource, [buyer]);
		return found.unit;
	}

	#isForSale(unit: number): boolean {
		const { seller } = this.#options.units[unit]!;
		const sold = this.#sold.get(seller);
		if (!sold) return true;
		return sold.has(unit) ? this.#reuse : sold.size < seller.asks.length;
	}
}
