/** R23: going on from a checkpoint, and what is refused on the way to it. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestNetwork } from '../../../../relay/booter/testing/test-network.ts';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { testMembers, testSuite } from '../../consensus/testing/members.ts';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { decodeFinalBlock, encodeFinalBlock } from '../../ledger/block.ts';
import type { LedgerError } from '../../ledger/errors.ts';
import { StoreError, type StoreWrite } from '../../storage/ledger-store.ts';
import { MemoryLedgerStore } from '../../storage/memory-ledger-store.ts';
import type { Packet, SnapshotResponse, SyncResponse } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { openChain } from '../open-chain.ts';
import { storeOf } from '../testing/stored-ledger.ts';
import { Verifier } from '../intake/verifier.ts';
import { missingTo, OlderBlocks } from './older-blocks.ts';
import { answerSnapshot } from './snapshot-answers.ts';
import { MIN_INTERVALS_AHEAD, SnapshotSync, type TakenSnapshot } from './snapshot-sync.ts';
import { MAX_FETCH_BLOCKS } from './sync-pace.ts';
import { answerSync } from './sync.ts';

const INTERVAL = 10;
const WINDOW = 12;
const HEIGHT = 45;
const CHECKPOINT = 40;

let ledger: TestLedger;
let store: MemoryLedgerStore;

beforeAll(async () => {
	ledger = await TestLedger.found([3, 1], { checkpointInterval: INTERVAL, expiryWindow: WINDOW });
	while (ledger.chain.head.height < 17) await ledger.grow(1 + (ledger.chain.head.height % 2));
	await ledger.admit(2, await testMembers(2));
	// A state of several chunks: each account is a row.
	while (ledger.chain.head.height < HEIGHT) await ledger.grow(1, 3);
	store = await storeOf(ledger);
});

type Tamper = (answer: SnapshotResponse | SyncResponse) => SnapshotResponse | SyncResponse | null;

let chain: Chain;
let own: MemoryLedgerStore;
let peers: string[];
/** What a peer makes of its answers; null: it says nothing. */
let tampers: Map<string, Tamper>;
let asked: [string, string][];
let banned: [string, string][];
let taken: TakenSnapshot[];
let suits: boolean;
let older: OlderBlocks;
let snapshots: SnapshotSync;
let nowMs: number;
let halted: Error[];
let onWrite: (phase: 'before' | 'after', write: StoreWrite) => void;

beforeEach(async () => {
	onWrite = () => {};
	halted = [];
	own = new MemoryLedgerStore({ onWrite: (phase, write) => onWrite(phase, write) });
	({ chain } = await openChain(own, ledger.genesis.bytes, ledger.contracts));
	[peers, tampers, asked, banned, taken, suits, nowMs] = [['a'], new Map(), [], [], [], true, 0];
	const shared = {
		chain,
		verifier: new Verifier(testSuite),
		clock: {
			now: () => nowMs,
			every: () => () => {},
			// Who is silent is silent for as long as anybody waits.
			after: (_ms: number, run: () => void) => {
				let isOver = false;
				void settled().then(() => isOver || run());
				return () => void (isOver = true);
			}
		},
		send: (to: string, packet: Packet['body']) => void answer(to, packet),
		ban: (peer: string, error: LedgerError) => {
			banned.push([peer, error.reason]);
			peers = peers.filter((other) => other !== peer);
		},
		log: () => {}
	};
	older = new OlderBlocks({ ...shared, store: own, filledIn: () => {}, peers: () => peers });
	snapshots = new SnapshotSync({
		...shared,
		older,
		peers: () => peers,
		suits: () => suits,
		adopt: async (one) => {
			taken.push(one);
			const { height } = chain.head;
			const { state, head } = chain.jump(one.snapshot);
			await own.write({ state, head, votes: [older.begin(one.missingTo, height)], durability: 'strict' });
		},
		halt: (error) => void halted.push(error)
	});
});

