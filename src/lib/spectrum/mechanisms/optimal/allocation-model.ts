/**
 * The whole market as one integer program: which trades make the most welfare, of all final states without a conflict. Pure; the
 * solver is elsewhere (highs-solver.ts), and what it may not do is in the rows here:
 *
 * - a buyer takes one channel at most, a unit goes to one buyer;
 * - of buyers that disturb each other only one takes a channel (one row for each clique of them);
 * - a channel that a third one near the buyer holds comes free only by that one's own sale;
 * - the n-th unit of a seller costs its n-th ask, and it gives away as many as it has asks;
 * - no trade is below the seller's first ask, though one at a loss may free a channel for a better one: nobody would make it.
 */
import { invariant } from '../../../ledger/errors.ts';
import { tooClose } from '../../radio/distance.ts';
import type { Buyer, Market, Offer, Seller } from '../mechanism.ts';
import { compareIds } from '../trading-floor.ts';

/** A trade that may be made: one 0/1 column of the program. */
export interface PossibleTrade {
	buyer: Buyer;
	seller: Seller;
	channel: number;
}

/** Maximise `gains` · x where each row's sum of coefficients is at most its bound, and 0 ≤ x ≤ 1. Plain data: it goes to a worker. */
export interface AllocationProgram {
	gains: number[];
	/** The first so many columns are whole numbers: the trades. The others, how many units a seller gives, are so by themselves. */
	wholeColumns: number;
	rows: ProgramRow[];
}

export interface ProgramRow {
	columns: number[];
	coefficients: number[];
	bound: number;
}

export interface AllocationModel {
	trades: readonly PossibleTrade[];
	program: AllocationProgram;
}

/** `Market.reuse` is not looked at: a unit goes to one buyer. */
export function allocationModel(market: Market): AllocationModel {
	const buyers = inOrder(market.buyers, market.seed);
	const sellers = inOrder(market.sellers, market.seed);
	const units = new Map<string, UnitColumns>();
	for (const seller of sellers)
		if (seller.asks.length > 0)
			for (const channel of seller.idleChannels)
				if (isOffered(market, seller, channel))
					units.set(`${seller.site.id}/${channel}`, { seller, channel, columns: [] });
	const trades: PossibleTrade[] = [];
	const ofBuyer = new Map<Buyer, number[]>(buyers.map((buyer) => [buyer, []]));
	const waits: { column: number; unit: UnitColumns }[] = [];
	for (const buyer of buyers) {
		const near = new Map<number, string[]>();
		for (const unit of units.values()) {
			const { seller, channel } = unit;
			if (!isPair(market, buyer, seller, channel)) continue;
			if (!near.has(channel)) near.set(channel, holdersNear(market, buyer, channel));
			const inTheWay = near
				.get(channel)!
				.filter((id) => id !== seller.site.id)
				.map((id) => units.get(`${id}/${channel}`));
			if (inTheWay.includes(undefined)) continue;
			const column = trades.push({ buyer, seller, channel }) - 1;
			unit.columns.push(column);
			ofBuyer.get(buyer)!.push(column);
			for (const other of inTheWay) waits.push({ column, unit: other! });
		}
	}
	const program: AllocationProgram = {
		gains: trades.map(({ buyer }) => money(buyer.value - market.minimumGain)),
		wholeColumns: trades.length,
		rows: []
	};
	const { rows } = program;
	for (const columns of ofBuyer.values()) rows.push(atMostOne(columns));
	for (const { columns } of units.values()) rows.push(atMostOne(columns));
	for (const { column, unit } of waits)
		rows.push({
			columns: [column, ...unit.columns],
			coefficients: [1, ...unit.columns.map(() => -1)],
			bound: 0
		});
	for (const columns of clashRows(market, trades)) rows.push(atMostOne(columns));
	const sales = new Map<Seller, number[]>();
	trades.forEach(({ seller }, column) => {
		const columns = sales.get(seller);
		if (columns) columns.push(column);
		else sales.set(seller, [column]);
	});
	for (const seller of sellers) addAsks(program, seller, sales.get(seller) ?? []);
	program.rows = rows.filter(({ columns }) => columns.length > 0);
	return { trades, program };
}

/** The trades of a solution. @param values - one number a column */
export function tradesOf(model: AllocationModel, values: ArrayLike<number>): Offer[] {
	const chosen = model.trades.filter((_, column) => values[column]! > 0.5);
	const lastAsk = new Map<Seller, bigint>();
	const count = new Map<Seller, number>();
	for (const { seller } of chosen) {
		const nth = count.get(seller) ?? 0;
		count.set(seller, nth + 1);
		lastAsk.set(seller, seller.asks[nth]!);
	}
	return chosen.map(({ buyer, seller, channel }) => ({
		buyer: buyer.site.id,
		seller: seller.site.id,
		channel,
		// Half of the gain each, as `greedy` has it.
		price: (buyer.value + lastAsk.get(seller)!) / 2n
	}));
}

