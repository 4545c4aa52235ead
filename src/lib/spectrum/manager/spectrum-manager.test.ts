import { describe, expect, it } from 'vitest';
import { BUY_AT_PPM, type OwnAccessPoint } from '../access-point.ts';
import {
	bidArguments,
	parseBidArguments,
	parseIssueArguments,
	parseSwitchArguments
} from '../contract/arguments.ts';
import { importAccessPoints, shareOf } from '../importing/import-access-points.ts';
import { generateAccessPoints } from '../scenario/generate.ts';
import { OccupancyDrift } from '../scenario/occupancy-drift.ts';
import { accessPoint, northOf } from '../testing/access-points.ts';
import { MarketSimulation, type SimulationOptions } from '../testing/market-simulation.ts';
import { sharedData } from '../testing/shared-data.ts';
import { account } from '../testing/test-chain.ts';
import { ANSWER_PATIENCE_MS, MAX_SUBMISSIONS_PER_TICK } from './limits.ts';
import { SpectrumManager } from './spectrum-manager.ts';
import type { AccessPoint } from '../contract/records.ts';

function row(id: string, fields: Partial<AccessPoint> = {}): OwnAccessPoint {
	return { ...accessPoint(id, fields), issued: false, updatedHeight: 0 };
}

/** Busy, with one channel. */
function buyer(id: string, metresNorth = 0, fields: Partial<AccessPoint> = {}): OwnAccessPoint {
	return row(id, { channels: [36], occupancyPpm: 900_000, ...northOf(metresNorth), ...fields });
}

/** Quiet, with one channel to spare. */
function seller(
	id: string,
	metresNorth: number,
	channel = 44,
	fields: Partial<AccessPoint> = {}
): OwnAccessPoint {
	return row(id, {
		channels: [40, channel],
		idleChannels: [channel],
		occupancyPpm: 100_000,
		...northOf(metresNorth),
		...fields
	});
}

function shares(accessPoints: OwnAccessPoint[], of: number): OwnAccessPoint[][] {
	return Array.from({ length: of }, (_, index) => shareOf(accessPoints, { index, of }));
}

function simulate(databases: OwnAccessPoint[][], options: Partial<SimulationOptions> = {}): MarketSimulation {
	return new MarketSimulation({ databases, ...options });
}

describe('a market of managers', () => {
	const hotspots = sharedData('nyc-wifi-midtown.geojson');
	const radios = sharedData('cbrs-cbsd-west.csv');

	it.skipIf(hotspots === undefined)(
		'trades the midtown hotspots on 8 nodes until few buyers are left (skipped where ../shared/data is not there)',
		() => {
			const { accessPoints } = importAccessPoints(hotspots!, 'a.geojson', { seed: 1 });
			const simulation = simulate(shares(accessPoints, 8));
			expect(simulation.until(() => simulation.view.metrics().trades >= 60, 40)).toBe(true);
			expect(simulation.faults()).toEqual([]);
			expect(simulation.view.metrics().aps).toBe(220);
			for (let step = 0; step < 15; step++) simulation.step();
			const busy = simulation.chain.accessPoints().filter((ap) => ap.occupancyPpm >= BUY_AT_PPM);
			expect(busy.length).toBeLessThan(4);
			// The databases say what the chain says.
			for (const node of simulation.nodes)
				for (const own of node.database.values())
					expect(own).toMatchObject({
						issued: true,
						channels: simulation.chain.accessPoint(own.id)!.channels
					});
		}
	);

	it.skipIf(radios === undefined).each(['seed', 'greedy'])(
		'trades the CBRS radios by %s (skipped where ../shared/data is not there)',
		(mechanism) => {
			const { accessPoints } = importAccessPoints(radios!, 'a.csv', { seed: 2 });
			const simulation = simulate(shares(accessPoints, 4), { mechanism });
			expect(simulation.until(() => simulation.view.metrics().trades >= 25, 60)).toBe(true);
			expect(simulation.faults()).toEqual([]);
			expect(new Set(simulation.view.trades().map((trade) => trade.mechanism))).toEqual(new Set([mechanism]));
		}
	);

	it('keeps its promises while a third of all submissions vanish', () => {
		const accessPoints = generateAccessPoints({ seed: 4, count: 120 });
		const simulation = simulate(shares(accessPoints, 6), { lossPercent: 33 });
		expect(
			simulation.until(
				() => simulation.view.metrics().trades >= 25 && simulation.view.metrics().aps === 120,
				900
			)
		).toBe(true);
		expect(simulation.faults()).toEqual([]);
	});

	it('goes on for as long as demand moves, through reloads, and nothing grows', { timeout: 60_000 }, () => {
		const accessPoints = generateAccessPoints({ seed: 5, count: 60 });
		const simulation = simulate(shares(accessPoints, 4));
		const drifts = simulation.nodes.map((_, i) => new OccupancyDrift({ seed: i }));
		const trades: number[] = [];
		for (let step = 0; step < 400; step++) {
			simulation.step();
			simulation.nodes.forEach((node, i) => {
				if (step % 4 === i)
					for (const changed of drifts[i]!.step([...node.database.values()])) simulation.edit(node, changed);
				if (step % 90 === 20 * i + 9) simulation.reload(node);
			});
			if (step % 50 === 49) {
				expect(simulation.faults()).toEqual([]);
				trades.push(simulation.view.metrics().trades);
			}
		}
		// Every 50 steps, 25 seconds, bring trades.
		trades.forEach((count, i) => expect(count - (trades[i - 1] ?? 0)).toBeGreaterThan(4));
		for (const node of simulation.nodes) expect(node.manager.status().pending).toBeLessThan(30);
	});
});

