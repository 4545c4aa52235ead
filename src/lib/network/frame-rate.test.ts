import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FrameRate } from './frame-rate.ts';
import { FRAME_BURST_S } from './network-limits.ts';

fc.configureGlobal({ seed: 70 });

const tooMany = expect.objectContaining({ name: 'TooManyFrames' });

it('takes the burst at once, and not one frame more', () => {
	const rate = new FrameRate(0);
	for (let i = 0; i < 100 * FRAME_BURST_S; i++) rate.take(100, 0);
	expect(() => rate.take(100, 0)).toThrow(tooMany);
});

it('takes what is allowed for ever, after a pause too', () => {
	const rate = new FrameRate(0);
	for (let ms = 0; ms < 60_000; ms += 10) rate.take(100, ms);
	for (let i = 0; i < 100 * FRAME_BURST_S; i++) rate.take(100, 600_000);
	expect(() => rate.take(100, 600_000)).toThrow(tooMany);
});

it('follows a bound that rises: what a stranger has spent is not a member’s debt', () => {
	const rate = new FrameRate(0);
	for (let i = 0; i < 10 * FRAME_BURST_S; i++) rate.take(10, 0);
	expect(() => rate.take(10, 0)).toThrow(tooMany);
	// A second later a tenth of the burst is there again, whichever bound holds then.
	for (let i = 0; i < 90; i++) rate.take(1_000, 1_000);
	rate.take(Infinity, 1_000);
});

it('never lets more pass than the burst and the rate together, however the frames come', () => {
	fc.assert(
		fc.property(fc.array(fc.nat(200), { maxLength: 3_000 }), (gapsMs) => {
			const rate = new FrameRate(0);
			let ms = 0;
			let taken = 0;
			try {
				for (const gapMs of gapsMs) {
					rate.take(20, (ms += gapMs));
					taken++;
				}
			} catch (error) {
				expect(error).toEqual(tooMany);
			}
			expect(taken).toBeLessThanOrEqual(20 * FRAME_BURST_S + (20 * ms) / 1_000);
		}),
		{ numRuns: 50 }
	);
});
