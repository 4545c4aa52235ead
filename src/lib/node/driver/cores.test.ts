/** What one core says and the others hear in the same turn. Each core has its own tests; whole networks run in tests/simulation. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { Kind } from '../../consensus/statement.ts';
import type { TestMember } from '../../consensus/testing/members.ts';
import { blockEntry, TestLedger } from '../../consensus/testing/test-ledger.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import type { EarlyWords } from '../intake/early-words.ts';
import type { NodeInput } from '../intake/inputs.ts';
import { ActiveBooter } from '../peers/active-booter.ts';
import { Liveness } from '../peers/liveness.ts';
import { Peers } from '../peers/peers.ts';
import type { TakenSnapshot } from '../sync/snapshot-sync.ts';
import type { FetchedBlock } from '../sync/sync.ts';
import { decodeFinalBlock } from '../../ledger/block.ts';
import { storeOf } from '../testing/stored-ledger.ts';
import { DEFAULT_TIMING } from '../timing.ts';
import { Cores } from './cores.ts';
import { Pool } from './pool.ts';
import type { Turn } from './turns.ts';

const NOW_MS = 1_700_000_100_000;
let ledger: TestLedger;
let ada: TestMember;
let pool: Pool;
let own: ParsedTransaction[];
let later: NodeInput[];
/** What the rest of the node is told, in order. */
let told: string[];

beforeEach(async () => {
	ledger = await TestLedger.found([1]);
	ada = ledger.members(1)[0]!;
	pool = new Pool();
	[own, later, told] = [[], [], []];
});

async function coresOf(chain: Chain, self = ada.id): Promise<Cores> {
	const peers = new Peers();
	const cores = new Cores({
		chain,
		self,
		timing: DEFAULT_TIMING,
		clock: { now: () => NOW_MS },
		pool,
		own: { waiting: () => own },
		peers,
		liveness: new Liveness(DEFAULT_TIMING),
		booters: new ActiveBooter([ledger.booter.id], () => true),
		early: {
			heightBegun: () => told.push(`height ${chain.head.height + 1}`),
			epochBegun: ({ epoch }: { epoch: number }) => told.push(`words of epoch ${epoch}`)
		} as unknown as EarlyWords,
		older: { begin: (missingTo) => ({ key: 'missing', value: Uint8Array.of(missingTo) }) },
		isChecking: () => false,
		send: () => {},
		later: (input) => later.push(input),
		events: {
			found: (offender) => told.push(`evidence against ${offender}`),
			viewBegun: (view) => told.push(`view ${view}`),
			epochBegun: () => told.push('epoch'),
			linkUp: (peer) => told.push(`link to ${peer}`),
			jumped: () => told.push('jumped')
		}
	});
	await cores.restore([], await storeOf(ledger));
	return cores;
}

/** A block as block sync hands it on. */
function fetched(chain: Chain, bytes: Uint8Array): FetchedBlock {
	const { outcome, finality } = chain.check(decodeFinalBlock(bytes));
	if ('broken' in outcome) throw new Error(outcome.message);
	return { executed: outcome.executed, finality };
}

const kinds = ({ votes }: Turn): Kind[] => votes.map(({ statement }) => statement.kind);

describe('a turn', () => {
	it('tells the rounds of the pool once, after all that came: one proposal holds all of it', async () => {
		const cores = await coresOf(ledger.chain);
		const [one, two] = [await ledger.transaction(ada), await ledger.transaction(ada)];
		pool.add(two, NOW_MS);
		const turn = cores.step([
			{ type: 'transactions', transactions: [one], malformed: [] },
			{ type: 'submitted', transactions: [two] }
		]);
		expect(kinds(turn)).toEqual([Kind.PRE_PREPARE]);
		expect(turn.send.map(({ to, packet }) => [to, packet.case])).toEqual([['members', 'transactions']]);
		expect(pool.size).toBe(2);
		expect(cores.votes).toBe(1);
	});

	it('leaves out what the ledger holds already', async () => {
		const cores = await coresOf(ledger.chain);
		const transaction = await ledger.transaction(ada);
		await ledger.commit(blockEntry(await ledger.certified(1, [transaction])));
		cores.step([{ type: 'transactions', transactions: [transaction], malformed: [] }]);
		expect(pool.size).toBe(0);
	});

	it('hears its own votes again once they are durable, and nothing else of its own', async () => {
		const cores = await coresOf(ledger.chain);
		pool.add(await ledger.transaction(ada), NOW_MS);
		const [{ statement, payload }] = cores.step([{ type: 'submitted', transactions: [] }]).votes as [
			Turn['votes'][number]
		];
		const vote = await ledger.sign(ada, statement, payload);
		const join = await ledger.join(ada, 1);
		expect(cores.ownVotes([vote, join])).toMatchObject([{ type: 'signed', message: { signed: vote } }]);
		const next = cores.step(cores.ownVotes([vote]));
		expect(kinds(next)).toContain(Kind.COMMIT);
	});
});

describe('blocks of others', () => {
	it('become the chain’s: pool, epoch and early words follow in the same turn', async () => {
		const chain = ledger.fresh();
		const cores = await coresOf(chain);
		expect([cores.pbft, told.splice(0)]).toEqual([null, ['epoch']]);
		const transaction = await ledger.transaction(ada);
		await ledger.commit(blockEntry(await ledger.certified(1, [transaction])));
		pool.add(transaction, NOW_MS);
		own = [await ledger.transaction(ada)];
		const dones: number[] = [];
		const turn = ledger.blocks.map((bytes, i) => {
			const done = () => dones.push(i);
			return cores.step([{ type: 'synced', blocks: [fetched(chain, bytes)], done }]);
		});
		expect(turn.map(({ commits }) => commits.length)).toEqual([1, 1]);
		expect(dones).toEqual([0, 1]);
		expect(chain.head).toEqual(ledger.chain.head);
		expect(cores.pbft).toMatchObject({ partition: 1, epoch: 1 });
		expect(told).toEqual(['epoch', 'words of epoch 1', 'height 2', 'height 3']);
		expect(pool.has(transaction.id)).toBe(false);
	});

	it('come before a snapshot of the same turn, which waits for the next', async () => {
		const chain = ledger.fresh();
		const cores = await coresOf(chain);
		const snapshot = { type: 'snapshot', taken: {} as TakenSnapshot, done: () => told.push('done') } as const;
		cores.step([{ type: 'synced', blocks: [fetched(chain, ledger.blocks[0]!)], done: () => {} }, snapshot]);
		expect(later).toEqual([snapshot]);
		expect(told).not.toContain('done');
	});
});

describe('a link that came up', () => {
	it('is greeted, and a member is handed what waits here', async () => {
		ledger = await TestLedger.found([2]);
		const [me, other] = ledger.members(1) as [TestMember, TestMember];
		const cores = await coresOf(ledger.chain, me.id);
		own = [await ledger.transaction(me)];
		told.length = 0;
		const given = (peer: string) =>
			cores.step([{ type: 'link-up', peer }]).send.filter(({ packet }) => packet.case === 'transactions');
		expect(given('stranger')).toEqual([]);
		expect(given(other.id).map(({ to }) => to)).toEqual([other.id]);
		expect(told).toEqual(['link to stranger', `link to ${other.id}`]);
	});
});