describe('a buyer', () => {
	it('asks another seller where one never answers', () => {
		const simulation = simulate([
			[buyer('b')],
			[seller('silent', 300)],
			[seller('awake', 600, 48, { occupancyPpm: 150_000 })]
		]);
		simulation.until(() => simulation.view.metrics().aps === 3, 10);
		simulation.nodes[1]!.asleep = true;
		simulation.until(() => simulation.view.bids().length > 0, 10);
		expect(simulation.view.bids()[0]).toMatchObject({ sellerAp: 'silent', state: 'open' });
		const steps = ANSWER_PATIENCE_MS / 500 + 10;
		expect(simulation.until(() => simulation.view.metrics().trades === 1, steps)).toBe(true);
		expect(simulation.view.trades()[0]).toMatchObject({ sellerAp: 'awake', buyerAp: 'b' });
		// It had replaced its first bid: never two at once, and the money came back.
		expect(simulation.chain.openBids()).toEqual([]);
		expect(simulation.faults()).toEqual([]);
	});

	it('has one open bid at a time, and leaves others’ trades alone while its seller sleeps', () => {
		const simulation = simulate([
			[buyer('stuck')],
			[seller('silent', 200)],
			[buyer('b2', 5000), seller('s2', 5300, 48)],
			[buyer('b3', 9000), seller('s3', 9300, 52)]
		]);
		simulation.until(() => simulation.view.metrics().aps === 6, 10);
		simulation.nodes[1]!.asleep = true;
		for (let step = 0; step < 20; step++) {
			simulation.step();
			const stuck = simulation.chain.openBids().filter((bid) => bid.buyerAp === 'stuck');
			expect(stuck.length).toBeLessThanOrEqual(1);
		}
		expect(simulation.view.metrics().trades).toBe(2);
	});

	it('bids only what it has', () => {
		const poor = simulate(
			[
				[buyer('a'), buyer('b', 3000)],
				[seller('s', 300), seller('t', 3300, 48)]
			],
			{ initialBalance: 300n }
		);
		for (let step = 0; step < 30; step++) poor.step();
		expect(poor.refusals.size).toBe(0);
		expect(poor.view.metrics().trades).toBe(1);
		expect(poor.faults()).toEqual([]);
	});

	it('does not ask for a channel that its neighbours use', () => {
		const simulation = simulate([
			[buyer('b')],
			[row('neighbour', { channels: [44], ...northOf(60) })],
			[seller('s', 800)]
		]);
		for (let step = 0; step < 20; step++) simulation.step();
		expect(simulation.view.bids()).toEqual([]);
	});

	it('buys from an access point of its own node too', () => {
		const simulation = simulate([[buyer('b'), seller('s', 300)]]);
		expect(simulation.until(() => simulation.view.metrics().trades === 1, 10)).toBe(true);
		expect(simulation.chain.balance(account('node-0'))).toBe(1_000_000n);
	});
});

