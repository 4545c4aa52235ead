/**
 * The faults of a simulation, one row each: how often it is drawn, how long it lasts, what begins and what ends it. The table that
 * `npm run simulate` prints counts them by these names, so that a fault that never happens is seen.
 */
import { between, pick, type Random } from './random.ts';
import { slowDown } from './slow-disk.ts';
import type { Tab, World } from './world.ts';

/** Ends a fault. It is called once, at the latest when the run heals. */
export type End = () => Promise<void> | void;

export interface Fault {
	/** How often it is drawn, relative to the others. */
	weight: number;
	/** How long it lasts, milliseconds; 0 for what is over at once. */
	minMs: number;
	maxMs: number;
	/** @returns what ends it; null where it cannot happen now */
	begin(world: World, random: Random): Promise<End | null> | End | null;
}

const NOTHING: End = () => {};

/** Below the grace after which a silent member is evicted: what is shown here heals by itself. */
const LONGEST_MS = 8000;

/** A write to a busy disk, milliseconds. */
export const WRITE_MS: readonly number[] = [20, 100, 500, 2000];

export const FAULTS = {
	'crash a tab': {
		weight: 3,
		minMs: 50,
		maxMs: LONGEST_MS,
		begin: (world, random) => crash(world, random, world.members())
	},
	'crash a leader': {
		weight: 3,
		minMs: 50,
		maxMs: LONGEST_MS,
		begin: (world, random) => crash(world, random, world.leaders())
	},
	/** The machine stops right before a write takes effect, or right after and before anything that it allows is sent. */
	'crash at a write': {
		weight: 3,
		minMs: 500,
		maxMs: LONGEST_MS,
		begin: (world, random) => {
			const tab = any(random, world.members());
			if (!tab) return null;
			world.crashAtWrite(tab, random() < 0.5 ? 'before' : 'after');
			return () => world.recover(tab);
		}
	},
	'crash a partition': {
		weight: 1,
		minMs: 50,
		maxMs: 4000,
		begin: async (world, random) => {
			const partition = 1 + Math.floor(random() * world.options.partitions.length);
			const tabs = world.members().filter((tab) => tab.partition === partition);
			if (tabs.length === 0) return null;
			for (const tab of tabs) await world.crashTab(tab, random() < 0.5);
			return async () => {
				for (const tab of tabs) await world.recover(tab);
			};
		}
	},
	'freeze a tab': {
		weight: 2,
		minMs: 200,
		maxMs: LONGEST_MS,
		begin: (world, random) => freeze(world, any(random, world.members()))
	},
	'freeze a leader': {
		weight: 2,
		minMs: 200,
		maxMs: LONGEST_MS,
		begin: (world, random) => freeze(world, any(random, world.leaders()))
	},
	/** The link is down, and both ends know it. */
	'cut two ways': {
		weight: 2,
		minMs: 200,
		maxMs: LONGEST_MS,
		begin: (world, random) => {
			const pair = neighbours(world, random);
			if (!pair) return null;
			world.hub.unlink(pair[0].id, pair[1].id);
			return () => world.hub.relink(pair[0].id, pair[1].id);
		}
	},
	/** What one end sends is lost, and neither knows it. */
	'cut one way': {
		weight: 2,
		minMs: 200,
		maxMs: LONGEST_MS,
		begin: (world, random) => {
			const pair = neighbours(world, random);
			if (!pair) return null;
			world.hub.cut(pair[0].id, pair[1].id);
			return () => world.hub.mend(pair[0].id, pair[1].id);
		}
	},
	/** Nobody in its partition hears the leader; it hears them. */
	'mute a leader': {
		weight: 2,
		minMs: 200,
		maxMs: LONGEST_MS,
		begin: (world, random) => {
			const leader = any(random, world.leaders());
			if (!leader) return null;
			const others = world.members().filter((tab) => tab !== leader && tab.partition === leader.partition);
			for (const { id } of others) world.hub.cut(leader.id, id);
			return () => {
				for (const { id } of others) world.hub.mend(leader.id, id);
			};
		}
	},
	/** What the leader sends to the Booter is lost: it leads its members, and carries nothing. */
	'cut a leader from the Booter': {
		weight: 2,
		minMs: 200,
		maxMs: LONGEST_MS,
		begin: (world, random) => {
			const leader = any(random, world.leaders());
			if (!leader) return null;
			const booter = world.booterId;
			world.hub.cut(leader.id, booter);
			return () => world.hub.mend(leader.id, booter);
		}
	},
	/** Two halves of a partition do not hear each other. */
	'split a partition': {
		weight: 1,
		minMs: 200,
		maxMs: LONGEST_MS,
		begin: (world, random) => {
			const partition = any(random, world.members())?.partition;
			const tabs = world.members().filter((tab) => tab.partition === partition);
			if (tabs.length < 2) return null;
			const left = tabs.filter(() => random() < 0.5);
			const pairs = left.flatMap((one) =>
				tabs.filter((tab) => !left.includes(tab)).map((other) => [one.id, other.id] as const)
			);
			for (const [one, other] of pairs) world.hub.unlink(one, other);
			return () => {
				for (const [one, other] of pairs) world.hub.relink(one, other);
			};
		}
	},
	'a slow disk': {
		weight: 2,
		minMs: 500,
		maxMs: LONGEST_MS,
		begin: (world, random) => {
			const tab = any(random, world.members());
			return tab && slowDown(world.time, tab.store, pick(random, WRITE_MS));
		}
	},
	'restart the Booter': {
		weight: 2,
		minMs: 100,
		maxMs: 3000,
		begin: async (world) => {
			const replica = world.booter!;
			if (replica.life.stopped) return null;
			await world.stopBooter(replica);
			return () => world.startBooter(replica);
		}
	},
	join: {
		weight: 2,
		minMs: 0,
		maxMs: 0,
		begin: async (world, random) => {
			await world.addTab(1 + Math.floor(random() * world.options.partitions.length));
			return NOTHING;
		}
	},
	leave: {
		weight: 1,
		minMs: 0,
		maxMs: 0,
		begin: (world, random) => {
			const tab = any(random, world.members());
			// The last member of all leaves nobody to vote, and f must stay as many as there are liars.
			if (!tab || !world.maySpare(tab.partition)) return null;
			world.leaveUntilGone(tab);
			return NOTHING;
		}
	}
} satisfies Record<string, Fault>;

