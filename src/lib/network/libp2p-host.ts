/** The libp2p node that a tab or a headless node runs: its parts, and the bounds that differ from libp2p's defaults. */
import { noise } from '@libp2p/noise';
import { yamux } from '@libp2p/yamux';
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2';
import { identify } from '@libp2p/identify';
import type { Libp2p, PeerId, Transport } from '@libp2p/interface';
import { createLibp2p } from 'libp2p';
import {
	DATA_CHANNEL_MESSAGE_BYTES,
	IDLE_CONNECTION_MS,
	MAX_WANTED_PEERS,
	RELAY_DIAL_TIMEOUT_MS
} from './network-limits.ts';
import { privateKeyOf } from './peer-identity.ts';
import { webSocketTransport } from './websocket-transport.ts';

export interface Libp2pHost {
	node: Libp2p;
	reservations: Reservations;
}

/** The part of the circuit transport that its index does not export; asking it directly needs no discovery. */
export interface Reservations {
	hasReservation(relay: PeerId): boolean;
	addRelay(relay: PeerId, type: 'configured'): Promise<unknown>;
}

/** @param rtcConfiguration - null leaves WebRTC out: every link goes through the relay */
export async function startLibp2p(
	seed: Uint8Array,
	rtcConfiguration: RTCConfiguration | null
): Promise<Libp2pHost> {
	const privateKey = await privateKeyOf(seed);
	const circuit = circuitRelayTransport();
	let reservations: Reservations | undefined;
	// @libp2p/webrtc in Node.js would load a native module; there it is not wanted.
	const webRtc = rtcConfiguration
		? (await import('@libp2p/webrtc')).webRTC({
				rtcConfiguration,
				dataChannel: { maxMessageSize: DATA_CHANNEL_MESSAGE_BYTES }
			})
		: null;
	const node = await createLibp2p({
		privateKey,
		// Nothing to listen on: the relay's stop protocol and the WebRTC signalling are handlers, and peers build our
		// address from the relay's and our id.
		addresses: { listen: [] },
		transports: [
			webSocketTransport(),
			(components) => {
				const transport = circuit(components) as Transport & { reservationStore: Reservations };
				reservations = transport.reservationStore;
				return transport;
			},
			...(webRtc ? [webRtc] : [])
		],
		connectionEncrypters: [noise()],
		streamMuxers: [yamux()],
		// Declared as needed by the circuit; nobody here asks what it would tell, so it stays silent.
		services: { identify: identify({ runOnConnectionOpen: false }) },
		// The default refuses plain ws and private addresses, which is what a classroom has.
		connectionGater: { denyDialMultiaddr: () => false },
		connectionManager: {
			maxConnections: 3 * MAX_WANTED_PEERS,
			// The addresses of all relayed peers begin with the relay's: a rate per host would bound the whole partition.
			inboundConnectionThreshold: 10_000,
			maxIncomingPendingConnections: MAX_WANTED_PEERS,
			inboundUpgradeTimeout: IDLE_CONNECTION_MS,
			addressDialTimeout: RELAY_DIAL_TIMEOUT_MS,
			// relay-keeper.ts does this for ever; libp2p's own loop stops at the first failure.
			reconnectRetries: 0
		},
		// Links measure themselves on their own stream (framed-network.ts); this one opens a stream per ping.
		connectionMonitor: { enabled: false }
	});
	return { node, reservations: reservations! };
}
