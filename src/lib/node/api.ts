/**
 * The one surface through which anything talks to a node: the pages, the developer console (`globalThis.tabwave`), tests.
 * Its schema is proto/tabwave/v1/api.proto. Binary ids are lower-case hex; amounts that may pass 2^53 are decimal strings;
 * times are milliseconds since the epoch. Every call rejects with an {@link ApiError}.
 */
import type { LinkStatus } from '../network/network.ts';
import type { HaltCode } from './halt.ts';

export type Role = 'leader' | 'follower' | 'observer';

/** What this tab is doing, as a state that has words. */
export type Activity =
	| 'starting'
	| 'connecting'
	| 'ready' // not a member, synced or not
	| 'joining'
	| 'catching-up'
	| 'voting'
	| 'away' // a member without its partition's links
	| 'offline' // the relay is not reached
	| 'duplicate' // another tab runs this identity
	| 'halted'; // an assertion stopped the node

export interface MemberStatus {
	id: string;
	nickname: string;
	role: 'leader' | 'follower';
	/** Seen within the heartbeat's bound. */
	alive: boolean;
	finalHeight: number;
}

export interface RoundStatus {
	roundId: number;
	view: number;
	/** The furthest phase this node reached. */
	phase: 'pre-prepared' | 'prepared' | 'committed' | 'certified';
	transactions: number;
	prepares: number;
	commits: number;
	startedMs: number;
}

export interface Stuck {
	/** Stable name of the wait, for example `WaitingForCommits`. */
	reason: string;
	/** Who is missing: node ids, or `partition 2`, or `booter`. */
	missing: string[];
	/** Milliseconds until the node next acts by itself; null when only others can act. */
	nextTimeoutMs: number | null;
}

export interface SyncStatus {
	height: number;
	targetHeight: number;
	blocksPerSecond: number;
	/** null until a rate is known */
	secondsLeft: number | null;
	/** `members` and `state`: a node that is far behind fetches a snapshot, first who signs for it, then its state. */
	phase: 'blocks' | 'members' | 'state';
	/** Of the snapshot's state, from 0 to 1; null while blocks are fetched. */
	done: number | null;
}

export interface ReplicaLink {
	id: string;
	/** As the operator calls it; empty for a relay that is alone. */
	name: string;
	path: 'direct' | 'down';
	rttMs: number | null;
}

export interface NodeStatus {
	nodeId: string;
	nickname: string;
	activity: Activity;
	/** null while this node is in no partition. */
	partition: number | null;
	role: Role;
	epoch: number;
	view: number;
	/** Highest height this node executed; above finalHeight it is speculative. */
	height: number;
	finalHeight: number;
	members: MemberStatus[];
	/** q(n) */
	quorum: number;
	/** f(n) */
	faulty: number;
	links: LinkStatus[];
	/** `direct` while this node has a link to one replica of the Booter at least; rttMs is the active one's. */
	relay: { url: string; path: 'direct' | 'down'; rttMs: number | null };
	/** Each replica of the Booter, in the order of genesis. */
	relays: ReplicaLink[];
	/** Which replica of the Booter is active, and in which term of its cluster; null while it elects one. */
	booter: { active: string | null; term: number };
	rounds: RoundStatus[];
	sync: SyncStatus | null;
	stuck: Stuck | null;
	/** Why this node stopped for good; a reload starts it anew. Null while it runs. */
	halted: { code: HaltCode; message: string } | null;
	/** Votes this node sent since it started: Prepares, Commits, Signs and Dones. */
	votes: number;
	storage: {
		kind: 'indexeddb' | 'memory';
		persistent: boolean | null;
		usedBytes: number | null;
		quotaBytes: number | null;
		/** The storage was full: blocks of this height and below are headers alone; 0 where all are whole. */
		headersOnlyTo: number;
		/** The node began with a snapshot: blocks of this height and below are being fetched behind it; 0 where none is missing. */
		missingTo: number;
	};
	crypto: 'webcrypto' | 'portable' | 'simulation';
}

