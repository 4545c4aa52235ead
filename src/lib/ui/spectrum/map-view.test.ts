import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { fit, originOf, panBy, project, scaleBar, toMetres, toPixel, unproject, zoomAt } from './map-view.ts';
import { accessPoint } from './test-aps.ts';

fc.configureGlobal({ seed: 7 });

const size = { width: 640, height: 480 };

describe('the projection', () => {
	it('measures a known distance: from Times Square down to 34th Street, 1.07 km', () => {
		const here = accessPoint({ latitudeMicrodegrees: 40_758_000, longitudeMicrodegrees: -73_985_500 });
		const there = accessPoint({ latitudeMicrodegrees: 40_748_400, longitudeMicrodegrees: -73_985_700 });
		const origin = originOf([here, there]);
		const a = project(here, origin);
		const b = project(there, origin);
		expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeCloseTo(1067.6, 0);
		expect(a.y).toBeGreaterThan(b.y);
	});

	it('is undone by unproject', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: -80e6, max: 80e6 }),
				fc.integer({ min: -179e6, max: 179e6 }),
				(latitudeMicrodegrees, longitudeMicrodegrees) => {
					const origin = {
						latitude: latitudeMicrodegrees / 1e6 + 0.01,
						longitude: longitudeMicrodegrees / 1e6
					};
					const back = unproject(project({ latitudeMicrodegrees, longitudeMicrodegrees }, origin), origin);
					expect(back.latitude).toBeCloseTo(latitudeMicrodegrees / 1e6, 9);
					expect(back.longitude).toBeCloseTo(longitudeMicrodegrees / 1e6, 9);
				}
			)
		);
	});
});

describe('the view', () => {
	const view = { centre: { x: 120, y: -40 }, metresPerPixel: 2 };

	it('keeps what is under the pointer when it zooms', () => {
		fc.assert(
			fc.property(fc.nat(640), fc.nat(480), fc.double({ min: 0.2, max: 5, noNaN: true }), (x, y, factor) => {
				const before = toMetres({ x, y }, view, size);
				const after = toMetres({ x, y }, zoomAt(view, { x, y }, factor, size), size);
				expect(after.x).toBeCloseTo(before.x, 6);
				expect(after.y).toBeCloseTo(before.y, 6);
			})
		);
	});

	it('follows the pointer when it pans', () => {
		const point = toMetres({ x: 10, y: 10 }, view, size);
		const moved = toPixel(point, panBy(view, 25, -7), size);
		expect(moved).toEqual({ x: 35, y: 3 });
	});

	it('fits every circle', () => {
		const circle = fc.record({
			x: fc.integer({ min: -5000, max: 5000 }),
			y: fc.integer({ min: -5000, max: 5000 }),
			radius: fc.integer({ min: 1, max: 300 })
		});
		fc.assert(
			fc.property(fc.array(circle, { minLength: 1, maxLength: 30 }), (circles) => {
				const fitted = fit(circles, size);
				for (const { x, y, radius } of circles) {
					const pixel = toPixel({ x, y }, fitted, size);
					const reach = radius / fitted.metresPerPixel;
					expect(pixel.x - reach).toBeGreaterThanOrEqual(0);
					expect(pixel.x + reach).toBeLessThanOrEqual(size.width);
					expect(pixel.y - reach).toBeGreaterThanOrEqual(0);
					expect(pixel.y + reach).toBeLessThanOrEqual(size.height);
				}
			})
		);
	});

	it('stays finite without anything to show', () => {
		expect(fit([], size)).toEqual({ centre: { x: 0, y: 0 }, metresPerPixel: 1 });
	});

	it.each([
		[0.5, 50],
		[1.9, 200],
		[7, 1000]
	])('has a round scale bar at %d m a pixel', (metresPerPixel, metres) => {
		expect(scaleBar({ centre: { x: 0, y: 0 }, metresPerPixel }, 150)).toEqual({
			metres,
			pixels: metres / metresPerPixel
		});
	});
});
