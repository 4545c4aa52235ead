/**
 * What the pages see of this tab's node. Events arrive as fast as the node makes them; they reach the runes through one
 * {@link FrameBatch}, so the page redraws at most once per animation frame, and every list is capped.
 */
import type { Activity, ApiEvents, NodeStatus, Role, TabwaveApi } from '#lib/node/api.ts';
import type { IdentityState, JoinCheck } from '#lib/node/tab/tab.ts';
import { checkError } from '../words.ts';
import { CappedFeed } from './feed.svelte.ts';
import { FrameBatch } from './frame.ts';

export type BlockLine = ApiEvents['block'];
export type LogLine = ApiEvents['log'] & { id: number };

/** Blocks kept for the live feed: several screens; older ones are fetched by page. */
export const BLOCK_FEED_LIMIT = 200;
/** Lines of log kept: enough to scroll back over a view change, small enough for a day-long tab. */
export const LOG_LIMIT = 500;
/** Blocks of the tape under the role card: what fits its width on a projector. */
export const TAPE_LIMIT = 64;

const CHECK_IDS: readonly JoinCheck['id'][] = ['relay', 'secure', 'candidates', 'links', 'storage'];

export class NodeState {
	identity = $state.raw<IdentityState>({ kind: 'claiming' });
	#lastStatus = $state.raw<NodeStatus | null>(null);
	/** null before the node says one, and after it went to another tab or was forgotten: the last one is no longer true. */
	status = $derived(['moved', 'forgotten'].includes(this.identity.kind) ? null : this.#lastStatus);
	checks = $state.raw<readonly JoinCheck[]>(CHECK_IDS.map((id) => ({ id, state: 'pending', detail: '' })));
	blocks = new CappedFeed<BlockLine>(BLOCK_FEED_LIMIT);
	tape = $state.raw<readonly BlockLine[]>([]);
	log = new CappedFeed<LogLine>(LOG_LIMIT);
	/** Counts final blocks, trades and APs seen since start: what depends on them refreshes when it moves. */
	blockTick = $state(0);
	spectrumTick = $state(0);

	/** A member votes; an observer only watches. */
	joined = $derived((this.status?.partition ?? null) !== null);
	/** The name of the error that keeps the node from starting; null while none does. */
	startError = $derived(
		this.status === null ? (this.checks.map(checkError).find((code) => code !== null) ?? null) : null
	);
	/** What the node is doing, also before it can say so itself. */
	activity = $derived<Activity>(this.status?.activity ?? this.#activityBeforeStatus());
	role = $derived<Role>(this.status?.role ?? 'observer');
	finalHeight = $derived(this.status?.finalHeight ?? 0);

	readonly api: TabwaveApi;
	#batch = new FrameBatch();
	#unsubscribe: (() => void)[] = [];
	#newBlocks: BlockLine[] = [];
	#newLines: LogLine[] = [];
	#spectrumEvents = 0;
	#lineCount = 0;

	constructor(api: TabwaveApi) {
		this.api = api;
		this.#unsubscribe = [
			api.on('status', (status) => this.#batch.schedule('status', () => (this.#lastStatus = status))),
			api.on('block', (block) => {
				this.#newBlocks.unshift(block);
				if (this.#newBlocks.length > BLOCK_FEED_LIMIT) this.#newBlocks.length = BLOCK_FEED_LIMIT;
				this.#batch.schedule('blocks', () => this.#takeBlocks());
			}),
			api.on('log', (line) => {
				this.#newLines.unshift({ ...line, id: this.#lineCount++ });
				if (this.#newLines.length > LOG_LIMIT) this.#newLines.length = LOG_LIMIT;
				this.#batch.schedule('log', () => {
					this.log.push(this.#newLines);
					this.#newLines = [];
				});
			}),
			api.on('trade', () => this.#touchSpectrum()),
			api.on('ap', () => this.#touchSpectrum())
		];
	}

	setIdentity(identity: IdentityState): void {
		this.#batch.schedule('identity', () => (this.identity = identity));
	}

	setChecks(checks: readonly JoinCheck[]): void {
		this.#batch.schedule('checks', () => (this.checks = checks));
	}

	setStatus(status: NodeStatus): void {
		this.#batch.schedule('status', () => (this.#lastStatus = status));
	}

	/** The blocks that were final before the page listened. Newest first. */
	seedBlocks(blocks: readonly BlockLine[]): void {
		const top = this.tape[0]?.height ?? Number.POSITIVE_INFINITY;
		const older = blocks.filter((block) => block.height < top);
		const oldest = this.tape.at(-1)?.height ?? Number.POSITIVE_INFINITY;
		const before = older.filter((block) => block.height < oldest);
		this.tape = [...this.tape, ...before].slice(0, TAPE_LIMIT);
		this.blocks.replace([...this.blocks.items, ...before]);
	}

	stop(): void {
		for (const unsubscribe of this.#unsubscribe) unsubscribe();
		this.#batch.stop();
	}

	#activityBeforeStatus(): Activity {
		if (this.identity.kind === 'duplicate' || this.identity.kind === 'moved') return 'duplicate';
		if (this.startError !== null || this.identity.kind === 'forgotten') return 'halted';
		return this.checks.some(({ id, state }) => id === 'relay' && state === 'failed') ? 'offline' : 'starting';
	}

	#takeBlocks(): void {
		const blocks = this.#newBlocks;
		this.#newBlocks = [];
		this.blocks.push(blocks);
		this.tape = [...blocks, ...this.tape].slice(0, TAPE_LIMIT);
		this.blockTick += blocks.length;
	}

	#touchSpectrum(): void {
		this.#spectrumEvents++;
		this.#batch.schedule('spectrum', () => (this.spectrumTick = this.#spectrumEvents));
	}
}
