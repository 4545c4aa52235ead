import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Chain } from '../consensus/ordering/chain.ts';
import { testSuite } from '../consensus/testing/members.ts';
import { TestLedger } from '../consensus/testing/test-ledger.ts';
import { decodeFinalBlock, encodeFinalBlock } from '../ledger/block.ts';
import type { MemoryLedgerStore } from '../storage/memory-ledger-store.ts';
import { MAX_SYNC_RESPONSE_BYTES } from '../wire/limits.ts';
import type { SyncRequest, SyncResponse } from '../wire/gen/tabwave/v1/wire_pb.js';
import { Peers } from './peers.ts';
import { answerSync, MAX_FETCH_BLOCKS, Sync, type SyncInit } from './sync.ts';
import { storeOf } from './testing/stored-ledger.ts';
import { Verifier } from './verifier.ts';

const HEIGHT = 45;
const AWAY_MS = 10_000;
const PATIENCE_MS = 1000;

/** One member; 45 blocks. */
let ledger: TestLedger;
let store: MemoryLedgerStore;

beforeAll(async () => {
	ledger = await TestLedger.found([1]);
	while (ledger.chain.head.height < HEIGHT) await ledger.grow();
	store = await storeOf(ledger);
});

let nowMs: number;
let chain: Chain;
let peers: Peers;
let verifier: Verifier;
let requests: { to: string; request: SyncRequest }[];
let warnings: string[];
let sync: Sync;

beforeEach(() => {
	nowMs = 1000;
	chain = ledger.fresh();
	peers = new Peers();
	verifier = new Verifier(testSuite);
	requests = [];
	warnings = [];
	sync = syncWith({});
});

function syncWith(init: Partial<SyncInit>): Sync {
	return new Sync({
		chain,
		peers,
		verifier,
		clock: { now: () => nowMs, every: () => () => {}, after: () => () => {} },
		awayMs: AWAY_MS,
		send: (to, packet) => {
			if (packet.case === 'syncRequest') requests.push({ to, request: packet.value });
		},
		apply: async (executed, finality) => {
			// As the turn loop does: what was overtaken meanwhile is left out.
			if (executed.height === chain.head.height + 1) chain.commitChecked(executed, finality);
		},
		log: (level, message) => {
			if (level === 'warning') warnings.push(message);
		},
		...init
	});
}

const hears = (peer: string, finalHeight: number): void =>
	peers.heartbeat(peer, { finalHeight, view: 0, epoch: 1, syncing: false } as never, nowMs);

/** The newest request is answered from the store, or as `change` says. */
async function answer(
	change: (response: SyncResponse) => SyncResponse = (response) => response
): Promise<void> {
	const { to, request } = requests.at(-1)!;
	await sync.onResponse(to, change(await answerSync(store, HEIGHT, request)));
}

