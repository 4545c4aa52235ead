import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { fromHex } from '#lib/crypto/hex.ts';
import {
	EvictionSchema,
	EvidenceSchema,
	MembershipChangeSchema
} from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { decodeFinalBlock, encodeFinalBlock } from '#lib/ledger/block.ts';
import { openChain } from '#lib/node/open-chain.ts';
import { MemoryLedgerStore } from '#lib/storage/memory-ledger-store.ts';
import type { CommittedBlock } from '#lib/consensus/ordering/chain.ts';
import { Checkers, type Holder } from './checkers.ts';
import { CORPUS } from './corpus.ts';
import { runScenario, scenarioOf } from './scenario.ts';
import { rerunLine, runSeed } from './seeds.ts';
import { contracts, QUIET, World, type WorldOptions } from './world.ts';

/** Longer searches have a command of their own: npm run simulate. */
const SEEDS = { network: 30, liars: 40 };
const SEEDS_PER_TEST = 10;
const MARKET_SEEDS = [35, 36, 37, 38];

describe('simulation', () => {
	for (const [kind, count] of Object.entries(SEEDS) as [keyof typeof SEEDS, number][])
		for (let first = 1; first <= count; first += SEEDS_PER_TEST)
			it(
				`${kind}: seeds ${first}…${first + SEEDS_PER_TEST - 1} keep every rule and come to rest`,
				{ timeout: 120_000 },
				async () => {
					for (let seed = first; seed < first + SEEDS_PER_TEST; seed++) {
						const outcome = await runSeed(seed, kind, 6000);
						expect(outcome.failure, rerunLine(outcome, kind)).toBeNull();
					}
				}
			);

	it('sealed bids and grants keep their rules, and happen', { timeout: 120_000 }, async () => {
		const happened = new Map<string, number>();
		for (const seed of MARKET_SEEDS) {
			const outcome = await runSeed(seed, 'market');
			expect(outcome.failure, rerunLine(outcome, 'market')).toBeNull();
			for (const [name, count] of Object.entries({ ...outcome.happened, ...outcome.checks }))
				happened.set(name, (happened.get(name) ?? 0) + count);
		}
		for (const name of [
			'commitments',
			'reveals',
			'forfeits',
			'grants',
			'grantsExpired',
			'grantsGivenBack',
			'market: refused RevealTooLate',
			'market: refused UnknownGrant'
		])
			expect(happened.get(name), name).toBeGreaterThan(0);
	});

	for (const { scenario, found } of CORPUS)
		it(`what was found stays mended: ${found}`, { timeout: 60_000 }, async () => {
			const { failure } = await runScenario(scenario);
			expect(failure, failure?.message).toBeNull();
		});

	it('who is silent for longer than the grace is evicted, and comes back', async () => {
		const { failure, checks } = await runScenario({
			...scenarioOf(3, 12_000),
			partitions: [4],
			booters: 1,
			faults: { ...QUIET },
			timing: { evictionGraceMs: 3000 },
			events: [{ atMs: 2000, name: 'crash a tab', lastsMs: 7500 }]
		});
		expect(failure, failure?.message).toBeNull();
		expect(checks.silenced).toBe(1);
	});

	it('one seed is one run: every count is the same twice', async () => {
		const [once, again] = [await runScenario(scenarioOf(7, 4000)), await runScenario(scenarioOf(7, 4000))];
		expect(once.height).toBeGreaterThan(0);
		expect({ ...again, log: null }).toEqual({ ...once, log: null });
	});
});

