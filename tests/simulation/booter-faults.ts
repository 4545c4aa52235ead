/**
 * Faults of the Booter and of what goes between the tiers, one row each, in the manner of a fault table: how often it is drawn,
 * how long it lasts, what begins and what ends it. A Booter may crash, forget, stall, censor and lie: it delays the ledger, and
 * never forks it.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { statusRequestStatement } from '#lib/consensus/ordering/status.ts';
import { statementBytes, type Statement } from '#lib/consensus/statement.ts';
import { contentDigest, decodeContent } from '#lib/ledger/block.ts';
import {
	OrderContentSchema,
	SignedSchema,
	type OrderContent,
	type Signed
} from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { MemoryLedgerStore } from '#lib/storage/memory-ledger-store.ts';
import type { Next, Packet, PartitionStatuses } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { pick, type Random } from './random.ts';
import { inject, tap, type Sent } from './wiretap.ts';
import type { World } from './world.ts';

/** Ends a fault. It is called once, at the latest when the run heals. */
type End = () => Promise<void> | void;

interface Fault {
	/** How often it is drawn, relative to the others. */
	weight: number;
	/** How long it lasts, milliseconds. */
	minMs: number;
	maxMs: number;
	/** @returns what ends it; null where it cannot happen now */
	begin(world: World, random: Random): Promise<End | null> | End | null;
}

/** What of the upper tier goes up and down between a Booter and its partitions. */
const BETWEEN_TIERS: readonly Packet['body']['case'][] = [
	'next',
	'orderCommit',
	'finality',
	'partitionVote',
	'partitionStatus',
	'partitionRefusal',
	'certifiedBlock',
	'signed'
];

/** More than genesis allows between a block's time and a voter's clock. */
const AN_HOUR_MS = 3_600_000n;

