/** Markets of managers where genesis seals bids and holds channels as grants. */
import { describe, expect, it } from 'vitest';
import type { OwnAccessPoint } from '../access-point.ts';
import { TREASURY } from '../contract/keys.ts';
import type { AccessPoint } from '../contract/records.ts';
import { shareOf } from '../importing/import-access-points.ts';
import { generateAccessPoints } from '../scenario/generate.ts';
import { OccupancyDrift } from '../scenario/occupancy-drift.ts';
import { accessPoint, northOf } from '../testing/access-points.ts';
import { MarketSimulation, type SimulationOptions } from '../testing/market-simulation.ts';
import { account } from '../testing/test-chain.ts';
import { SpectrumManager } from './spectrum-manager.ts';

const SEALED = { sealedBids: { commitHeights: 4, revealHeights: 60, deposit: 100n } };
const GRANTS = { grants: { heartbeatHeights: 40 } };

function row(id: string, fields: Partial<AccessPoint> = {}): OwnAccessPoint {
	return { ...accessPoint(id, fields), issued: false, updatedHeight: 0 };
}

function buyer(id: string, metresNorth = 0, fields: Partial<AccessPoint> = {}): OwnAccessPoint {
	return row(id, { channels: [36], occupancyPpm: 900_000, ...northOf(metresNorth), ...fields });
}

function seller(id: string, metresNorth: number, fields: Partial<AccessPoint> = {}): OwnAccessPoint {
	return row(id, {
		channels: [40, 44],
		idleChannels: [44],
		occupancyPpm: 100_000,
		...northOf(metresNorth),
		...fields
	});
}

function shares(accessPoints: OwnAccessPoint[], of: number): OwnAccessPoint[][] {
	return Array.from({ length: of }, (_, index) => shareOf(accessPoints, { index, of }));
}

function simulate(
	databases: OwnAccessPoint[][],
	options: SimulationOptions['options'],
	rest: Partial<SimulationOptions> = {}
): MarketSimulation {
	return new MarketSimulation({ databases, options, ...rest });
}

describe.each([
	['sealed bids', SEALED],
	['grants', GRANTS],
	['both', { ...SEALED, ...GRANTS }]
] as const)('a market with %s', (_name, options) => {
	it('trades, and keeps its promises while a quarter of all submissions vanish and nodes reload', () => {
		const accessPoints = generateAccessPoints({ seed: 4, count: 60 });
		const simulation = simulate(shares(accessPoints, 4), options, { lossPercent: 25 });
		let steps = 0;
		const grown = simulation.until(() => {
			if (++steps % 20 === 7) simulation.reload(simulation.nodes[steps % 4]!);
			return simulation.view.metrics().trades >= 12;
		}, 500);
		expect(grown).toBe(true);
		expect(simulation.faults()).toEqual([]);
		expect([...simulation.refusals.keys()].filter((error) => error.endsWith('Fault'))).toEqual([]);
	});

	it('goes on for as long as demand moves, and nothing grows', { timeout: 60_000 }, () => {
		const simulation = simulate(shares(generateAccessPoints({ seed: 5, count: 40 }), 4), options);
		const drifts = simulation.nodes.map((_, i) => new OccupancyDrift({ seed: i }));
		for (let step = 0; step < 200; step++) {
			simulation.step();
			simulation.nodes.forEach((node, i) => {
				if (step % 4 === i)
					for (const changed of drifts[i]!.step([...node.database.values()])) simulation.edit(node, changed);
			});
			if (step % 40 === 39) expect(simulation.faults()).toEqual([]);
		}
		expect(simulation.view.metrics().trades).toBeGreaterThan(20);
		for (const node of simulation.nodes) expect(node.manager.status().pending).toBeLessThan(30);
		expect(simulation.chain.balance(TREASURY)).toBe(0n);
	});
});

