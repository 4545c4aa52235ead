/**
 * Faults of the Booter and of what goes between the tiers, one row each, in the manner of a fault table: how often it is drawn,
 * how long it lasts, what begins and what ends it. A Booter may crash, forget, stall, censor and lie: it delays the ledger, and
 * never forks it.
 */
import { RAFT_RECORD_PREFIX, readRecords, stateRecord } from '#lib/consensus/raft/records.ts';
import { Kind } from '#lib/consensus/statement.ts';
import { blockHash, decodeFinalBlock } from '#lib/ledger/block.ts';
import type { BlockRecord } from '#lib/storage/ledger-store.ts';
import { MemoryLedgerStore } from '#lib/storage/memory-ledger-store.ts';
import type { Packet, PartitionStatuses } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { booterId, evicting, forge, later, replaceNexts, statusRequest } from './booter-lies.ts';
import { Rival } from './booter-rival.ts';
import { restart } from './cluster-faults.ts';
import { together, type Fault } from './faults.ts';
import { pick } from './random.ts';
import type { Replica } from './replicas.ts';
import { inject, tap, type Sent } from './wiretap.ts';
import type { Tab, World } from './world.ts';

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

/** How long a Booter that turns against a lock lets one form. */
const SECRET_MS = 600;

/** More than genesis allows between a block's time and a voter's clock. */
const AN_HOUR_MS = 3_600_000n;

