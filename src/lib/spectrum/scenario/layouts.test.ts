import { describe, expect, it } from 'vitest';
import { checkedAccessPoint } from '../contract/arguments.ts';
import { accessPointBodyToWire } from '../contract/records.ts';
import { HolderBoard } from '../radio/holder-board.ts';
import { squaredDistanceCm2 } from '../radio/distance.ts';
import { SeededRandom } from '../random.ts';
import { generateAccessPoints } from './generate.ts';
import { LAYOUTS, moved, placesOf, type Layout, type Placement } from './layouts.ts';

const CENTRE = { latitudeMicrodegrees: 40_750_000, longitudeMicrodegrees: -73_980_000 };

function places(layout: Exclude<Layout, 'uniform'>, count: number, spacingM?: number): Placement[] {
	return placesOf(layout, count, CENTRE, new SeededRandom(1), spacingM);
}

function metresBetween(a: Placement, b: Placement): number {
	return Math.sqrt(squaredDistanceCm2(a, b)) / 100;
}

function nearest(all: readonly Placement[], one: Placement): number {
	return Math.min(...all.filter((other) => other !== one).map((other) => metresBetween(one, other)));
}

describe('hex', () => {
	it('is TR 38.901’s grid: 19 sites, each 200 m from its neighbours, in two rings', () => {
		const sites = places('hex', 19);
		for (const site of sites) expect(Math.abs(nearest(sites, site) - 200)).toBeLessThan(1);
		const fromCentre = sites.map((site) => Math.round(metresBetween(sites[0]!, site) / 10) * 10);
		expect(fromCentre.filter((metres) => metres === 200)).toHaveLength(6);
		expect(fromCentre.filter((metres) => metres === 350)).toHaveLength(6);
		expect(fromCentre.filter((metres) => metres === 400)).toHaveLength(6);
	});

	it('takes another spacing, and has each place once however far it goes', () => {
		const sites = places('hex', 300, 50);
		for (const site of sites) expect(Math.abs(nearest(sites, site) - 50)).toBeLessThan(0.5);
	});
});

describe('indoor', () => {
	it('is an office of 120 by 50 m with twelve 20 m apart, then the next office', () => {
		const sites = places('indoor', 36);
		for (const site of sites) expect(Math.abs(nearest(sites, site) - 20)).toBeLessThan(0.3);
		expect(metresBetween(sites[0]!, sites[5]!)).toBeCloseTo(100, 0);
		expect(metresBetween(sites[0]!, sites[12]!)).toBeGreaterThan(120);
	});
});

describe('residential', () => {
	it('has one in each flat, twenty a floor, five floors a house', () => {
		const sites = places('residential', 200);
		expect(new Set(sites.map((site) => site.antennaHeightCm)).size).toBe(5);
		const floor = sites.slice(0, 20);
		for (const one of floor) for (const other of floor) expect(metresBetween(one, other)).toBeLessThan(105);
		for (const one of sites.slice(0, 100))
			for (const other of sites.slice(100)) expect(metresBetween(one, other)).toBeGreaterThan(15);
	});
});

it('moves by so many centimetres, at every latitude', () => {
	for (const latitudeMicrodegrees of [0, 40_750_000, -60_000_000]) {
		const from = { latitudeMicrodegrees, longitudeMicrodegrees: 10_000_000 };
		const to = moved(from, 30_000, 40_000);
		expect(Math.abs(Math.sqrt(squaredDistanceCm2(from, to)) - 50_000)).toBeLessThan(30);
	}
});

describe.each(LAYOUTS)('generated: %s', (layout) => {
	const generated = generateAccessPoints({ seed: 7, count: 150, layout });

	it('are what the contract takes, none in conflict, the same for the same seed', () => {
		expect(generated).toHaveLength(150);
		expect(new Set(generated.map(({ id }) => id)).size).toBe(150);
		const board = new HolderBoard(100);
		for (const ap of generated) {
			checkedAccessPoint(accessPointBodyToWire(ap));
			for (const channel of ap.channels) expect(board.conflicting(ap, channel)).toBeUndefined();
			board.put(ap, ap.channels);
		}
		expect(generateAccessPoints({ seed: 7, count: 150, layout })).toEqual(generated);
		expect(generateAccessPoints({ seed: 8, count: 150, layout })).not.toEqual(generated);
	});

	it('say that nothing of them was measured', () => {
		for (const { assigned } of generated)
			for (const column of ['position', 'eirp', 'coverageRadius', 'antennaHeight', 'occupancy'])
				expect(assigned).toContain(column);
	});
});

it.each([
	[{ count: 0 }],
	[{ count: 1, spacingM: 5 }],
	[{ count: 1, spacingM: 401 }],
	[{ count: 1, spacingM: 50.5 }]
])('refuses %o', (options) => {
	expect(() => generateAccessPoints({ seed: 1, layout: 'hex', ...options })).toThrow(RangeError);
});