export const BOOTER_FAULTS = {
	'crash the Booter': {
		weight: 3,
		minMs: 100,
		maxMs: 4000,
		begin: async (world, random) => {
			if (isDown(world)) return null;
			const store = killBooter(world).reopenAfterCrash({ loseRelaxed: random() < 0.5 });
			return () => startBooter(world, store);
		}
	},
	/** The machine stops right before a write takes effect, or right after and before anything that it allows is sent. */
	'crash the Booter at a write': {
		weight: 4,
		minMs: 500,
		maxMs: 4000,
		begin: (world, random) => {
			if (isDown(world)) return null;
			const { store } = world.booter!;
			const at = random() < 0.5 ? 'before' : 'after';
			let left = 1 + Math.floor(random() * 6);
			const write = store.write.bind(store);
			store.write = async (changes) => {
				if (--left > 0) return write(changes);
				if (at === 'after') await write(changes);
				killBooter(world);
				// Nobody is there any more to go on.
				return new Promise<void>(() => {});
			};
			return async () => {
				store.write = write;
				if (isDown(world)) await startBooter(world, store.reopenAfterCrash({ loseRelaxed: random() < 0.5 }));
			};
		}
	},
	/** It comes back without what it had open: what members say when they join is all that is left of it. */
	'the Booter forgets its ballot': {
		weight: 2,
		minMs: 100,
		maxMs: 2000,
		begin: async (world, random) => {
			if (isDown(world)) return null;
			const store = killBooter(world).reopenAfterCrash({ loseRelaxed: false });
			const keys = random() < 0.3 ? ['ballot', 'ballot-order-commit', 'booter-term'] : ['ballot'];
			await store.write({ votes: keys.map((key) => ({ key, value: null })), durability: 'strict' });
			return () => startBooter(world, store);
		}
	},
	'the Booter stalls': {
		weight: 2,
		minMs: 500,
		maxMs: 5000,
		begin: (world) => {
			const booter = booterId(world);
			const silent = ['next', 'orderCommit', 'finality', 'signed'];
			return tap(world.hub, ({ from, bytes, body }) =>
				from === booter && silent.includes(body.case!) ? [] : [bytes]
			);
		}
	},
	'the Booter censors a partition': {
		weight: 2,
		minMs: 500,
		maxMs: 5000,
		begin: (world, random) => {
			const booter = booterId(world);
			const partition = 1 + Math.floor(random() * world.options.partitions.length);
			return tap(world.hub, ({ to, bytes, body }) => {
				const isTheirs =
					to === booter && body.case === 'certifiedBlock' && body.value.certificate?.partition === partition;
				return isTheirs ? [] : [bytes];
			});
		}
	},
	'messages between the tiers are lost': {
		weight: 3,
		minMs: 500,
		maxMs: 5000,
		begin: (world, random) => {
			const booter = booterId(world);
			const what = pick(random, [[...BETWEEN_TIERS], [pick(random, BETWEEN_TIERS)]]);
			const share = pick(random, [0.3, 0.6, 0.9]);
			return tap(world.hub, ({ from, to, bytes, body }) =>
				(from === booter || to === booter) && what.includes(body.case) && random() < share ? [] : [bytes]
			);
		}
	},
	/** Some are told one thing, others another, under one number. */
	'the Booter equivocates': {
		weight: 4,
		minMs: 500,
		maxMs: 4000,
		begin: (world, random) => {
			const fooled = new Set(world.tabs.filter(() => random() < 0.5).map(({ id }) => id));
			return replaceNexts(
				world,
				(sent) => fooled.has(sent.to),
				(content) => ({
					...content,
					timeMs: content.timeMs + 1n
				})
			);
		}
	},
	'the Booter speaks to members directly, and lies': {
		weight: 3,
		minMs: 500,
		maxMs: 4000,
		begin: (world, random) => {
			const booter = booterId(world);
			/** Statuses of some earlier ballot, to be used again. */
			let old: PartitionStatuses[] = [];
			return tap(world.hub, ({ from, bytes, body }) => {
				if (from !== booter || body.case !== 'next') return [bytes];
				const next = body.value;
				const ahead = Math.floor(random() * 3);
				const statuses = pick(random, [[], old, next.statuses]);
				if (next.statuses.length > 0) old = next.statuses;
				const content = decodeContent(next.signed!.payload);
				void forge(
					world,
					next,
					{ ...content, timeMs: content.timeMs + BigInt(2 + ahead) },
					next.signed!.attempt + ahead,
					pick(random, [{ statuses }, { statuses, lock: next.lock }])
				).then((lie) => {
					for (const { id } of world.tabs.filter(() => random() < 0.4)) inject(world.hub, booter, id, lie);
				});
				return [bytes];
			});
		}
	},
	'the Booter burns ballots': {
		weight: 1,
		minMs: 200,
		maxMs: 1500,
		begin: (world, random) => {
			const booter = booterId(world);
			return tap(world.hub, ({ from, to, bytes, body }) => {
				if (from !== booter || body.case !== 'next' || random() < 0.5) return [bytes];
				const { view, attempt, slot } = body.value.signed!;
				const ahead = attempt + 1 + Math.floor(random() * 20);
				void statusRequest(world, view, ahead, slot).then((signed) =>
					inject(world.hub, booter, to, { case: 'signed', value: signed })
				);
				return [bytes];
			});
		}
	},
	"the Booter's clock is an hour off": {
		weight: 2,
		minMs: 500,
		maxMs: 4000,
		begin: (world, random) => {
			const offMs = random() < 0.5 ? AN_HOUR_MS : -AN_HOUR_MS;
			return replaceNexts(
				world,
				() => true,
				(content) => ({ ...content, timeMs: content.timeMs + offMs })
			);
		}
	},
	/** What an earlier run of the Booter had sent comes again, long after. */
	'old messages of the Booter come again': {
		weight: 3,
		minMs: 500,
		maxMs: 4000,
		begin: (world, random) => {
			const booter = booterId(world);
			const heard: Sent[] = [];
			return tap(world.hub, (sent) => {
				const { from, bytes, body } = sent;
				if (from !== booter || !BETWEEN_TIERS.includes(body.case)) return [bytes];
				if (heard.length < 200) heard.push(sent);
				const again = pick(random, heard);
				if (random() < 0.5) inject(world.hub, booter, pick(random, world.tabs).id, again.body);
				return [bytes];
			});
		}
	}
} satisfies Record<string, Fault>;

