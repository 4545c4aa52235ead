/**
 * Thousands of random operations against a plain model of what the contract should have done: a list of access points and of
 * bids, looked at whole. After every block: money conserved, escrows equal open bids, no conflicting pair, no channel idle that
 * is not held, and the same refusal or the same state as the model.
 */
import { describe, expect, it } from 'vitest';
import type { Band } from '../radio/bands.ts';
import { tooClose } from '../radio/distance.ts';
import { SeededRandom } from '../random.ts';
import { accessPoint } from '../testing/access-points.ts';
import { TestChain, account, type TestCall } from '../testing/test-chain.ts';
import { conflictingPairs } from '../view/metrics.ts';
import { bidArguments, issueArguments, switchArguments } from './arguments.ts';
import { escrowAccount } from './keys.ts';
import type { AccessPointRecord, BidRecord } from './records.ts';

const OWNERS = ['ann', 'ben', 'cid', 'dora', 'eve'].map(account);
const CHANNELS: Record<'2.4GHz' | 'CBRS', number[]> = { '2.4GHz': [1, 6, 11], CBRS: [1, 2, 3, 4] };
const INITIAL = 3_000n;

/** How often each outcome came up, over all seeds. */
const seen = new Map<string, number>();

describe.each([1, 2, 3])('random operations, seed %i', (seed) => {
	it('keep money, channels and escrows as the model says', { timeout: 60_000 }, () => {
		const random = new SeededRandom(seed, 'contract model');
		const chain = new TestChain();
		for (const owner of OWNERS) chain.credit(owner, INITIAL);
		const bidIds: string[] = [];
		for (let round = 0; round < 400; round++) {
			if (random.below(20) === 0) chain.skip(random.between(1, 8));
			const calls = Array.from({ length: random.between(0, 6) }, () => randomCall(random, chain, bidIds));
			// One call a block where the model is asked, several where only the invariants are.
			const isModelled = calls.length === 1;
			const expected = isModelled ? expectedSwitch(chain, calls[0]!) : undefined;
			const { receipts } = chain.block(calls);
			receipts.forEach((receipt, i) => {
				const outcome = `${calls[i]!.function}:${receipt.error}`;
				seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
				if (receipt.status === 'ok' && calls[i]!.function === 'IssueBidingPriceInfo') bidIds.push(receipt.id);
			});
			if (expected !== undefined) expect(receipts[0]!.status === 'ok').toBe(expected);
			expectInvariants(chain);
		}
	});
});

it('reach what they are meant to reach', () => {
	for (const outcome of [
		'IssueAPChannelInfo:',
		'IssueAPChannelInfo:Conflict',
		'IssueAPChannelInfo:ApTaken',
		'IssueBidingPriceInfo:',
		'IssueBidingPriceInfo:NotIdle',
		'IssueBidingPriceInfo:Unfunded',
		'IssueChannelSwitchInfo:',
		'IssueChannelSwitchInfo:BidTaken',
		'IssueChannelSwitchInfo:BidExpired',
		'IssueChannelSwitchInfo:Conflict',
		'IssueChannelSwitchInfo:NotHeld'
	])
		expect(seen.get(outcome) ?? 0, outcome).toBeGreaterThan(0);
	expect([...seen.keys()].filter((outcome) => outcome.endsWith('ContractFault'))).toEqual([]);
});

function expectInvariants(chain: TestChain): void {
	const accessPoints = chain.accessPoints();
	expect(chain.totalMoney()).toBe(INITIAL * BigInt(OWNERS.length));
	let escrows = 0n;
	for (const bid of chain.openBids()) {
		expect(chain.balance(escrowAccount(bid.id))).toBe(bid.price);
		escrows += bid.price;
	}
	expect(OWNERS.reduce((sum, owner) => sum + chain.balance(owner), escrows)).toBe(chain.totalMoney());
	expect(conflictingPairs(accessPoints, 100)).toEqual([]);
	for (const ap of accessPoints) {
		expect(new Set(ap.channels).size).toBe(ap.channels.length);
		expect(ap.idleChannels.every((channel) => ap.channels.includes(channel))).toBe(true);
		expect(ap.occupancyPpm).toBeLessThanOrEqual(1_000_000);
	}
}

