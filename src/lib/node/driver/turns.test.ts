import { beforeEach, describe, expect, it } from 'vitest';
import type { Vote } from '../../consensus/effects.ts';
import type { Commit } from '../../consensus/ordering/chain.ts';
import { Kind, signedCheck } from '../../consensus/statement.ts';
import { TEST_CHAIN_ID, testMembers, testSuite, type TestMember } from '../../consensus/testing/members.ts';
import { MemoryHub, type MemoryNetwork } from '../../network/memory-network.ts';
import type { StateRow, StoreWrite } from '../../storage/ledger-store.ts';
import { StoreError } from '../../storage/ledger-store.ts';
import { MemoryLedgerStore } from '../../storage/memory-ledger-store.ts';
import { decodePacket } from '../../wire/codec.ts';
import type { Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { addEffects, emptyTurn, Turns, type Turn, type TurnsInit } from './turns.ts';

/** What happened, in order. */
let log: string[];
let members: TestMember[];
let network: MemoryNetwork;
let store: MemoryLedgerStore;
let writes: StoreWrite[];
let halted: Error[];
/** Frames as they arrived, by receiver. */
let received: Map<string, Packet['body'][][]>;

beforeEach(async () => {
	log = [];
	writes = [];
	halted = [];
	received = new Map();
	members = await testMembers(3);
	// A frame is taken when it is sent, so that the order of sending and writing shows.
	const hub = new MemoryHub((task) => task());
	for (const { id } of members.slice(1)) {
		const other = hub.network(id);
		received.set(id, []);
		await other.start({
			packets: (_from, packets) => {
				log.push(`sent ${packets.length}`);
				received.get(id)!.push(packets.map((packet) => decodePacket(packet).body));
			},
			link: () => {},
			violation: () => {}
		});
	}
	network = hub.network(members[0]!.id);
	await network.start({ packets: () => {}, link: () => {}, violation: () => {} });
	network.setPeers(members.slice(1).map(({ id }) => id));
	store = storeWith(() => Promise.resolve());
});

/** The memory store, which tells what is written to it, and may be slow. */
function storeWith(wait: () => Promise<void>): MemoryLedgerStore {
	const memory = new MemoryLedgerStore({
		onWrite: (phase, write) => {
			log.push(`write ${phase}`);
			if (phase === 'after') writes.push(write);
		}
	});
	const write = memory.write.bind(memory);
	memory.write = async (what) => {
		await wait();
		await write(what);
	};
	return memory;
}

type Input = string;

function turnsWith(
	step: (inputs: Input[]) => Partial<Turn>,
	init: Partial<TurnsInit<Input>> = {}
): Turns<Input> {
	return new Turns<Input>({
		chainId: TEST_CHAIN_ID,
		signer: members[0]!.signer,
		store,
		network,
		step: (inputs) => {
			log.push(`step ${inputs.join()}`);
			return { ...emptyTurn(), ...step(inputs) };
		},
		members: () => members.map(({ id }) => id),
		own: () => [],
		committed: (commits) => log.push(`committed ${commits.length}`),
		halt: (error) => halted.push(error),
		...init
	});
}

const vote = (slot: number, to: string[], payload?: Uint8Array): Vote => ({
	statement: {
		kind: Kind.PREPARE,
		partition: 1,
		epoch: 1,
		view: 0,
		attempt: 0,
		slot,
		digest: new Uint8Array(32).fill(3)
	},
	payload,
	to
});
const ping = (id: number): Packet['body'] => ({ case: 'ping', value: { $typeName: 'tabwave.v1.Ping', id } });
const record = (key: string, value: number | null) => ({
	key,
	value: value === null ? null : Uint8Array.of(value)
});
const row = (key: string, value: number, height: number): StateRow => ({
	key,
	value: Uint8Array.of(value),
	height,
	previous: null
});

function commitOf(height: number, state: StateRow[] = []): Commit {
	const hash = new Uint8Array(32).fill(height);
	return {
		blocks: [{ height, hash, bytes: Uint8Array.of(height) }] as Commit['blocks'],
		state,
		head: { height, hash, stateDigest: hash, timeMs: height }
	};
}

describe('a turn: persist, then send', () => {
	it('what a step asks to persist is on disk before anything of it leaves', async () => {
		const turns = turnsWith(() => ({
			persist: [record('vote/1', 7)],
			votes: [vote(1, ['members'])],
			send: [{ to: 'members', packet: ping(1) }],
			commits: [commitOf(1)]
		}));
		turns.add('a');
		await settled();
		expect(log).toEqual(['step a', 'write before', 'write after', 'sent 2', 'sent 2', 'committed 1']);
		expect((await store.load()).votes).toEqual([{ key: 'vote/1', value: Uint8Array.of(7) }]);
	});

	it('where the disk fails nothing leaves, and the node stops', async () => {
		for (const phase of ['before', 'after'] as const) {
			log = [];
			halted = [];
			const crashing: MemoryLedgerStore = new MemoryLedgerStore({
				onWrite: (at) => {
					if (at === phase) crashing.crash();
				}
			});
			const turns = turnsWith(
				() => ({
					persist: [record('vote/1', 7)],
					send: [{ to: 'members', packet: ping(1) }],
					commits: [commitOf(1)]
				}),
				{ store: crashing }
			);
			turns.add('a');
			await settled();
			expect(log).toEqual(['step a']);
			expect(halted.map(({ name }) => name)).toEqual(['StoreError']);
		}
	});

	it('where the disk is full, room is made before anything leaves, and the same is written again', async () => {
		const small = new MemoryLedgerStore({ capacityBytes: 10 });
		const rooms: number[] = [];
		const write = small.write.bind(small);
		let isFull = true;
		small.write = (what) =>
			isFull ? Promise.reject(new StoreError('full', 'no room')) : (log.push('written'), write(what));
		const turns = turnsWith(
			() => ({ persist: [record('vote/1', 7)], send: [{ to: 'members', packet: ping(1) }] }),
			{
				store: small,
				makeRoom: async (bytes) => {
					rooms.push(bytes);
					log.push('room');
					isFull = rooms.length < 2;
					return true;
				}
			}
		);
		turns.add('a');
		await settled();
		expect(log).toEqual(['step a', 'room', 'room', 'written', 'sent 1', 'sent 1']);
		expect(rooms).toEqual([1, 1]);
		expect((await small.load()).votes).toHaveLength(1);
		expect(halted).toEqual([]);
	});

	it('where the disk is full and nothing is left to give up, nothing leaves and the node stops', async () => {
		const turns = turnsWith(
			() => ({ persist: [record('vote/1', 7)], send: [{ to: 'members', packet: ping(1) }] }),
			{ store: new MemoryLedgerStore({ capacityBytes: 0 }), makeRoom: async () => false }
		);
		turns.add('a');
		await settled();
		expect(log).toEqual(['step a']);
		expect(halted).toMatchObject([{ name: 'StoreError', reason: 'full' }]);
	});

	it('that asks for nothing to be kept writes nothing', async () => {
		const turns = turnsWith(() => ({ send: [{ to: 'members', packet: ping(1) }] }));
		turns.add('a');
		await settled();
		expect(log).toEqual(['step a', 'sent 1', 'sent 1']);
	});

	it.each<[string, Partial<Turn>, string]>([
		['a vote', { persist: [record('vote/1', 1)] }, 'strict'],
		['a vote and a block', { persist: [record('vote/1', 1)], commits: [commitOf(1)] }, 'strict'],
		['a block alone, which can be fetched again', { commits: [commitOf(1)] }, 'relaxed'],
		[
			'a block and the removal of old votes',
			{ persist: [record('vote/1', null)], commits: [commitOf(1)] },
			'relaxed'
		]
	])('%s is written once, as durably as it must (R25)', async (_what, turn, durability) => {
		const turns = turnsWith(() => turn);
		turns.add('a');
		await settled();
		expect(writes.map((write) => write.durability)).toEqual([durability]);
	});

	it('writes the blocks of several commits together: each key once, as the last left it, and the last head', async () => {
		const turns = turnsWith(() => ({
			commits: [commitOf(1, [row('a', 1, 1), row('b', 1, 1)]), commitOf(2, [row('a', 2, 2)])]
		}));
		turns.add('a');
		await settled();
		expect(writes).toHaveLength(1);
		expect(writes[0]!.blocks!.map(({ height }) => height)).toEqual([1, 2]);
		expect(writes[0]!.state).toEqual([row('a', 2, 2), row('b', 1, 1)]);
		expect(writes[0]!.head).toEqual(commitOf(2).head);
		expect(log.at(-1)).toBe('committed 2');
	});

	it('keeps the head where it was when there is no commit', async () => {
		const turns = turnsWith(() => ({ persist: [record('vote/1', 1)] }));
		turns.add('a');
		await settled();
		expect(writes[0]!.head).toBeUndefined();
		expect(log).not.toContain('committed 0');
	});
});

describe('votes', () => {
	it('are signed by this node over its chain', async () => {
		const turns = turnsWith(() => ({ votes: [vote(4, [members[1]!.id], Uint8Array.of(5))] }));
		turns.add('a');
		await settled();
		const [[body]] = received.get(members[1]!.id)! as [[Packet['body']]];
		expect(body.case).toBe('signed');
		const signed = body.value as Signed;
		expect(signed).toMatchObject({ kind: Kind.PREPARE, slot: 4, payload: Uint8Array.of(5) });
		expect(signed.sender).toEqual(members[0]!.signer.publicKey);
		expect(await testSuite.verify(signedCheck(TEST_CHAIN_ID, signed))).toBe(true);
		expect(received.get(members[2]!.id)).toEqual([]);
	});

	it('come back as inputs once they are durable, before what came meanwhile', async () => {
		const turns = turnsWith(
			(inputs) => {
				if (!inputs.includes('a')) return {};
				turns.add('later');
				return { votes: [vote(1, []), vote(2, ['members'])], persist: [record('vote/1', 1)] };
			},
			{ own: (signed) => signed.map(({ slot }) => `own ${slot}`) }
		);
		turns.add('a');
		await settled();
		expect(log.filter((line) => line.startsWith('step'))).toEqual(['step a', 'step own 1,own 2,later']);
		expect(log.indexOf('write after')).toBeLessThan(log.indexOf('step own 1,own 2,later'));
		// The first has nobody to go to.
		expect(received.get(members[1]!.id)!.flat()).toHaveLength(1);
		await turns.stop();
	});

	it('travel as their core packs them', async () => {
		const turns = turnsWith(() => ({
			votes: [{ ...vote(9, ['members']), packet: ({ slot }) => ping(slot) }]
		}));
		turns.add('a');
		await settled();
		expect(received.get(members[1]!.id)!.flat()).toMatchObject([{ case: 'ping', value: { id: 9 } }]);
	});
});

describe('what a turn sends', () => {
	it('leaves as one frame to each peer: votes first, then the rest in order', async () => {
		const turns = turnsWith(() => ({
			send: [
				{ to: members[1]!.id, packet: ping(1) },
				{ to: 'members', packet: ping(2) },
				{ to: members[1]!.id, packet: ping(3) }
			],
			votes: [vote(1, [members[1]!.id])]
		}));
		turns.add('a');
		await settled();
		const idsOf = (member: TestMember) =>
			received
				.get(member.id)!
				.map((frame) => frame.map((body) => (body.case === 'ping' ? body.value.id : body.case)));
		expect(idsOf(members[1]!)).toEqual([['signed', 1, 2, 3]]);
		expect(idsOf(members[2]!)).toEqual([[2]]);
	});

	it('never goes to itself, nor to who is not linked', async () => {
		const turns = turnsWith(() => ({
			send: [
				{ to: members[0]!.id, packet: ping(1) },
				{ to: 'ee'.repeat(32), packet: ping(2) }
			]
		}));
		turns.add('a');
		await settled();
		expect([...received.values()].flat()).toEqual([]);
		expect(network.droppedPackets).toBe(1);
		expect(halted).toEqual([]);
	});
});

describe('the loop', () => {
	it('takes all that comes in one task in one turn', async () => {
		const turns = turnsWith(() => ({}));
		turns.add('a');
		turns.add('b', 'c');
		expect(log).toEqual([]);
		await settled();
		turns.add('d');
		await settled();
		expect(log).toEqual(['step a,b,c', 'step d']);
	});

	it('gathers what comes while the disk is busy', async () => {
		let free = (): void => {};
		store = storeWith(() => new Promise((resolve) => (free = resolve)));
		const turns = turnsWith((inputs) => (inputs[0] === 'a' ? { persist: [record('vote/1', 1)] } : {}));
		turns.add('a');
		await settled();
		for (const input of ['b', 'c', 'd']) {
			turns.add(input);
			await settled();
		}
		expect(log).toEqual(['step a']);
		free();
		await settled();
		expect(log).toEqual(['step a', 'write before', 'write after', 'step b,c,d']);
	});

	it('stops when it is told: it waits for the turn under way and begins no other', async () => {
		let free = (): void => {};
		store = storeWith(() => new Promise((resolve) => (free = resolve)));
		const turns = turnsWith(() => ({ persist: [record('vote/1', 1)], votes: [vote(1, ['members'])] }), {
			own: () => ['own']
		});
		turns.add('a');
		await settled();
		turns.add('b');
		let stopped = false;
		const stopping = turns.stop().then(() => (stopped = true));
		turns.add('c');
		await settled();
		expect(stopped).toBe(false);
		free();
		await stopping;
		// The vote is on disk, and the other members have it.
		expect(log).toEqual(['step a', 'write before', 'write after', 'sent 1', 'sent 1']);
		turns.add('d');
		await settled();
		expect(log).not.toContain('step d');
	});

	it('stops for good at an impossible state, and says which', async () => {
		const turns = turnsWith(() => {
			throw new Error('R13: it cannot be');
		});
		turns.add('a');
		await settled();
		turns.add('b');
		await settled();
		expect(log).toEqual(['step a']);
		expect(halted.map(({ message }) => message)).toEqual(['R13: it cannot be']);
	});

	it('drops and counts what comes when it is hopelessly behind', async () => {
		const turns = turnsWith(() => ({}));
		turns.add(...Array.from({ length: 50_000 }, () => 'x'));
		turns.add('y', 'z');
		expect(turns.dropped).toBe(2);
		await settled();
		turns.add('y');
		await settled();
		expect(turns.dropped).toBe(2);
		expect(log.at(-1)).toBe('step y');
	});
});

it('a step’s effects are added to its turn, in order', () => {
	const turn = emptyTurn();
	const effects = {
		persist: [record('a', 1)],
		votes: [vote(1, [])],
		send: [{ to: 'members', packet: ping(1) }]
	};
	addEffects(turn, effects);
	addEffects(turn, { ...effects, commits: [commitOf(1)] });
	expect(turn.persist).toHaveLength(2);
	expect(turn.votes).toHaveLength(2);
	expect(turn.send).toHaveLength(2);
	expect(turn.commits).toHaveLength(1);
});

/** Nothing here waits for anything but promises, so one turn of the event loop settles all of them. */
function settled(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}
