import { describe, expect, it } from 'vitest';
import { NOBODY_HEARD } from '#lib/node/study/study.ts';
import { HEAT_MAX_DB, HEAT_MIN_DB, heatColor, heatPixels } from './heat-colors.ts';

/** Relative luminance, as WCAG has it. */
function luminance([red, green, blue]: readonly number[]): number {
	const linear = (value: number): number => ((value / 255 + 0.055) / 1.055) ** 2.4;
	return 0.2126 * linear(red!) + 0.7152 * linear(green!) + 0.0722 * linear(blue!);
}

describe('the colours of SINR', () => {
	it('grow lighter with every decibel, so that hue is not needed', () => {
		let before = -1;
		for (let db = HEAT_MIN_DB; db <= HEAT_MAX_DB; db++) {
			const now = luminance(heatColor(db));
			expect(now).toBeGreaterThan(before);
			before = now;
		}
	});

	it('end where the scale ends', () => {
		expect(heatColor(-100)).toEqual(heatColor(HEAT_MIN_DB));
		expect(heatColor(100)).toEqual(heatColor(HEAT_MAX_DB));
	});

	it('leave bare where nobody is heard', () => {
		const pixels = heatPixels({ sinrCentiDb: Int16Array.of(NOBODY_HEARD, 1000) });
		expect(pixels[3]).toBe(0);
		expect([...pixels.slice(4, 7)]).toEqual(heatColor(10));
		expect(pixels[7]).toBeGreaterThan(128);
	});
});
