/** Every key of network.ini: the one place for its default, its bounds and its words. */
import {
	BID_COMMIT_HEIGHTS,
	BID_REVEAL_HEIGHTS,
	GENESIS_DEFAULTS,
	GRANT_HEARTBEAT_HEIGHTS,
	MAX_BID_DEPOSIT,
	MAX_CHECKPOINT_INTERVAL,
	MAX_PARTITIONS,
	MAX_PARTITION_MEMBERS,
	MAX_RECOVERY_SILENCE_MS,
	MAX_ROUNDS_IN_FLIGHT
} from '#lib/ledger/genesis.ts';
import { MAX_CONFLICT_DISTANCE_PERCENT } from '#lib/spectrum/contract/limits.ts';
import {
	choice,
	integer,
	list,
	oneOf,
	optional,
	readIceServer,
	readInteger,
	text,
	writeIceServer
} from './values.ts';
import type { KeySpec } from './values.ts';

/**
 * How many replicas of the Booter there may be. An even number stands no more crashes than the odd one below it, and more than
 * five only make each decision slower.
 */
export const REPLICA_COUNTS = [1, 3, 5] as const;
export const MAX_REPLICAS = Math.max(...REPLICA_COUNTS);

const memberCount = {
	read: (found: string) => readInteger(found, 1, MAX_PARTITION_MEMBERS),
	write: String,
	shape: `whole numbers from 1 to ${MAX_PARTITION_MEMBERS}`
};

