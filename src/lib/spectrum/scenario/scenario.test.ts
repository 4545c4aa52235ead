import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mechanismNames } from '../mechanisms/registry.ts';
import { casesOf, runScenario } from './run-scenario.ts';
import { LAYOUTS } from './layouts.ts';
import { PROCESS_KINDS } from './occupancy-process.ts';
import {
	MAX_SCENARIO_STEPS,
	ScenarioError,
	accessPointsOf,
	parseScenario,
	writeScenario,
	type Scenario
} from './scenario.ts';
import { runSweep } from './sweep.ts';
import { mechanismNamed } from '../mechanisms/registry.ts';

fc.configureGlobal({ seed: 5 });

const STREET: Scenario = {
	name: 'A street',
	seed: 7,
	source: { layout: 'hex', count: 37, spacingM: 100 },
	conflictDistancePercent: 100,
	process: 'daily',
	steps: 48,
	mechanism: 'greedy'
};

describe('file', () => {
	it('comes back as it was written', () => {
		const scenario = fc.record<Scenario>({
			name: fc.constantFrom('A street', 'Straße "1", 清华'),
			seed: fc.maxSafeInteger(),
			source: fc.oneof(
				fc.record({ layout: fc.constantFrom(...LAYOUTS), count: fc.integer({ min: 1, max: 4096 }) }),
				fc.record({
					layout: fc.constant('hex' as const),
					count: fc.integer({ min: 1, max: 4096 }),
					spacingM: fc.integer({ min: 20, max: 400 })
				})
			),
			conflictDistancePercent: fc.integer({ min: 0, max: 1000 }),
			process: fc.constantFrom(...PROCESS_KINDS),
			steps: fc.integer({ min: 1, max: MAX_SCENARIO_STEPS }),
			mechanism: fc.constantFrom(...mechanismNames())
		});
		fc.assert(
			fc.property(scenario, (one) => {
				expect(parseScenario(writeScenario(one))).toEqual(one);
			})
		);
	});

	it('carries access points of its own', () => {
		const accessPoints = accessPointsOf(STREET).slice(0, 5);
		const own = { ...STREET, source: { accessPoints } };
		expect(parseScenario(writeScenario(own))).toEqual(own);
		expect(accessPointsOf(own)).toEqual(accessPoints);
	});

	it('needs a seed, and nothing else', () => {
		const scenario = parseScenario('{ "format": "tabwave-scenario", "version": 1, "seed": 3 }');
		expect(scenario).toMatchObject({ seed: 3, steps: 1, process: 'steady', mechanism: 'greedy' });
		expect(accessPointsOf(scenario)).toHaveLength(40);
	});

	it.each<[string, string]>([
		['no JSON', 'MalformedJson'],
		['[]', 'UnknownFormat'],
		['null', 'UnknownFormat'],
		[file({ version: 2 }), 'UnknownFormat'],
		[file({ seed: 'x' }), 'InvalidField'],
		[file({ seed: 1.5 }), 'InvalidField'],
		[file({ layout: 'torus' }), 'InvalidField'],
		[file({ count: 5000 }), 'InvalidField'],
		[file({ spacingM: 50 }), 'InvalidField'],
		[file({ layout: 'hex', spacingM: 5 }), 'InvalidField'],
		[file({ process: 'chaos' }), 'InvalidField'],
		[file({ steps: MAX_SCENARIO_STEPS + 1 }), 'InvalidField'],
		[file({ mechanism: 'dice' }), 'InvalidField'],
		[file({ accessPoints: {} }), 'InvalidField'],
		[file({ accessPoints: [] }), 'InvalidField'],
		[file({ accessPoints: [{ id: 'a' }] }), 'InvalidField'],
		[file({ accessPoints: [], count: 3 }), 'InvalidField'],
		[file({ colour: 'red' }), 'InvalidField'],
		[' '.repeat(9 * 1024 * 1024), 'FileTooLarge']
	])('refuses %.40s', (text, reason) => {
		expect(() => parseScenario(text)).toThrow(expect.objectContaining({ name: 'ScenarioError', reason }));
	});

	it('is read or refused by name, whatever was changed in it', () => {
		const text = writeScenario({ ...STREET, source: { accessPoints: accessPointsOf(STREET).slice(0, 2) } });
		fc.assert(
			fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (at, put) => {
				try {
					parseScenario(text.slice(0, at) + put + text.slice(at + 1));
				} catch (error) {
					expect(error).toBeInstanceOf(ScenarioError);
				}
			}),
			{ numRuns: 300 }
		);
	});
});

describe('run', () => {
	it('has the same hash for the same scenario, pinned, and another for another seed', () => {
		const { hash, steps } = runScenario(STREET);
		expect(steps).toHaveLength(48);
		expect(runScenario(parseScenario(writeScenario(STREET))).hash).toBe(hash);
		expect(runScenario({ ...STREET, seed: 8 }).hash).not.toBe(hash);
		expect(hash).toBe('a0810cf92c59be7c2d317c2dc6dc1071d3006912524a44314a8b3aaef167d14e');
	});

	it.each(PROCESS_KINDS)('%s: never a conflicting pair, never a channel more or less', (process) => {
		const scenario: Scenario = { ...STREET, process, steps: 20, source: { layout: 'uniform', count: 40 } };
		const channels = (all: { channels: number[] }[]) => all.reduce((sum, ap) => sum + ap.channels.length, 0);
		const { steps, accessPoints } = runScenario(scenario);
		for (const { conflictingPairs } of steps) expect(conflictingPairs).toBe(0);
		expect(channels(accessPoints)).toBe(channels(accessPointsOf(scenario)));
		for (const ap of accessPoints) expect(new Set(ap.channels).size).toBe(ap.channels.length);
		if (process !== 'steady') expect(steps.slice(1).some(({ trades }) => trades > 0)).toBe(true);
	});

	it('shows demand move through a day', () => {
		const { steps } = runScenario({ ...STREET, steps: 24 });
		const mean = (step: number) => steps[step]!.meanOccupancyPpm;
		expect(mean(17)).toBeGreaterThan(mean(5) * 1.5);
	});
});

describe('sweep', () => {
	const contenders = ['greedy', 'seed'].map((name) => ({ mechanism: mechanismNamed(name) }));

	it('has a row for each group and mechanism, and a hash that anybody finds again', async () => {
		const cases = () => casesOf({ ...STREET, source: { layout: 'uniform', count: 30 } }, [1, 2, 3]);
		const result = await runSweep({ cases: cases(), contenders });
		expect(result.rows.map(({ group, mechanism, markets }) => [group, mechanism, markets])).toEqual([
			['A street', 'greedy', 3],
			['A street', 'seed', 3]
		]);
		expect(result.rows[0]).toMatchObject({ ratio: null, conflictingPairs: 0, rounds: 1 });
		expect((await runSweep({ cases: cases(), contenders })).hash).toBe(result.hash);
		expect((await runSweep({ cases: cases(), contenders: contenders.toReversed() })).hash).not.toBe(
			result.hash
		);
	});

	it('stops where it is told to', async () => {
		const stop = new AbortController();
		stop.abort();
		await expect(
			runSweep({ cases: casesOf(STREET, [1]), contenders, signal: stop.signal })
		).rejects.toThrow();
	});
});

function file(fields: Record<string, unknown>): string {
	return JSON.stringify({ format: 'tabwave-scenario', version: 1, seed: 1, ...fields });
}
