/** The spectrum side of a node: its AP database, its manager, and the view that people see. */
import type { Chain, CommittedBlock } from '../../consensus/ordering/chain.ts';
import { readBalance } from '../../ledger/accounts.ts';
import type { Event } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { importAccessPoints, shareOf } from '../../spectrum/importing/import-access-points.ts';
import { ImportError } from '../../spectrum/importing/import-error.ts';
import { generateAccessPoints } from '../../spectrum/scenario/generate.ts';
import type { OwnAccessPoint } from '../../spectrum/access-point.ts';
import { spectrumParameters } from '../../spectrum/contract/parameters.ts';
import { ManagerSettingsError, type ManagerSettings } from '../../spectrum/manager/settings.ts';
import { SpectrumManager } from '../../spectrum/manager/spectrum-manager.ts';
import type { Submission } from '../../spectrum/manager/submissions.ts';
import type { Mechanism } from '../../spectrum/mechanisms/mechanism.ts';
import { OPTIMAL } from '../../spectrum/mechanisms/optimal/optimal.ts';
import type { SolverWorker } from '../../spectrum/mechanisms/optimal/optimum-service.ts';
import {
	DEFAULT_MECHANISM,
	mechanismNamed,
	mechanismNames,
	UnknownMechanismError
} from '../../spectrum/mechanisms/registry.ts';
import { SpectrumView } from '../../spectrum/view/spectrum-view.ts';
import type { AccessPointDatabase, ManagerSettingsStore } from '../../storage/access-point-database.ts';
import { StoreError } from '../../storage/ledger-store.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import {
	ApiError,
	type ApInfo,
	type BidInfo,
	type GrantInfo,
	type ImportReport,
	type ManagerInfo,
	type SpectrumMetrics,
	type TradeInfo
} from '../api.ts';
import type { Clock } from '../clock.ts';
import { haltCodeOf } from '../halt.ts';
import { Optimum } from './optimum.ts';
import { OwnAccessPoints } from './own-access-points.ts';

export interface SpectrumServiceInit {
	chain: Chain;
	self: string;
	database: AccessPointDatabase;
	clock: Clock;
	mechanism: string;
	/** When the manager acts; the defaults where it is not said. */
	settings?: Partial<ManagerSettings>;
	/** What was chosen of that before goes before `settings`. */
	settingsStore?: ManagerSettingsStore;
	/** Starts the worker of the solver; without it there is no `optimal` here, neither as a mechanism nor as a yardstick. */
	startSolver?: () => SolverWorker;
	submit(call: {
		contract: string;
		function: string;
		arguments: Uint8Array;
	}): Promise<ParsedTransaction | null>;
	/** 32 bytes that only this node knows, for the salts of sealed bids. */
	sealKey: Uint8Array;
	/** This node may submit: it is a member and not catching up. */
	isReady(): boolean;
	nicknameOf(account: string): string;
	changed(change: { accessPoints: ApInfo[]; trades: TradeInfo[] }): void;
	log(level: 'info' | 'warning' | 'error', message: string): void;
}

const TICK_MS = 500;

export class SpectrumService {
	readonly #init: SpectrumServiceInit;
	readonly #manager: SpectrumManager;
	readonly #view: SpectrumView;
	readonly #optimum: Optimum;
	#mechanism: string;
	readonly #own: OwnAccessPoints;
	/** Own transactions by id, so that the manager hears what became of them. */
	readonly #submitted = new Map<string, { key: string; expiryHeight: number }>();
	#stop: () => void = () => {};
	#working = false;

