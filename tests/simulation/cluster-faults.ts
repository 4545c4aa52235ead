/**
 * Faults of the Booter's replicas and of what goes between them, in the manner of faults.ts. Any number of them may be down at
 * once: without a majority nothing becomes final, and nothing that was is lost.
 */
import { any, WRITE_MS, type End, type Fault } from './faults.ts';
import { pick, type Random } from './random.ts';
import type { Replica } from './replicas.ts';
import { slowDown } from './slow-disk.ts';
import type { World } from './world.ts';

/** Several elections long. */
const LONGEST_MS = 6000;

export const CLUSTER_FAULTS = {
	'crash a replica': {
		weight: 3,
		minMs: 50,
		maxMs: LONGEST_MS,
		begin: (world, random) => crash(world, random, any(random, world.replicas.running))
	},
	'crash the active replica': {
		weight: 4,
		minMs: 50,
		maxMs: LONGEST_MS,
		begin: (world, random) => crash(world, random, active(world))
	},
	/** The machine stops right before a write takes effect, or right after and before anything that it allows is sent. */
	'crash a replica at a write': {
		weight: 4,
		minMs: 500,
		maxMs: LONGEST_MS,
		begin: (world, random) => {
			const replica = any(random, world.replicas.running);
			if (!replica) return null;
			const { store } = replica;
			const at = random() < 0.5 ? 'before' : 'after';
			let left = 1 + Math.floor(random() * 6);
			let isArmed = true;
			const write = store.write.bind(store);
			store.write = async (changes) => {
				// It may have stopped and come back on the same disk meanwhile.
				const victim = world.replicas.running.find((one) => one.store === store);
				if (!isArmed || !victim || --left > 0) return write(changes);
				if (at === 'after') await write(changes);
				victim.life.stopped = true;
				void victim.network.stop();
				store.crash();
				victim.store = store.reopenAfterCrash({ loseRelaxed: random() < 0.5 });
				// Nobody is there any more to go on.
				return new Promise<void>(() => {});
			};
			return async () => {
				isArmed = false;
				await restart(world, replica);
			};
		}
	},
	'crash all replicas': {
		weight: 1,
		minMs: 50,
		maxMs: 2000,
		begin: async (world, random) => {
			const { running } = world.replicas;
			for (const replica of running) await world.replicas.crash(replica, random() < 0.5);
			return async () => {
				for (const replica of running) await restart(world, replica);
			};
		}
	},
	"a replica's disk is slow": {
		weight: 2,
		minMs: 500,
		maxMs: LONGEST_MS,
		begin: (world, random) => {
			const replica = any(random, world.replicas.running);
			return replica && slowDown(world.time, replica.store, pick(random, WRITE_MS));
		}
	},
	'freeze a replica': {
		weight: 2,
		minMs: 200,
		maxMs: LONGEST_MS,
		begin: (world, random) => freeze(world, any(random, world.replicas.running))
	},
	'freeze the active replica': {
		weight: 2,
		minMs: 200,
		maxMs: LONGEST_MS,
		begin: (world) => freeze(world, active(world))
	},
	/** Its links to the other replicas are down, those to tabs are not. */
	'cut a replica off from the others': {
		weight: 3,
		minMs: 200,
		maxMs: LONGEST_MS,
		begin: (world, random) => {
			const replica = random() < 0.5 ? active(world) : any(random, world.replicas.all);
			if (!replica) return null;
			const others = world.replicas.ids.filter((id) => id !== replica.id);
			if (others.length === 0) return null;
			for (const id of others) world.hub.unlink(replica.id, id);
			return () => {
				for (const id of others) world.hub.relink(replica.id, id);
			};
		}
	},
	/** What one sends to another is lost, and neither knows it. */
	'cut replicas one way': {
		weight: 3,
		minMs: 200,
		maxMs: LONGEST_MS,
		begin: (world, random) => {
			const from = pick(random, world.replicas.ids);
			const to = world.replicas.ids.filter((id) => id !== from && random() < 0.6);
			if (to.length === 0) return null;
			for (const id of to) world.hub.cut(from, id);
			return () => {
				for (const id of to) world.hub.mend(from, id);
			};
		}
	},
	/** It leads the others, and no tab hears it. */
	'cut the active replica off from tabs': {
		weight: 2,
		minMs: 200,
		maxMs: LONGEST_MS,
		begin: (world, random) => {
			const replica = active(world);
			if (!replica) return null;
			const tabs = world.tabs.filter(() => random() < 0.8).map(({ id }) => id);
			for (const id of tabs) world.hub.unlink(replica.id, id);
			return () => {
				for (const id of tabs) world.hub.relink(replica.id, id);
			};
		}
	},
	'stop the active replica cleanly': {
		weight: 2,
		minMs: 600,
		maxMs: 3000,
		begin: (world) => {
			const replica = active(world);
			if (!replica) return null;
			let isOver = false;
			void replica.node.handOver().then(async () => {
				if (!isOver) await world.stopBooter(replica);
			});
			return () => {
				// One that was frozen meanwhile has not stopped yet, and goes on.
				isOver = true;
				return restart(world, replica);
			};
		}
	}
} satisfies Record<string, Fault>;

function active(world: World): Replica | null {
	return world.replicas.running.find(({ node }) => node.replica.isActive) ?? null;
}

async function crash(world: World, random: Random, replica: Replica | null): Promise<End | null> {
	if (!replica) return null;
	await world.replicas.crash(replica, random() < 0.5);
	return () => restart(world, replica);
}

function freeze(world: World, replica: Replica | null): End | null {
	if (!replica) return null;
	replica.life.frozen = true;
	return () => world.thaw(replica);
}

/** Faults overlap: another may have brought it up, and down again, meanwhile. */
export async function restart(world: World, { id }: Replica): Promise<void> {
	const last = world.replicas.all.find((replica) => replica.id === id)!;
	if (last.life.stopped) await world.startBooter(last);
}
