import { beforeEach, describe, expect, it } from 'vitest';
import { testSuite } from '../../consensus/testing/members.ts';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import type { Chain } from '../../consensus/ordering/chain.ts';
import type { MemoryLedgerStore } from '../../storage/memory-ledger-store.ts';
import type { Heartbeat, Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { Verifier } from '../intake/verifier.ts';
import { Peers } from '../peers/peers.ts';
import { storeOf } from '../testing/stored-ledger.ts';
import { CatchUp } from './catch-up.ts';
import { answerSync, commitFetched } from './sync.ts';

const HEIGHT = 4;
let ledger: TestLedger;
let chain: Chain;
let store: MemoryLedgerStore;
let peers: Peers;
let sent: { to: string; packet: Packet['body'] }[];
let filled: boolean;
let catchUp: CatchUp;

beforeEach(async () => {
	ledger = await TestLedger.found([1]);
	while (ledger.chain.head.height < HEIGHT) await ledger.grow();
	store = await storeOf(ledger);
	peers = new Peers();
	[sent, filled] = [[], false];
	begin(ledger.fresh());
});

function begin(from: Chain): void {
	chain = from;
	catchUp = new CatchUp({
		chain,
		self: 'me',
		store,
		peers,
		verifier: new Verifier(testSuite),
		clock: { now: () => 1000, every: () => () => {}, after: () => () => {} },
		awayMs: 10_000,
		looksAlive: () => true,
		isBooter: (peer) => peer === 'booter',
		send: (to, packet) => sent.push({ to, packet }),
		apply: async (blocks) => void [...commitFetched(chain, blocks)],
		adopt: async () => {},
		filledIn: () => (filled = true),
		halt: (error) => {
			throw error;
		},
		log: () => {}
	});
}

const hears = (peer: string): void =>
	peers.heartbeat(peer, { finalHeight: HEIGHT, view: 0, epoch: 1, syncing: false } as Heartbeat, 1000);

/** The newest request is answered from a store that has all. */
async function answerLast(): Promise<void> {
	const { to, packet } = sent.at(-1)!;
	if (packet.case !== 'syncRequest') throw new Error(`${packet.case} is no request for blocks`);
	catchUp.onAnswer(to, { case: 'syncResponse', value: await answerSync(store, HEIGHT, packet.value) });
	await new Promise((resolve) => setImmediate(resolve));
}

describe('an answer with blocks', () => {
	it('is of block sync where that asked', async () => {
		hears('ada');
		catchUp.sync.check(0);
		await answerLast();
		expect(chain.head).toEqual(ledger.chain.head);
		expect(filled).toBe(false);
	});

	it('fills in what is missing below a snapshot where that was asked for, from a Booter first', async () => {
		begin(ledger.chain);
		for (const peer of ['ada', 'booter', 'zoe']) hears(peer);
		catchUp.older.begin(HEIGHT - 1, 0);
		const done = catchUp.older.check();
		await new Promise((resolve) => setImmediate(resolve));
		expect(sent.map(({ to }) => to)).toEqual(['booter']);
		await answerLast();
		await done;
		expect(catchUp.older.missingTo).toBe(0);
		expect(filled).toBe(true);
	});
});

describe('who lied about blocks', () => {
	it('is asked by none of the three', async () => {
		hears('ada');
		catchUp.sync.check(0);
		const { packet } = sent.at(-1)!;
		if (packet.case !== 'syncRequest') throw new Error('block sync asked for something else');
		const good = await answerSync(store, HEIGHT, packet.value);
		const bad = good.blocks.map((block) => block.slice(0, -1));
		catchUp.onAnswer('ada', { case: 'syncResponse', value: { ...good, blocks: bad } });
		await new Promise((resolve) => setImmediate(resolve));
		catchUp.older.begin(HEIGHT - 1, 0);
		await catchUp.older.check();
		expect(sent).toHaveLength(1);
	});
});