	constructor(init: SpectrumServiceInit) {
		const parameters = spectrumParameters(init.chain.genesis.fields);
		const { conflictDistancePercent } = parameters;
		this.#init = init;
		const { clock, startSolver } = init;
		this.#optimum = new Optimum({ startSolver, clock, log: (level, message) => init.log(level, message) });
		// A node may know less than its relay: that does not keep it from trading.
		this.#mechanism = this.mechanisms().includes(init.mechanism) ? init.mechanism : DEFAULT_MECHANISM;
		this.#manager = new SpectrumManager({
			self: init.self,
			...parameters,
			sealKey: init.sealKey,
			mechanism: this.#mechanism,
			settings: init.settings,
			mechanismNamed: (name) => this.#mechanismNamed(name)
		});
		this.#view = new SpectrumView(conflictDistancePercent);
		this.#own = new OwnAccessPoints({
			database: init.database,
			clock,
			changed: (accessPoints) => this.#manager.onOwnAccessPoints(accessPoints),
			log: (level, message) => init.log(level, message)
		});
	}

	async start(): Promise<void> {
		const { chain, clock, mechanism, log } = this.#init;
		if (mechanism !== this.#mechanism)
			log(
				'warning',
				`UnknownMechanism: this node has no ${mechanism.slice(0, 40)}; it goes by ${this.#mechanism}`
			);
		await this.#own.start();
		await this.#readSettings();
		this.#manager.restore(chain.state.rows('spectrum/'));
		this.#view.restore(chain.state.rows('spectrum/'), chain.head.height);
		this.#stop = clock.every(TICK_MS, () => void this.#tick());
	}

	/** The chain has another state, without the blocks between. */
	jumped(): void {
		const { chain } = this.#init;
		this.#manager.restore(chain.state.rows('spectrum/'));
		this.#view.restore(chain.state.rows('spectrum/'), chain.head.height);
	}

	async stop(): Promise<void> {
		this.#stop();
		this.#optimum.stop();
		this.#own.store(this.#manager.lastRows());
		await this.#own.stop();
	}

	/** Every final block, in order. */
	committed(blocks: CommittedBlock[]): void {
		for (const block of blocks) {
			const receipts = block.receipts.map((receipt) => receipt.events);
			const own = block.receipts.length > block.transactions.length ? receipts.at(-1)! : [];
			this.#outcomes(block);
			this.#manager.onEvents(spectrumEvents(own, receipts, block.transactions.length), block.height);
			const change = this.#view.apply({
				height: block.height,
				timeMs: Number(block.header.timeMs),
				transactions: block.transactions.map(({ id }, i) => ({ id, events: receipts[i]! })),
				events: own
			});
			if (change.accessPoints.length > 0 || change.trades.length > 0)
				this.#init.changed({
					accessPoints: change.accessPoints.map((accessPoint) => this.#apInfo(accessPoint)),
					trades: change.trades
				});
		}
	}

	/** Older blocks, newest first, to fill the list of trades after a restart. */
	addOlder(block: { height: number; timeMs: number; transactions: { id: string; events: Event[] }[] }): void {
		this.#view.addOlderTrades(block);
	}

	aps(filter: { own?: boolean; owner?: string } = {}): ApInfo[] {
		const list = this.#view.accessPoints(filter.owner).map((accessPoint) => this.#apInfo(accessPoint));
		return filter.own === undefined ? list : list.filter(({ own }) => own === filter.own);
	}

	bids(limit?: number): BidInfo[] {
		return this.#view.bids(limit);
	}

	trades(limit?: number): TradeInfo[] {
		return this.#view.trades(limit);
	}

	grants(): GrantInfo[] {
		return this.#view.grants();
	}

	/** @param isMeasured - the optimum is asked for: it is measured anew where that is due */
	metrics(isMeasured = false): SpectrumMetrics {
		const measured = {
			height: this.#view.height,
			market: () => this.#view.market(),
			gainedSince: (timeMs: number) => this.#view.gainedSince(timeMs)
		};
		const optimum = isMeasured ? this.#optimum.measure(measured) : this.#optimum.last(measured);
		return {
			...this.#view.metrics(),
			mechanism: this.#mechanism,
			optimum,
			solver: this.#optimum.state
		};
	}

	/** @throws ApiError UnknownMechanism */
	setMechanism(name: string): void {
		try {
			this.#manager.setMechanism(name);
		} catch (error) {
			if (error instanceof UnknownMechanismError) throw new ApiError('UnknownMechanism', error.message);
			throw error;
		}
		this.#mechanism = name;
	}

	manager(): ManagerInfo {
		const { buyAtPpm, sellAtPpm, sellerCapPpm, minimumGain } = this.#manager.settings;
		return { buyAtPpm, sellAtPpm, sellerCapPpm, minimumGain: minimumGain.toString() };
	}

	/** What is not given stays. Kept first: what is not kept does not come into force. @throws ApiError ManagerSettings, StorageLost, StorageFull */
	async setManager(part: Partial<ManagerSettings>): Promise<ManagerInfo> {
		const before = this.#manager.settings;
		try {
			this.#manager.setSettings(part);
		} catch (error) {
			if (error instanceof ManagerSettingsError) throw new ApiError('ManagerSettings', error.message);
			throw error;
		}
		try {
			await this.#init.settingsStore?.keepSettings(this.#manager.settings);
		} catch (error) {
			this.#manager.setSettings(before);
			if (error instanceof StoreError) throw new ApiError(haltCodeOf(error), error.message);
			throw error;
		}
		void this.#tick();
		return this.manager();
	}

	async #readSettings(): Promise<void> {
		const kept = await this.#init.settingsStore?.settings();
		if (!kept) return;
		try {
			this.#manager.setSettings(kept);
		} catch (error) {
			if (!(error instanceof ManagerSettingsError)) throw error;
			this.#init.log('warning', `${error.name}: what was chosen before is left alone: ${error.message}`);
		}
	}

	mechanisms(): string[] {
		return this.#optimum.isThere ? [...mechanismNames(), OPTIMAL] : mechanismNames();
	}

	/** @throws ApiError BadFile, TooLarge, InvalidArgument */
	async import(
		text: string,
		fileName: string | undefined,
		options: { seed?: number; share?: { index: number; of: number } } = {}
	): Promise<ImportReport> {
		const { seed = 1, share } = options;
		if (
			share &&
			!(
				Number.isInteger(share.index) &&
				Number.isInteger(share.of) &&
				share.index >= 0 &&
				share.index < share.of
			)
		)
			throw new ApiError('InvalidArgument', 'share takes a part index from 0 below of');
		const { conflictDistancePercent } = this.#init.chain.genesis.fields;
		let result: ReturnType<typeof importAccessPoints>;
		try {
			result = importAccessPoints(text, fileName, { seed, conflictDistancePercent });
		} catch (error) {
			if (!(error instanceof ImportError)) throw error;
			throw new ApiError(error.reason === 'FileTooLarge' ? 'TooLarge' : 'BadFile', error.message);
		}
		const accessPoints = share ? shareOf(result.accessPoints, share) : result.accessPoints;
		await this.#add(accessPoints);
		return {
			format: result.format,
			accepted: accessPoints.length,
			rejected: result.rejected.map(({ line, reason }) => ({ line, reason })),
			assigned: result.assigned
		};
	}

	/** @throws ApiError InvalidArgument */
	async generate(options: { seed: number; count: number }): Promise<ImportReport> {
		const { conflictDistancePercent } = this.#init.chain.genesis.fields;
		try {
			// Two nodes that generate from one seed must not claim the same ids.
			const idPrefix = `gen-${this.#init.self.slice(0, 6)}`;
			const accessPoints = generateAccessPoints({ ...options, idPrefix, conflictDistancePercent });
			await this.#add(accessPoints);
			return {
				format: 'tabwave-json',
				accepted: accessPoints.length,
				rejected: [],
				assigned: ['position', 'channels', 'occupancy']
			};
		} catch (error) {
			if (error instanceof RangeError) throw new ApiError('InvalidArgument', error.message);
			throw error;
		}
	}

	/** @throws UnknownMechanismError */
	#mechanismNamed(name: string): Mechanism {
		return name === OPTIMAL && this.#optimum.isThere ? this.#optimum.planner() : mechanismNamed(name);
	}

	async #add(accessPoints: OwnAccessPoint[]): Promise<void> {
		await this.#own.add(accessPoints);
		void this.#tick();
	}

	async #tick(): Promise<void> {
		const { chain, self, clock, isReady, log } = this.#init;
		if (this.#working || !isReady()) return;
		this.#working = true;
		try {
			const { submit, store } = this.#manager.tick({
				height: chain.head.height,
				nowMs: clock.now(),
				balance: readBalance(chain.state, self)
			});
			this.#own.store(store);
			for (const submission of submit) await this.#submit(submission);
			if (this.#manager.status().droppedEvents > 0) this.#manager.restore(chain.state.rows('spectrum/'));
			this.#forgetExpired();
		} catch (error) {
			// The market stands still; the node and its votes do not.
			log('error', `the spectrum manager failed: ${(error as Error).message}`);
		} finally {
			this.#working = false;
		}
	}

	async #submit(submission: Submission): Promise<void> {
		const transaction = await this.#init.submit(submission);
		if (!transaction) {
			this.#manager.onOutcome({ key: submission.key, status: 'lost' });
			return;
		}
		this.#submitted.set(transaction.id, { key: submission.key, expiryHeight: transaction.body.expiryHeight });
	}

	#outcomes(block: CommittedBlock): void {
		block.transactions.forEach(({ id }, i) => {
			const submitted = this.#submitted.get(id);
			if (!submitted) return;
			this.#submitted.delete(id);
			const receipt = block.receipts[i]!;
			const status = receipt.status === 1 ? 'ok' : receipt.status === 3 ? 'skipped' : 'failed';
			this.#manager.onOutcome({ key: submitted.key, status, error: receipt.error || null });
			if (status === 'failed')
				this.#init.log('info', `the market refused ${submitted.key}: ${receipt.message}`);
		});
	}

	#forgetExpired(): void {
		const { height } = this.#init.chain.head;
		for (const [id, { key, expiryHeight }] of this.#submitted)
			if (expiryHeight < height) {
				this.#submitted.delete(id);
				this.#manager.onOutcome({ key, status: 'lost' });
			}
	}

	#apInfo(accessPoint: Omit<ApInfo, 'own' | 'ownerNickname'>): ApInfo {
		return {
			...accessPoint,
			own: accessPoint.owner === this.#init.self,
			ownerNickname: this.#init.nicknameOf(accessPoint.owner)
		};
	}
}

/** In the order in which they happened: the block's own first, since beginBlock ran first. */
function spectrumEvents(own: Event[], receipts: Event[][], transactions: number): Event[] {
	return [...own, ...receipts.slice(0, transactions).flat()];
}