describe('checkers can fail', () => {
	const someOptions = (): WorldOptions => ({
		seed: 1,
		partitions: [2],
		faults: { ...QUIET },
		transfersPerSecond: 10,
		maxClockSkewMs: 0
	});

	async function someNetwork() {
		const world = new World(someOptions());
		await world.start();
		await world.run(4000);
		const { chain } = world.tabs[0]!.running!.node;
		const store = world.tabs[0]!.store;
		return { world, chain, store };
	}

	it('agreement: two hashes at one height', async () => {
		const { world, chain } = await someNetwork();
		const block = await committedBlock(world);
		const other = { ...block, hash: block.hash.map((byte) => byte ^ 1) };
		const checkers = new Checkers(world.suite);
		await checkers.committed('one', chain, block);
		await expect(checkers.committed('other', chain, other)).rejects.toThrow(/^agreement/);
	});

	it('certificates: a block whose finality proof was signed by nobody', async () => {
		const { world, chain } = await someNetwork();
		const block = await committedBlock(world);
		const bytes = block.bytes.slice();
		const proof = lastSignature(bytes);
		bytes[proof]! ^= 1;
		await expect(new Checkers(world.suite).committed('one', chain, { ...block, bytes })).rejects.toThrow(
			/^certificates/
		);
	});

	it('bytes: another receipt, or a leaf that its root does not hold', async () => {
		const { world, chain } = await someNetwork();
		const block = await committedBlock(world);
		const stored = decodeFinalBlock(block.bytes);
		const other = { ...block, bytes: encodeFinalBlock({ ...stored, receipts: [new Uint8Array([1])] }) };
		const checkers = new Checkers(world.suite);
		await checkers.committed('one', chain, block);
		await expect(checkers.committed('other', chain, other)).rejects.toThrow(
			/^bytes: the receipts of block 1/
		);
		await expect(new Checkers(world.suite).committed('one', chain, other)).rejects.toThrow(
			/^bytes: block 1 of one holds other leaves/
		);
	});

	it('state: a row that one node holds and another does not', async () => {
		const { world, chain } = await someNetwork();
		await world.heal();
		const node = { name: 'one', chain };
		const other = { name: 'other', chain: world.tabs[1]!.running!.node.chain };
		expect(() => world.checkers.rows([node, other])).not.toThrow();
		chain.state.apply([{ key: 'x', value: new Uint8Array([1]) }], chain.head.height);
		expect(() => world.checkers.rows([node, other])).toThrow(/^state: at height/);
	});

	it('money: a balance that nobody was credited', async () => {
		const { world, chain } = await someNetwork();
		const account = `account/${'77'.repeat(32)}`;
		chain.state.apply(
			[{ key: account, value: chain.state.get(`account/${world.tabs[0]!.id}`)! }],
			chain.head.height + 1
		);
		expect(() => new Checkers(world.suite).state('one', chain)).toThrow(/^money/);
	});

	it('R3: a vote for a block whose bodies a member lacks', async () => {
		const world = new World({ ...someOptions(), partitions: [4] });
		await world.start();
		let isCaught = false;
		const sent = world.checkers.sent.bind(world.checkers);
		world.checkers.sent = (who, packet, node) => {
			sent(who, packet, node);
			const empty = { has: () => false } as unknown as Holder['pool'];
			const without = node && { pbft: node.pbft, chain: node.chain, pool: empty };
			// A copy: what was looked at once is not looked at again.
			isCaught ||= throwsViolation(() => new Checkers(world.suite).sent(who, packet.slice(), without));
		};
		await world.run(4000);
		expect(isCaught).toBe(true);
	});

	it('R22: an eviction that nobody declares', async () => {
		const { world, chain } = await someNetwork();
		const { id, epoch, members } = chain.topology.partition(1)!;
		// As if the present members had come about by the eviction of one more.
		const [first] = members as [string];
		const evictions = [create(EvictionSchema, { member: fromHex(first) })];
		const change = create(MembershipChangeSchema, { partition: id, epoch: epoch + 1, evictions });
		const block = await committedBlock(world);
		await expect(new Checkers(world.suite).committed('one', chain, { ...block, change })).rejects.toThrow(
			/^R22/
		);
	});

	it('evidence: of a member that is honest', async () => {
		const { world } = await someNetwork();
		const evidence = create(EvidenceSchema, { first: {}, second: {} });
		expect(() => new Checkers(world.suite).evidence('one', 'somebody', evidence)).toThrow(/^R24/);
		expect(() =>
			new Checkers(world.suite, new Set(['liar'])).evidence('one', 'liar', evidence)
		).not.toThrow();
	});

	it('R2: one member, one slot, two digests', async () => {
		const { world } = await someNetwork();
		const packets: Uint8Array[] = [];
		const send = world.hub.send.bind(world.hub);
		world.hub.send = (from, to, list) => {
			packets.push(...list);
			send(from, to, list);
		};
		await world.run(2000);
		const checkers = new Checkers(world.suite);
		const isCaught = packets.some((packet) => {
			checkers.sent('one', packet);
			return flippedDigests(packet).some((changed) => throwsViolation(() => checkers.sent('one', changed)));
		});
		expect(isCaught).toBe(true);
	});

	async function committedBlock(world: World): Promise<CommittedBlock> {
		const store = new MemoryLedgerStore();
		const { chain } = await openChain(store, world.genesis, contracts(world.genesis));
		const bytes = (await world.booter!.store.block(1))!;
		const { outcome, finality } = chain.check(decodeFinalBlock(bytes));
		if (!('executed' in outcome)) throw new Error(outcome.message);
		return chain.commitChecked(outcome.executed, finality).blocks[0]!;
	}
});

/** The finality proof ends the block; its last signature ends the proof. */
function lastSignature(block: Uint8Array): number {
	return block.length - 1;
}

function throwsViolation(run: () => void): boolean {
	try {
		run();
		return false;
	} catch (error) {
		return (error as Error).name === 'Violation';
	}
}

/** Copies of a packet with one byte changed, as far as they can still be read. */
function flippedDigests(packet: Uint8Array): Uint8Array[] {
	return Array.from({ length: Math.min(packet.length, 60) }, (_, i) => {
		const copy = packet.slice();
		copy[i]! ^= 0x40;
		return copy;
	});
}
