/** When a manager acts, and that no channel goes back and forth for it. */
import { describe, expect, it } from 'vitest';
import { occupancyAfterBuying, occupancyAfterSelling, type OwnAccessPoint } from '../access-point.ts';
import { SeededRandom } from '../random.ts';
import { generateAccessPoints } from '../scenario/generate.ts';
import { accessPoint, northOf } from '../testing/access-points.ts';
import { MarketSimulation } from '../testing/market-simulation.ts';
import { DEFAULT_SETTINGS, checkedSettings, type ManagerSettings } from './settings.ts';

function row(id: string, metresNorth: number, fields: Partial<OwnAccessPoint>): OwnAccessPoint {
	return { ...accessPoint(id), ...northOf(metresNorth), issued: false, updatedHeight: 0, ...fields };
}

const buyer = (occupancyPpm: number): OwnAccessPoint => row('b', 0, { channels: [36], occupancyPpm });
const seller = (occupancyPpm: number): OwnAccessPoint =>
	row('s', 500, { channels: [40, 44], idleChannels: [44], occupancyPpm });

function tradesOf(databases: OwnAccessPoint[][], settings?: Partial<ManagerSettings>): number {
	const simulation = new MarketSimulation({ databases, ...(settings && { settings }) });
	for (let step = 0; step < 12; step++) simulation.step();
	expect(simulation.faults()).toEqual([]);
	return simulation.view.metrics().trades;
}

describe('a manager', () => {
	it.each([
		[800_000, 200_000, 1],
		[799_999, 200_000, 0],
		[800_000, 200_001, 0]
	])('buys at %i and sells at %i: %i trades', (busy, quiet, trades) => {
		expect(tradesOf([[buyer(busy)], [seller(quiet)]])).toBe(trades);
	});

	it('does as its node chose', () => {
		expect(tradesOf([[buyer(600_000)], [seller(100_000)]], { buyAtPpm: 600_000 })).toBe(1);
		expect(tradesOf([[buyer(900_000), seller(250_000)]], { sellAtPpm: 300_000 })).toBe(1);
		expect(tradesOf([[buyer(900_000)], [seller(100_000)]], { sellerCapPpm: 199_999 })).toBe(0);
		// 450 of value less 100 of ask.
		expect(tradesOf([[buyer(900_000)], [seller(100_000)]], { minimumGain: 350n })).toBe(1);
		expect(tradesOf([[buyer(900_000)], [seller(100_000)]], { minimumGain: 351n })).toBe(0);
	});

	it('changes its mind between two ticks, and forgets nothing that is not said', () => {
		const simulation = new MarketSimulation({ databases: [[buyer(700_000)], [seller(100_000)]] });
		for (let step = 0; step < 8; step++) simulation.step();
		expect(simulation.view.metrics().trades).toBe(0);
		const { manager } = simulation.nodes[0]!;
		manager.setSettings({ minimumGain: 1n });
		manager.setSettings({ buyAtPpm: 700_000 });
		expect(manager.settings).toEqual({ ...DEFAULT_SETTINGS, minimumGain: 1n, buyAtPpm: 700_000 });
		expect(() => manager.setSettings({ sellAtPpm: 350_000 })).toThrow(
			expect.objectContaining({ problem: { field: 'sellAtPpm', reason: 'BackAndForth' } })
		);
		expect(manager.settings.sellAtPpm).toBe(DEFAULT_SETTINGS.sellAtPpm);
		expect(simulation.until(() => simulation.view.metrics().trades === 1, 12)).toBe(true);
	});

	it('refuses what would send a channel back and forth, or what the contract does not let it do', () => {
		expect(checkedSettings()).toEqual(DEFAULT_SETTINGS);
		for (const part of [
			{ sellAtPpm: 400_000 },
			{ buyAtPpm: 400_000 },
			{ buyAtPpm: 1_000_001 },
			{ sellAtPpm: -1 },
			{ sellAtPpm: 0.5 },
			{ sellerCapPpm: 800_001 },
			{ minimumGain: -1n }
		])
			expect(() => checkedSettings(part)).toThrow(expect.objectContaining({ name: 'ManagerSettings' }));
	});

	it('that has bought does not sell, and that has sold does not buy, whatever the settings', () => {
		const random = new SeededRandom(1, 'settings');
		for (let i = 0; i < 2000; i++) {
			const { buyAtPpm, sellAtPpm } = checkedSettings({
				sellAtPpm: random.between(0, 299_999),
				buyAtPpm: random.between(600_000, 1_000_000)
			});
			const held = random.between(1, 16);
			expect(occupancyAfterBuying(random.between(buyAtPpm, 1_000_000), held)).toBeGreaterThan(sellAtPpm);
			expect(occupancyAfterSelling(random.between(0, sellAtPpm), held + 1)).toBeLessThan(buyAtPpm);
		}
	});

	it('keeps its bid on a channel that a neighbour of the buyer is about to give up', () => {
		const simulation = new MarketSimulation({
			databases: [
				[row('waits', 0, { channels: [36], occupancyPpm: 900_000 })],
				[row('rich', 3000, { channels: [36], occupancyPpm: 990_000 })],
				// Near `waits`, and cheap: `rich` asks it.
				[row('neighbour', 60, { channels: [40, 44], idleChannels: [44], occupancyPpm: 20_000 })],
				[
					row('seller', 1000, { channels: [40, 44], idleChannels: [44], occupancyPpm: 60_000 }),
					row('dear', 1500, { channels: [40, 48], idleChannels: [48], occupancyPpm: 190_000 })
				]
			]
		});
		expect(simulation.until(() => simulation.view.metrics().aps === 5, 10)).toBe(true);
		simulation.nodes[2]!.asleep = true;
		for (let step = 0; step < 12; step++) simulation.step();
		simulation.nodes[2]!.asleep = false;
		expect(simulation.until(() => simulation.view.metrics().trades === 2, 12)).toBe(true);
		expect(simulation.view.metrics().bids).toBe(2);
		expect(simulation.view.trades().map(({ buyerAp, sellerAp }) => `${buyerAp} of ${sellerAp}`)).toEqual([
			'waits of seller',
			'rich of neighbour'
		]);
	});
});

