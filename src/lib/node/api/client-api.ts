/** The client API over a running node. It runs where the node runs; a page reaches it through rpc.ts. */
import { fromBinary } from '@bufbuild/protobuf';
import type { Commit } from '../../consensus/ordering/chain.ts';
import { faultyBound, quorum } from '../../consensus/quorum.ts';
import { leaderOf } from '../../consensus/topology.ts';
import { toHex } from '../../crypto/hex.ts';
import type { Suite } from '../../crypto/suite.ts';
import { ACCOUNT_PREFIX, readBalance } from '../../ledger/accounts.ts';
import { isHeaderOnly } from '../../ledger/block.ts';
import { banKey } from '../../ledger/genesis.ts';
import { transferArguments } from '../../ledger/transfer.ts';
import type { LedgerStore } from '../../storage/ledger-store.ts';
import type { QueryTables, TransactionRow } from '../../storage/query-tables.ts';
import { BanStateSchema } from '../../wire/gen/tabwave/v1/contracts_pb.js';
import { Admission, type Evidence } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { LinkStatus } from '../../network/network.ts';
import {
	ApiError,
	type Activity,
	type ApiErrorName,
	type ApiEvents,
	type BlockInfo,
	type BrowserStorage,
	type EvidenceInfo,
	type JoinOptions,
	type NodeStatus,
	type ReceiptInfo,
	type RoundStatus,
	type TabwaveApi,
	type TransactionInfo
} from '../api.ts';
import type { Clock } from '../clock.ts';
import { haltCodeOf } from '../halt.ts';
import type { TabwaveNode } from '../node.ts';
import type { SpectrumService } from '../spectrum/spectrum-service.ts';
import type { Timing } from '../timing.ts';
import { verifyChain } from '../sync/verify-chain.ts';
import {
	accountOf,
	amountOf,
	heightOf,
	hexBytes,
	hexOf,
	invitationOf,
	limitOf,
	managerSettingsOf,
	nicknameOf,
	optionsOf,
	pageOf,
	partitionOf,
	seedOf,
	textOf
} from './api-arguments.ts';
import {
	blockInfo,
	readBlock,
	replicaLinks,
	receiptInfo,
	transactionInfo,
	type ReadBlock
} from './describe.ts';
import { evidenceInfo } from './describe-membership.ts';
import { Emitter } from './emitter.ts';
import type { QueryFiller } from './query-filler.ts';
import { SeatKeeper } from './seat-keeper.ts';
import { stuckOf } from './stuck.ts';

export interface ClientApiInit {
	node: TabwaveNode;
	store: LedgerStore;
	tables: QueryTables;
	filler: QueryFiller;
	spectrum: SpectrumService;
	suite: Suite;
	clock: Clock;
	timing: Timing;
	relayUrl: string;
	/** What the operator calls the replicas of the Booter, by id; none for a relay that is alone. */
	replicaNames?: ReadonlyMap<string, string>;
	nickname: string;
	links(): LinkStatus[];
	storage(): Promise<BrowserStorage>;
	report(error: unknown): void;
}

const JOIN_TIMEOUT_MS = 30_000;
/** A lost request is asked again; the Booter takes a second one as the first. */
const ASK_AGAIN_MS = 1000;
const POLL_MS = 50;
/** A relay that has no room is asked again, and refuses again, well before. */
const REFUSAL_LASTS_MS = 15_000;
const STATUS_INTERVAL_MS = 100;
/** Blocks that are read for their evidence. */
const MAX_EVIDENCE_BLOCKS = 100;
const READ_BYTES = 4_000_000;
/** Own transfers that wait for their block; who has more waits first. */
const MAX_WAITING_TRANSFERS = 20_000;

interface WaitingTransfer {
	expiryHeight: number;
	resolve(receipt: ReceiptInfo): void;
	reject(error: Error): void;
}

