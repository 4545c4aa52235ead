import { describe, expect, it } from 'vitest';
import {
	adjacentChannelMilliDb,
	capacityBitsPerSecond,
	milliwatts,
	noiseMilliDbm,
	receivedMilliDbm,
	sinrMilliDb
} from './link-budget.ts';
import type { Link } from './path-loss.ts';

const CHANNEL_HZ = 20_000_000;
const link = (distanceM: number): Link => ({
	frequencyHz: 5_180_000_000,
	distanceCm: distanceM * 100,
	transmitterHeightCm: 1000,
	receiverHeightCm: 150
});

describe('noise', () => {
	it('is thermal noise and the noise figure', () => {
		expect(noiseMilliDbm(1, 0)).toBe(-173_975);
		expect(noiseMilliDbm(CHANNEL_HZ)).toBe(-93_965);
		expect(noiseMilliDbm(10_000_000)).toBe(-96_975);
	});
});

describe('adjacent channels', () => {
	it.each([
		[0, 0],
		[5, -1.14],
		[10, -2.97],
		[15, -6.23],
		[20, -23.41],
		[25, -29.8],
		[40, -39.73],
		[500, -39.73]
	])('%i MHz beside: %f dB', (offsetMhz, db) => {
		expect(adjacentChannelMilliDb(offsetMhz * 1e6)).toBe(Math.round(db * 1000));
		expect(adjacentChannelMilliDb(-offsetMhz * 1e6)).toBe(Math.round(db * 1000));
		// A channel of half the width has a mask of half the width.
		expect(adjacentChannelMilliDb((offsetMhz * 1e6) / 2, CHANNEL_HZ / 2)).toBe(Math.round(db * 1000));
	});

	it('fall all the way', () => {
		for (let khz = 100; khz < 60_000; khz += 100)
			expect(adjacentChannelMilliDb(khz * 1000)).toBeLessThanOrEqual(
				adjacentChannelMilliDb((khz - 100) * 1000)
			);
	});
});

describe('the worked case: UMi LOS, 5.18 GHz, 20 dBm, link of 50 m, co-channel interferer at 150 m', () => {
	const signal = receivedMilliDbm('umi-los', 20_000, link(50));
	const interferer = receivedMilliDbm('umi-los', 20_000, link(150));
	const noise = noiseMilliDbm(CHANNEL_HZ);

	it('has 9.87 dB and 68.4 Mb/s', () => {
		const sinr = sinrMilliDb(signal, noise, [interferer]);
		expect(Math.abs(sinr - 9_870)).toBeLessThanOrEqual(50);
		expect(capacityBitsPerSecond(CHANNEL_HZ, sinr) / 1e6).toBeCloseTo(68.4, 1);
	});

	it('has 209.3 Mb/s without the interferer, within 0.05 dB', () => {
		const sinr = sinrMilliDb(signal, noise, []);
		const wanted = 10 * Math.log10(2 ** (209.3e6 / CHANNEL_HZ) - 1);
		expect(Math.abs(sinr / 1000 - wanted)).toBeLessThan(0.05);
		expect(Math.abs(capacityBitsPerSecond(CHANNEL_HZ, sinr) / 209.3e6 - 1)).toBeLessThan(0.002);
	});

	it('gains by an interferer one channel further', () => {
		const beside = interferer + adjacentChannelMilliDb(CHANNEL_HZ);
		expect(sinrMilliDb(signal, noise, [beside])).toBeGreaterThan(29_000);
	});
});

describe('sums', () => {
	it('are made in mW', () => {
		expect(milliwatts(0)).toBe(1);
		expect(sinrMilliDb(0, -300_000, [0])).toBe(0);
		expect(sinrMilliDb(0, -300_000, [0, 0])).toBe(-3_010);
		expect(capacityBitsPerSecond(1_000_000, 0)).toBe(1_000_000);
		expect(capacityBitsPerSecond(1_000_000, -300_000)).toBe(0);
	});
});