describe('who is behind', () => {
	it('fetches all that is missing, maxFetch blocks at a time, each checked', async () => {
		hears('a', HEIGHT);
		sync.check(0);
		while (chain.head.height < HEIGHT) await answer();
		expect(chain.head).toEqual(ledger.chain.head);
		expect(requests.map(({ request }) => [request.fromHeight, request.maxBlocks])).toEqual([
			[1, MAX_FETCH_BLOCKS],
			[21, MAX_FETCH_BLOCKS],
			[41, MAX_FETCH_BLOCKS]
		]);
		expect(new Set(requests.map(({ request }) => request.requestId)).size).toBe(3);
		expect(verifier.checks).toBeGreaterThan(HEIGHT);
		expect(sync.status()).toBeNull();
	});

	it('asks the highest, and one at a time', () => {
		hears('a', 30);
		hears('b', HEIGHT);
		hears('c', 40);
		sync.check(0);
		sync.check(0);
		expect(requests.map(({ to }) => to)).toEqual(['b']);
	});

	it('asks nobody who is away or is not higher', () => {
		hears('a', HEIGHT);
		nowMs += AWAY_MS;
		hears('b', 0);
		sync.check(0);
		expect(requests).toEqual([]);
	});

	it('by a block or two waits first: the proof is under way', () => {
		hears('a', MAX_FETCH_BLOCKS);
		sync.check(PATIENCE_MS);
		nowMs += PATIENCE_MS - 1;
		sync.check(PATIENCE_MS);
		expect(requests).toEqual([]);
		nowMs += 1;
		sync.check(PATIENCE_MS);
		expect(requests).toHaveLength(1);
	});

	it('waits anew when it has moved by itself', () => {
		hears('a', 2);
		sync.check(PATIENCE_MS);
		nowMs += PATIENCE_MS - 1;
		takeByAnotherWay(ledger.blocks[0]!);
		sync.check(PATIENCE_MS);
		nowMs += PATIENCE_MS - 1;
		sync.check(PATIENCE_MS);
		expect(requests).toEqual([]);
		nowMs += 1;
		sync.check(PATIENCE_MS);
		expect(requests).toHaveLength(1);
	});

	it('by more than a fetch does not wait', () => {
		hears('a', MAX_FETCH_BLOCKS + 1);
		sync.check(PATIENCE_MS);
		expect(requests).toHaveLength(1);
	});

	it('says how far it is, how fast, and how long it still takes', async () => {
		expect(sync.status()).toBeNull();
		hears('a', HEIGHT);
		sync.check(0);
		expect(sync.status()).toEqual({ height: 0, targetHeight: HEIGHT, blocksPerSecond: 0, secondsLeft: null });
		nowMs += 2000;
		await answer();
		expect(sync.status()).toEqual({
			height: 20,
			targetHeight: HEIGHT,
			blocksPerSecond: 10,
			secondsLeft: 2.5
		});
		peers.heartbeat('a', { finalHeight: 20, view: 0, epoch: 1, syncing: false } as never, nowMs);
		await answer((response) => ({ ...response, blocks: [] }));
		expect(sync.status()).toBeNull();
	});
});

describe('an answer', () => {
	it('is taken from whom was asked, for what was asked, once', async () => {
		hears('a', HEIGHT);
		sync.check(0);
		const { request } = requests[0]!;
		const response = await answerSync(store, HEIGHT, request);
		await sync.onResponse('b', response);
		await sync.onResponse('a', { ...response, requestId: request.requestId + 1 });
		expect(chain.head.height).toBe(0);
		await sync.onResponse('a', response);
		expect(chain.head.height).toBe(20);
		const asked = requests.length;
		await sync.onResponse('a', response);
		expect([chain.head.height, requests.length]).toEqual([20, asked]);
	});

	it('that never comes lowers the rank of whom was asked: the next one is another', () => {
		hears('a', HEIGHT);
		hears('b', 30);
		sync.check(0);
		nowMs += 3000;
		sync.check(0);
		expect(requests.map(({ to }) => to)).toEqual(['a']);
		nowMs += 1;
		sync.check(0);
		expect(requests.map(({ to }) => to)).toEqual(['a', 'b']);
		// Both are slow now; the higher one is asked again.
		nowMs += 3001;
		sync.check(0);
		expect(requests.map(({ to }) => to)).toEqual(['a', 'b', 'a']);
	});

	it('that comes after all makes up for it', async () => {
		hears('a', HEIGHT);
		hears('b', HEIGHT - 1);
		sync.check(0);
		nowMs += 3001;
		sync.check(0);
		nowMs += 3001;
		hears('a', HEIGHT);
		sync.check(0);
		expect(requests.map(({ to }) => to)).toEqual(['a', 'b', 'a']);
		await answer();
		nowMs += 3001;
		sync.check(0);
		// As slow as b once more, and higher: one more silence would have put it behind b.
		expect(requests.map(({ to }) => to)).toEqual(['a', 'b', 'a', 'a', 'a']);
	});

	it('of more blocks than were asked for is cut', async () => {
		hears('a', HEIGHT);
		sync.check(0);
		await answer((response) => ({ ...response, blocks: ledger.blocks.slice(0, 30) }));
		expect(chain.head.height).toBe(MAX_FETCH_BLOCKS);
		expect(requests).toHaveLength(2);
	});

	it('of blocks that came by another way meanwhile is old, not wrong', async () => {
		hears('a', HEIGHT);
		sync.check(0);
		for (const bytes of ledger.blocks.slice(0, 25)) takeByAnotherWay(bytes);
		await answer();
		expect(chain.head.height).toBe(25);
		expect(requests.at(-1)).toMatchObject({ to: 'a', request: { fromHeight: 26 } });
		expect(warnings).toEqual([]);
	});

	it.each<[string, (blocks: Uint8Array[]) => Uint8Array[], number]>([
		['bytes that are no block', () => [new Uint8Array(9).fill(0xff)], 0],
		['a gap', (blocks) => blocks.slice(1), 0],
		['another block in the middle', (blocks) => [blocks[0]!, blocks[2]!], 1],
		['a block without a proof', (blocks) => [blocks[0]!, changed(blocks[1]!, { finality: undefined })], 1],
		[
			'a signature that does not hold',
			(blocks) => {
				const finality = decodeFinalBlock(blocks[1]!).finality!;
				const [votes] = finality.partitions;
				const [vote] = votes!.votes;
				const signature = vote!.signature.map((byte) => byte ^ 1);
				const partitions = [{ ...votes!, votes: [{ ...vote!, signature }] }];
				return [blocks[0]!, changed(blocks[1]!, { finality: { ...finality, partitions } })];
			},
			1
		]
	])('with %s bans its sender, and the next one is asked (R23)', async (_what, tamper, kept) => {
		hears('liar', HEIGHT);
		hears('b', 30);
		sync.check(0);
		await answer((response) => ({ ...response, blocks: tamper(response.blocks) }));
		expect(chain.head.height).toBe(kept);
		expect(warnings).toHaveLength(1);
		expect(requests.map(({ to, request }) => [to, request.fromHeight])).toEqual([
			['liar', 1],
			['b', kept + 1]
		]);
		while (chain.head.height < 30) await answer();
		sync.check(0);
		expect(requests.some(({ to }, i) => i > 0 && to === 'liar')).toBe(false);
	});

	it('that cannot be applied is this node’s own trouble: nobody is banned, and it is told', async () => {
		sync = syncWith({
			apply: async () => {
				throw new Error('the disk is gone');
			}
		});
		hears('a', HEIGHT);
		sync.check(0);
		await expect(answer()).rejects.toThrow('the disk is gone');
		expect(warnings).toEqual([]);
		sync.check(0);
		expect(requests.map(({ to }) => to)).toEqual(['a', 'a']);
	});
});

