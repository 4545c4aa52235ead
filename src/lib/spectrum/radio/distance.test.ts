import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Site } from '../access-point.ts';
import { FAR_CM, cosineE6, squaredDistanceCm2, tooClose } from './distance.ts';

const EARTH_RADIUS_CM = 637_100_880;

describe('cosine', () => {
	it('is within 0.004 % of the cosine, and a millionth', () => {
		for (let latitude = 0; latitude <= 85_000_000; latitude += 12_347) {
			const exact = Math.cos((latitude / 1e6) * (Math.PI / 180)) * 1e6;
			expect(Math.abs(cosineE6(latitude) - exact)).toBeLessThan(exact * 4e-5 + 2);
			expect(cosineE6(-latitude)).toBe(cosineE6(latitude));
		}
		expect(cosineE6(90_000_000)).toBe(0);
		expect(cosineE6(60_000_000)).toBe(500_000);
	});
});

describe('distance', () => {
	it('is within 0.02 % and a foot of the great circle, up to 20 km and 60 degrees', () => {
		const degree = fc.integer({ min: -60_000_000, max: 60_000_000 });
		const step = fc.integer({ min: -90_000, max: 90_000 });
		fc.assert(
			fc.property(degree, degree, step, step, (latitude, longitude, north, east) => {
				const a = position(latitude, longitude);
				const b = position(latitude + north, longitude + east);
				const exact = haversineCm(a, b);
				expect(Math.abs(Math.sqrt(squaredDistanceCm2(a, b)) - exact)).toBeLessThan(exact * 2e-4 + 30);
				expect(squaredDistanceCm2(b, a)).toBe(squaredDistanceCm2(a, b));
			}),
			{ seed: 1, numRuns: 2000 }
		);
	});

	it('goes the short way round the antimeridian', () => {
		const west = position(0, 179_999_000);
		const east = position(0, -179_999_000);
		expect(Math.sqrt(squaredDistanceCm2(west, east))).toBeCloseTo(22_239, -1);
	});

	it('counts what is far as far, in numbers that stay exact', () => {
		const most = squaredDistanceCm2(position(-85_000_000, 0), position(85_000_000, 179_999_999));
		expect(most).toBeLessThanOrEqual(2 * FAR_CM * FAR_CM);
		expect(Number.isSafeInteger(most)).toBe(true);
		fc.assert(
			fc.property(
				fc.integer({ min: -85e6, max: 85e6 }),
				fc.integer({ min: -180e6, max: 180e6 }),
				(latitude, longitude) => {
					expect(
						Number.isSafeInteger(squaredDistanceCm2(position(latitude, longitude), position(1, 2)))
					).toBe(true);
				}
			),
			{ seed: 2, numRuns: 500 }
		);
	});
});

describe('conflict', () => {
	const here = site('a', 0, 60);

	it('is below r1 + r2, not at it', () => {
		// 1000 micro-degrees of latitude are 11,119 cm.
		expect(tooClose(here, site('b', 1000, 51), 100)).toBe(false);
		expect(tooClose(here, site('b', 1000, 52), 100)).toBe(true);
	});

	it('scales with the percentage, down to none', () => {
		expect(tooClose(here, site('b', 1000, 51), 102)).toBe(true);
		expect(tooClose(here, site('b', 1000, 200), 40)).toBe(false);
		expect(tooClose(here, site('b', 0, 60), 0)).toBe(false);
	});

	it('needs one band', () => {
		expect(tooClose(here, { ...site('b', 0, 60), band: '6GHz' }, 100)).toBe(false);
	});
});

function position(latitudeMicrodegrees: number, longitudeMicrodegrees: number) {
	return { latitudeMicrodegrees, longitudeMicrodegrees };
}

function site(id: string, latitudeMicrodegrees: number, coverageRadiusM: number): Site {
	return { id, latitudeMicrodegrees, longitudeMicrodegrees: 0, coverageRadiusM, band: '5GHz' };
}

function haversineCm(a: ReturnType<typeof position>, b: ReturnType<typeof position>): number {
	const radians = (microdegrees: number) => ((microdegrees / 1e6) * Math.PI) / 180;
	const north = Math.sin(radians(b.latitudeMicrodegrees - a.latitudeMicrodegrees) / 2) ** 2;
	const east = Math.sin(radians(b.longitudeMicrodegrees - a.longitudeMicrodegrees) / 2) ** 2;
	const cosines = Math.cos(radians(a.latitudeMicrodegrees)) * Math.cos(radians(b.latitudeMicrodegrees));
	return 2 * EARTH_RADIUS_CM * Math.asin(Math.sqrt(north + cosines * east));
}