/** What the browser says of it. */
export type BrowserStorage = Omit<NodeStatus['storage'], 'headersOnlyTo' | 'missingTo'>;

export interface JoinOptions {
	partition?: number;
	nickname?: string;
	/** From the join link. */
	invitation?: string;
}

export interface NetworkInfo {
	chainId: string;
	name: string;
	admission: 'open' | 'invitation';
	partitions: {
		id: number;
		epoch: number;
		members: { id: string; nickname: string }[];
		maxMembers: number;
		leader: string | null;
	}[];
	finalHeight: number;
	/** Names of the contracts of this network. */
	contracts: string[];
}

export interface Head {
	height: number;
	hash: string;
	time: number;
}

export interface Vote {
	member: string;
	nickname: string;
	signature: string;
}

export interface BlockInfo {
	height: number;
	hash: string;
	previousHash: string;
	kind: 'block' | 'membership';
	partition: number;
	epoch: number;
	view: number;
	roundId: number;
	lowerBlockId: string;
	transactionsRoot: string;
	receiptsRoot: string;
	stateDigest: string;
	time: number;
	ballot: { term: number; attempt: number };
	/** This node's storage was full, and it kept the header and its proofs alone: transactions are not told. */
	isHeaderOnly: boolean;
	transactions: TransactionSummary[];
	/** Set where kind is `membership`. */
	membership: MembershipInfo | null;
	/** q of the source partition's Commits; null for a change of members. */
	certificate: { view: number; votes: Vote[]; quorum: number; members: number } | null;
	/** The finality proof. */
	finality: {
		ballot: { term: number; attempt: number };
		byOperator: boolean;
		/** Partitions that had lost their quorum, without which this became final: an override. Mostly none. */
		without: number[];
		partitions: { partition: number; epoch: number; votes: Vote[]; quorum: number; members: number }[];
	};
	sizeBytes: number;
}

export interface MembershipInfo {
	members: { id: string; nickname: string }[];
	joined: string[];
	left: string[];
	evicted: string[];
	/** Of those that were evicted for it; the others were silent. */
	evidence: EvidenceInfo[];
	/** The operator's override for a partition that had lost its quorum; null where the members agreed. */
	recovery: {
		/** Members that went. */
		lost: string[];
		/** The partition ended. */
		retired: boolean;
		/** Since when too few were heard. */
		silentSince: number;
		/** Signed by the relay by itself, as genesis allows. */
		automatic: boolean;
	} | null;
	/** The partition that the upper half of the members began; null where none did. */
	split: { partition: number; members: { id: string; nickname: string }[] } | null;
}

/** What a member has signed and no honest member signs. */
export interface EvidenceInfo {
	member: string;
	nickname: string;
	reason: 'DoubleVote' | 'HiddenLock' | 'ProposalInvalid';
	/** Of the first statement, for example `PREPARE`. */
	kind: string;
	partition: number;
	epoch: number;
	/** The view in a partition; the term between partitions. */
	view: number;
	attempt: number;
	/** The round in a partition; the height between partitions. */
	slot: number;
	first: { digest: string; signature: string };
	/** null where the first is proof alone. */
	second: { digest: string; signature: string } | null;
	/** Of the block that holds it; null while none does. */
	height: number | null;
}

export interface TransactionSummary {
	id: string;
	index: number;
	sender: string;
	contract: string;
	function: string;
	status: 'ok' | 'failed' | 'skipped';
}

export interface EventInfo {
	contract: string;
	kind: string;
	/** As plain JSON by the contract; ids hex, amounts decimal strings. */
	data: unknown;
}

export interface ReceiptInfo {
	transactionId: string;
	status: 'ok' | 'failed' | 'skipped';
	error: string | null;
	message: string | null;
	events: EventInfo[];
	height: number;
	index: number;
	blockHash: string;
}