describe('a market whose demand trembles', () => {
	it('sends no channel back to where it came from, and comes to rest', () => {
		const accessPoints = generateAccessPoints({ seed: 9, count: 50 });
		const databases = [0, 1, 2].map((node) => accessPoints.filter((_ap, i) => i % 3 === node));
		const simulation = new MarketSimulation({ databases });
		const random = new SeededRandom(2, 'tremble');
		let late = 0;
		for (let step = 0; step < 300; step++) {
			simulation.step();
			const node = simulation.nodes[step % 3]!;
			const rows = [...node.database.values()].filter(({ issued }) => issued);
			const changed = rows.length > 0 ? rows[random.below(rows.length)]! : undefined;
			if (changed) {
				// 3 % up or down: more than is worth a report.
				const occupancyPpm = changed.occupancyPpm + (random.below(2) === 0 ? 30_000 : -30_000);
				simulation.edit(node, { ...changed, occupancyPpm: Math.min(1_000_000, Math.max(0, occupancyPpm)) });
			}
			if (step === 149) late = simulation.view.metrics().trades;
		}
		const moves = simulation.view.trades().reverse();
		const came = new Set<string>();
		for (const { buyerAp, sellerAp, channel } of moves) {
			expect(came.has(`${sellerAp} ${buyerAp} ${channel}`)).toBe(false);
			came.add(`${buyerAp} ${sellerAp} ${channel}`);
		}
		expect(late).toBeGreaterThan(5);
		expect(moves.length - late).toBeLessThan(late);
		expect(simulation.faults()).toEqual([]);
	});
});
