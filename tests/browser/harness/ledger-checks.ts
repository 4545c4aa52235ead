/** What must hold of the ledger and of the market in every tab, computed here and not by the node that is tested. */
import { expect } from '@playwright/test';
import type { ApInfo, GrantInfo, Head } from '#lib/node/api.ts';
import { waitForValue } from './tabs.ts';
import type { Tab, WaitOptions } from './tabs.ts';

const EARTH_RADIUS_M = 6_371_008.8;
/** The contract computes distances in integers: what is nearer to the border than this may be either. */
const BORDER_TOLERANCE = 0.002;

export function head(page: Tab): Promise<Head> {
	return page.evaluate(() => globalThis.tabwave.chain.head());
}

/** Waits until nothing is pending anywhere and every tab has the same head. @returns that head */
export async function quietHead(pages: Tab[], options: WaitOptions = {}): Promise<Head> {
	const views = await waitForValue(
		() =>
			Promise.all(
				pages.map((page) =>
					page.evaluate(async () => ({
						head: await globalThis.tabwave.chain.head(),
						pool: await globalThis.tabwave.pool.status()
					}))
				)
			),
		(views) =>
			new Set(views.map(({ head }) => head.hash)).size === 1 &&
			views.every(({ pool }) => pool.pending === 0 && pool.queued === 0),
		{ what: 'all tabs quiet at the same head', ...options }
	);
	return views[0]!.head;
}

/** Every block of every tab: hashes, Merkle roots and both certificates. */
export async function expectCleanChains(pages: Tab[], atLeastBlocks: number): Promise<void> {
	const reports = await Promise.all(
		pages.map((page) => page.evaluate(() => globalThis.tabwave.chain.verify()))
	);
	for (const report of reports) {
		expect(report.firstBad).toBeNull();
		expect(report.checked).toBeGreaterThanOrEqual(atLeastBlocks);
	}
}

/**
 * Balances of the members, and what is in escrow: the prices of bids that stand, revealed or open from the start, the deposits of
 * commitments, and the treasury, to which deposits go that nobody revealed in time. Both together are all the money there is.
 */
export function money(page: Tab): Promise<{ members: number; balances: string; escrows: string }> {
	return page.evaluate(async () => {
		const { node, state, spectrum } = globalThis.tabwave;
		const balance = async (account: string): Promise<bigint> => {
			try {
				const { decoded } = await state.get(`account/${account}`);
				return BigInt(decoded as string);
			} catch (error) {
				// An empty account is not stored.
				if (error instanceof Error && error.name === 'NotFound') return 0n;
				throw error;
			}
		};
		const { partitions } = await node.network();
		const members = partitions.flatMap((partition) => partition.members.map(({ id }) => id));
		let balances = 0n;
		for (const id of members) balances += await balance(id);
		let escrows = await balance('escrow:spectrum:treasury');
		for (const bid of await spectrum.bids())
			if (['open', 'revealed', 'committed'].includes(bid.state))
				escrows += await balance(`escrow:spectrum:${bid.id}`);
		return { members: members.length, balances: String(balances), escrows: String(escrows) };
	});
}

/**
 * Pairs of access points that hold the same channel of the same band within the sum of their radii. Who has granted a channel counts
 * as a holder of it, to whom it comes back; the one that it was granted to may be near.
 */
export function heldTwice(aps: ApInfo[], grants: GrantInfo[] = []): string[] {
	const pairs: string[] = [];
	const lentBy = (ap: ApInfo): GrantInfo[] => grants.filter(({ grantorAp }) => grantorAp === ap.id);
	const keptBy = (ap: ApInfo, other: ApInfo): number[] => [
		...ap.channels,
		...lentBy(ap)
			.filter((grant) => grant.ap !== other.id)
			.map(({ channel }) => channel)
	];
	for (const [i, one] of aps.entries()) {
		const back = lentBy(one).find(({ channel }) => one.channels.includes(channel));
		if (back) pairs.push(`${one.id} and ${back.ap} on ${back.channel}`);
		for (const other of aps.slice(i + 1)) {
			if (one.band !== other.band) continue;
			const others = keptBy(other, one);
			const shared = keptBy(one, other).filter((channel) => others.includes(channel));
			if (shared.length === 0) continue;
			const limitM = (one.coverageRadiusM + other.coverageRadiusM) * (1 - BORDER_TOLERANCE);
			if (distanceM(one, other) < limitM) pairs.push(`${one.id} and ${other.id} on ${shared.join(', ')}`);
		}
	}
	for (const { ap, channel } of grants)
		if (!aps.some(({ id, channels }) => id === ap && channels.includes(channel)))
			pairs.push(`nobody holds ${channel}, which is granted to ${ap}`);
	return pairs;
}

function distanceM(a: ApInfo, b: ApInfo): number {
	const radians = (microdegrees: number): number => (microdegrees / 1e6) * (Math.PI / 180);
	const latitude = radians(b.latitudeMicrodegrees - a.latitudeMicrodegrees);
	const middle = radians((a.latitudeMicrodegrees + b.latitudeMicrodegrees) / 2);
	const longitude = radians(b.longitudeMicrodegrees - a.longitudeMicrodegrees) * Math.cos(middle);
	return EARTH_RADIUS_M * Math.hypot(latitude, longitude);
}
