import { describe, expect, it } from 'vitest';
import type { Site } from '../access-point.ts';
import { SeededRandom } from '../random.ts';
import { tooClose } from './distance.ts';
import { HolderBoard, HolderDraft, type ChannelHolders } from './holder-board.ts';

/** Sites in 1 km², channels 1, 6 and 11. */
function scatter(random: SeededRandom, count: number): { site: Site; channels: number[] }[] {
	return Array.from({ length: count }, (_, i) => ({
		site: {
			id: `ap-${i}`,
			latitudeMicrodegrees: 40_750_000 + random.between(-4500, 4500),
			longitudeMicrodegrees: -73_980_000 + random.between(-6000, 6000),
			coverageRadiusM: random.between(5, 250),
			band: random.below(2) === 0 ? '2.4GHz' : '5GHz'
		},
		channels: [1, 6, 11].filter(() => random.below(2) === 0)
	}));
}

/** The same question by looking at all. */
function hasConflict(all: { site: Site; channels: number[] }[], site: Site, channel: number): boolean {
	return all.some(
		(other) =>
			other.site.id !== site.id && other.channels.includes(channel) && tooClose(site, other.site, 100)
	);
}

function expectSame(holders: ChannelHolders, all: { site: Site; channels: number[] }[]): void {
	for (const { site, channels } of all)
		for (const channel of [1, 6, 11]) {
			expect(holders.conflicting(site, channel) !== undefined).toBe(hasConflict(all, site, channel));
			expect(holders.holds(site.id, channel)).toBe(channels.includes(channel));
		}
}

describe('holder board', () => {
	it('answers as a look at all sites does, through changes', () => {
		const random = new SeededRandom(5);
		const board = new HolderBoard(100);
		const all = scatter(random, 60);
		for (const { site, channels } of all) board.put(site, channels);
		expectSame(board, all);
		for (const entry of all.splice(0, 20)) board.remove(entry.site.id);
		for (const entry of all.slice(0, 10)) board.put(entry.site, (entry.channels = [6]));
		expectSame(board, all);
	});

	it('forgets what it is told to ignore', () => {
		const board = new HolderBoard(100);
		const [a, b] = scatter(new SeededRandom(1), 2).map(({ site }) => ({
			...site,
			band: '5GHz' as const,
			coverageRadiusM: 250
		}));
		board.put(a!, [36]);
		board.put({ ...b!, ...position(a!) }, [36]);
		expect(board.conflicting(a!, 36)).toBe(b!.id);
		expect(board.conflicting(a!, 36, (id) => id === b!.id)).toBeUndefined();
		expect(board.conflicting(a!, 40)).toBeUndefined();
	});
});

describe('draft', () => {
	it('answers as a changed board does, and leaves the board as it is', () => {
		const random = new SeededRandom(9);
		const all = scatter(random, 60);
		const board = new HolderBoard(100);
		for (const { site, channels } of all) board.put(site, [...channels]);
		const before = structuredClone(all);
		const draft = new HolderDraft(board);
		for (let i = 0; i < 200; i++) {
			const [from, to] = [all[random.below(all.length)]!, all[random.below(all.length)]!];
			const channel = from.channels[0];
			if (channel === undefined || to.channels.includes(channel)) continue;
			from.channels = from.channels.filter((held) => held !== channel);
			to.channels = [...to.channels, channel];
			draft.transfer(channel, from.site.id, to.site);
		}
		expectSame(draft, all);
		expectSame(board, before);
	});
});

function position(site: Site): Pick<Site, 'latitudeMicrodegrees' | 'longitudeMicrodegrees'> {
	return {
		latitudeMicrodegrees: site.latitudeMicrodegrees,
		longitudeMicrodegrees: site.longitudeMicrodegrees
	};
}
