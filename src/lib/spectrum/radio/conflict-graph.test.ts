import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../random.ts';
import {
	ConflictGraph,
	INTERFERENCE_THRESHOLD_MILLI_DBM,
	USER_HEIGHT_CM,
	interferenceReachCm,
	type ConflictRule,
	type Transmitter
} from './conflict-graph.ts';
import { bandPlan } from './bands.ts';
import { squaredDistanceCm2, tooClose } from './distance.ts';
import { receivedMilliDbm } from './link-budget.ts';

function scatter(seed: number, count: number, spreadMicrodegrees: number): Transmitter[] {
	const random = new SeededRandom(seed, 'conflict-graph');
	return Array.from({ length: count }, (_, i) => ({
		id: `ap-${i}`,
		latitudeMicrodegrees: 40_750_000 + random.between(-spreadMicrodegrees, spreadMicrodegrees),
		longitudeMicrodegrees: -73_980_000 + random.between(-spreadMicrodegrees, spreadMicrodegrees),
		coverageRadiusM: random.between(5, 250),
		antennaHeightCm: random.between(0, 3000),
		eirpMilliDbm: random.between(-10_000, 36_000),
		band: random.below(3) === 0 ? ('2.4GHz' as const) : ('5GHz' as const)
	}));
}

const RULES: ConflictRule[] = [
	{ kind: 'distance', percent: 100 },
	{ kind: 'distance', percent: 0 },
	{ kind: 'interference', model: 'umi-nlos' },
	{ kind: 'interference', model: 'inh-los', thresholdMilliDbm: -60_000 },
	{ kind: 'interference', model: 'free-space', thresholdMilliDbm: -60_000 }
];

describe.each(RULES)('%o', (rule) => {
	it('has the edges that a look at every pair finds', () => {
		let edges = 0;
		for (let seed = 0; seed < 10; seed++) {
			const sites = scatter(seed, 60, 15_000);
			const expected: [string, string][] = [];
			for (const a of sites)
				for (const b of sites) if (a.id < b.id && disturb(a, b)) expected.push([a.id, b.id]);
			expected.sort();
			const graph = new ConflictGraph(sites, rule);
			expect(graph.edges().sort()).toEqual(expected);
			edges += expected.length;
			for (const [a, b] of expected.slice(0, 20)) {
				expect(graph.conflict(a, b) && graph.conflict(b, a)).toBe(true);
				expect(graph.neighbours(a).has(b)).toBe(true);
			}
		}
		if (rule.kind === 'interference' || rule.percent > 0) expect(edges).toBeGreaterThan(20);
		else expect(edges).toBe(0);
	});

	function disturb(a: Transmitter, b: Transmitter): boolean {
		if (rule.kind === 'distance') return tooClose(a, b, rule.percent);
		return a.band === b.band && (isHeard(a, b) || isHeard(b, a));
	}

	/** The rule itself: power at the other's place. */
	function isHeard(from: Transmitter, at: Transmitter): boolean {
		if (rule.kind === 'distance') return false;
		const plan = bandPlan(from.band);
		const received = receivedMilliDbm(rule.model, from.eirpMilliDbm, {
			frequencyHz: plan.centreFrequencyHz(plan.channels[0]!),
			distanceCm: Math.floor(Math.sqrt(squaredDistanceCm2(from, at))),
			transmitterHeightCm: from.antennaHeightCm,
			receiverHeightCm: USER_HEIGHT_CM
		});
		return received > (rule.thresholdMilliDbm ?? INTERFERENCE_THRESHOLD_MILLI_DBM);
	}
});

describe('reach', () => {
	it('ends where the power is the threshold', () => {
		const [site] = scatter(1, 1, 0);
		const reach = interferenceReachCm({ ...site!, eirpMilliDbm: 20_000, band: '5GHz' }, 'umi-los');
		// 102 dB in sight of 20 dBm at 5.18 GHz: some 400 m.
		expect(reach).toBeGreaterThan(20_000);
		expect(reach).toBeLessThan(60_000);
	});

	it('is nothing for who is never heard, and bounded for who is heard everywhere', () => {
		const [site] = scatter(1, 1, 0);
		expect(interferenceReachCm({ ...site!, eirpMilliDbm: -50_000 }, 'umi-los')).toBe(-1);
		expect(interferenceReachCm({ ...site!, eirpMilliDbm: 80_000 }, 'inh-los', -200_000)).toBeLessThan(
			60_000_000
		);
	});

	it('of the strongest radios makes a graph too, everyone with everyone', () => {
		const sites = scatter(2, 12, 5_000).map((site) => ({
			...site,
			eirpMilliDbm: 80_000,
			band: 'CBRS' as const
		}));
		expect(new ConflictGraph(sites, { kind: 'interference', model: 'free-space' }).edges()).toHaveLength(66);
	});
});

it('of three thousand sites takes no scan', () => {
	const sites = scatter(5, 3000, 400_000);
	let looked = 0;
	const counted = sites.map((site) => ({
		...site,
		get latitudeMicrodegrees() {
			looked++;
			return site.latitudeMicrodegrees;
		}
	}));
	new ConflictGraph(counted, { kind: 'distance', percent: 100 });
	expect(looked).toBeLessThan(100 * sites.length);
});