describe('a seller', () => {
	it('takes the highest of the bids that wait, and sells no channel twice', () => {
		const rich = buyer('rich', 2000, { channels: [], occupancyPpm: 950_000 });
		const simulation = simulate([[buyer('poor')], [rich], [seller('s', 1000)]]);
		simulation.until(() => simulation.view.metrics().aps === 3, 10);
		const manager = new SpectrumManager({ self: account('node-2'), conflictDistancePercent: 100 });
		manager.onOwnAccessPoints([...simulation.nodes[2]!.database.values()]);
		manager.restore(simulation.chain.state.rows('spectrum/'));
		for (const [id, price] of [
			['poor', 400n],
			['rich', 700n],
			['poor', 600n]
		] as const)
			manager.onEvents(bidEvent(simulation, id, price), simulation.chain.height);
		const { submit } = manager.tick({ height: simulation.chain.height, nowMs: 0 });
		const switches = submit.filter((submission) => submission.function === 'IssueChannelSwitchInfo');
		expect(switches.map(({ arguments: args }) => parseSwitchArguments(args))).toMatchObject([
			{ buyerAp: 'rich', channel: 44 }
		]);
		expect(manager.tick({ height: simulation.chain.height, nowMs: 1000 }).submit).toEqual([]);
		expect(manager.status().requests).toBe(2);
	});

	it('leaves a request in its pool until it sells again', () => {
		const simulation = simulate([[], [seller('s', 1000, 44, { occupancyPpm: 500_000 })], [buyer('b')]]);
		simulation.until(() => simulation.view.metrics().aps === 2, 10);
		const node = simulation.nodes[1]!;
		const args = bidEvent(simulation, 'b', 400n);
		node.manager.onEvents(args, simulation.chain.height);
		for (let step = 0; step < 4; step++) simulation.step();
		expect(node.manager.status().requests).toBe(1);
		simulation.edit(node, { ...node.database.get('s')!, occupancyPpm: 100_000 });
		expect(simulation.until(() => simulation.view.metrics().trades === 1, 10)).toBe(true);
	});

	it('does not sell below its ask', () => {
		const simulation = simulate([[buyer('b')], [seller('s', 1000)]]);
		simulation.until(() => simulation.view.metrics().aps === 2, 10);
		const manager = new SpectrumManager({ self: account('node-1'), conflictDistancePercent: 100 });
		manager.restore(simulation.chain.state.rows('spectrum/'));
		manager.onOwnAccessPoints([...simulation.nodes[1]!.database.values()]);
		manager.onEvents(bidEvent(simulation, 'b', 99n), simulation.chain.height);
		expect(manager.tick({ height: simulation.chain.height, nowMs: 0 }).submit).toEqual([]);
	});

	it('tries a switch again that was lost, and not one that was refused', () => {
		const simulation = simulate([[buyer('b')], [seller('s', 1000)]]);
		simulation.until(() => simulation.view.metrics().aps === 2, 10);
		const manager = new SpectrumManager({ self: account('node-1'), conflictDistancePercent: 100 });
		manager.restore(simulation.chain.state.rows('spectrum/'));
		manager.onOwnAccessPoints([...simulation.nodes[1]!.database.values()]);
		manager.onEvents(bidEvent(simulation, 'b', 400n), simulation.chain.height);
		const at = (nowMs: number) =>
			manager.tick({ height: simulation.chain.height, nowMs }).submit.map(({ key }) => key);
		const [key] = at(0);
		expect(key).toMatch(/^switch\//);
		manager.onOutcome({ key: key!, status: 'lost' });
		expect(at(1)).toEqual([key]);
		manager.onOutcome({ key: key!, status: 'failed', error: 'Conflict' });
		expect(at(2)).toEqual([]);
	});
});

describe('the AP database', () => {
	it('is issued in portions, and stored as issued', () => {
		const accessPoints = generateAccessPoints({ seed: 1, count: 100 });
		const manager = new SpectrumManager({ self: account('a'), conflictDistancePercent: 100 });
		manager.onOwnAccessPoints(accessPoints);
		expect(manager.tick({ height: 1, nowMs: 0 }).submit).toHaveLength(MAX_SUBMISSIONS_PER_TICK);
		const simulation = simulate([accessPoints]);
		expect(simulation.until(() => simulation.view.metrics().aps === 100, 10)).toBe(true);
		simulation.step();
		expect([...simulation.nodes[0]!.database.values()].every((ap) => ap.issued && ap.updatedHeight > 0)).toBe(
			true
		);
	});

	it('registers with fewer channels where neighbours hold some, and stores that', () => {
		const simulation = simulate([[row('first', { channels: [36, 40] })], []]);
		simulation.until(() => simulation.view.metrics().aps === 1, 10);
		simulation.edit(
			simulation.nodes[1]!,
			row('second', { channels: [40, 44], idleChannels: [40], ...northOf(30) })
		);
		expect(simulation.until(() => simulation.view.metrics().aps === 2, 10)).toBe(true);
		simulation.step();
		expect(simulation.nodes[1]!.database.get('second')).toMatchObject({
			channels: [44],
			idleChannels: [],
			issued: true
		});
		expect(simulation.refusals.size).toBe(0);
	});

	it('sorts out a race of two neighbours for one channel', () => {
		const simulation = simulate([
			[row('a', { channels: [36] })],
			[row('b', { channels: [36, 40], ...northOf(30) })]
		]);
		expect(simulation.until(() => simulation.view.metrics().aps === 2, 40)).toBe(true);
		expect(simulation.refusals.get('Conflict')).toBe(1);
		expect(simulation.faults()).toEqual([]);
	});

	it('gives up an id that another owner has', () => {
		const simulation = simulate([[row('same')], [row('same', northOf(3000))]]);
		for (let step = 0; step < 20; step++) simulation.step();
		const givenUp = simulation.nodes.map((node) => node.manager.status().givenUp);
		expect(givenUp.flat().map(({ id }) => id)).toEqual(['same']);
		expect(simulation.refusals.get('ApTaken')).toBe(1);
	});

	it('gives up a row that the contract would never take', () => {
		const manager = new SpectrumManager({ self: account('a'), conflictDistancePercent: 100 });
		manager.onOwnAccessPoints([row('bad', { coverageRadiusM: 100_000 })]);
		expect(manager.tick({ height: 1, nowMs: 0 }).submit).toEqual([]);
		expect(manager.status().givenUp).toMatchObject([
			{ id: 'bad', reason: expect.stringContaining('coverage radius') }
		]);
	});

	it('reports a change of demand, and not the echo of its own trades', () => {
		const simulation = simulate([[row('a', { channels: [36, 40] })]]);
		simulation.until(() => simulation.view.metrics().aps === 1, 10);
		simulation.step();
		const { height } = simulation.chain;
		for (let step = 0; step < 5; step++) simulation.step();
		expect(simulation.chain.height).toBe(height);
		const node = simulation.nodes[0]!;
		simulation.edit(node, { ...node.database.get('a')!, occupancyPpm: 505_000 });
		for (let step = 0; step < 5; step++) simulation.step();
		expect(simulation.chain.height).toBe(height);
		simulation.edit(node, { ...node.database.get('a')!, occupancyPpm: 850_000 });
		expect(simulation.until(() => simulation.chain.accessPoint('a')!.occupancyPpm === 850_000, 5)).toBe(true);
	});

	it('reports what was measured while an earlier report was on its way', () => {
		const simulation = simulate([[row('a', { channels: [36, 40], idleChannels: [] })]]);
		const node = simulation.nodes[0]!;
		// On the chain with what it was, and the node has not heard of it yet.
		for (const [before, measured] of [
			[500_000, 850_000],
			[850_000, 300_000]
		] as const) {
			expect(simulation.until(() => simulation.chain.accessPoint('a')?.occupancyPpm === before, 5)).toBe(
				true
			);
			simulation.edit(node, { ...node.database.get('a')!, occupancyPpm: measured, idleChannels: [40] });
		}
		expect(simulation.until(() => simulation.chain.accessPoint('a')!.occupancyPpm === 300_000, 5)).toBe(true);
		simulation.step();
		expect(node.database.get('a')).toMatchObject({ issued: true, occupancyPpm: 300_000, idleChannels: [40] });
		const { height } = simulation.chain;
		for (let step = 0; step < 5; step++) simulation.step();
		expect(simulation.chain.height).toBe(height);
	});
});

describe('a reload', () => {
	it('finds open bids and requests again in the state', () => {
		const simulation = simulate([[buyer('b')], [seller('s', 300)]]);
		simulation.until(() => simulation.view.metrics().aps === 2, 10);
		simulation.nodes[1]!.asleep = true;
		simulation.until(() => simulation.chain.openBids().length === 1, 10);
		for (const node of simulation.nodes) simulation.reload(node);
		for (let step = 0; step < 6; step++) simulation.step();
		expect(simulation.view.metrics()).toMatchObject({ bids: 1, trades: 1 });
	});
});

describe('a restored state', () => {
	it('lets a bid run out of patience as one that was seen made', () => {
		const simulation = simulate([
			[buyer('b')],
			[seller('silent', 300)],
			[seller('awake', 600, 48, { occupancyPpm: 150_000 })]
		]);
		simulation.until(() => simulation.view.metrics().aps === 3, 10);
		simulation.nodes[1]!.asleep = true;
		simulation.until(() => simulation.chain.openBids().length === 1, 10);
		simulation.reload(simulation.nodes[0]!);
		const steps = ANSWER_PATIENCE_MS / 500 + 10;
		expect(simulation.until(() => simulation.view.metrics().trades === 1, steps)).toBe(true);
	});

	it('does not repeat what is on its way, nor what was given up', () => {
		const simulation = simulate([[buyer('b')], [seller('s', 1000)]]);
		simulation.until(() => simulation.view.metrics().aps === 2, 10);
		const manager = new SpectrumManager({ self: account('node-1'), conflictDistancePercent: 100 });
		manager.restore(simulation.chain.state.rows('spectrum/'));
		manager.onOwnAccessPoints([...simulation.nodes[1]!.database.values(), row('b')]);
		manager.onEvents(bidEvent(simulation, 'b', 400n), simulation.chain.height);
		const tick = () => manager.tick({ height: simulation.chain.height, nowMs: 0 }).submit;
		expect(tick()).toHaveLength(1);
		manager.restore(simulation.chain.state.rows('spectrum/'));
		manager.onOwnAccessPoints(structuredClone([...simulation.nodes[1]!.database.values(), row('b')]));
		expect(manager.status()).toMatchObject({ pending: 1, givenUp: [{ id: 'b' }], droppedEvents: 0 });
		expect(tick()).toEqual([]);
	});
});

describe('what a manager submits', () => {
	it('is what the contract reads', () => {
		const simulation = simulate([[buyer('b')], [seller('s', 300)]]);
		const seen = new Map<string, unknown>();
		const manager = simulation.nodes[0]!.manager;
		const tick = manager.tick.bind(manager);
		manager.tick = (input) => {
			const result = tick(input);
			for (const submission of result.submit)
				seen.set(
					submission.key,
					submission.function === 'IssueAPChannelInfo'
						? parseIssueArguments(submission.arguments)
						: parseBidArguments(submission.arguments)
				);
			return result;
		};
		simulation.until(() => simulation.view.metrics().trades === 1, 10);
		expect([...seen.keys()]).toEqual(['issue/b', 'bid/b']);
		expect(seen.get('bid/b')).toMatchObject({
			buyerAp: 'b',
			sellerAp: 's',
			channel: 44,
			price: 275n,
			mechanism: 'greedy',
			replaces: ''
		});
	});
});

/** The event of a bid for channel 44 of `s`, as a block would bring it; the chain itself holds the bid too. */
function bidEvent(simulation: MarketSimulation, buyerAp: string, price: bigint) {
	const owner = simulation.chain.accessPoint(buyerAp)!.owner;
	const { receipts } = simulation.chain.block([
		{
			sender: owner,
			function: 'IssueBidingPriceInfo',
			arguments: bidArguments({
				buyerAp,
				sellerAp: 's',
				channel: 44,
				price,
				expiryHeight: simulation.chain.height + 50,
				mechanism: 'greedy',
				replaces: ''
			})
		}
	]);
	expect(receipts[0]!.error).toBe('');
	return receipts[0]!.events;
}
