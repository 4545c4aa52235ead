/** Joins the parts of the relay: the one place that knows which classes they are. */
import type { Server } from 'node:http';
import { toHex } from '#lib/crypto/hex.ts';
import type { Signer, Suite } from '#lib/crypto/suite.ts';
import type { GenesisBlock } from '#lib/ledger/genesis.ts';
import { peerIdOf } from '#lib/network/peer-identity.ts';
import type { BooterService } from './booter-service.ts';
import type { NetworkConfig } from './config/network-ini.ts';
import { RelayNetwork } from './network/relay-host.ts';

export interface CompositionInput {
	config: NetworkConfig;
	suite: Suite;
	genesis: GenesisBlock;
	operator: Signer;
	booter: Signer;
	/** 32 bytes; libp2p proves the same identity. */
	booterSeed: Uint8Array;
	/** File of the SQLite ledger. */
	ledgerPath: string;
	/** Listens already: site, API and libp2p share its port. */
	server: Server;
	/** Origins under which people reach this relay. */
	origins: readonly string[];
	/** A part that cannot go on, for example a ledger that was deleted under it: the relay stops and says why. */
	onFatal(error: Error): void;
}

export interface Composition {
	/** libp2p's name of this relay, as in `/p2p/…`. */
	peerId: string;
	booter: BooterService;
}

/** Starts nothing: the caller starts and stops the Booter, and the Booter its network. */
export function compose(input: CompositionInput): Composition {
	const { relay } = input.config;
	const network = new RelayNetwork({
		server: input.server,
		seed: input.booterSeed,
		maxTabs: relay.reservations,
		maxConnectionsPerSecondPerHost: relay.connectionsPerSecond,
		maxBytesPerSecondPerTab: relay.relayedBytesPerSecond
	});
	// Until the Booter exists: tabs are introduced to each other, and nothing is ordered.
	const partitions = input.genesis.fields.partitions.map(({ id, maxMembers }) => ({
		id,
		epoch: 0,
		members: [],
		maxMembers,
		leader: null
	}));
	return {
		peerId: peerIdOf(toHex(input.booter.publicKey)).toString(),
		booter: {
			start: () => network.start({ packets: () => {}, link: () => {}, violation: () => {} }),
			network: () => ({ finalHeight: 0, partitions }),
			stop: () => network.stop()
		}
	};
}