/** Rarer ones, drawn apart from the others. */
export const RARE_FAULTS = {
	/**
	 * What all but the leader know is on their disks alone, and the leader knows more than it can tell: R4's certificates, and
	 * nothing else, keep a later view from deciding otherwise.
	 */
	'a partition forgets, and its leader is not heard': {
		weight: 3,
		minMs: 5000,
		maxMs: LONGEST_MS,
		begin: (world, random) => {
			const leader = any(random, world.leaders());
			if (!leader) return null;
			const others = world.members().filter((tab) => tab !== leader && tab.partition === leader.partition);
			const deaf = [...others.map(({ id }) => id), world.booterId];
			for (const id of deaf) world.hub.cut(leader.id, id);
			const crashAll = async (): Promise<void> => {
				for (const tab of others) {
					await world.crashTab(tab, random() < 0.5);
					await world.recover(tab);
				}
			};
			// Long enough for Commits to reach the leader, short of their being carried into another view.
			world.time.after(between(random, 0, 500), () => void crashAll());
			return () => {
				for (const id of deaf) world.hub.mend(leader.id, id);
			};
		}
	}
} satisfies Record<string, Fault>;

/** Draws a fault of a table by weight. */
export function drawFault<Name extends string>(
	random: Random,
	table: Record<Name, Fault>
): { name: Name; lastsMs: number } {
	const names = Object.keys(table) as Name[];
	let left = random() * names.reduce((sum, name) => sum + table[name].weight, 0);
	const name = names.find((candidate) => (left -= table[candidate].weight) < 0) ?? names[0]!;
	return { name, lastsMs: between(random, table[name].minMs, table[name].maxMs) };
}

async function crash(world: World, random: Random, tabs: Tab[]): Promise<End | null> {
	const tab = any(random, tabs);
	if (!tab) return null;
	await world.crashTab(tab, random() < 0.5);
	return () => world.recover(tab);
}

function freeze(world: World, tab: Tab | null): End | null {
	if (!tab) return null;
	const { running } = tab;
	running!.life.frozen = true;
	return () => world.thaw(running!);
}

function neighbours(world: World, random: Random): [Tab, Tab] | null {
	const one = any(random, world.members());
	const other = any(
		random,
		world.members().filter((tab) => tab !== one && tab.partition === one?.partition)
	);
	return one && other && [one, other];
}

/** One of them; null where there is none. */
export function any<T>(random: Random, list: readonly T[]): T | null {
	return list.length > 0 ? pick(random, list) : null;
}

/** The end of a fault that is made of several. */
export function together(...ends: (() => void)[]): End {
	return () => {
		for (const end of ends) end();
	};
}
