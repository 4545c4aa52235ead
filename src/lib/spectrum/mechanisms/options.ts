/**
 * What may go from whom to whom in one round, before anybody says what it is worth: nothing here reads a value or an ask, so a
 * mechanism that decides by this alone gives nobody a reason to lie.
 *
 * A channel counts as free for a buyer only where it is free now. One that a neighbour gives away in the same round does not:
 * otherwise a high bid, served early, could meet fewer channels than a low one, and truth would not pay.
 */
import type { Site } from '../access-point.ts';
import { tooClose } from '../radio/distance.ts';
import type { ChannelHolders } from '../radio/holder-board.ts';
import type { Buyer, Market, Seller } from './mechanism.ts';
import { compareIds } from './trading-floor.ts';

/** One channel of one seller. */
export interface Unit {
	seller: Seller;
	channel: number;
	/** Channel and band: two buyers that hold the same and clash are a conflicting pair. */
	resource: string;
}

export class Options {
	/** In an order that the seed decides, whatever the market lists first. */
	readonly buyers: readonly Buyer[];
	readonly units: readonly Unit[];
	readonly #mayTake: readonly Uint8Array[];
	readonly #clash: readonly Uint8Array[];

	/** @param known - of a market that differs in values and asks alone, so that it need not be looked at again */
	constructor(market: Market, known?: Options) {
		this.buyers = [...market.buyers].sort((a, b) => compareIds(a.site.id, b.site.id, market.seed));
		this.units = [...market.sellers]
			.sort((a, b) => compareIds(a.site.id, b.site.id, market.seed))
			.filter((seller) => seller.asks.length > 0)
			.flatMap((seller) =>
				seller.idleChannels.map((channel) => ({
					seller,
					channel,
					resource: `${seller.site.band}/${channel}`
				}))
			);
		this.#mayTake = known ? known.#mayTake : this.#lookWhoMayTake(market);
		this.#clash = known ? known.#clash : this.#lookWhoClash(market.holders.conflictDistancePercent);
	}

	/** Whether this buyer can take this unit without a conflict, as things stand before the round. By index. */
	mayTake(buyer: number, unit: number): boolean {
		return this.#mayTake[buyer]![unit] === 1;
	}

	/** Whether these two buyers may not hold the same channel. By index. */
	clash(buyer: number, other: number): boolean {
		return this.#clash[buyer]![other] === 1;
	}

	#lookWhoMayTake({ holders, reserved, avoided }: Market): Uint8Array[] {
		return this.buyers.map(({ site }) => {
			const onlyHolder = new Map<number, string | null | undefined>();
			return Uint8Array.from(this.units, ({ seller, channel }) => {
				const { id, band } = seller.site;
				if (site.band !== band || site.id === id) return 0;
				if (reserved?.has(`${id}/${channel}`) || avoided?.has(`${site.id}/${id}`)) return 0;
				if (!holders.holds(id, channel) || holders.holds(site.id, channel)) return 0;
				if (!onlyHolder.has(channel)) onlyHolder.set(channel, onlyHolderNear(holders, site, channel));
				const holder = onlyHolder.get(channel);
				return holder === undefined || holder === id ? 1 : 0;
			});
		});
	}

	#lookWhoClash(percent: number): Uint8Array[] {
		return this.buyers.map((a) =>
			Uint8Array.from(this.buyers, (b) => (a !== b && tooClose(a.site, b.site, percent) ? 1 : 0))
		);
	}
}

/** Who alone holds the channel too close to this site; undefined for nobody, null for more than one. */
function onlyHolderNear(holders: ChannelHolders, site: Site, channel: number): string | null | undefined {
	const first = holders.conflicting(site, channel);
	if (first === undefined) return undefined;
	return holders.conflicting(site, channel, (id) => id === first) === undefined ? first : null;
}
