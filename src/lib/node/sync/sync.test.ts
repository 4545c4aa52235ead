import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { testSuite } from '../../consensus/testing/members.ts';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { decodeFinalBlock, encodeFinalBlock } from '../../ledger/block.ts';
import type { MemoryLedgerStore } from '../../storage/memory-ledger-store.ts';
import { MAX_SYNC_RESPONSE_BYTES } from '../../wire/limits.ts';
import type { SyncRequest } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { Peers } from '../peers/peers.ts';
import { storeOf } from '../testing/stored-ledger.ts';
import { Verifier } from '../intake/verifier.ts';
import { answerSync, commitFetched, Sync, type FetchedBlock, type SyncInit } from './sync.ts';
import { MAX_FETCH_BLOCKS } from './sync-pace.ts';

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
/** By the request's id. */
const sentAt = new Map<number, number>();
/** Heights handed to the turn loop, in that order. */
let applied: number[];
let warnings: string[];
let sync: Sync;

beforeEach(() => {
	nowMs = 1000;
	chain = ledger.fresh();
	peers = new Peers();
	verifier = new Verifier(testSuite);
	requests = [];
	applied = [];
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
			if (packet.case !== 'syncRequest') return;
			requests.push({ to, request: packet.value });
			sentAt.set(packet.value.requestId, nowMs);
		},
		apply: async (blocks) => {
			commit(blocks);
		},
		log: (level, message) => {
			if (level === 'warning') warnings.push(message);
		},
		...init
	});
}

const hears = (peer: string, finalHeight: number): void =>
	peers.heartbeat(peer, { finalHeight, view: 0, epoch: 1, syncing: false } as never, nowMs);

/** Each request so far: whom, from which height, how many. */
const asked = (): [string, number, number][] =>
	requests.map(({ to, request }) => [to, request.fromHeight, request.maxBlocks]);

/** The newest request, or the newest to `peer`, is answered from the store, or as `change` says. */
async function answer(
	peer = requests.at(-1)!.to,
	change: (blocks: Uint8Array[]) => Uint8Array[] = (blocks) => blocks
): Promise<void> {
	const { request } = requests.findLast(({ to }) => to === peer)!;
	const response = await answerSync(store, HEIGHT, request);
	await sync.onResponse(peer, { ...response, blocks: change(response.blocks) });
}

