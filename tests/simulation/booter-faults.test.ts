import { toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { create } from '@bufbuild/protobuf';
import { Kind } from '#lib/consensus/statement.ts';
import { SignedSchema, type Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { BooterComplaintSchema, type Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { UpperTierCheckers } from './booter-checkers.ts';
import { BOOTER_FAULTS } from './booter-faults.ts';
import { focusedScenarioOf, runScenario } from './scenario.ts';
import { rerunLine, runSeed } from './seeds.ts';
import { tap } from './wiretap.ts';
import { QUIET, World } from './world.ts';

/** Longer searches have a command of their own: npm run simulate -- --kind booter. */
const SEEDS = 30;
const SEEDS_PER_TEST = 10;

describe('whatever the Booter does', () => {
	for (let first = 1; first <= SEEDS; first += SEEDS_PER_TEST)
		it(
			`seeds ${first}…${first + SEEDS_PER_TEST - 1}: no fork, no lost block, and the ledger goes on when it is over`,
			{ timeout: 120_000 },
			async () => {
				for (let seed = first; seed < first + SEEDS_PER_TEST; seed++) {
					const outcome = await runSeed(seed, 'booter', 5000);
					expect(outcome.failure, rerunLine(outcome, 'booter')).toBeNull();
				}
			}
		);
});

describe('each fault of the Booter', () => {
	it.each(Object.keys(BOOTER_FAULTS) as (keyof typeof BOOTER_FAULTS)[])(
		'%s: the ledger comes through',
		{ timeout: 60_000 },
		async (name) => {
			const outcome = await runScenario({
				seed: 5,
				booters: 1,
				partitions: [2, 1, 1, 1],
				faults: { ...QUIET },
				transfersPerSecond: 10,
				maxClockSkewMs: 0,
				durationMs: 6000,
				events: [{ atMs: 2000, name, lastsMs: 2500 }]
			});
			expect(outcome.failure, outcome.failure?.message).toBeNull();
			expect(outcome.happened[name]).toBe(1);
			expect(outcome.height).toBeGreaterThan(5);
			expect(outcome.checks.finalBlocks).toBe(outcome.height);
		}
	);
});

describe('a ballot of which two contents were said', () => {
	it('comes to its end with members that signed one of them, restarted, and were told the other', async () => {
		for (let seed = 1; seed <= 4; seed++) {
			const { failure } = await runScenario(
				focusedScenarioOf(seed, {
					faults: ['the Booter equivocates', 'the Booter equivocates', 'crash a tab'],
					partitions: [[2], [4], [2, 1], [3, 3]],
					booters: 1,
					most: 6,
					isQuiet: true
				})
			);
			expect(failure, failure?.message).toBeNull();
		}
	}, 60_000);
});

describe('these checkers can fail', () => {
	const sender = new Uint8Array(32).fill(1);
	const signed = (
		fields: Pick<Partial<Signed>, 'kind' | 'attempt' | 'slot' | 'digest' | 'payload'>
	): Packet['body'] => ({
		case: 'signed',
		value: create(SignedSchema, {
			sender,
			slot: 5,
			view: 1,
			attempt: 0,
			digest: new Uint8Array(32),
			...fields
		})
	});
	const said =
		(...bodies: Packet['body'][]) =>
		() => {
			const checkers = new UpperTierCheckers();
			for (const body of bodies) checkers.sent(body);
		};

	it('R11: two votes of one member in one ballot', () => {
		const other = new Uint8Array(32).fill(9);
		for (const kind of [Kind.SIGN, Kind.DONE, Kind.STATUS])
			expect(said(signed({ kind }), signed({ kind, digest: other }))).toThrow(/^R11/);
		expect(said(signed({ kind: Kind.SIGN }), signed({ kind: Kind.SIGN }))).not.toThrow();
	});

	it('R14: a vote below the ballot that a member has joined', () => {
		expect(said(signed({ kind: Kind.STATUS, attempt: 1 }), signed({ kind: Kind.DONE }))).toThrow(/^R14/);
		const before = signed({ kind: Kind.SIGN });
		const joins = signed({ kind: Kind.STATUS, attempt: 1 });
		expect(said(before, joins)).not.toThrow();
		// Given before, and said again.
		expect(said(before, joins, before)).not.toThrow();
		expect(said(before, joins, signed({ kind: Kind.DONE }))).toThrow(/^R14/);
		expect(
			said(signed({ kind: Kind.STATUS, attempt: 1 }), signed({ kind: Kind.DONE, slot: 6 }))
		).not.toThrow();
	});

	it('R14: a Status that hides a lock', () => {
		expect(said(signed({ kind: Kind.DONE }), signed({ kind: Kind.STATUS, attempt: 1 }))).toThrow(
			/hides its lock$/
		);
		// Said again to a leader whose link came up, when its ballot has a Done as well: it hides nothing.
		const status = signed({ kind: Kind.STATUS, attempt: 1 });
		const done = signed({ kind: Kind.DONE, attempt: 1 });
		expect(said(status, done, status)).not.toThrow();
		expect(said(status, done, signed({ kind: Kind.STATUS, attempt: 2 }))).toThrow(/hides its lock$/);
	});

	it('evidence: a complaint of two Nexts that were never sent', () => {
		const payload = toBinary(
			BooterComplaintSchema,
			create(BooterComplaintSchema, { name: 'BooterEquivocates' })
		);
		const complaint = signed({ kind: Kind.COMPLAINT, payload });
		expect(said(complaint)).toThrow(/^evidence/);
		const knowing = new UpperTierCheckers();
		knowing.hasLied = true;
		expect(() => knowing.sent(complaint)).not.toThrow();
	});

	it('final: a block that one of the disks has lost', async () => {
		const { world, upper } = await someNetwork();
		await upper.end(world);
		const { store } = world.tabs[0]!;
		store.block = async () => undefined;
		await expect(upper.end(world)).rejects.toThrow(/^final: tab1 has lost block 1$/);
	});

	it('agreement: two proofs of one height', async () => {
		const { world } = await someNetwork();
		const proofs: Packet['body'][] = [];
		tap(world.hub, ({ bytes, body }) => {
			if (body.case === 'finality') proofs.push(body);
			return [bytes];
		});
		await world.run(2000);
		const [proof] = proofs;
		if (proof?.case !== 'finality') throw new Error('no proof went out');
		const upper = new UpperTierCheckers();
		upper.watch(world);
		// Nobody can make a second proof that holds; a suite that believes everything stands in for one who could.
		world.suite.verify = async () => true;
		world.hub.send('x', 'y', [await encoded(proof)]);
		world.hub.send('x', 'y', [
			await encoded({ ...proof, value: { ...proof.value, contentDigest: new Uint8Array(32) } })
		]);
		await expect(world.run(100)).rejects.toThrow(/two finality proofs that differ$/);
	});

	async function encoded(body: Packet['body']): Promise<Uint8Array> {
		const { encodePacket } = await import('#lib/wire/codec.ts');
		const { PacketSchema } = await import('#lib/wire/gen/tabwave/v1/wire_pb.js');
		return encodePacket(create(PacketSchema, { body }));
	}

	async function someNetwork() {
		const world = new World({
			seed: 1,
			partitions: [2],
			faults: { ...QUIET },
			transfersPerSecond: 10,
			maxClockSkewMs: 0
		});
		const upper = new UpperTierCheckers();
		upper.watch(world);
		await world.start();
		await world.run(3000);
		await world.heal();
		world.options.transfersPerSecond = 10;
		return { world, upper };
	}
});
