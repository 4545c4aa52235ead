/** `GET /api/v1/network`: all that a tab needs before it can speak to the network. */
import { isIP } from 'node:net';
import { toHex } from '#lib/crypto/hex.ts';
import type { GenesisBlock } from '#lib/ledger/genesis.ts';
import { Admission } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { peerIdOf } from '#lib/network/peer-identity.ts';
import { PROTOCOL_VERSION } from '#lib/wire/protocol-version.ts';
import { addressSeenFrom } from '../addresses.ts';
import type { BooterNetwork, BooterPartition } from '../booter-service.ts';
import type { NetworkConfig } from '../config/network-ini.ts';
import type { IceServer } from '../config/values.ts';
import type { ReplicaState, ReplicaStatus } from '../replicas.ts';

/** Ids are lower-case hex, times milliseconds. */
export interface NetworkDocument {
	/** Of this document. */
	version: 1;
	/** Of what nodes say to each other, see wire/protocol-version.ts. */
	protocol: number;
	chainId: string;
	/** The hash of genesis is the chain id; both names are in use. */
	genesisHash: string;
	/** Genesis as it was hashed, base64. */
	genesis: string;
	name: string;
	suite: string;
	admission: 'open' | 'invitation';
	contracts: readonly string[];
	finalHeight: number;
	/** Public keys. */
	booters: string[];
	/** Addresses of the relay, the one on which this request came first. */
	relay: { peerId: string; multiaddrs: string[] };
	/** Of the Booter, in the order of `booters`, this relay among them: a tab keeps a link to each. */
	replicas: ReplicaDocument[];
	iceServers: readonly IceServer[];
	partitions: (BooterPartition & { freeSeats: number; joinLink: string })[];
	joinLink: string;
	timeouts: NetworkConfig['timeouts'];
	blocks: NetworkConfig['blocks'];
	maxFramesPerSecond: number;
	/** The rest of it is in genesis alone. */
	spectrum: Pick<NetworkConfig['spectrum'], 'conflictDistancePercent' | 'mechanism'>;
}

export interface ReplicaDocument {
	/** Public key. */
	id: string;
	peerId: string;
	/** As in [booters]; empty for a relay that is alone. */
	name: string;
	/** Multiaddrs, the likeliest first. */
	addresses: string[];
	/** As this relay sees it. */
	state: ReplicaState;
}

export interface NetworkDocumentParts {
	genesis: GenesisBlock;
	config: NetworkConfig;
	network: BooterNetwork;
	peerId: string;
	/** Where this request came in, and then where else people reach this relay; origins such as http://192.168.1.5:7070. */
	origins: readonly string[];
	replicas: readonly ReplicaStatus[];
}

export function networkDocument(parts: NetworkDocumentParts): NetworkDocument {
	const { genesis, config, network, peerId, origins, replicas } = parts;
	// Where both have a value, genesis binds.
	const { fields } = genesis;
	const origin = origins[0]!;
	const multiaddrs = [...new Set(origins)].map((at) => multiaddrOf(at, peerId));
	return {
		version: 1,
		protocol: PROTOCOL_VERSION,
		chainId: toHex(genesis.chainId),
		genesisHash: toHex(genesis.chainId),
		genesis: Buffer.from(genesis.bytes).toString('base64'),
		name: fields.name,
		suite: fields.suite,
		admission: fields.admission === Admission.OPEN ? 'open' : 'invitation',
		contracts: fields.contracts,
		finalHeight: network.finalHeight,
		booters: fields.booters.map(toHex),
		relay: { peerId, multiaddrs },
		replicas: replicas.map((replica) => replicaDocument(replica, origin, multiaddrs)),
		iceServers: config.webrtc.iceServers,
		partitions: network.partitions.map((partition) => ({
			...partition,
			freeSeats: Math.max(0, partition.maxMembers - partition.members.length),
			joinLink: `${origin}/join#p=${partition.id}`
		})),
		joinLink: `${origin}/join`,
		timeouts: { ...config.timeouts, maxClockSkewMs: Number(fields.maxClockSkewMs) },
		blocks: {
			maxTransactionsPerBlock: fields.maxTransactionsPerBlock,
			maxTransactionBytes: fields.maxTransactionBytes,
			maxBlocksPerNext: fields.maxBlocksPerNext,
			maxRoundsInFlight: fields.maxRoundsInFlight,
			expiryWindow: fields.expiryWindow,
			silenceWindow: fields.silenceWindow,
			checkpointInterval: fields.checkpointInterval,
			batchDelayMs: config.blocks.batchDelayMs
		},
		maxFramesPerSecond: config.relay.maxFramesPerSecond,
		spectrum: {
			conflictDistancePercent: fields.conflictDistancePercent,
			mechanism: config.spectrum.mechanism
		}
	};
}

/** Who came here by https finds the other replicas by https, too: a browser lets such a page speak to nobody else. */
function replicaDocument(
	{ id, name, address, state }: ReplicaStatus,
	origin: string,
	own: readonly string[]
): ReplicaDocument {
	const peerId = peerIdOf(id).toString();
	const { protocol, host } = new URL(origin);
	const addresses =
		state === 'self'
			? [...own]
			: address === null
				? []
				: [multiaddrOf(`${protocol}//${addressSeenFrom(host, address)}`, peerId)];
	return { id, peerId, name, addresses, state };
}

/** http://192.168.1.5:7070 → /ip4/192.168.1.5/tcp/7070/ws/p2p/… */
export function multiaddrOf(origin: string, peerId: string): string {
	const { protocol, hostname, port } = new URL(origin);
	const secure = protocol === 'https:';
	const bare = hostname.replace(/^\[|\]$/g, '');
	const kind = isIP(bare) === 4 ? 'ip4' : isIP(bare) === 6 ? 'ip6' : 'dns';
	const tcp = port === '' ? (secure ? '443' : '80') : port;
	return `/${kind}/${bare}/tcp/${tcp}${secure ? '/tls' : ''}/ws/p2p/${peerId}`;
}