export interface TransactionInfo extends TransactionSummary {
	state: 'pending' | 'final';
	arguments: unknown;
	nonce: string;
	expiryHeight: number;
	/** The rest is null while pending. */
	height: number | null;
	blockHash: string | null;
	time: number | null;
	receipt: ReceiptInfo | null;
	/** Sibling hashes from the leaf up, with the side they stand on; `valid` was computed in this tab. */
	proof: { root: string; path: { hash: string; side: 'left' | 'right' }[]; valid: boolean } | null;
}

export interface VerifyReport {
	checked: number;
	/** Height and reason of the first block that does not hold; null when all do. */
	firstBad: { height: number; reason: string } | null;
	/** Blocks below a snapshot that are not here yet, and were left out; absent where there are none. */
	missing?: number;
}

/** Occupancy in parts per million, power in milli-dBm, positions in micro-degrees: integers, as on chain. */
export interface ApInfo {
	id: string;
	name: string;
	owner: string;
	ownerNickname: string;
	/** In this node's own AP database. */
	own: boolean;
	latitudeMicrodegrees: number;
	longitudeMicrodegrees: number;
	coverageRadiusM: number;
	eirpMilliDbm: number;
	band: '2.4GHz' | '5GHz' | '6GHz' | 'CBRS';
	/** All channels the AP holds; those that are idle are in both. */
	channels: number[];
	idleChannels: number[];
	occupancyPpm: number;
	/** Columns that the import assigned by its seeded rule, for example `eirp`. */
	assigned: string[];
	/** Height at which it last changed. */
	height: number;
	antennaHeightCm: number;
	/** Height of its first IssueAPChannelInfo. */
	registeredHeight: number;
}

/** What an access point holds, and how busy it is. */
export type ApLoad = Pick<ApInfo, 'channels' | 'idleChannels' | 'occupancyPpm'>;

export interface BidInfo {
	id: string;
	buyerAp: string;
	sellerAp: string;
	channel: number;
	/** Decimal string; empty while it is committed, and where it was forfeited: nobody knows it. */
	price: string;
	buyer: string;
	/** Of a commitment: the last height at which it can be revealed. */
	expiryHeight: number;
	/** `revealed` is a sealed bid that stands as an open one. */
	state: 'open' | 'taken' | 'expired' | 'committed' | 'revealed' | 'forfeited';
	transactionId: string;
	height: number;
	/** By which its buyer chose the seller. */
	mechanism: string;
}

export interface TradeInfo {
	id: string;
	bidId: string;
	buyerAp: string;
	sellerAp: string;
	buyer: string;
	seller: string;
	channel: number;
	/** Decimal string. */
	price: string;
	mechanism: string;
	height: number;
	time: number;
	transactionId: string;
	/** Both access points as this trade left them. */
	buyerAfter: ApLoad;
	sellerAfter: ApLoad;
}

/** A channel that goes back to its seller where its holder does not keep the grant alive. */
export interface GrantInfo {
	/** The access point that holds the channel. */
	ap: string;
	channel: number;
	/** The access point to which it goes back. */
	grantorAp: string;
	/** The bid by which it was bought. */
	bidId: string;
	grantedHeight: number;
	/** The last height at which a heartbeat renews it. */
	expiryHeight: number;
}

export interface SpectrumMetrics {
	aps: number;
	bids: number;
	trades: number;
	/** Sum of prices paid, decimal string. */
	revenue: string;
	/** Must be 0. */
	conflictingPairs: number;
	/** Jain index over channels held by the APs, 0…1. */
	jainIndex: number;
	/** Median and 95th percentile from bid to final trade; null without trades. */
	bidToFinalMs: { p50: number; p95: number } | null;
	meanOccupancyPpm: number;
	mechanism: string;
	/** null until somebody asked for it with `metrics({ optimum: true })`, and where the solver failed. */
	optimum: OptimumInfo | null;
	/** `none`: this node has no solver, and never an optimum. `working`: a newer optimum is on its way. `failed`: the log says why. */
	solver: 'none' | 'idle' | 'working' | 'failed';
	/** Of genesis: two of one band that are nearer than this share of the sum of their radii may not hold one channel. */
	conflictDistancePercent: number;
}