describe('a buyer where bids are sealed', () => {
	it('moves a chain that stands still to the end of its round, reveals, and buys', () => {
		const simulation = simulate([[buyer('b')], [seller('s', 300)]], SEALED);
		const states = new Set<string>();
		const done = simulation.until(() => {
			for (const { state } of simulation.view.bids()) states.add(state);
			return simulation.view.metrics().trades === 1;
		}, 60);
		expect(done).toBe(true);
		expect([...states]).toEqual(['committed', 'revealed', 'taken']);
		expect(simulation.refusals.size).toBe(0);
		expect(simulation.view.metrics()).toMatchObject({ bids: 1, trades: 1 });
		const { height } = simulation.chain;
		for (let step = 0; step < 20; step++) simulation.step();
		expect(simulation.chain.height).toBe(height);
	});

	it('reveals after a reload, without anything that it stored', () => {
		const simulation = simulate([[buyer('b')], [seller('s', 300)]], SEALED);
		simulation.until(() => simulation.view.bids()[0]?.state === 'committed', 30);
		const price = simulation.chain.bids()[0]!.price;
		expect(price).toBe(0n);
		simulation.reload(simulation.nodes[0]!);
		expect(simulation.until(() => simulation.view.metrics().trades === 1, 60)).toBe(true);
		expect(simulation.chain.balance(TREASURY)).toBe(0n);
	});

	it('forfeits where it stays away, and its seller waits for it no longer than it must', () => {
		const simulation = simulate(
			[
				[buyer('away')],
				[buyer('here', 2000)],
				[seller('s', 1000, { channels: [40, 44, 48], idleChannels: [44, 48] })]
			],
			SEALED
		);
		const both = (): boolean =>
			simulation.view.bids().filter((bid) => bid.state === 'committed').length === 2;
		expect(simulation.until(both, 30)).toBe(true);
		simulation.nodes[0]!.asleep = true;
		expect(simulation.until(() => simulation.view.metrics().trades === 1, 60)).toBe(true);
		expect(simulation.view.trades()[0]).toMatchObject({ buyerAp: 'here' });
		simulation.chain.skip(100);
		for (let blocks = 0; blocks < 4; blocks++) simulation.chain.block([]);
		expect(simulation.chain.balance(TREASURY)).toBe(100n);
		expect(simulation.faults()).toEqual([]);
	});

	it('commits to no more than it can pay when it reveals', () => {
		const simulation = simulate(
			[
				[buyer('a'), buyer('b', 3000)],
				[seller('s', 300), seller('t', 3300, { channels: [40, 48], idleChannels: [48] })]
			],
			SEALED,
			{ initialBalance: 400n }
		);
		for (let step = 0; step < 60; step++) simulation.step();
		expect(simulation.refusals.size).toBe(0);
		expect(simulation.view.metrics().trades).toBe(1);
		expect(simulation.faults()).toEqual([]);
	});

	it('replaces a bid that its seller leaves unanswered', () => {
		const simulation = simulate(
			[
				[buyer('b')],
				[seller('silent', 300)],
				[seller('awake', 600, { channels: [40, 48], idleChannels: [48], occupancyPpm: 150_000 })]
			],
			SEALED
		);
		simulation.until(() => simulation.view.metrics().aps === 3, 10);
		simulation.nodes[1]!.asleep = true;
		expect(simulation.until(() => simulation.view.metrics().trades === 1, 120)).toBe(true);
		expect(simulation.view.trades()[0]).toMatchObject({ sellerAp: 'awake' });
		expect(simulation.chain.openBids()).toEqual([]);
	});
});

describe('a seller where bids are sealed', () => {
	it('takes the highest of a round, whichever is revealed first', () => {
		const rich = buyer('rich', 2000, { channels: [], occupancyPpm: 950_000 });
		const simulation = simulate([[buyer('poor')], [rich], [seller('s', 1000)]], SEALED, {
			mechanism: 'seed'
		});
		expect(simulation.until(() => simulation.view.bids().length === 2, 30)).toBe(true);
		// The rich one is slower.
		simulation.until(() => simulation.chain.openBids().length > 0, 30);
		expect(simulation.until(() => simulation.view.metrics().trades === 1, 60)).toBe(true);
		expect(simulation.view.trades()[0]).toMatchObject({ buyerAp: 'rich' });
	});
});

