/**
 * Twins (Bano et al., 2020): one identity runs twice at once, with two disks and one key, and each of its peers hears the one, the
 * other or both. Two honest programs then do together what an equivocating liar would, with everything that belongs to it.
 */
import { openChain } from '#lib/node/open-chain.ts';
import { TabwaveNode } from '#lib/node/node.ts';
import type { Network, NetworkEvents } from '#lib/network/network.ts';
import { copyOf } from './booter-faults.ts';
import type { End } from './faults.ts';
import { between, pick, type Random } from './random.ts';
import { live, newLife } from './virtual-time.ts';
import { contracts, type Tab, type World } from './world.ts';

/** Whom a peer hears and is heard by. */
type Side = 'first' | 'second' | 'both';

/** After about so long the peers are divided anew. */
const DIVISION_MS = 2500;

export async function startTwin(world: World, random: Random, tab: Tab): Promise<End | null> {
	const running = tab.running!;
	const { network } = running;
	const first = network.events;
	if (!first) return null;
	const store = await copyOf(tab.store);
	if (tab.running !== running || running.life.stopped) return null;
	const sides = new Map<string, Side>();
	const sideOf = (peer: string): Side => {
		let side = sides.get(peer);
		if (!side)
			sides.set(peer, (side = pick(random, ['first', 'second', 'first', 'second', 'both'] as const)));
		return side;
	};
	const division = divideAgain(world, random, sides);

	const life = newLife();
	let second: NetworkEvents | null = null;
	const send = network.send.bind(network);
	network.send = (to, packets) => {
		if (sideOf(to) !== 'second') send(to, packets);
	};
	network.events = {
		...first,
		packets: (from, packets) => {
			if (sideOf(from) !== 'second') first.packets(from, packets);
			if (sideOf(from) !== 'first') live(life, () => second?.packets(from, packets));
		},
		link: (status, change) => {
			first.link(status, change);
			live(life, () => second?.link(status, change));
		}
	};
	const twin: Network = {
		self: tab.id,
		start: async (events) => {
			second = events;
			for (const status of network.links()) events.link(status, status.path === 'down' ? 'down' : 'up');
		},
		// The first decides whom the identity is linked to.
		setPeers: () => {},
		send: (to, packets) => {
			if (!life.stopped && network.events && sideOf(to) !== 'first') world.sendAs(network, to, packets);
		},
		links: () => network.links(),
		stop: async () => {
			second = null;
		}
	};
	const { chain, votes } = await openChain(store, world.genesis, contracts(world.genesis));
	const node = new TabwaveNode({
		chain,
		votes,
		store,
		network: twin,
		suite: world.suite,
		signer: tab.signer,
		clock: world.time.clock(between(random, -1000, 1000), life),
		timing: world.timing,
		nonce: () => Uint8Array.from({ length: 16 }, () => Math.floor(world.random() * 256)),
		events: {
			committed: (commits) => world.committed(`${tab.name}'s twin`, chain, commits),
			link: () => {},
			changed: () => {},
			assignment: () => {},
			refusal: () => {},
			evidence: (offender, evidence) => world.evidence(`${tab.name}'s twin`, offender, evidence),
			// One key in two hands breaks what a driver may rely on of itself.
			halted: (error) => world.note(`${tab.name}'s twin stopped: ${error.message}`),
			log: (level, message) => world.note(`${tab.name}'s twin ${level}: ${message}`)
		}
	});
	await node.start();
	return async () => {
		division();
		life.stopped = true;
		network.send = send;
		if (network.events) network.events = first;
		await node.stop();
	};
}

function divideAgain(world: World, random: Random, sides: Map<string, Side>): () => void {
	let cancel = (): void => {};
	const again = (): void => {
		cancel = world.time.after(between(random, 0.3 * DIVISION_MS, 2 * DIVISION_MS), () => {
			sides.clear();
			again();
		});
	};
	again();
	return () => cancel();
}