/**
 * How far the market is from the best that it could be. Welfare is counted as mechanisms do, in the ledger's unit: of each trade the
 * buyer's value (1 for each 0.1 % of occupancy that the channel takes off it) less the seller's ask (the same for what it puts on the
 * seller), less the 50 below which no manager acts.
 */
export interface OptimumInfo {
	/** Of the final state that `left` is of: it is measured every 5 seconds at most, `gained` is of now. */
	height: number;
	/** `bound`: it could not be proven in a second, or is of too many; `left` is then what no allocation can pass, `welfareRatio` at least what it says. */
	label: 'optimal' | 'bound';
	/** What the best trades that could be made now would gain, each busy AP buying one channel at most. 0: nothing is left to gain. Decimal string. */
	left: string;
	/** What the trades of the last 60 seconds gained that this node saw become final. Decimal string. */
	gained: string;
	/** gained ÷ (gained + left), 0…1: of what could be gained, how much trades did gain. 1 where nothing is left. */
	welfareRatio: number;
}

export interface ImportReport {
	format: 'nyc-wifi-geojson' | 'cbrs-csv' | 'tabwave-json' | 'tabwave-geojson' | 'tabwave-csv';
	accepted: number;
	rejected: { line: number; reason: string }[];
	assigned: string[];
}

export interface ApiEvents {
	block: {
		height: number;
		hash: string;
		partition: number;
		transactions: number;
		time: number;
		kind: 'block' | 'membership';
	};
	role: { role: Role; partition: number | null; epoch: number; view: number };
	link: LinkStatus;
	trade: TradeInfo;
	ap: ApInfo;
	round: { partition: number; roundId: number; phase: RoundStatus['phase'] };
	view: { partition: number; view: number; leader: string };
	stuck: Stuck | null;
	/** A member was found to lie. */
	evidence: EvidenceInfo;
	/** At most ten times a second. */
	status: NodeStatus;
	log: { timeMs: number; level: 'debug' | 'info' | 'warning' | 'error'; category: string; message: string };
}

/** When a node's manager buys and sells (docs/spectrum.md). Shares are of time, in parts per million. */
export interface ManagerInfo {
	/** An access point that is busy for this share of the time, or more, looks for a channel. */
	buyAtPpm: number;
	/** One that is busy for this share, or less, gives idle channels away. Below half of `buyAtPpm`. */
	sellAtPpm: number;
	/** It gives none away that would make it busier than this; at most 800,000, as the contract has it. */
	sellerCapPpm: number;
	/** What a trade must be worth more than it costs. Decimal string. */
	minimumGain: string;
}

