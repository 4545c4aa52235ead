/** What a tab needs before it can speak to the network: the relay's `GET /api/v1/network`, checked. */
import type { LinkSettings } from '../network/port-messages.ts';
import { ApiError } from './api.ts';
import { base64ToBytes } from './base64url.ts';
import { DEFAULT_TIMING, type Timing } from './timing.ts';

export interface NetworkDocument {
	/** Hex of the genesis hash. */
	chainId: string;
	/** Encoded Genesis. */
	genesis: Uint8Array;
	suite: string;
	/** Multiaddrs of the relay, the one on which this page came first. */
	relays: string[];
	iceServers: LinkSettings['iceServers'];
	timing: Timing;
	mechanism: string;
}

/** A document is some kilobytes; members of every partition are the most of it. */
const MAX_DOCUMENT_CHARACTERS = 1_000_000;

/** @throws ApiError NotConnected where there is no relay, or it speaks another language */
export async function fetchNetworkDocument(url: string, signal?: AbortSignal): Promise<NetworkDocument> {
	let text: string;
	try {
		const response = await fetch(url, { signal, cache: 'no-store' });
		text = await response.text();
		if (!response.ok) throw new Error(`it answered ${response.status}`);
	} catch (cause) {
		throw new ApiError('NotConnected', `the relay is not reached: ${(cause as Error).message}`);
	}
	return parseNetworkDocument(text);
}

/** @throws ApiError NotConnected */
export function parseNetworkDocument(text: string): NetworkDocument {
	try {
		if (text.length > MAX_DOCUMENT_CHARACTERS) throw new Error('it is too long');
		const document = JSON.parse(text) as Record<string, never>;
		const relay = document.relay as { multiaddrs?: unknown } | undefined;
		const relays = relay?.multiaddrs;
		if (
			typeof document.chainId !== 'string' ||
			typeof document.genesis !== 'string' ||
			typeof document.suite !== 'string'
		)
			throw new Error('chainId, genesis or suite is missing');
		if (!Array.isArray(relays) || !relays.every((address) => typeof address === 'string'))
			throw new Error('it names no relay');
		return {
			chainId: document.chainId,
			genesis: base64ToBytes(document.genesis),
			suite: document.suite,
			relays: relays.slice(0, 1),
			iceServers: document.iceServers as LinkSettings['iceServers'],
			timing: timingOf(document.timeouts as Partial<Timing> | undefined),
			mechanism: (document.spectrum as { mechanism?: string } | undefined)?.mechanism ?? 'greedy'
		};
	} catch (cause) {
		throw new ApiError(
			'NotConnected',
			`the relay's description of the network cannot be read: ${(cause as Error).message}`
		);
	}
}

function timingOf(timeouts: Partial<Timing> = {}): Timing {
	const timing = { ...DEFAULT_TIMING };
	for (const name of Object.keys(timing) as (keyof Timing)[]) {
		const value = timeouts[name];
		if (typeof value === 'number' && value > 0 && value <= 3_600_000) timing[name] = value;
	}
	return timing;
}
