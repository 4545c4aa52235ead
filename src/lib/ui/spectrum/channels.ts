/** Channels as the map and the tables show them: a name, a frequency and a colour that neighbours do not share. */
import type { ApInfo } from '../types.ts';

type Band = ApInfo['band'];

export interface ChannelKey {
	band: Band;
	channel: number;
}

/** Centre frequency in MHz. Sources: IEEE 802.11-2020 Annex E; CBRS (47 CFR 96) in 10 MHz steps from 3550. */
export function centreMhz({ band, channel }: ChannelKey): number {
	if (band === '2.4GHz') return 2407 + 5 * channel;
	if (band === '5GHz') return 5000 + 5 * channel;
	if (band === '6GHz') return 5950 + 5 * channel;
	return 3545 + 10 * channel;
}

/**
 * Hue in degrees. Steps of the golden angle set channels that lie beside each other far apart, and a channel keeps its
 * hue whatever else is on the map.
 */
export function channelHue({ band, channel }: ChannelKey): number {
	const offset = { '2.4GHz': 200, '5GHz': 25, '6GHz': 300, CBRS: 100 }[band];
	// Channels of a band that do not overlap stand 4 or 5 numbers apart, those of CBRS 1.
	const step = {
		'2.4GHz': (channel - 1) / 5,
		'5GHz': (channel - 36) / 4,
		'6GHz': (channel - 1) / 4,
		CBRS: channel
	}[band];
	return Math.round((((offset + step * 137.508) % 360) + 360) % 360);
}

/** @param dark which theme it is drawn on */
export function channelColor(key: ChannelKey, dark: boolean, alpha = 1): string {
	const lightness = dark ? 0.78 : 0.53;
	return `oklch(${lightness} 0.13 ${channelHue(key)} / ${alpha})`;
}
