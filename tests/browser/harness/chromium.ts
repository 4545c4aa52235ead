/** How Chromium is started for the tests: where it is, and whether tabs can reach each other directly. */
import type { LaunchOptions } from '@playwright/test';
import { findBrowser } from '../../../scripts/lib/browser.js';

/**
 * `possible`: direct links form. `by-name`: candidates are .local names, as in a person's browser, and links form where multicast
 * reaches the others. `impossible`: no candidate is found, as where a network blocks it, so everything goes through the relay.
 */
export type WebRtc = 'possible' | 'by-name' | 'impossible';

const COMMON = [
	// The pages are our own, and a container lets nobody but root make the sandbox.
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync'
];

/** Candidates are addresses and not .local names, which need multicast. */
const POSSIBLE = ['--disable-features=WebRtcHideLocalIpsWithMdns'];
/**
 * Leaving the flag above out is not enough on a machine whose multicast reaches itself: this allows no UDP at all. The
 * second name is that of Chromium before 124.
 */
const IMPOSSIBLE = ['', 'force-'].map(
	(prefix) => `--${prefix}webrtc-ip-handling-policy=disable_non_proxied_udp`
);

const FLAGS: Record<WebRtc, string[]> = { possible: POSSIBLE, 'by-name': [], impossible: IMPOSSIBLE };

export function launchOptions(webRtc: WebRtc): LaunchOptions {
	const executablePath = findBrowser();
	if (executablePath === null)
		throw new Error('No Chromium was found. npm test installs one; TABWAVE_CHROMIUM=/path names one.');
	return { executablePath, args: [...COMMON, ...FLAGS[webRtc]] };
}