export interface TabwaveApi {
	node: {
		/** Resolves when this tab is a voting member. @throws ApiError PartitionFull, KeyBanned, InvitationRequired, InvitationInvalid, InvitationRevoked, AlreadyMember, TooManyStrangers, Timeout */
		join(options?: JoinOptions): Promise<NodeStatus>;
		status(): Promise<NodeStatus>;
		leave(): Promise<void>;
		network(): Promise<NetworkInfo>;
		setNickname(nickname: string): Promise<void>;
	};
	chain: {
		head(): Promise<Head>;
		/** @throws ApiError NotFound */
		block(heightOrHash: number | string): Promise<BlockInfo>;
		/** Newest first. */
		blocks(options?: { beforeHeight?: number; limit?: number; partition?: number }): Promise<BlockInfo[]>;
		/** @throws ApiError NotFound */
		transaction(id: string): Promise<TransactionInfo>;
		transactionsOf(
			account: string,
			options?: { beforeHeight?: number; limit?: number }
		): Promise<TransactionInfo[]>;
		verify(from?: number, to?: number): Promise<VerifyReport>;
		/** What is known of members that lied: what waits for the ledger first, then the newest that it holds. */
		evidence(): Promise<EvidenceInfo[]>;
	};
	pool: { status(): Promise<{ pending: number; queued: number; rejected: number }> };
	account: {
		id(): Promise<string>;
		/** Decimal string. */
		balance(id?: string): Promise<string>;
		/** Resolves with the receipt when the block is final. @throws ApiError InvalidArgument, PoolFull, Expired, NotConnected */
		transfer(to: string, amount: string | number): Promise<ReceiptInfo>;
	};
	state: {
		/** value and previous.value are hex; `decoded` is the contract's own description. @throws ApiError NotFound */
		get(key: string): Promise<{
			value: string;
			decoded: unknown;
			height: number;
			previous: { value: string | null; height: number } | null;
		}>;
	};
	spectrum: {
		aps(filter?: { own?: boolean; owner?: string }): Promise<ApInfo[]>;
		/** Adds this file's APs to this node's AP database; the manager issues them. `share` takes the i-th of n parts. */
		importAps(
			file: string | File,
			options?: { seed?: number; share?: { index: number; of: number } }
		): Promise<ImportReport>;
		/** Adds seeded APs. */
		generateAps(options: { seed: number; count: number }): Promise<ImportReport>;
		/** Newest first; the last 2,000 are known. */
		bids(options?: { limit?: number }): Promise<BidInfo[]>;
		trades(options?: { limit?: number }): Promise<TradeInfo[]>;
		/** Those that end first come first; none where channels are held for good. */
		grants(): Promise<GrantInfo[]>;
		/**
		 * With `optimum`, the solver (3.5 MB) is loaded and measures where that is due: the answer has what is known by now and does not wait
		 * for it. Ask again for the next one.
		 */
		metrics(options?: { optimum?: boolean }): Promise<SpectrumMetrics>;
		/** Of this node: `optimal` is among them where it has a solver. */
		mechanisms(): Promise<string[]>;
		/**
		 * For this node's own manager. `optimal` loads the solver; while it has no plan that is good enough, the manager goes by `greedy`.
		 * @throws ApiError UnknownMechanism
		 */
		setMechanism(name: string): Promise<void>;
		/** When this node's own manager acts. */
		manager(): Promise<ManagerInfo>;
		/**
		 * From now on, and after a reload; what is not given stays. Bids that stand are not taken back.
		 * @returns all of them as they are now
		 * @throws ApiError ManagerSettings where they cannot be (nothing is changed then), StorageLost, StorageFull
		 */
		setManager(settings: Partial<ManagerInfo>): Promise<ManagerInfo>;
	};
	/** @returns a function that unsubscribes */
	on<K extends keyof ApiEvents>(event: K, listener: (data: ApiEvents[K]) => void): () => void;
}

/** Stable names of what a call may reject with. */
export type ApiErrorName =
	| 'NotFound'
	| 'InvalidArgument'
	| 'NotConnected'
	| 'NotMember'
	| 'AlreadyMember'
	| 'KeyBanned'
	| 'PartitionFull'
	| 'InvitationRequired'
	| 'InvitationInvalid'
	| 'InvitationRevoked'
	| 'TooManyStrangers'
	| 'PoolFull'
	| 'Expired'
	| 'Timeout'
	| 'NodeHalted'
	| 'Duplicate'
	| 'StorageLost'
	| 'StorageFull'
	| 'StorageCorrupt'
	| 'StorageNewer'
	| 'ProtocolMismatch'
	| 'BadFile'
	| 'TooLarge'
	| 'UnknownMechanism'
	| 'ManagerSettings';

export class ApiError extends Error {
	constructor(name: ApiErrorName, message: string) {
		super(message);
		this.name = name;
	}
}