describe('who is behind', () => {
	it('fetches all that is missing, maxFetch blocks at a time, each checked', async () => {
		hears('a', HEIGHT);
		sync.check(0);
		while (chain.head.height < HEIGHT) await answer();
		expect(chain.head).toEqual(ledger.chain.head);
		expect(asked()).toEqual([
			['a', 1, MAX_FETCH_BLOCKS],
			['a', 21, MAX_FETCH_BLOCKS],
			['a', 41, MAX_FETCH_BLOCKS]
		]);
		expect(applied).toEqual(heights(1, HEIGHT));
		expect(new Set(requests.map(({ request }) => request.requestId)).size).toBe(3);
		expect(verifier.checks).toBeGreaterThan(HEIGHT);
		expect(sync.status()).toBeNull();
	});

	it('asks several at once: the highest first, each for another range, of what it holds (R23)', async () => {
		hears('a', 30);
		hears('b', HEIGHT);
		hears('c', 40);
		sync.check(0);
		sync.check(0);
		// Nothing is left that a holds.
		expect(asked()).toEqual([
			['b', 1, 20],
			['c', 21, 20]
		]);
		await answer('b');
		expect(asked().slice(2)).toEqual([['b', 41, 20]]);
		await answer('b');
		await answer('c');
		expect(chain.head).toEqual(ledger.chain.head);
		expect(requests).toHaveLength(3);
	});

	it('keeps four ranges under way or waiting, however many peers there are', async () => {
		for (const peer of ['a', 'b', 'c', 'd', 'e', 'f']) hears(peer, 1000);
		sync.check(0);
		const first = ['a', 'b', 'c', 'd'].map((peer, i) => [peer, 1 + i * MAX_FETCH_BLOCKS, MAX_FETCH_BLOCKS]);
		expect(asked()).toEqual(first);
		await answer('b');
		sync.check(0);
		expect(asked()).toEqual(first);
		await answer('a');
		expect(chain.head.height).toBe(40);
		expect(asked().slice(4)).toEqual([
			['a', 81, 20],
			['b', 101, 20]
		]);
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
		expect(sync.status()).toEqual({
			height: 0,
			targetHeight: HEIGHT,
			blocksPerSecond: 0,
			secondsLeft: null,
			phase: 'blocks',
			done: null
		});
		nowMs += 2000;
		await answer();
		expect(sync.status()).toEqual({
			height: 20,
			targetHeight: HEIGHT,
			blocksPerSecond: 10,
			secondsLeft: 2.5,
			phase: 'blocks',
			done: null
		});
		hears('a', 20);
		await answer('a', () => []);
		sync.check(0);
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

	it('is kept until its turn, and nothing is fetched or taken twice', async () => {
		for (const peer of ['a', 'b', 'c']) hears(peer, HEIGHT);
		sync.check(0);
		await answer('c');
		await answer('b');
		expect([chain.head.height, applied]).toEqual([0, []]);
		await answer('a');
		expect(chain.head).toEqual(ledger.chain.head);
		expect(applied).toEqual(heights(1, HEIGHT));
		expect(asked()).toEqual([
			['a', 1, 20],
			['b', 21, 20],
			['c', 41, 20]
		]);
	});

	it('is executed while the one below is being checked and stored, and each is one commit', async () => {
		const seen: ('checked' | 'applied')[] = [];
		verifier.verifyAll = async (checks) => {
			seen.push('checked');
			return Verifier.prototype.verifyAll.call(verifier, checks);
		};
		sync = syncWith({
			apply: async (blocks) => {
				seen.push('applied');
				commit(blocks);
			}
		});
		hears('a', HEIGHT);
		hears('b', HEIGHT);
		sync.check(0);
		await answer('b');
		// The next one is on its way already.
		expect(asked().slice(2)).toEqual([['b', 41, 20]]);
		await answer('a');
		expect(seen.indexOf('applied')).toBe(40);
		expect(seen.filter((what) => what === 'applied')).toHaveLength(2);
		expect(applied).toEqual(heights(1, 40));
	});

	it('that comes while another one is taken waits for it', async () => {
		hears('a', 40);
		hears('b', 40);
		const during: Promise<void>[] = [];
		sync = syncWith({
			apply: async (blocks) => {
				if (during.length === 0) {
					during.push(answer('b'));
					await Promise.all(during);
				}
				commit(blocks);
			}
		});
		sync.check(0);
		await answer('a');
		expect(during).toHaveLength(1);
		expect(applied).toEqual(heights(1, 40));
		expect(chain.head.height).toBe(40);
	});

	it('that is being taken is not asked for again: the next range is', async () => {
		sync = syncWith({
			apply: async (blocks) => {
				sync.check(0);
				commit(blocks);
				sync.check(0);
			}
		});
		hears('a', HEIGHT);
		sync.check(0);
		while (chain.head.height < HEIGHT) await answer();
		expect(asked()).toEqual([
			['a', 1, 20],
			['a', 21, 20],
			['a', 41, 20]
		]);
	});

	it('of fewer blocks than were asked for leaves a gap, and just that is asked for', async () => {
		for (const peer of ['a', 'b', 'c']) hears(peer, HEIGHT);
		sync.check(0);
		await answer('b', (blocks) => blocks.slice(0, 5));
		expect(asked().slice(3)).toEqual([['b', 26, 15]]);
		await answer('c');
		await answer('a');
		expect(chain.head.height).toBe(25);
		await answer('b');
		expect(chain.head.height).toBe(HEIGHT);
		expect(applied).toEqual(heights(1, HEIGHT));
		expect(requests).toHaveLength(4);
	});

	it('that never comes lowers the rank of whom was asked, no more: the next one is another, and it is asked for less', () => {
		hears('a', 20);
		hears('b', 15);
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
		expect(asked()).toEqual([
			['a', 1, 20],
			['b', 1, 20],
			['a', 1, 10],
			['b', 11, 10]
		]);
		expect(warnings).toEqual([]);
	});

	it('of somebody who looks dead is not waited for: another is asked for the same, and whichever comes first is taken', async () => {
		const dead = new Set<string>();
		sync = syncWith({ looksAlive: (peer) => !dead.has(peer) });
		hears('a', 30);
		hears('b', 20);
		sync.check(0);
		expect(asked()).toEqual([['a', 1, 20]]);
		dead.add('a');
		sync.check(0);
		sync.check(0);
		expect(asked().slice(1)).toEqual([['b', 1, 20]]);
		await answer('a');
		await answer('b');
		expect(applied).toEqual(heights(1, 20));
		// It may only be slow: where nobody else holds more it is asked, and first of all nobody asks it twice.
		hears('b', 30);
		sync.check(0);
		sync.check(0);
		expect(asked().slice(2)).toEqual([
			['a', 21, 20],
			['b', 21, 20]
		]);
		expect(warnings).toEqual([]);
	});

	it('that never comes is fetched from another, and the answers above it stay', async () => {
		hears('a', HEIGHT);
		hears('b', HEIGHT);
		hears('c', 40);
		sync.check(0);
		nowMs += 2000;
		await answer('b');
		nowMs += 1001;
		sync.check(0);
		expect(asked()).toEqual([
			['a', 1, 20],
			['b', 21, 20],
			['b', 41, 20],
			['c', 1, 20]
		]);
		await answer('c');
		expect(chain.head.height).toBe(40);
		await answer('b');
		expect(chain.head.height).toBe(HEIGHT);
		expect(requests).toHaveLength(4);
	});

	it('that comes too late is not taken', async () => {
		hears('a', HEIGHT);
		sync.check(0);
		const { request } = requests[0]!;
		nowMs += 3001;
		sync.check(0);
		await sync.onResponse('a', await answerSync(store, HEIGHT, request));
		expect(applied).toEqual([]);
		await answer('a');
		expect(chain.head.height).toBe(10);
	});

	it('over a slow link comes in smaller steps, each in its time', async () => {
		// A block a second: what is asked for at first never comes in time.
		for (let looks = 0; chain.head.height < HEIGHT && looks < 500; looks++) {
			hears('a', HEIGHT);
			sync.check(0);
			nowMs += 1000;
			const { request } = requests.at(-1)!;
			const sentMs = sentAt.get(request.requestId)!;
			if (nowMs - sentMs >= 1000 * request.maxBlocks) await answer('a');
		}
		expect(chain.head.height).toBe(HEIGHT);
	});

	it('that comes after all makes up for its sender’s silence', async () => {
		const look = () => {
			hears('a', 30);
			hears('b', 20);
			sync.check(0);
		};
		look();
		nowMs += 3001;
		look();
		expect(asked()).toEqual([
			['a', 1, 20],
			['b', 1, 20],
			['a', 21, 10]
		]);
		await answer('b');
		await answer('a');
		expect(chain.head.height).toBe(30);
		hears('b', 44);
		hears('a', HEIGHT);
		sync.check(0);
		// Were the silence still held against a, b would go before it.
		expect(asked().slice(3)[0]).toEqual(['a', 31, 20]);
	});

	it('of no blocks lowers the rank, and is followed by a request only at the next look', async () => {
		hears('a', 20);
		hears('b', 15);
		sync.check(0);
		await answer('a', () => []);
		// An answer is free of cost: asked at once, who has none would be asked without end.
		expect(asked()).toEqual([['a', 1, 20]]);
		sync.check(0);
		expect(asked().slice(1)).toEqual([['b', 1, 20]]);
		await answer('b', () => []);
		sync.check(0);
		expect(asked().slice(2)).toEqual([['a', 1, 20]]);
		await answer('a');
		expect(chain.head.height).toBe(20);
		expect(warnings).toEqual([]);
	});

	it.each<[string, () => void | Promise<void>, { asked: number; askedNext: number }]>([
		['silence', () => void (nowMs += 3001), { asked: 2, askedNext: 4 }],
		[
			'no blocks',
			async () => {
				await answer('a', () => []);
				await answer('b', () => []);
			},
			{ asked: 20, askedNext: 20 }
		]
	])(
		'three times missing for %s makes its peer disbelieved, until it shows a block',
		async (_what, disappoint, pace) => {
			const look = () => {
				hears('a', 1000);
				hears('b', 999);
				sync.check(0);
			};
			look();
			for (let i = 0; i < 2; i++) {
				await disappoint();
				look();
				expect(requests).toHaveLength(4 + 2 * i);
				expect(sync.status()?.targetHeight).toBe(1000);
			}
			await disappoint();
			look();
			// This node goes on as one at the head, and asks one of them at a time: they may only have been slow.
			expect(sync.status()).toBeNull();
			expect(asked().slice(6)).toEqual([['a', 1, pace.asked]]);
			look();
			expect(requests).toHaveLength(7);
			hears('c', 30);
			sync.check(0);
			expect(sync.status()?.targetHeight).toBe(30);
			expect(asked().slice(7)).toEqual([['c', pace.asked + 1, 20]]);
			await answer('a');
			expect(chain.head.height).toBe(pace.asked);
			expect(sync.status()?.targetHeight).toBe(1000);
			expect(asked().slice(8)).toEqual([['a', pace.asked + 21, pace.askedNext]]);
		}
	);

	it('of more blocks than were asked for is cut', async () => {
		hears('a', HEIGHT);
		sync.check(0);
		await answer('a', () => ledger.blocks.slice(0, 30));
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

	it('whose turn came by another way is fetched again where no other answer is to come', async () => {
		hears('a', 40);
		hears('b', 40);
		sync.check(0);
		await answer('b');
		for (const bytes of ledger.blocks.slice(0, 20)) takeByAnotherWay(bytes);
		nowMs += 3001;
		sync.check(0);
		expect(asked().slice(2)).toEqual([['b', 21, 20]]);
		await answer('b');
		expect(chain.head.height).toBe(40);
	});

	it.each(['checked', 'applied'])(
		'that is overtaken while its blocks are %s is taken from where the head is',
		async (when) => {
			const overtake = () => {
				if (chain.head.height === 4) for (const bytes of ledger.blocks.slice(4, 9)) takeByAnotherWay(bytes);
			};
			for (const bytes of ledger.blocks.slice(0, 4)) takeByAnotherWay(bytes);
			verifier.verifyAll = async (checks) => {
				const holds = await Verifier.prototype.verifyAll.call(verifier, checks);
				if (when === 'checked') overtake();
				return holds;
			};
			sync = syncWith({
				apply: async (blocks) => {
					if (when === 'applied') overtake();
					commit(blocks);
				}
			});
			hears('a', 24);
			sync.check(0);
			await answer();
			expect(applied).toEqual(heights(10, 24));
			expect(chain.head.height).toBe(24);
			expect(warnings).toEqual([]);
		}
	);

	it.each<[string, (blocks: Uint8Array[]) => Uint8Array[], number]>([
		['bytes that are no block', () => [new Uint8Array(9).fill(0xff)], 0],
		['a gap', (blocks) => blocks.slice(1), 0],
		['another block in the middle', (blocks) => [blocks[0]!, blocks[2]!], 1],
		['a block without a proof', (blocks) => [blocks[0]!, changed(blocks[1]!, { finality: undefined })], 1],
		['a signature that does not hold', (blocks) => [blocks[0]!, forged(blocks[1]!)], 1]
	])(
		'with %s bans its sender, another is asked, and what others sent stays (R23)',
		async (_what, tamper, kept) => {
			hears('liar', HEIGHT);
			hears('b', 40);
			sync.check(0);
			await answer('b');
			await answer('liar', tamper);
			expect(chain.head.height).toBe(kept);
			expect(warnings).toHaveLength(1);
			// What comes next was asked for before it was known.
			const [first, second, next, ...others] = asked();
			expect([first, second, next?.[0]]).toEqual([['liar', 1, 20], ['b', 21, 20], 'liar']);
			expect(others).toEqual([['b', kept + 1, 20 - kept]]);
			await answer('b');
			expect(chain.head.height).toBe(40);
			// Nobody but the liar is higher.
			sync.check(0);
			expect(requests).toHaveLength(4);
			expect(sync.status()).toBeNull();
		}
	);

	it('of old blocks in place of those it was asked for bans its sender (R23)', async () => {
		hears('liar', HEIGHT);
		sync.check(0);
		await answer();
		hears('b', 40);
		expect(asked().at(-1)).toEqual(['liar', 21, 20]);
		await answer('liar', () => ledger.blocks.slice(0, 20));
		expect([chain.head.height, warnings.length]).toEqual([20, 1]);
		expect(asked().slice(2)).toEqual([
			['liar', 41, 20],
			['b', 21, 20]
		]);
	});

	it.each(['waits', 'is under way'])(
		'that does not hold is found out when its turn comes: its sender’s next one, which %s, goes too',
		async (next) => {
			hears('a', HEIGHT);
			hears('liar', 44);
			sync.check(0);
			await answer('liar', (blocks) => blocks.with(0, blocks[1]!));
			expect(asked()).toEqual([
				['a', 1, 20],
				['liar', 21, 20],
				['liar', 41, 20]
			]);
			expect(warnings).toEqual([]);
			if (next === 'waits') await answer('liar');
			await answer('a');
			expect([chain.head.height, warnings.length]).toEqual([20, 1]);
			if (next === 'is under way') await answer('liar');
			await answer('a');
			expect(chain.head.height).toBe(40);
			expect(asked().slice(3)).toEqual([
				['a', 21, 20],
				['a', 41, 20]
			]);
		}
	);

	it('with final blocks of another history is an alarm; only where its signatures do not hold, a lie (R23)', async () => {
		const twin = new TestLedger(ledger.genesis, ledger.contracts, ledger.operator, ledger.booter);
		await twin.admit(1, ledger.members(1));
		await twin.grow(1, 2);
		await twin.grow();
		expect(twin.blocks[0]).toEqual(ledger.blocks[0]);
		for (const bytes of ledger.blocks.slice(0, 2)) takeByAnotherWay(bytes);
		hears('liar', HEIGHT);
		hears('b', HEIGHT);
		sync.check(0);
		await answer('liar', () => [forged(twin.blocks[2]!)]);
		expect(warnings).toHaveLength(1);
		await expect(answer('b', () => [])).resolves.toBeUndefined();
		sync.check(0);
		await expect(answer('b', () => [twin.blocks[2]!])).rejects.toThrow(/^R23/);
		expect(warnings).toHaveLength(1);
		expect(chain.head.height).toBe(2);
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

/** With one bit of a vote's signature turned. */
function forged(bytes: Uint8Array): Uint8Array {
	const finality = decodeFinalBlock(bytes).finality!;
	const [votes] = finality.partitions;
	const [vote] = votes!.votes;
	const signature = vote!.signature.map((byte) => byte ^ 1);
	return changed(bytes, {
		finality: { ...finality, partitions: [{ ...votes!, votes: [{ ...vote!, signature }] }] }
	});
}

/** As the turn loop does: what was overtaken meanwhile is left out. */
function commit(blocks: FetchedBlock[]): void {
	for (const { head } of commitFetched(chain, blocks)) applied.push(head.height);
}

function heights(first: number, last: number): number[] {
	return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function takeByAnotherWay(bytes: Uint8Array): void {
	const { outcome, finality } = chain.check(decodeFinalBlock(bytes));
	if (!('executed' in outcome)) throw new Error(outcome.message);
	chain.commitChecked(outcome.executed, finality);
}