/** For a switch alone in its block: whether it should go through, worked out from all access points and not from any index. */
function expectedSwitch(chain: TestChain, call: TestCall & { bid?: BidRecord }): boolean | undefined {
	if (call.function !== 'IssueChannelSwitchInfo' || !call.bid) return undefined;
	const height = chain.height + 1;
	const bid = chain.bid(call.bid.id);
	const buyer = bid && chain.accessPoint(bid.buyerAp);
	const seller = bid && chain.accessPoint(bid.sellerAp);
	if (!bid || !buyer || !seller || bid.status !== 'open' || bid.expiryHeight < height) return false;
	const wouldConflict = chain
		.accessPoints()
		.some(
			(ap) =>
				ap.id !== seller.id &&
				ap.id !== buyer.id &&
				ap.channels.includes(bid.channel) &&
				tooClose(ap, buyer, 100)
		);
	return (
		seller.owner === call.sender &&
		seller.channels.length >= 2 &&
		seller.idleChannels.includes(bid.channel) &&
		!buyer.channels.includes(bid.channel) &&
		Math.floor((seller.occupancyPpm * seller.channels.length) / (seller.channels.length - 1)) <= 800_000 &&
		!wouldConflict
	);
}

function randomCall(
	random: SeededRandom,
	chain: TestChain,
	bidIds: string[]
): TestCall & { bid?: BidRecord } {
	const sender = OWNERS[random.below(OWNERS.length)]!;
	const accessPoints = chain.accessPoints();
	const roll = random.below(10);
	if (accessPoints.length < 4 || roll < 3)
		return { sender, function: 'IssueAPChannelInfo', arguments: randomIssue(random, accessPoints) };
	const bidId = bidIds[bidIds.length - 1 - random.below(Math.min(12, bidIds.length || 1))];
	const bid = bidId === undefined ? undefined : chain.bid(bidId);
	if (bid && roll < 7) {
		const owner = random.below(8) === 0 ? sender : chain.accessPoint(bid.sellerAp)!.owner;
		const args = switchArguments({
			bidId: bid.id,
			buyerAp: bid.buyerAp,
			sellerAp: bid.sellerAp,
			channel: bid.channel,
			mechanism: 'greedy'
		});
		return { sender: owner, function: 'IssueChannelSwitchInfo', arguments: args, bid };
	}
	return randomBid(random, chain, accessPoints, bidIds);
}

function randomIssue(random: SeededRandom, accessPoints: AccessPointRecord[]): Uint8Array {
	const again = accessPoints[random.below(accessPoints.length * 3 + 1)];
	if (again)
		return issueArguments({
			...again,
			idleChannels: again.channels.slice(1),
			occupancyPpm: random.below(300_000)
		});
	const band: Band = random.below(2) === 0 ? '2.4GHz' : 'CBRS';
	const channels = CHANNELS[band].filter(() => random.below(2) === 0);
	return issueArguments(
		accessPoint(`ap-${random.below(30)}`, {
			band,
			channels,
			idleChannels: channels.slice(1),
			coverageRadiusM: band === 'CBRS' ? random.between(100, 2000) : random.between(20, 200),
			latitudeMicrodegrees: 40_750_000 + random.between(-20_000, 20_000),
			longitudeMicrodegrees: 179_990_000 + random.between(-9_000, 9_999),
			occupancyPpm: random.below(1_000_001)
		})
	);
}

function randomBid(
	random: SeededRandom,
	chain: TestChain,
	accessPoints: AccessPointRecord[],
	bidIds: string[]
): TestCall {
	const buyer = accessPoints[random.below(accessPoints.length)]!;
	const sellers = accessPoints.filter(
		(ap) => ap.band === buyer.band && ap.id !== buyer.id && ap.channels.length > 0
	);
	const seller = sellers[random.below(sellers.length || 1)] ?? buyer;
	const last = bidIds[bidIds.length - 1];
	const wanted = random.below(4) === 0 ? seller.channels : seller.idleChannels;
	const args = bidArguments({
		buyerAp: buyer.id,
		sellerAp: seller.id,
		channel: wanted[random.below(wanted.length || 1)] ?? 1,
		price: BigInt(random.between(1, random.below(8) === 0 ? 9_000 : 400)),
		expiryHeight: chain.height + random.between(1, 12),
		mechanism: 'greedy',
		replaces: last !== undefined && random.below(6) === 0 ? last : ''
	});
	return { sender: buyer.owner, function: 'IssueBidingPriceInfo', arguments: args };
}
