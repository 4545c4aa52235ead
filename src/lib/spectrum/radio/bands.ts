/**
 * Channel plans: which numbers a band has and where they are. 20 MHz channels of IEEE 802.11 (17.3.8.4.2 and 27.3.23.2 of
 * 802.11-2020/ax: 2407+5n, 5000+5n, 5950+5n MHz) and CBRS in 10 MHz (47 CFR 96: 3550–3700 MHz).
 */

export type Band = '2.4GHz' | '5GHz' | '6GHz' | 'CBRS';
export const BANDS: readonly Band[] = ['2.4GHz', '5GHz', '6GHz', 'CBRS'];

export interface BandPlan {
	/** Ascending. */
	readonly channels: readonly number[];
	readonly widthHz: number;
	/** Bounds how far a conflict reaches, and so the cells of the contract's index. */
	readonly maxCoverageRadiusM: number;
	centreFrequencyHz(channel: number): number;
}

const MHZ = 1_000_000;
/** Outdoor Wi-Fi at its legal EIRP reaches about 200 m. */
const WIFI_MAX_RADIUS_M = 250;
/** A Category B radio on a mast reaches a few kilometres. */
const CBRS_MAX_RADIUS_M = 5_000;

const PLANS: Readonly<Record<Band, BandPlan>> = {
	'2.4GHz': {
		channels: range(1, 13, 1),
		widthHz: 20 * MHZ,
		maxCoverageRadiusM: WIFI_MAX_RADIUS_M,
		centreFrequencyHz: (channel) => (2407 + 5 * channel) * MHZ
	},
	'5GHz': {
		channels: [...range(36, 64, 4), ...range(100, 144, 4), ...range(149, 165, 4)],
		widthHz: 20 * MHZ,
		maxCoverageRadiusM: WIFI_MAX_RADIUS_M,
		centreFrequencyHz: (channel) => (5000 + 5 * channel) * MHZ
	},
	'6GHz': {
		channels: range(1, 233, 4),
		widthHz: 20 * MHZ,
		maxCoverageRadiusM: WIFI_MAX_RADIUS_M,
		centreFrequencyHz: (channel) => (5950 + 5 * channel) * MHZ
	},
	CBRS: {
		// Numbered from 1, as the blocks of 10 MHz from 3550 MHz up.
		channels: range(1, 15, 1),
		widthHz: 10 * MHZ,
		maxCoverageRadiusM: CBRS_MAX_RADIUS_M,
		centreFrequencyHz: (channel) => (3545 + 10 * channel) * MHZ
	}
};

const channelSets = new Map<Band, ReadonlySet<number>>(
	BANDS.map((band) => [band, new Set(PLANS[band].channels)])
);

export function bandPlan(band: Band): BandPlan {
	return PLANS[band];
}

export function isBand(value: unknown): value is Band {
	return BANDS.includes(value as Band);
}

export function isChannel(band: Band, channel: number): boolean {
	return channelSets.get(band)!.has(channel);
}

function range(from: number, to: number, step: number): number[] {
	const numbers: number[] = [];
	for (let number = from; number <= to; number += step) numbers.push(number);
	return numbers;
}