describe('who is asked', () => {
	const ask = async (fromHeight: number, maxBlocks: number, finalHeight = HEIGHT) => {
		const request = { requestId: 7, fromHeight, maxBlocks } as SyncRequest;
		const response = await answerSync(store, finalHeight, request);
		expect(response).toMatchObject({ requestId: 7, finalHeight });
		return response.blocks;
	};

	it.each([
		['all that there is', 40, 20, HEIGHT, 6],
		['no more than is asked for', 1, 3, HEIGHT, 3],
		['no more than maxFetch', 1, 4_000_000_000, HEIGHT, MAX_FETCH_BLOCKS],
		['nothing that is not final', 10, 20, 12, 3],
		['nothing above the head', 46, 20, HEIGHT, 0],
		['nothing far above it', 4_000_000_000, 20, HEIGHT, 0],
		['nothing of genesis, which everybody has', 0, 20, HEIGHT, 0],
		['nothing where nothing is asked for', 1, 0, HEIGHT, 0]
	])('gives %s', async (_what, fromHeight, maxBlocks, finalHeight, count) => {
		const blocks = await ask(fromHeight, maxBlocks, finalHeight);
		expect(blocks).toEqual(ledger.blocks.slice(fromHeight - 1).slice(0, count));
	});

	it('stops where the answer is as long as a packet may be, but gives one block', async () => {
		const large = await storeOf(ledger);
		await large.write({
			blocks: [1, 2, 3].map((height) => ({
				height,
				hash: new Uint8Array(32).fill(height),
				bytes: new Uint8Array(0.6 * MAX_SYNC_RESPONSE_BYTES)
			})),
			durability: 'relaxed'
		});
		const request = { requestId: 1, fromHeight: 1, maxBlocks: 20 } as SyncRequest;
		expect((await answerSync(large, HEIGHT, request)).blocks).toHaveLength(1);
	});
});

function changed(bytes: Uint8Array, fields: Partial<ReturnType<typeof decodeFinalBlock>>): Uint8Array {
	return encodeFinalBlock({ ...decodeFinalBlock(bytes), ...fields });
}

function takeByAnotherWay(bytes: Uint8Array): void {
	const { outcome, finality } = chain.check(decodeFinalBlock(bytes));
	if (!('executed' in outcome)) throw new Error(outcome.message);
	chain.commitChecked(outcome.executed, finality);
}