async function answer(to: string, packet: Packet['body']): Promise<void> {
	const tamper = tampers.get(to) ?? ((one) => one);
	if (packet.case === 'snapshotRequest') {
		asked.push([to, String(packet.value.part.case)]);
		const given = tamper(await answerSnapshot(ledger.chain, store, packet.value));
		if (given) snapshots.onResponse(to, given as SnapshotResponse);
	} else if (packet.case === 'syncRequest') {
		asked.push([to, `blocks from ${packet.value.fromHeight}`]);
		const given = tamper(await answerSync(store, HEIGHT, packet.value));
		if (given) older.onResponse(to, given as SyncResponse);
	}
}

/** A while in which everything that is under way comes to its end. */
function settled(): Promise<void> {
	return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

async function fetched(): Promise<void> {
	expect(snapshots.check(HEIGHT)).toBe(true);
	for (let i = 0; i < 200 && snapshots.status(); i++) await settled();
	expect(snapshots.status()).toBeNull();
}

const isSnapshot = (one: SnapshotResponse | SyncResponse): one is SnapshotResponse =>
	one.$typeName === 'tabwave.v1.SnapshotResponse';

describe('who is far behind', () => {
	it('goes on from the newest checkpoint, with the blocks that hold ids still in force', async () => {
		await fetched();
		expect(chain.head.height).toBe(CHECKPOINT);
		expect(taken[0]).toMatchObject({ missingTo: CHECKPOINT - WINDOW - 1 });
		expect(banned).toEqual([]);
		const there = new Set([...ledger.chain.checkpoints[0]!.chunks.hashes].map(String));
		expect(chain.checkpoints[0]!.chunks.hashes.map(String).every((hash) => there.has(hash))).toBe(true);
		// Everything above it is executed as by anybody else.
		for (const bytes of ledger.blocks.slice(CHECKPOINT)) {
			const { outcome, finality } = chain.check(decodeFinalBlock(bytes));
			if (!('executed' in outcome)) throw new Error(outcome.message);
			chain.commitChecked(outcome.executed, finality);
		}
		expect(chain.head).toEqual(ledger.chain.head);
		expect([...chain.state.values()].sort(byKey)).toEqual([...ledger.chain.state.values()].sort(byKey));
		expect(chain.recent.size).toBe(ledger.chain.recent.size);
	});

	it('opens again while the other blocks are filled in behind, and goes on with that', async () => {
		await fetched();
		await older.check();
		expect(older.missingTo).toBe(CHECKPOINT - WINDOW - 1 - MAX_FETCH_BLOCKS);
		const after = own.reopenAfterCrash({ loseRelaxed: false });
		const again = await openChain(after, ledger.genesis.bytes, ledger.contracts);
		expect(again.repaired).toBeNull();
		expect(again.chain.head).toEqual(chain.head);
		expect(again.chain.recent.size).toBe(chain.recent.size);
		expect(missingTo(again.votes)).toBe(older.missingTo);
	});

	it.each(['before', 'after'] as const)(
		'that crashes right %s its state is stored has the old one whole, or the new one',
		async (when) => {
			onWrite = (phase, { head }) => {
				if (phase === when && head?.height === CHECKPOINT) own.crash();
			};
			await fetched();
			expect(halted.map(({ name }) => name)).toEqual(['StoreError']);
			const after = own.reopenAfterCrash({ loseRelaxed: true });
			const again = await openChain(after, ledger.genesis.bytes, ledger.contracts);
			expect(again.repaired).toBeNull();
			expect(again.chain.head.height).toBe(when === 'before' ? 0 : CHECKPOINT);
			expect(missingTo(again.votes)).toBe(when === 'before' ? 0 : CHECKPOINT - WINDOW - 1);
		}
	);

	it('has them all in the end', async () => {
		await fetched();
		for (let i = 0; i < 10 && older.missingTo > 0; i++) await older.check();
		expect(older.missingTo).toBe(0);
		expect(await own.blocks(1, CHECKPOINT, 1e9)).toEqual(ledger.blocks.slice(0, CHECKPOINT));
		expect(banned).toEqual([]);
	});

	it('fills in no more than it lacks: what it had before stays', async () => {
		for (const bytes of ledger.blocks.slice(0, 14)) {
			const { outcome, finality } = chain.check(decodeFinalBlock(bytes));
			if (!('executed' in outcome)) throw new Error(outcome.message);
			const { blocks, state, head } = chain.commitChecked(outcome.executed, finality);
			await own.write({ blocks, state, head, durability: 'relaxed' });
		}
		await fetched();
		expect(older.missingTo).toBe(CHECKPOINT - WINDOW - 1);
		asked = [];
		await older.check();
		expect([asked, older.missingTo]).toEqual([[['a', 'blocks from 15']], 0]);
		expect(await own.blocks(1, CHECKPOINT, 1e9)).toHaveLength(CHECKPOINT);
	});

	it('asks nobody for a snapshot where blocks are the shorter way, or there are no checkpoints', async () => {
		expect(snapshots.check((MIN_INTERVALS_AHEAD + 1) * INTERVAL - 1)).toBe(false);
		const plain = await TestLedger.found([1], { checkpointInterval: 0 });
		const { chain: other } = await openChain(new MemoryLedgerStore(), plain.genesis.bytes, plain.contracts);
		const none = new SnapshotSync({ chain: other, clock: { now: () => 0 } } as never);
		expect(none.check(100_000)).toBe(false);
		expect(asked).toEqual([]);
	});

	it('fetches blocks where its storage has no room for a snapshot', async () => {
		onWrite = (phase, { blocks = [] }) => {
			if (phase === 'before' && blocks.length > 1) throw new StoreError('full', 'no room');
		};
		await fetched();
		expect([taken, banned, halted]).toEqual([[], [], []]);
		expect(snapshots.check(HEIGHT)).toBe(false);
	});

	it.each(['has none', 'says nothing', 'is not to be followed'])(
		'fetches blocks where the one who is asked %s, and asks again later',
		async (what) => {
			if (what === 'is not to be followed') suits = false;
			else
				tampers.set('a', (one) => (what === 'has none' && isSnapshot(one) ? { ...one, blocks: [] } : null));
			await fetched();
			expect([taken.length, banned]).toEqual([0, []]);
			expect(snapshots.check(HEIGHT)).toBe(false);
			nowMs += 30_000;
			tampers.clear();
			suits = true;
			await fetched();
			expect(taken).toHaveLength(1);
		}
	);

	it('asks several for the state, and does without who falls silent', async () => {
		peers = ['a', 'b'];
		tampers.set('b', () => null);
		await fetched();
		expect(chain.head.height).toBe(CHECKPOINT);
		expect(new Set(asked.map(([peer]) => peer)).size).toBeLessThanOrEqual(2);
	});
});

describe('a liar', () => {
	it.each<[string, string, (one: SnapshotResponse) => SnapshotResponse]>([
		[
			'another state',
			'SnapshotInvalid',
			(one) => (one.chunk.length > 0 ? { ...one, chunk: flipped(one.chunk) } : one)
		],
		[
			'other hashes',
			'SnapshotInvalid',
			(one) => (one.hashes.length > 0 ? { ...one, hashes: flipped(one.hashes) } : one)
		],
		[
			'hashes without end',
			'SnapshotInvalid',
			(one) => (one.hashes.length > 0 ? { ...one, hashes: new Uint8Array(32 * 5000) } : one)
		],
		[
			'bytes that are no block',
			'BlockMalformed',
			(one) => (one.hashes.length > 0 ? { ...one, blocks: [new Uint8Array(9).fill(255)] } : one)
		],
		[
			'a block that is no checkpoint',
			'SnapshotInvalid',
			(one) => (one.hashes.length > 0 ? { ...one, blocks: [ledger.blocks[38]!] } : one)
		],
		[
			'a forged proof',
			'SnapshotInvalid',
			(one) => (one.hashes.length > 0 ? { ...one, blocks: [forged(one.blocks[0]!)] } : one)
		],
		[
			'a history without its first change',
			'SnapshotInvalid',
			(one) => (one.complete ? { ...one, blocks: one.blocks.slice(1) } : one)
		],
		[
			'a history without its last change',
			'CertificateInvalid',
			(one) => (one.complete ? { ...one, blocks: one.blocks.slice(0, -1) } : one)
		],
		[
			'a history with a forged proof',
			'SnapshotInvalid',
			(one) => (one.complete ? { ...one, blocks: one.blocks.with(2, forged(one.blocks[2]!)) } : one)
		],
		[
			'a history that never ends',
			'SnapshotInvalid',
			(one) => (one.complete ? { ...one, complete: false } : one)
		]
	])('with %s is banned by name, another is asked, and nothing is lost', async (_what, reason, lie) => {
		peers = ['liar', 'b'];
		tampers.set('liar', (one) => (isSnapshot(one) ? lie(one) : one));
		await fetched();
		expect(chain.head.height).toBe(CHECKPOINT);
		expect(banned.filter(([peer]) => peer !== 'liar')).toEqual([]);
		// Whoever gives an endless history gives the same one again: it is left, not accused.
		expect(banned.length > 0 ? banned[0] : ['liar', reason]).toEqual(['liar', reason]);
	});

	it('with a forged block below the checkpoint is banned, and the state of before stays', async () => {
		tampers.set('a', (one) => (isSnapshot(one) ? one : { ...one, blocks: one.blocks.map(forged) }));
		await fetched();
		expect(banned).toEqual([['a', 'BlockInvalid']]);
		expect([chain.head.height, taken]).toEqual([0, []]);
	});

	it('with a forged block behind the snapshot is banned, and another fills it in', async () => {
		await fetched();
		peers = ['liar', 'b'];
		tampers.set('liar', (one) => (isSnapshot(one) ? one : { ...one, blocks: one.blocks.map(forged) }));
		await older.check();
		expect(banned).toEqual([['liar', 'BlockInvalid']]);
		for (let i = 0; i < 10 && older.missingTo > 0; i++) await older.check();
		expect(older.missingTo).toBe(0);
	});
});

describe('in a network', () => {
	it('a newcomer joins by a snapshot, votes, and has all blocks in the end', async () => {
		const network = await TestNetwork.start([16], { checkpointInterval: INTERVAL, expiryWindow: WINDOW });
		const first = await network.member(1);
		const to = '22'.repeat(32);
		while (first.node.chain.head.height < 4 * INTERVAL + 3)
			await network.settle(first.api.account.transfer(to, 1));
		const late = await network.tab('late');
		await network.until(() => late.node.chain.head.height >= first.node.chain.head.height);
		expect(network.log.some((line) => /late info: goes on from the state at block 40/.test(line))).toBe(true);
		await network.settle(late.api.node.join({ partition: 1 }));
		await network.settle(first.api.account.transfer(to, 1));
		await network.until(() => late.node.votes > 0 && late.node.older.missingTo === 0);
		const { height } = first.node.chain.head;
		await network.until(() => late.node.chain.head.height >= height);
		const { checked, firstBad, missing } = await network.settle(late.api.chain.verify());
		expect([firstBad, missing]).toEqual([null, undefined]);
		expect(checked).toBeGreaterThanOrEqual(height);
		expect([...late.node.chain.state.values()].sort(byKey)).toEqual(
			[...first.node.chain.state.values()].sort(byKey)
		);
		expect([network.halted, late.reports]).toEqual([[], []]);
	});
});

const byKey = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1);

function flipped(bytes: Uint8Array): Uint8Array {
	return bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
}

/** With one bit of its finality proof turned. */
function forged(bytes: Uint8Array): Uint8Array {
	const block = decodeFinalBlock(bytes);
	const { finality } = block;
	const [votes] = finality!.partitions;
	if (!votes)
		return encodeFinalBlock({
			...block,
			finality: { ...finality!, operatorSignature: flipped(finality!.operatorSignature) }
		});
	const [vote, ...others] = votes.votes;
	const turned = { ...vote!, signature: flipped(vote!.signature) };
	return encodeFinalBlock({
		...block,
		finality: {
			...finality!,
			partitions: [{ ...votes, votes: [turned, ...others] }, ...finality!.partitions.slice(1)]
		}
	});
}