describe('a holder of grants', () => {
	function trade(): MarketSimulation {
		const simulation = simulate([[buyer('b')], [seller('s', 300)], [row('busy', northOf(9000))]], GRANTS);
		expect(simulation.until(() => simulation.view.metrics().trades === 1, 20)).toBe(true);
		// The databases learn of it.
		simulation.step();
		return simulation;
	}

	/** Blocks that others make. */
	function pass(simulation: MarketSimulation, heights: number): void {
		const node = simulation.nodes[2]!;
		const until = simulation.chain.height + heights;
		for (let i = 0; simulation.chain.height < until && i < 1000; i++) {
			const own = node.database.get('busy')!;
			simulation.edit(node, { ...own, occupancyPpm: i % 2 === 0 ? 400_000 : 600_000 });
			simulation.step();
		}
		expect(simulation.chain.height).toBeGreaterThanOrEqual(until);
	}

	it('keeps alive what it needs, for as long as it does', () => {
		const simulation = trade();
		pass(simulation, 200);
		expect(simulation.view.grants()).toMatchObject([{ ap: 'b', channel: 44, grantorAp: 's' }]);
		expect(simulation.chain.grants()).toEqual(simulation.view.grants());
		expect(simulation.refusals.size).toBe(0);
		// And moves no height by itself: a chain that stands still lets nothing expire.
		const { height } = simulation.chain;
		for (let step = 0; step < 50; step++) simulation.step();
		expect(simulation.chain.height).toBe(height);
	});

	it('gives back what it needs no longer, and keeps a channel that is its own', () => {
		const simulation = trade();
		const node = simulation.nodes[0]!;
		simulation.edit(node, { ...node.database.get('b')!, occupancyPpm: 150_000 });
		expect(simulation.until(() => simulation.view.grants().length === 0, 20)).toBe(true);
		expect(simulation.chain.accessPoint('b')?.channels).toEqual([36]);
		expect(simulation.chain.accessPoint('s')?.idleChannels).toEqual([44]);
		for (let step = 0; step < 10; step++) simulation.step();
		expect(simulation.view.metrics().trades).toBe(1);
		expect(node.database.get('b')).toMatchObject({ channels: [36] });
	});

	it('loses what it holds where its node is gone, and the channel is sold again', () => {
		const simulation = trade();
		simulation.nodes[0]!.asleep = true;
		pass(simulation, 45);
		expect(simulation.view.grants()).toEqual([]);
		expect(simulation.chain.accessPoint('s')?.channels).toEqual([40, 44]);
		simulation.edit(
			simulation.nodes[2]!,
			row('next', { ...northOf(1000), channels: [52], occupancyPpm: 950_000 })
		);
		expect(simulation.until(() => simulation.view.metrics().trades === 2, 20)).toBe(true);
		expect(simulation.view.grants()).toMatchObject([{ ap: 'next', channel: 44, grantorAp: 's' }]);
		expect(simulation.faults()).toEqual([]);
	});

	it('keeps them alive after a reload, too', () => {
		const simulation = trade();
		for (let i = 0; i < 6; i++) {
			pass(simulation, 15);
			simulation.reload(simulation.nodes[0]!);
		}
		expect(simulation.view.grants()).toHaveLength(1);
	});

	it('does not offer for sale what it holds by a grant', () => {
		const simulation = simulate(
			[[buyer('b')], [seller('s', 300)], [buyer('late', 600, { occupancyPpm: 100_000 })]],
			GRANTS
		);
		simulation.until(() => simulation.view.metrics().trades === 1, 20);
		// It needs it no longer, and has not given it back: its node is away.
		simulation.nodes[0]!.asleep = true;
		simulation.edit(simulation.nodes[2]!, {
			...simulation.nodes[2]!.database.get('late')!,
			occupancyPpm: 900_000
		});
		for (let step = 0; step < 20; step++) simulation.step();
		expect(simulation.refusals.get('Granted') ?? 0).toBe(0);
		expect(simulation.view.metrics().trades).toBe(1);
	});
});

describe('a manager without a key for its salts', () => {
	it('does not bid where bids are sealed, and sells all the same', () => {
		const simulation = simulate([[buyer('b')], [seller('s', 300)]], SEALED);
		simulation.until(() => simulation.view.metrics().aps === 2, 10);
		const manager = new SpectrumManager({ self: account('node-0'), conflictDistancePercent: 100, ...SEALED });
		manager.restore(simulation.chain.state.rows('spectrum/'));
		manager.onOwnAccessPoints([...simulation.nodes[0]!.database.values()]);
		expect(manager.tick({ height: simulation.chain.height, nowMs: 0 }).submit).toEqual([]);
	});
});