export const BOOTER_FAULTS = {
	/** It comes back without what it had open: what members say when they join is all that is left of it. */
	'the Booter forgets its ballot': {
		weight: 2,
		minMs: 100,
		maxMs: 2000,
		begin: async (world, random) => {
			const booter = alone(world);
			if (!booter) return null;
			await world.replicas.crash(booter, false);
			await forget(booter.store, random() >= 0.3);
			return () => restart(world, booter);
		}
	},
	/**
	 * It makes blocks final and tells nobody, and comes back from a copy of its disk that knows nothing of them: all that keeps it
	 * from making others final in their place is what members are locked on.
	 */
	'the Booter comes back with an old disk': {
		weight: 4,
		minMs: 300,
		maxMs: 2000,
		begin: async (world, random) => {
			const booter = alone(world);
			if (!booter) return null;
			const secret = await finaliseInSecret(world, booter);
			return async () => {
				secret.end();
				await comeBackFrom(world, booter, await secret.copy(random() < 0.3));
			};
		}
	},
	/** The same, and then it shows the locks that it is told of, and orders something else. */
	'the Booter turns against a lock': {
		weight: 3,
		minMs: 1500,
		maxMs: 4000,
		begin: async (world) => {
			const booter = alone(world);
			if (!booter) return null;
			const secret = await finaliseInSecret(world, booter);
			const ends = [secret.end];
			const turn = async (): Promise<void> => {
				secret.end();
				if (!(await comeBackFrom(world, booter, await secret.copy(false)))) return;
				const rival = new Rival(world);
				let hasLied = false;
				const tellLie = (lie: Packet['body']): void => {
					hasLied = true;
					rival.tell(lie);
				};
				const isLocked = ({ body }: Sent): boolean => body.case === 'next' && body.value.lock !== undefined;
				const lies = replaceNexts(world, isLocked, later(1n), tellLie);
				// Its core would go on to the next ballot as soon as it hears of votes on something else.
				const mute = tap(world.hub, ({ from, bytes }) => (hasLied && from === booter.id ? [] : [bytes]));
				ends.push(rival.stop, lies, mute);
			};
			ends.push(world.time.after(SECRET_MS, () => void turn()));
			return () => {
				for (const end of ends) end();
			};
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
			const rival = new Rival(world);
			return together(
				rival.stop,
				replaceNexts(world, (sent) => fooled.has(sent.to), later(1n))
			);
		}
	},
	'the Booter speaks to members directly, and lies': {
		weight: 3,
		minMs: 500,
		maxMs: 4000,
		begin: (world, random) => {
			const booter = booterId(world);
			const rival = new Rival(world);
			/** Statuses of some earlier ballot, to be used again. */
			let old: PartitionStatuses[] = [];
			const lies = tap(world.hub, ({ from, bytes, body }) => {
				if (from !== booter || body.case !== 'next') return [bytes];
				const { statuses, lock } = body.value;
				const ahead = Math.floor(random() * 3);
				const justification = {
					statuses: pick(random, [[], old, statuses]),
					lock: pick(random, [undefined, lock])
				};
				if (statuses.length > 0) old = statuses;
				void forge(world, body.value, later(BigInt(2 + ahead)), ahead, justification).then((lie) =>
					rival.tell(lie, 0.4)
				);
				return [bytes];
			});
			return together(rival.stop, lies);
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
			return replaceNexts(world, () => true, later(offMs));
		}
	},
	/** It has promised to take no part in lower ballots, and the lower ballot comes again. */
	'tabs crash as they join a ballot': {
		weight: 3,
		minMs: 500,
		maxMs: 3000,
		begin: (world, random) => {
			const booter = booterId(world);
			/** The last of each that the Booter sent. */
			const said = new Map<string, Packet['body']>();
			const crashing = new Set<Tab>();
			const comeBack = async (tab: Tab): Promise<void> => {
				await world.crashTab(tab, true);
				await world.recover(tab);
				world.time.after(5, () => {
					for (const body of said.values()) inject(world.hub, booter, tab.id, body);
					crashing.delete(tab);
				});
			};
			return tap(world.hub, ({ from, to, bytes, body }) => {
				if (from === booter && body.case === 'next') {
					const { view, attempt, slot } = body.value.signed!;
					void statusRequest(world, view, attempt + 1, slot).then((request) =>
						inject(world.hub, booter, to, { case: 'signed', value: request })
					);
				}
				if (from === booter && (body.case === 'next' || body.case === 'orderCommit'))
					said.set(body.case, body);
				const joins =
					body.case === 'partitionStatus' || (body.case === 'signed' && body.value.kind === Kind.STATUS);
				const tab = joins && world.tabs.find(({ id }) => id === from);
				if (tab && tab.running && !crashing.has(tab) && random() < 0.5) {
					crashing.add(tab);
					world.time.after(1, () => void comeBack(tab));
				}
				return [bytes];
			});
		}
	},
	/** R22: nobody declares the silence of whom it puts out. */
	'the Booter evicts whom it likes': {
		weight: 2,
		minMs: 500,
		maxMs: 3000,
		begin: (world) => {
			const rival = new Rival(world);
			return together(
				rival.stop,
				replaceNexts(
					world,
					() => true,
					evicting(world),
					(lie) => rival.tell(lie)
				)
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

/** Faults in which a Booter's key signs two things of one ballot, if only because it forgot that it had: complaints are true. */
export const LIES: readonly BooterFaultName[] = [
	'the Booter forgets its ballot',
	'the Booter comes back with an old disk',
	'the Booter turns against a lock',
	'the Booter equivocates',
	'the Booter speaks to members directly, and lies',
	'the Booter evicts whom it likes',
	"the Booter's clock is an hour off"
];

/**
 * The Booter, where it has no other replicas and runs: a replica that forgets what it called durable is none that Raft stands. What
 * the ledger stands is another matter, and shown with one.
 */
function alone(world: World): Replica | null {
	const { all, running } = world.replicas;
	return all.length === 1 ? (running[0] ?? null) : null;
}

/** Blocks become final on the Booter's disk, and nobody hears of it. A copy of the disk knows of none of them. */
async function finaliseInSecret(
	world: World,
	{ id: booter, node, store }: Replica
): Promise<{ end(): void; copy(forgets: boolean): Promise<MemoryLedgerStore> }> {
	const { height } = node.chain.head;
	const copy = await copyOf(store);
	const end = tap(world.hub, ({ from, bytes, body }) => {
		if (from !== booter) return [bytes];
		const proof =
			body.case === 'finality' ? body.value : body.case === 'next' ? body.value.previous : undefined;
		return proof && proof.height > height ? [] : [bytes];
	});
	return {
		end,
		copy: async (forgets) => {
			if (forgets) await forget(copy, false);
			return copy;
		}
	};
}

/** What a Booter keeps of its own beside the ledger: its log, with all that it had open, and its term. */
async function forget(store: MemoryLedgerStore, keepsTerm: boolean): Promise<void> {
	const { votes } = await store.load();
	const gone = votes
		.filter(({ key }) => key.startsWith(RAFT_RECORD_PREFIX))
		.map(({ key }) => ({ key, value: null }));
	const { state } = readRecords(votes);
	await store.write({
		votes: keepsTerm ? [...gone, stateRecord({ ...state, commit: 0 })] : gone,
		durability: 'strict'
	});
}

/** @returns whether it ran, and runs on the other disk now */
async function comeBackFrom(world: World, { id }: Replica, store: MemoryLedgerStore): Promise<boolean> {
	const booter = world.replicas.running.find((replica) => replica.id === id);
	if (!booter) return false;
	await world.replicas.crash(booter, false);
	await world.startBooter({ ...booter, store });
	return true;
}

/** A second disk with the same on it; the first goes on. */
export async function copyOf(store: MemoryLedgerStore): Promise<MemoryLedgerStore> {
	const { genesis, head, state, votes } = await store.load();
	const blocks: BlockRecord[] = [];
	for (let height = 1; height <= head!.height; height++) {
		const bytes = (await store.block(height))!;
		blocks.push({ height, hash: blockHash(decodeFinalBlock(bytes).header), bytes });
	}
	const copy = new MemoryLedgerStore();
	await copy.initialise(genesis!, state, head!);
	await copy.write({ votes, blocks, durability: 'strict' });
	return copy;
}