export type BooterFaultName = keyof typeof BOOTER_FAULTS;

/** Faults in which the Booter says two things: complaints of it are true. */
export const LIES: readonly BooterFaultName[] = [
	'the Booter equivocates',
	'the Booter speaks to members directly, and lies',
	"the Booter's clock is an hour off"
];

/** Draws a fault by weight. */
export function drawBooterFault(random: Random): { name: BooterFaultName; lastsMs: number } {
	const names = Object.keys(BOOTER_FAULTS) as BooterFaultName[];
	let left = random() * names.reduce((sum, name) => sum + BOOTER_FAULTS[name].weight, 0);
	const name = names.find((candidate) => (left -= BOOTER_FAULTS[candidate].weight) < 0) ?? names[0]!;
	const { minMs, maxMs } = BOOTER_FAULTS[name];
	return { name, lastsMs: minMs + random() * (maxMs - minMs) };
}

/** Changes what some are told to order: signed by the Booter's own key, as a lie of its own would be. */
function replaceNexts(
	world: World,
	isFooled: (sent: Sent) => boolean,
	change: (content: OrderContent) => OrderContent
): End {
	const booter = booterId(world);
	return tap(world.hub, (sent) => {
		const { from, to, bytes, body } = sent;
		if (from !== booter || body.case !== 'next' || !isFooled(sent)) return [bytes];
		const next = body.value;
		const content = change(decodeContent(next.signed!.payload));
		void forge(world, next, content, next.signed!.attempt, { statuses: next.statuses, lock: next.lock }).then(
			(lie) => inject(world.hub, booter, to, lie)
		);
		return [];
	});
}

/** A Next that the Booter's key signs and its core never made. */
async function forge(
	world: World,
	next: Next,
	content: OrderContent,
	attempt: number,
	justification: Pick<Next, 'statuses'> & Partial<Pick<Next, 'lock'>>
): Promise<Packet['body']> {
	const payload = toBinary(OrderContentSchema, content);
	const { kind, partition, epoch, view, slot } = next.signed!;
	const statement = { kind, partition, epoch, view, attempt, slot, digest: contentDigest(payload) };
	const signed = await signAsBooter(world, statement, payload);
	return {
		case: 'next',
		value: { $typeName: 'tabwave.v1.Next', signed, previous: next.previous, ...justification }
	};
}

async function statusRequest(world: World, term: number, attempt: number, height: number): Promise<Signed> {
	return signAsBooter(world, statusRequestStatement({ term, attempt }, height));
}

async function signAsBooter(world: World, statement: Statement, payload?: Uint8Array): Promise<Signed> {
	const { signer, node } = world.booter!;
	const signature = await signer.sign(statementBytes(node.chain.chainId, statement, signer.publicKey));
	return create(SignedSchema, { ...statement, sender: signer.publicKey, signature, payload });
}

function booterId(world: World): string {
	return world.booter!.network.self;
}

function isDown(world: World): boolean {
	return world.booter!.life.stopped;
}

/** A crash: nothing says goodbye, and nobody waits for what was under way. @returns the disk that is left */
function killBooter(world: World): MemoryLedgerStore {
	const { network, store } = world.booter!;
	world.booter!.life.stopped = true;
	void network.stop();
	store.crash();
	return store;
}

async function startBooter(world: World, store: MemoryLedgerStore): Promise<void> {
	const { signer, operator } = world.booter!;
	await world.startBooter({ store, signer, operator });
}
