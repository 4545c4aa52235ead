/** Joins the parts of the relay: the one place that knows which classes they are. */
import type { Signer, Suite } from '#lib/crypto/suite.ts';
import type { GenesisBlock } from '#lib/ledger/genesis.ts';
import type { BooterService } from './booter-service.ts';
import type { NetworkConfig } from './config/network-ini.ts';
import type { HostService } from './host-service.ts';

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
	/** As it listens; the port is known before anything is composed. */
	host: string;
	port: number;
	/** Origins under which people reach this relay. */
	origins: readonly string[];
	/** A part that cannot go on, for example a ledger that was deleted under it: the relay stops and says why. */
	onFatal(error: Error): void;
}

export interface Composition {
	host: HostService;
	booter: BooterService;
}

/** Starts nothing: the caller starts the host, then the Booter, and stops them in the other order. */
export async function compose(input: CompositionInput): Promise<Composition> {
	// Until the libp2p host and the Booter exist: the site and the API are served, and nobody can join.
	const partitions = input.genesis.fields.partitions.map(({ id, maxMembers }) => ({
		id,
		epoch: 0,
		members: [],
		maxMembers,
		leader: null
	}));
	return {
		host: {
			peerId: 'none',
			start: async () => {},
			handleUpgrade: (_request, socket) => socket.destroy(),
			stop: async () => {}
		},
		booter: {
			start: async () => {},
			network: () => ({ finalHeight: 0, partitions }),
			stop: async () => {}
		}
	};
}