export const NETWORK_INI = {
	network: {
		name: text(GENESIS_DEFAULTS.name, 64, 'What people see on the join page. Part of genesis.'),
		suite: choice('ed25519-sha256', ['ed25519-sha256'], 'Signature scheme and hash of the whole network.'),
		admission: choice(
			'open',
			['open', 'invitation'],
			'Who may become a member: anybody who has the address, or who holds an invitation signed with the operator key.'
		),
		initialBalance: integer(
			Number(GENESIS_DEFAULTS.initialBalance),
			0,
			1_000_000_000_000,
			'Credited to each identity when it is admitted for the first time, in the smallest unit of money.'
		),
		contracts: list(
			['transfer', 'spectrum'],
			{ min: 1, max: 2 },
			oneOf(['transfer', 'spectrum']),
			'Contracts that run on this network.'
		)
	},
	partitions: {
		count: integer(GENESIS_DEFAULTS.partitions.length, 1, MAX_PARTITIONS, 'Number of partitions.'),
		maxMembers: integer(
			GENESIS_DEFAULTS.partitions[0]!.maxMembers,
			1,
			MAX_PARTITION_MEMBERS,
			'Members that a partition takes.'
		),
		sizes: list(
			[],
			{ min: 0, max: MAX_PARTITIONS },
			memberCount,
			'Members of each partition, in order, where they differ. Takes the place of count and maxMembers.'
		)
	},
	membership: {
		recovery: choice(
			'automatic',
			['manual', 'automatic'],
			'Who says that a partition without a quorum goes on without its lost members: the operator (npm run recover), or the relay by itself.'
		),
		recoverySilenceMs: integer(
			Number(GENESIS_DEFAULTS.recoverySilenceMs),
			1000,
			Number(MAX_RECOVERY_SILENCE_MS),
			'For how long a partition must have been without a quorum before that, in milliseconds.'
		),
		maxPartitions: integer(
			GENESIS_DEFAULTS.maxPartitions,
			0,
			MAX_PARTITIONS,
			'Partitions that there may be at most: a full one splits in two while there are fewer. Below count: none splits.'
		)
	},
	blocks: {
		maxTransactionsPerBlock: integer(
			GENESIS_DEFAULTS.maxTransactionsPerBlock,
			1,
			2000,
			'Transactions in one block.'
		),
		maxTransactionBytes: integer(
			GENESIS_DEFAULTS.maxTransactionBytes,
			256,
			65_536,
			'Size of one transaction, in bytes.'
		),
		maxBlocksPerNext: integer(
			GENESIS_DEFAULTS.maxBlocksPerNext,
			1,
			64,
			'Certified blocks that the Booter orders at once.'
		),
		maxRoundsInFlight: integer(
			GENESIS_DEFAULTS.maxRoundsInFlight,
			1,
			MAX_ROUNDS_IN_FLIGHT,
			'Rounds that a partition runs at the same time.'
		),
		expiryWindow: integer(
			GENESIS_DEFAULTS.expiryWindow,
			10,
			100_000,
			'How far above the head a transaction may expire, in blocks.'
		),
		silenceWindow: integer(
			GENESIS_DEFAULTS.silenceWindow,
			1,
			1_000_000,
			'For how long a declaration of silence holds, in blocks.'
		),
		checkpointInterval: integer(
			GENESIS_DEFAULTS.checkpointInterval,
			0,
			MAX_CHECKPOINT_INTERVAL,
			'Blocks between two checkpoints, from which newcomers go on without what lies before; 0: no checkpoints.'
		),
		batchDelayMs: integer(
			50,
			0,
			5000,
			'How long a leader waits for more transactions before it proposes, in milliseconds.'
		)
	},
	timeouts: {
		heartbeatMs: integer(500, 50, 10_000, 'Between two heartbeats of a member, in milliseconds.'),
		resendMs: integer(500, 50, 60_000, 'Until what was not answered is sent again, in milliseconds.'),
		awayMs: integer(3000, 200, 600_000, 'Silence after which a member counts as away, in milliseconds.'),
		evictionGraceMs: integer(
			20_000,
			1000,
			3_600_000,
			'Silence after which a member is evicted, in milliseconds.'
		),
		viewTimeoutMs: integer(
			4000,
			200,
			600_000,
			'Without progress, until the members ask for another leader, in milliseconds.'
		),
		maxClockSkewMs: integer(
			600_000,
			100,
			86_400_000,
			'How far the time of a block may be from a voter’s clock, in milliseconds.'
		)
	},
	relay: {
		host: text(
			'0.0.0.0',
			255,
			'Address to listen on. 0.0.0.0 is every IPv4 address of this machine; 127.0.0.1 is this machine alone.',
			/^[A-Za-z0-9.:_-]+$/,
			'an address or a host name of this machine'
		),
		port: integer(
			7070,
			0,
			65_535,
			'Port of the site, the WebSocket and the API. 0 takes any free port. Unless it is stated, one of [booters] has that of its address.'
		),
		publicUrl: optional(
			text(
				'',
				255,
				'Address in join links, where people come through a proxy or under a name.',
				/^https?:\/\/[A-Za-z0-9.\-[\]:]+$/,
				'an origin such as https://tabwave.example'
			)
		),
		reservations: integer(
			256,
			1,
			10_000,
			'Tabs at the same time: each is reached through the relay until it has direct links.'
		),
		strangers: integer(
			128,
			1,
			10_000,
			'Of them, those that are no members: they have opened the page and not joined yet, or only look on. The rest is kept for members.'
		),
		connectionsPerSecond: integer(
			200,
			1,
			10_000,
			'New connections a second from one address. A class often shares one address.'
		),
		relayedBytesPerSecond: integer(
			33_554_432,
			16_384,
			1_073_741_824,
			'What one member may send to or through the relay, in bytes a second: it is slowed down, not cut off. Who is no member has 65536.'
		),
		maxFramesPerSecond: integer(
			2000,
			10,
			100_000,
			'Frames that one node takes from another, a second, with 12 seconds’ worth at once. A link that passes it is closed for 30 s.'
		),
		requestsPerMinute: integer(600, 10, 1_000_000, 'Requests to the API from one address, a minute.')
	},
	booters: {},
	webrtc: {
		iceServers: list(
			[],
			{ min: 0, max: 8 },
			{
				read: readIceServer,
				write: writeIceServer,
				shape: 'stun:HOST:PORT or turn:HOST:PORT|USER|PASSWORD'
			},
			'STUN and TURN servers for tabs that are not in one local network. Empty: no server outside is asked.'
		)
	},
	logging: {
		level: choice(
			'info',
			['debug', 'info', 'warning', 'error'],
			'The least important message that is written.'
		),
		file: optional(
			text('', 1024, 'File to write the log to as well, from the data directory. Turned over at 10 MB.')
		)
	},
	spectrum: {
		conflictDistancePercent: integer(
			GENESIS_DEFAULTS.conflictDistancePercent,
			1,
			MAX_CONFLICT_DISTANCE_PERCENT,
			'Two access points conflict below this share of the sum of their coverage radii, in percent.'
		),
		mechanism: choice(
			'greedy',
			['seed', 'greedy', 'mcafee', 'veritas', 'trust', 'optimal'],
			'How managers choose among bids.'
		),
		bids: choice(
			'open',
			['open', 'sealed'],
			'Whether everybody sees what is bid at once, or a bid is committed to first and revealed when nobody can adapt to it.'
		),
		bidCommitHeights: integer(
			8,
			...BID_COMMIT_HEIGHTS,
			'Sealed bids: heights in which the commitments of one round are made.'
		),
		bidRevealHeights: integer(
			256,
			...BID_REVEAL_HEIGHTS,
			'Sealed bids: heights after them in which they must be revealed. A tab that reloads should find the time.'
		),
		bidDeposit: integer(
			100,
			1,
			Number(MAX_BID_DEPOSIT),
			'Sealed bids: paid with a commitment, counts towards the price, and is lost where it is not revealed in time.'
		),
		grants: choice(
			'off',
			['off', 'on'],
			'Whether a channel that was bought goes back to its seller when its holder no longer reports that it needs it.'
		),
		grantHeartbeatHeights: integer(
			600,
			...GRANT_HEARTBEAT_HEIGHTS,
			'Grants: heights after which a channel goes back without a heartbeat of its holder.'
		)
	},
	archive: {
		path: optional(text('', 1024, 'Reserved for the archive database.'))
	}
} as const satisfies Record<string, Record<string, KeySpec<unknown>>>;

/** What a section is for. */
export const SECTION_ABOUT: Record<SectionName, string> = {
	network: 'What the network is. Fixed by genesis: a change starts another chain.',
	partitions: 'How many partitions there are, and their sizes. Fixed by genesis.',
	membership: 'How partitions change with their members. Fixed by genesis.',
	blocks: 'Limits of blocks and rounds. Fixed by genesis, but for batchDelayMs.',
	timeouts: 'How long to wait. Only maxClockSkewMs is fixed by genesis.',
	relay: 'This program: where it listens and what it carries.',
	booters:
		'Replicas of the Booter: 1, 3 or 5, a name and an address each, for example  second = 192.0.2.7:7070  Empty: one, without a name. Names are fixed by genesis, addresses are not.',
	webrtc: 'Direct links between tabs.',
	logging: 'What is written down.',
	spectrum: 'The market for idle channels. Fixed by genesis, but for mechanism.',
	archive: 'Reserved.'
};

export type SectionName = keyof typeof NETWORK_INI;