/** What these trades are worth: values less asks, and less the least gain of each. A channel that several share costs its ask once. */
export function welfareOf(market: Market, trades: readonly Offer[]): bigint {
	const values = new Map(market.buyers.map((buyer) => [buyer.site.id, buyer.value]));
	const sellers = new Map(market.sellers.map((seller) => [seller.site.id, seller]));
	const sold = new Map<string, Set<number>>();
	let welfare = 0n;
	for (const { buyer, seller, channel } of trades) {
		welfare += values.get(buyer)! - market.minimumGain;
		const channels = sold.get(seller) ?? new Set();
		if (channels.has(channel)) continue;
		welfare -= sellers.get(seller)!.asks[channels.size]!;
		sold.set(seller, channels.add(channel));
	}
	return welfare;
}

interface UnitColumns {
	seller: Seller;
	channel: number;
	columns: number[];
}

function inOrder<T extends Buyer | Seller>(traders: readonly T[], seed: number): T[] {
	return [...traders].sort((a, b) => compareIds(a.site.id, b.site.id, seed));
}

function isOffered(market: Market, seller: Seller, channel: number): boolean {
	const { id } = seller.site;
	return market.holders.holds(id, channel) && !market.reserved?.has(`${id}/${channel}`);
}

function isPair(market: Market, buyer: Buyer, seller: Seller, channel: number): boolean {
	const { id } = buyer.site;
	return (
		buyer.site.band === seller.site.band &&
		id !== seller.site.id &&
		buyer.value - seller.asks[0]! >= market.minimumGain &&
		!market.avoided?.has(`${id}/${seller.site.id}`) &&
		!market.holders.holds(id, channel)
	);
}

/** Ids of all that hold the channel too close to the buyer. */
function holdersNear(market: Market, buyer: Buyer, channel: number): string[] {
	const found = new Set<string>();
	for (;;) {
		const id = market.holders.conflicting(buyer.site, channel, (other) => found.has(other));
		if (id === undefined) return [...found];
		found.add(id);
	}
}

function atMostOne(columns: number[]): ProgramRow {
	return { columns, coefficients: columns.map(() => 1), bound: 1 };
}

/** For each channel, cliques of buyers that disturb each other, until every such pair is in one: far tighter than row by pair. */
function clashRows(market: Market, trades: readonly PossibleTrade[]): number[][] {
	const takers = new Map<string, Map<Buyer, number[]>>();
	trades.forEach(({ buyer, channel }, column) => {
		const resource = `${buyer.site.band}/${channel}`;
		let buyers = takers.get(resource);
		if (!buyers) takers.set(resource, (buyers = new Map()));
		const columns = buyers.get(buyer);
		if (columns) columns.push(column);
		else buyers.set(buyer, [column]);
	});
	const percent = market.holders.conflictDistancePercent;
	const rows: number[][] = [];
	for (const columnsOf of takers.values()) {
		const buyers = [...columnsOf.keys()];
		const clash = (a: Buyer, b: Buyer): boolean => tooClose(a.site, b.site, percent);
		const covered = new Set<string>();
		buyers.forEach((a, i) => {
			for (const b of buyers.slice(i + 1)) {
				if (!clash(a, b) || covered.has(`${a.site.id}/${b.site.id}`)) continue;
				const clique = [a, b];
				for (const other of buyers)
					if (!clique.includes(other) && clique.every((member) => clash(member, other))) clique.push(other);
				for (const one of clique) for (const other of clique) covered.add(`${one.site.id}/${other.site.id}`);
				rows.push(clique.flatMap((member) => columnsOf.get(member)!));
			}
		});
	}
	return rows;
}

/** One column for each unit that the seller would give away, for its ask; ascending, so that the cheap ones are used first. */
function addAsks(program: AllocationProgram, seller: Seller, sales: readonly number[]): void {
	if (sales.length === 0) return;
	const given = seller.asks.map((ask) => program.gains.push(-money(ask)) - 1);
	program.rows.push({
		columns: [...sales, ...given],
		coefficients: [...sales.map(() => 1), ...given.map(() => -1)],
		bound: 0
	});
}

function money(amount: bigint): number {
	const number = Number(amount);
	invariant(Number.isSafeInteger(number), 'R18', 'a value of the market fits a float of the solver');
	return number;
}
