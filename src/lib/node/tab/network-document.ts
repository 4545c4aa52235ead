/** What a tab needs before it can speak to the network: the relay's `GET /api/v1/network`, checked. */
import type { LinkSettings } from '../../network/port-messages.ts';
import { PROTOCOL_VERSION } from '../../wire/protocol-version.ts';
import { ApiError } from '../api.ts';
import { base64ToBytes } from '../api/base64url.ts';
import { DEFAULT_TIMING, type Timing } from '../timing.ts';

export interface RelayPlace {
	/** Hex of its public key; empty where an older relay does not say. */
	id: string;
	/** As the operator calls it; empty for a relay that is alone. */
	name: string;
	/** Multiaddr, with the identity of the relay at its end. */
	address: string;
}

export interface NetworkDocument {
	/** Hex of the genesis hash. */
	chainId: string;
	/** Encoded Genesis. */
	genesis: Uint8Array;
	suite: string;
	/** Every replica of the Booter, the one on which this page came first: this node keeps a link to each. */
	relays: RelayPlace[];
	iceServers: LinkSettings['iceServers'];
	/** Taken from one peer; undefined where an older relay does not say. */
	maxFramesPerSecond: number | undefined;
	timing: Timing;
	mechanism: string;
}

/** A document is some kilobytes; members of every partition are the most of it. */
const MAX_DOCUMENT_CHARACTERS = 1_000_000;

/** Of a Booter's cluster; each costs this tab a connection. */
const MAX_REPLICAS = 5;
/** Spoken by relays that do not say. */
const FIRST_PROTOCOL = 1;
/** Ids and names are shorter. */
const MAX_WORD_CHARACTERS = 128;

/** @throws ApiError NotConnected where there is no relay, ProtocolMismatch where it speaks another version of the protocol */
export async function fetchNetworkDocument(url: string, signal?: AbortSignal): Promise<NetworkDocument> {
	return parseNetworkDocument(await fetchNetworkText(url, signal));
}

/** The document as the relay wrote it. @throws ApiError NotConnected */
export async function fetchNetworkText(url: string, signal?: AbortSignal): Promise<string> {
	try {
		const response = await fetch(url, { signal, cache: 'no-store' });
		const text = await response.text();
		if (!response.ok) throw new Error(`it answered ${response.status}`);
		return text;
	} catch (cause) {
		throw new ApiError('NotConnected', `the relay is not reached: ${(cause as Error).message}`);
	}
}

/** @throws ApiError NotConnected, ProtocolMismatch */
export function parseNetworkDocument(text: string): NetworkDocument {
	try {
		if (text.length > MAX_DOCUMENT_CHARACTERS) throw new Error('it is too long');
		const document = JSON.parse(text) as Record<string, never>;
		checkProtocol(document);
		if (
			typeof document.chainId !== 'string' ||
			typeof document.genesis !== 'string' ||
			typeof document.suite !== 'string'
		)
			throw new Error('chainId, genesis or suite is missing');
		return {
			chainId: document.chainId,
			genesis: base64ToBytes(document.genesis),
			suite: document.suite,
			relays: relaysOf(document),
			iceServers: document.iceServers as LinkSettings['iceServers'],
			maxFramesPerSecond: frameRateOf(document.maxFramesPerSecond),
			timing: timingOf(document.timeouts as Partial<Timing> | undefined),
			mechanism: (document.spectrum as { mechanism?: string } | undefined)?.mechanism ?? 'greedy'
		};
	} catch (cause) {
		if (cause instanceof ApiError) throw cause;
		throw new ApiError(
			'NotConnected',
			`the relay's description of the network cannot be read: ${(cause as Error).message}`
		);
	}
}

/** Before anything else of the document is read: what it means may be another. */
function checkProtocol(document: { protocol?: unknown; chainId?: unknown }): void {
	const unsaid = typeof document.chainId === 'string' ? FIRST_PROTOCOL : null;
	const { protocol = unsaid } = document;
	if (!Number.isSafeInteger(protocol)) throw new Error('its protocol is no version');
	if (protocol === PROTOCOL_VERSION) return;
	const which = (protocol as number) > PROTOCOL_VERSION ? 'newer' : 'older';
	throw new ApiError(
		'ProtocolMismatch',
		`the relay speaks version ${String(protocol)} of the protocol, which is ${which} than this page's ${PROTOCOL_VERSION}; reload the page`
	);
}

/** @throws Error where the document names no relay */
function relaysOf(document: { relay?: unknown; replicas?: unknown }): RelayPlace[] {
	const { peerId, multiaddrs } = (document.relay ?? {}) as { peerId?: unknown; multiaddrs?: unknown };
	if (!Array.isArray(multiaddrs) || !multiaddrs.every((address) => typeof address === 'string'))
		throw new Error('it names no relay');
	const [address] = multiaddrs;
	if (address === undefined) throw new Error('it names no relay');
	const replicas = readReplicas(document.replicas ?? []);
	const own = replicas.find((replica) => replica.peerId === peerId);
	const others = replicas.filter((replica) => replica !== own);
	return [
		{ id: own?.id ?? '', name: own?.name ?? '', address },
		...others.flatMap(({ id, name, addresses: [first] }) =>
			first === undefined ? [] : [{ id, name, address: first }]
		)
	];
}

interface ReplicaEntry {
	id: string;
	peerId: string;
	name: string;
	addresses: string[];
}

function readReplicas(replicas: unknown): ReplicaEntry[] {
	if (!Array.isArray(replicas) || replicas.length > MAX_REPLICAS || !replicas.every(isReplica))
		throw new Error('its replicas are no list of relays');
	return replicas;
}

function isReplica(entry: unknown): entry is ReplicaEntry {
	if (typeof entry !== 'object' || entry === null) return false;
	const { id, peerId, name, addresses } = entry as Partial<Record<keyof ReplicaEntry, unknown>>;
	const words = [id, peerId, name];
	return (
		words.every((word) => typeof word === 'string' && word.length <= MAX_WORD_CHARACTERS) &&
		Array.isArray(addresses) &&
		addresses.every((address) => typeof address === 'string')
	);
}

function frameRateOf(value: unknown): number | undefined {
	return typeof value === 'number' && value >= 1 && Number.isFinite(value) ? value : undefined;
}

function timingOf(timeouts: Partial<Timing> = {}): Timing {
	const timing = { ...DEFAULT_TIMING };
	for (const name of Object.keys(timing) as (keyof Timing)[]) {
		const value = timeouts[name];
		if (typeof value === 'number' && value > 0 && value <= 3_600_000) timing[name] = value;
	}
	return timing;
}
