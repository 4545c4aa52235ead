import { expect, it } from 'vitest';
import { BANDS, bandPlan, isBand, isChannel } from './bands.ts';

it('knows the centre frequencies of the design', () => {
	expect(bandPlan('2.4GHz').centreFrequencyHz(6)).toBe(2_437_000_000);
	expect(bandPlan('5GHz').centreFrequencyHz(36)).toBe(5_180_000_000);
	expect(bandPlan('6GHz').centreFrequencyHz(1)).toBe(5_955_000_000);
	expect(bandPlan('CBRS').centreFrequencyHz(1)).toBe(3_555_000_000);
	expect(bandPlan('CBRS').centreFrequencyHz(15)).toBe(3_695_000_000);
});

it('has the channels of each band, ascending', () => {
	expect(BANDS.map((band) => bandPlan(band).channels.length)).toEqual([13, 25, 59, 15]);
	for (const band of BANDS) {
		const { channels } = bandPlan(band);
		expect([...channels].sort((a, b) => a - b)).toEqual(channels);
		expect(channels.every((channel) => isChannel(band, channel))).toBe(true);
	}
	expect(isChannel('5GHz', 37)).toBe(false);
	expect(isChannel('2.4GHz', 14)).toBe(false);
	expect(isBand('7GHz')).toBe(false);
});