export class ClientApi implements TabwaveApi {
	readonly #init: ClientApiInit;
	readonly #node: TabwaveNode;
	readonly #events: Emitter<ApiEvents>;
	readonly #transfers = new Map<string, WaitingTransfer>();
	readonly #stops: (() => void)[] = [];
	readonly #seat: SeatKeeper;
	#nickname: string;
	#joining = false;
	#refusal: { name: string; message: string } | null = null;
	/** The last of them that was no answer to this tab's own wish, and when it came. */
	#linkRefusal: { name: string; atMs: number } | null = null;
	#assignment: { partition: number; finalHeight: number } | null = null;
	#movedMs: number;
	#statusDue = false;
	#lastStuck = 'null';
	#lastRole = '';
	#storage: BrowserStorage = {
		kind: 'indexeddb',
		persistent: null,
		usedBytes: null,
		quotaBytes: null
	};

	constructor(init: ClientApiInit) {
		this.#init = init;
		this.#node = init.node;
		this.#nickname = init.nickname;
		this.#movedMs = init.clock.now();
		this.#events = new Emitter(init.report);
		this.#seat = new SeatKeeper({
			clock: init.clock,
			partition: () => init.node.partition?.id ?? null,
			isBanned: () => init.node.chain.state.row(banKey(init.node.self))?.value != null,
			join: (options) => this.#join(options),
			log: (level, message) =>
				this.#events.emit('log', { timeMs: init.clock.now(), level, category: 'node', message })
		});
		this.#stops.push(
			() => this.#seat.stop(),
			init.clock.every(STATUS_INTERVAL_MS, () => void this.#emitStatus()),
			init.clock.every(5000, () => void this.#refreshStorage())
		);
		void this.#refreshStorage();
	}

	stop(): void {
		for (const stop of this.#stops.splice(0)) stop();
		for (const waiting of this.#transfers.values())
			waiting.reject(new ApiError('NodeHalted', 'the node was stopped'));
		this.#transfers.clear();
	}

	on<K extends keyof ApiEvents>(event: K, listener: (data: ApiEvents[K]) => void): () => void {
		return this.#events.on(event, listener);
	}

	// What the node tells.

	committed(commits: Commit[]): void {
		this.#movedMs = this.#init.clock.now();
		const { chain } = this.#node;
		for (const commit of commits)
			for (const block of commit.blocks) {
				block.transactions.forEach(({ id }, index) => {
					const waiting = this.#transfers.get(id);
					if (!waiting) return;
					this.#transfers.delete(id);
					waiting.resolve(receiptInfo(chain, block.receipts[index]!, block.height, index, block.hash));
				});
				// In order of height, however many came at once: what expired below is not skipped above, it is over.
				this.#expireTransfers(block.height);
				this.#events.emit('block', {
					height: block.height,
					hash: toHex(block.hash),
					partition: block.header.partition,
					transactions: block.transactions.length,
					time: Number(block.header.timeMs),
					kind: block.kind
				});
			}
		this.#expireTransfers(chain.head.height);
		this.#init.spectrum.committed(commits.flatMap((commit) => commit.blocks));
		this.#seat.committed();
		this.changed();
	}

	#expireTransfers(height: number): void {
		for (const [id, waiting] of this.#transfers)
			if (waiting.expiryHeight <= height) {
				this.#transfers.delete(id);
				waiting.reject(
					new ApiError('Expired', 'the transaction was not ordered in time; nothing was paid, try again')
				);
			}
	}

	/** The chain goes on from a snapshot: lists that were kept of its blocks are made again. */
	jumped(missingTo: number): void {
		this.#init.spectrum.jumped();
		this.#init.filler.restart(missingTo);
		this.#seat.committed();
		this.changed();
	}

	/** The blocks below the snapshot are here. */
	filledIn(): void {
		this.#init.filler.restart(0);
		this.changed();
	}

	changed(): void {
		this.#statusDue = true;
	}

	link(status: LinkStatus): void {
		this.#events.emit('link', status);
		this.changed();
	}

	emit<K extends keyof ApiEvents>(event: K, data: ApiEvents[K]): void {
		this.#events.emit(event, data);
	}

	assigned(assignment: { partition: number; finalHeight: number }): void {
		this.#assignment = assignment;
	}

	refused(refusal: { name: string; message: string }): void {
		this.#refusal = refusal;
		if (refusal.name === 'TooManyStrangers')
			this.#linkRefusal = { name: refusal.name, atMs: this.#init.clock.now() };
		// Whoever waits for an answer is told; otherwise nobody asked, and a person reads it in the log.
		if (!this.#joining)
			this.emit('log', {
				timeMs: this.#init.clock.now(),
				level: 'warning',
				category: 'node',
				message: `the relay refused: ${refusal.message} (${refusal.name})`
			});
		this.changed();
	}

	accused(offender: string, evidence: Evidence): void {
		this.#events.emit('evidence', evidenceInfo(offender, evidence, this.#node.chain.topology, null));
		this.changed();
	}

	halted(error: Error): void {
		for (const waiting of this.#transfers.values())
			waiting.reject(new ApiError(haltCodeOf(error), error.message));
		this.#transfers.clear();
		this.changed();
	}

	// What is asked.

	readonly node: TabwaveApi['node'] = {
		join: async (options) => this.#join(optionsOf(options)),
		status: async () => this.#status(),
		leave: () => this.#leave(),
		network: async () => this.#network(),
		setNickname: async (nickname) => {
			this.#nickname = nicknameOf(nickname);
			this.changed();
		}
	};

	readonly chain: TabwaveApi['chain'] = {
		head: async () => {
			const { height, hash, timeMs } = this.#node.chain.head;
			return { height, hash: toHex(hash), time: timeMs };
		},
		block: async (heightOrHash) => blockInfo(this.#node.chain, await this.#block(heightOrHash)),
		blocks: async (options) => this.#blocks(optionsOf(options)),
		transaction: (id) => this.#transaction(id),
		transactionsOf: async (account, options) => {
			const page = pageOf(optionsOf(options));
			return this.#readRows(await this.#init.tables.transactionsOf(hexOf(account, 32), page));
		},
		evidence: () => this.#evidence(),
		verify: async (from = 1, to = this.#node.chain.head.height) => {
			const last = Math.min(heightOf(to), this.#node.chain.head.height);
			return verifyChain(
				this.#node.chain,
				this.#init.store,
				this.#init.suite,
				Math.max(1, heightOf(from)),
				last,
				this.#node.older.missingTo
			);
		}
	};

	readonly pool: TabwaveApi['pool'] = {
		status: async () => ({
			pending: this.#node.pool.size,
			queued: this.#transfers.size,
			rejected: this.#node.pool.rejected
		})
	};

	readonly account: TabwaveApi['account'] = {
		id: async () => this.#node.self,
		balance: async (id) =>
			readBalance(this.#node.chain.state, id === undefined ? this.#node.self : accountOf(id)).toString(),
		transfer: (to, amount) => this.#transfer(to, amount)
	};

	readonly state: TabwaveApi['state'] = {
		get: async (key) => {
			const row = this.#node.chain.state.row(textOf(key, 'a key'));
			if (!row || row.value === null)
				throw new ApiError('NotFound', `no value is stored under "${key.slice(0, 160)}"`);
			return {
				value: toHex(row.value),
				decoded: this.#decoded(key, row.value),
				height: row.height,
				previous: row.previous && {
					value: row.previous.value && toHex(row.previous.value),
					height: row.previous.height
				}
			};
		}
	};

	readonly spectrum: TabwaveApi['spectrum'] = {
		aps: async (filter) => this.#init.spectrum.aps(optionsOf(filter)),
		importAps: async (file, options) => {
			const { seed, share } = optionsOf(options);
			const how = { seed: seed === undefined ? undefined : seedOf(seed), share };
			if (file instanceof Blob) return this.#init.spectrum.import(await file.text(), file.name, how);
			return this.#init.spectrum.import(textOf(file, 'a file'), undefined, how);
		},
		generateAps: async (options) => {
			// These two and no more: what else shapes a scenario is not for callers.
			const { seed, count } = optionsOf(options);
			return this.#init.spectrum.generate({ seed: seedOf(seed), count: count! });
		},
		bids: async (options) => this.#init.spectrum.bids(limitOf(optionsOf(options).limit)),
		trades: async (options) => this.#init.spectrum.trades(optionsOf(options).limit),
		grants: async () => this.#init.spectrum.grants(),
		metrics: async (options) => this.#init.spectrum.metrics(optionsOf(options).optimum === true),
		mechanisms: async () => this.#init.spectrum.mechanisms(),
		setMechanism: async (name) => this.#init.spectrum.setMechanism(textOf(name, 'a mechanism')),
		manager: async () => this.#init.spectrum.manager(),
		setManager: async (settings) => this.#init.spectrum.setManager(managerSettingsOf(settings))
	};

	async #join(options: JoinOptions): Promise<NodeStatus> {
		if (this.#node.partition)
			throw new ApiError('AlreadyMember', `this tab is a member of partition ${this.#node.partition.id}`);
		if (this.#joining) throw new ApiError('AlreadyMember', 'this tab is joining already');
		const partition = partitionOf(options.partition ?? 0);
		const nickname = nicknameOf(options.nickname ?? this.#nickname);
		const signed = options.invitation ? invitationOf(options.invitation) : undefined;
		this.#nickname = nickname;
		this.#joining = true;
		this.#seat.joining(options);
		this.#assignment = null;
		this.#refusal = null;
		try {
			const deadlineMs = this.#init.clock.now() + JOIN_TIMEOUT_MS;
			await this.#until(() => this.#isBooterLinked(), deadlineMs, 'NotConnected', 'the relay is not reached');
			const wish = (): void => this.#node.requestAssignment(partition);
			await this.#until(
				() => this.#assignment !== null,
				deadlineMs,
				'Timeout',
				'the Booter gave no partition',
				wish
			);
			const { partition: assigned, finalHeight } = this.#assignment!;
			// R22: the newcomer is synced first.
			await this.#until(
				() => this.#node.chain.head.height >= finalHeight,
				deadlineMs,
				'Timeout',
				'the chain could not be fetched in time'
			);
			const ask = (): void => this.#node.requestJoin(assigned, nickname, signed);
			await this.#until(
				() => this.#node.partition !== undefined,
				deadlineMs,
				'Timeout',
				'the network did not agree on the join in time',
				ask
			);
			await this.#until(
				() => this.#hasQuorum(),
				deadlineMs,
				'Timeout',
				'this tab is a member, but too few links to other members came up'
			);
			this.#joining = false;
			return this.#status();
		} finally {
			this.#joining = false;
			this.changed();
		}
	}

	async #leave(): Promise<void> {
		if (!this.#node.partition) throw new ApiError('NotMember', 'this tab is no member');
		const deadlineMs = this.#init.clock.now() + JOIN_TIMEOUT_MS;
		this.#seat.leaving();
		await this.#until(
			() => !this.#node.partition,
			deadlineMs,
			'Timeout',
			'the network did not agree on the leave in time',
			() => this.#node.requestLeave()
		);
	}

	/** Waits for a state, asking again at intervals; a refusal of the Booter ends the wait. */
	#until(
		isDone: () => boolean,
		deadlineMs: number,
		name: ApiErrorName,
		message: string,
		ask: () => void = () => {}
	): Promise<void> {
		const { clock } = this.#init;
		return new Promise((resolve, reject) => {
			let askedMs = -Infinity;
			const look = (): void => {
				const refusal = this.#refusal;
				if (isDone()) return resolve();
				const { halted } = this.#node;
				if (halted) return reject(new ApiError(haltCodeOf(halted), halted.message));
				if (refusal) {
					this.#refusal = null;
					return reject(new ApiError(refusalName(refusal.name), refusal.message));
				}
				if (clock.now() > deadlineMs) return reject(new ApiError(name, message));
				if (clock.now() - askedMs >= ASK_AGAIN_MS) {
					askedMs = clock.now();
					ask();
				}
				clock.after(POLL_MS, look);
			};
			look();
		});
	}

	async #transfer(to: string, amount: string | number): Promise<ReceiptInfo> {
		if (!this.#node.partition)
			throw new ApiError('NotMember', 'only a member can send transactions; join first');
		const recipient = hexBytes(to, 32);
		const value = amountOf(amount);
		if (this.#transfers.size >= MAX_WAITING_TRANSFERS)
			throw new ApiError('PoolFull', 'too many transfers wait for their block; try again in a moment');
		const transaction = await this.#node.submit({
			contract: 'transfer',
			function: 'transfer',
			arguments: transferArguments(recipient, value)
		});
		if (!transaction)
			throw new ApiError('PoolFull', 'the pool of waiting transactions is full; try again in a moment');
		return new Promise((resolve, reject) => {
			this.#transfers.set(transaction.id, { expiryHeight: transaction.body.expiryHeight, resolve, reject });
		});
	}

	async #block(heightOrHash: number | string): Promise<ReadBlock> {
		const byHeight = typeof heightOrHash === 'number' || /^\d{1,10}$/.test(textOf(heightOrHash, 'a block'));
		const bytes = byHeight
			? await this.#init.store.block(heightOf(Number(heightOrHash)))
			: await this.#init.store.blockByHash(hexBytes(heightOrHash, 32));
		if (!bytes) throw new ApiError('NotFound', `there is no block ${String(heightOrHash).slice(0, 64)}`);
		return readBlock(this.#node.chain, bytes);
	}

	async #blocks(options: {
		beforeHeight?: number;
		limit?: number;
		partition?: number;
	}): Promise<BlockInfo[]> {
		const { chain } = this.#node;
		const { beforeHeight, limit } = pageOf(options);
		if (options.partition !== undefined) {
			const partition = partitionOf(options.partition);
			const rows = await this.#init.tables.blocks({ beforeHeight, limit, partition });
			return Promise.all(rows.map(async ({ height }) => blockInfo(chain, await this.#block(height))));
		}
		const top = Math.min(chain.head.height, (beforeHeight ?? Infinity) - 1);
		const bottom = Math.max(1, top - limit + 1);
		const found: BlockInfo[] = [];
		for (let height = bottom; height <= top;) {
			const blocks = await this.#init.store.blocks(height, top - height + 1, READ_BYTES);
			if (blocks.length === 0) break;
			for (const bytes of blocks) found.push(blockInfo(chain, readBlock(chain, bytes)));
			height += blocks.length;
		}
		return found.reverse();
	}

	async #evidence(): Promise<EvidenceInfo[]> {
		const { chain, evidence } = this.#node;
		const waiting = evidence
			.held()
			.map(([offender, one]) => evidenceInfo(offender, one, chain.topology, null));
		const heights = new Set<number>();
		for (const { key, value } of chain.state.rows())
			if (value && key.startsWith(banKey(''))) heights.add(fromBinary(BanStateSchema, value).height);
		const held: EvidenceInfo[] = [];
		for (const height of [...heights].sort((a, b) => b - a).slice(0, MAX_EVIDENCE_BLOCKS))
			held.push(...(blockInfo(chain, await this.#block(height)).membership?.evidence ?? []));
		return [...waiting, ...held];
	}

	async #transaction(id: string): Promise<TransactionInfo> {
		const { chain, pool } = this.#node;
		const key = hexOf(id, 32);
		const pending = pool.get(key);
		if (pending) return transactionInfo(chain, pending, null, 0);
		const position = chain.recent.position(key) ?? (await this.#init.tables.transaction(key));
		if (!position) throw new ApiError('NotFound', `no final transaction ${key} is known here`);
		const read = await this.#block(position.height);
		if (isHeaderOnly(read.block))
			throw new ApiError(
				'NotFound',
				`this node's storage was full, and of block ${position.height} it kept the header alone; ask the relay for it`
			);
		return transactionInfo(chain, read.transactions[position.index]!, read, position.index);
	}

	async #readRows(rows: TransactionRow[]): Promise<TransactionInfo[]> {
		const blocks = new Map<number, Promise<ReadBlock>>();
		const found = await Promise.all(
			rows.map(async ({ height, index }) => {
				if (!blocks.has(height)) blocks.set(height, this.#block(height));
				const read = await blocks.get(height)!;
				// The row is still there, and what it points at was given up for room.
				if (isHeaderOnly(read.block)) return [];
				return [transactionInfo(this.#node.chain, read.transactions[index]!, read, index)];
			})
		);
		return found.flat();
	}

	#decoded(key: string, value: Uint8Array): unknown {
		const { chain } = this.#node;
		const owner = key.startsWith(ACCOUNT_PREFIX) ? 'transfer' : key.slice(0, key.indexOf('/'));
		return chain.contracts.get(owner)?.describeState?.(key, value) ?? null;
	}

	#network(): ReturnType<TabwaveApi['node']['network']> extends Promise<infer T> ? T : never {
		const { chain } = this.#node;
		const { fields } = chain.genesis;
		return {
			chainId: toHex(chain.chainId),
			name: fields.name,
			admission: fields.admission === Admission.OPEN ? 'open' : 'invitation',
			partitions: chain.topology.partitions().map(({ id, epoch, members, maxMembers, nicknames }) => ({
				id,
				epoch,
				members: members.map((member) => ({ id: member, nickname: nicknames.get(member) ?? '' })),
				maxMembers,
				leader:
					members.length > 0
						? leaderOf(members, this.#node.pbft?.partition === id ? this.#node.pbft.view : 0)
						: null
			})),
			finalHeight: chain.head.height,
			contracts: fields.contracts
		};
	}

	#status(): NodeStatus {
		const { chain, partition, pbft, self, sync, halted } = this.#node;
		const size = partition?.members.length ?? 0;
		const links = this.#init.links();
		const { booters } = this.#node;
		const active = booters.current;
		// Its link is what counts; while nobody is active, the best of what there is.
		const relay =
			links.find(({ peer, path }) => peer === active?.booter && path !== 'down') ??
			links.find(({ peer, path }) => booters.isBooter(peer) && path !== 'down');
		return {
			nodeId: self,
			nickname: partition?.nicknames.get(self) ?? this.#nickname,
			activity: this.#activity(),
			partition: partition?.id ?? null,
			role: !pbft ? 'observer' : pbft.isLeader ? 'leader' : 'follower',
			epoch: partition?.epoch ?? 0,
			view: pbft?.view ?? 0,
			height: this.#node.voter.height,
			finalHeight: chain.head.height,
			members: (partition?.members ?? []).map((id) => ({
				id,
				nickname: partition!.nicknames.get(id) ?? '',
				role: pbft?.leader === id ? 'leader' : 'follower',
				alive: this.#node.isAlive(id),
				finalHeight: id === self ? chain.head.height : (this.#node.peers.get(id)?.finalHeight ?? 0)
			})),
			quorum: size > 0 ? quorum(size) : 0,
			faulty: faultyBound(size),
			links: links.filter(({ peer }) => !booters.isBooter(peer)),
			relay: {
				url: this.#init.relayUrl,
				path: relay ? 'direct' : 'down',
				rttMs: relay?.rttMs ?? null
			},
			relays: replicaLinks(booters.booters, links, this.#init.replicaNames ?? NO_NAMES),
			booter: { active: active?.booter ?? null, term: active?.term ?? 0 },
			rounds: this.#rounds(),
			sync: sync.status(),
			stuck: this.#stuck(),
			halted: halted && { code: haltCodeOf(halted), message: halted.message },
			votes: this.#node.votes,
			storage: {
				...this.#storage,
				headersOnlyTo: this.#node.headersOnlyTo,
				missingTo: this.#node.older.missingTo
			},
			crypto: this.#init.suite.implementation
		};
	}

	#activity(): Activity {
		if (this.#node.halted) return 'halted';
		const { partition } = this.#node;
		if (this.#node.sync.status()) return 'catching-up';
		if (this.#joining) return 'joining';
		if (!this.#isBooterLinked()) return this.#hasBeenLinked ? 'offline' : 'connecting';
		if (!partition) return 'ready';
		return this.#hasQuorum() ? 'voting' : 'away';
	}

	#rounds(): RoundStatus[] {
		const { pbft } = this.#node;
		const nowMs = this.#init.clock.now();
		return (pbft?.rounds() ?? [])
			.filter(({ phase }) => phase !== 'waiting')
			.map((round) => ({
				roundId: round.roundId,
				view: pbft!.view,
				phase: round.phase as RoundStatus['phase'],
				transactions: round.transactionIds.length,
				prepares: round.prepares.size,
				commits: round.commits.size,
				startedMs: nowMs - pbft!.ageTicks(round) * this.#init.timing.tickMs
			}));
	}

	#stuck(): NodeStatus['stuck'] {
		// It waits for nothing any more.
		if (this.#node.halted) return null;
		const { clock } = this.#init;
		const refusal = this.#linkRefusal;
		return stuckOf(this.#node, {
			isBooterLinked: this.#isBooterLinked(),
			refusal: refusal && clock.now() - refusal.atMs < REFUSAL_LASTS_MS ? refusal.name : null,
			stillMs: this.#init.clock.now() - this.#movedMs,
			timing: this.#init.timing
		});
	}

	#hasBeenLinked = false;

	#isBooterLinked(): boolean {
		const isLinked = this.#init
			.links()
			.some(({ peer, path }) => this.#node.booters.isBooter(peer) && path !== 'down');
		this.#hasBeenLinked ||= isLinked;
		return isLinked;
	}

	#hasQuorum(): boolean {
		const { partition } = this.#node;
		if (!partition) return false;
		return (
			partition.members.filter((member) => this.#node.isAlive(member)).length >=
			quorum(partition.members.length)
		);
	}

	async #emitStatus(): Promise<void> {
		if (!this.#statusDue) return;
		this.#statusDue = false;
		const status = this.#status();
		this.#events.emit('status', status);
		const stuck = JSON.stringify(status.stuck);
		if (stuck !== this.#lastStuck) {
			this.#lastStuck = stuck;
			this.#events.emit('stuck', status.stuck);
		}
		const { role, partition, epoch, view } = status;
		const key = JSON.stringify({ role, partition, epoch, view });
		if (key === this.#lastRole) return;
		this.#lastRole = key;
		this.#events.emit('role', { role, partition, epoch, view });
		if (partition !== null) this.#events.emit('view', { partition, view, leader: this.#node.pbft!.leader });
	}

	async #refreshStorage(): Promise<void> {
		try {
			this.#storage = await this.#init.storage();
			const { usedBytes, quotaBytes } = this.#storage;
			if (usedBytes !== null && quotaBytes !== null)
				await this.#node.roomLeft(quotaBytes - usedBytes, quotaBytes);
		} catch (error) {
			this.#init.report(error);
		}
	}
}

const NO_NAMES: ReadonlyMap<string, string> = new Map();

const REFUSALS: readonly ApiErrorName[] = [
	'PartitionFull',
	'InvitationRequired',
	'InvitationInvalid',
	'InvitationRevoked',
	'TooManyStrangers',
	'AlreadyMember',
	'KeyBanned'
];

function refusalName(name: string): ApiErrorName {
	return REFUSALS.find((known) => known === name) ?? 'NotConnected';
}
