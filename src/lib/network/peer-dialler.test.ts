import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
	DIRECT_FAILURES_TO_DOUBT,
	DIRECT_PATIENCE_MS,
	LOWER_ID_WAIT_MS,
	MAX_CONCURRENT_DIALS,
	REDIAL_CAP_MS,
	TICK_MS,
	UPGRADE_FIRST_MS,
	UPGRADE_KNOWN_FIRST_MS
} from './network-limits.ts';
import type { LinkPath } from './network.ts';
import { PeerDialler } from './peer-dialler.ts';
import type { DialHost } from './peer-dialler.ts';

beforeEach(() => {
	vi.useFakeTimers();
	vi.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

describe('PeerDialler', () => {
	it('dials lower ids at once, and higher ones only after a wait', async () => {
		const { host, dialler } = world('m');
		dialler.setPeers(['a', 'z']);
		await pass(dialler, 0);
		expect(host.connects).toEqual(['a direct']);
		await pass(dialler, LOWER_ID_WAIT_MS - TICK_MS);
		expect(host.connects).toEqual(['a direct']);
		await pass(dialler, 2 * TICK_MS);
		expect(host.connects).toEqual(['a direct', 'z direct']);
	});

	it('does nothing while no relay is connected, and then does not take the wait for passed', async () => {
		const { host, dialler } = world('m');
		host.isReady = false;
		dialler.setPeers(['z']);
		await pass(dialler, 10 * LOWER_ID_WAIT_MS);
		host.isReady = true;
		await pass(dialler, LOWER_ID_WAIT_MS - TICK_MS);
		expect(host.connects).toEqual([]);
		await pass(dialler, 2 * TICK_MS);
		expect(host.connects).toEqual(['z direct']);
	});

	it('dials a few at a time', async () => {
		const { host, dialler } = world('z');
		host.outcome = () => new Promise(() => undefined);
		dialler.setPeers(['a', 'b', 'c', 'd', 'e', 'f']);
		await pass(dialler, TICK_MS);
		expect(host.connects).toHaveLength(MAX_CONCURRENT_DIALS);
	});

	it('lets the relay take over after two failed direct tries', async () => {
		const { host, dialler } = world('z');
		dialler.directFormed();
		host.outcome = (_, path) => (path === 'direct' ? 'fail' : 'link');
		dialler.setPeers(['a']);
		await pass(dialler, 0);
		expect(host.connects).toEqual(['a direct', 'a direct', 'a relayed']);
		expect(host.links.get('a')?.path).toBe('relayed');
	});

	it('where no direct link ever formed, does not wait for a slow one', async () => {
		const { host, dialler } = world('z');
		const direct = Promise.withResolvers<void>();
		host.outcome = (_, path) => (path === 'direct' ? direct.promise : 'link');
		dialler.setPeers(['a']);
		await pass(dialler, DIRECT_PATIENCE_MS - TICK_MS);
		expect(host.connects).toEqual(['a direct']);
		await pass(dialler, 2 * TICK_MS);
		expect(host.connects).toEqual(['a direct', 'a relayed']);
	});

	it('gives the place of a dial free once the relay took over', async () => {
		const { host, dialler } = world('z');
		host.outcome = (_, path) => (path === 'direct' ? new Promise(() => undefined) : 'link');
		dialler.setPeers(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
		await pass(dialler, 3 * DIRECT_PATIENCE_MS);
		expect(host.links.size).toBe(8);
	});

	it('begins with the relay once direct dials have only failed', async () => {
		const { host, dialler } = world('z');
		host.outcome = (_, path) => (path === 'direct' ? 'fail' : 'link');
		const peers = Array.from({ length: DIRECT_FAILURES_TO_DOUBT + 4 }, (_, i) => `a${i}`);
		dialler.setPeers(peers);
		await pass(dialler, 4 * TICK_MS);
		expect(host.links.size).toBe(peers.length);
		expect(host.connects.filter((dial) => dial.endsWith('direct')).length).toBeLessThan(2 * peers.length);
		expect(host.connects.at(-1)).toMatch(/relayed$/);
	});

	it('does not count a peer that is not there against the direct way', async () => {
		const { host, dialler } = world('z');
		host.reachable = false;
		dialler.setPeers(['a']);
		await pass(dialler, 60_000);
		expect(host.connects).toEqual([]);
		expect(host.reports).toEqual(['a']);
		host.reachable = true;
		await pass(dialler, 1.3 * REDIAL_CAP_MS);
		expect(host.connects).toEqual(['a direct']);
	});

	it('dials a wanted peer for ever, at most so often', async () => {
		const { host, dialler } = world('z');
		host.reachable = false;
		dialler.setPeers(['a']);
		await pass(dialler, 60_000);
		const before = host.reaches;
		await pass(dialler, 60_000);
		expect(host.reaches - before).toBeGreaterThanOrEqual(60_000 / (REDIAL_CAP_MS + 2 * TICK_MS) - 1);
		expect(host.reaches - before).toBeLessThanOrEqual(60_000 / REDIAL_CAP_MS + 1);
	});

	it('comes back to a lost peer quickly, but slows down on one that refuses it', async () => {
		const { host, dialler } = world('z');
		dialler.directFormed();
		dialler.setPeers(['a']);
		await pass(dialler, 0);
		host.links.clear();
		dialler.lost('a', 60_000, false);
		await pass(dialler, 2 * TICK_MS);
		expect(host.connects).toHaveLength(2);
		host.refuses = () => dialler.lost('a', 1, false);
		host.links.clear();
		dialler.lost('a', 1, false);
		await pass(dialler, 30_000);
		expect(host.connects.length).toBeLessThan(2 + 30_000 / REDIAL_CAP_MS + 4);
	});

	it('turns a relayed link into a direct one later, at growing intervals', async () => {
		const { host, dialler } = world('z');
		host.outcome = (_, path) => (path === 'direct' ? 'fail' : 'link');
		dialler.setPeers(['a']);
		await pass(dialler, TICK_MS);
		host.connects.length = 0;
		await pass(dialler, UPGRADE_FIRST_MS + TICK_MS);
		expect(host.connects).toEqual(['a direct']);
		await pass(dialler, UPGRADE_FIRST_MS);
		expect(host.connects).toEqual(['a direct']);
		host.outcome = () => 'link';
		await pass(dialler, UPGRADE_FIRST_MS + 2 * TICK_MS);
		expect(host.links.get('a')?.path).toBe('direct');
	});

	it('upgrades soon where another link proves that direct ones form', async () => {
		const { host, dialler } = world('z');
		host.outcome = (_, path) => (path === 'direct' ? 'fail' : 'link');
		dialler.setPeers(['a']);
		await pass(dialler, TICK_MS);
		host.outcome = () => 'link';
		dialler.directFormed();
		await pass(dialler, UPGRADE_KNOWN_FIRST_MS + 2 * TICK_MS);
		expect(host.links.get('a')?.path).toBe('direct');
	});

	it('never tries the direct way where the browser has no address', async () => {
		const { host, dialler } = world('z');
		host.canDirect = false;
		dialler.setPeers(['a']);
		await pass(dialler, 10 * UPGRADE_FIRST_MS);
		expect(host.connects).toEqual(['a relayed']);
	});

	it('does not wait for a way that broke: the relay takes over at once, and the direct way is tried again later', async () => {
		const { host, dialler } = world('z');
		dialler.directFormed();
		dialler.setPeers(['a']);
		await pass(dialler, 0);
		expect(host.connects).toEqual(['a direct']);
		host.links.clear();
		dialler.lost('a', 60_000, true);
		await pass(dialler, 0);
		expect(host.connects.slice(1)).toEqual(['a relayed']);
		await pass(dialler, UPGRADE_KNOWN_FIRST_MS + 2 * TICK_MS);
		expect(host.connects.slice(2)).toEqual(['a direct']);
	});

	it('takes the usual way where the relay does not lead to who is lost', async () => {
		const { host, dialler } = world('z');
		dialler.setPeers(['a']);
		await pass(dialler, 0);
		host.links.clear();
		host.reachable = false;
		dialler.lost('a', 60_000, true);
		await pass(dialler, 0);
		host.reachable = true;
		await pass(dialler, REDIAL_CAP_MS);
		expect(host.connects).toEqual(['a direct', 'a direct']);
	});

	it('tries the relay beside a direct link that says nothing, the higher id first, and upgrades soon', async () => {
		for (const [self, waitMs] of [
			['z', 0],
			['0', LOWER_ID_WAIT_MS]
		] as const) {
			const { host, dialler } = world(self);
			host.links.set('a', { path: 'direct', initiator: 'peer' });
			dialler.setPeers(['a']);
			await pass(dialler, 10 * TICK_MS);
			expect(host.connects).toEqual([]);
			await doubting(dialler, waitMs - TICK_MS);
			expect(host.connects).toEqual([]);
			await doubting(dialler, 2 * TICK_MS);
			expect(host.connects).toEqual(['a relayed']);
			expect(host.links.get('a')?.path).toBe('relayed');
			await pass(dialler, 2 * UPGRADE_KNOWN_FIRST_MS);
			expect(host.connects).toEqual(['a relayed', 'a direct']);
		}
	});

	it('leaves a doubted link alone where the peer is not there at all, or speaks again', async () => {
		const { host, dialler } = world('z');
		host.links.set('a', { path: 'direct', initiator: 'peer' });
		dialler.setPeers(['a']);
		host.reachable = false;
		await doubting(dialler, 10 * TICK_MS);
		expect(host.reaches).toBeGreaterThan(0);
		await pass(dialler, REDIAL_CAP_MS);
		host.reachable = true;
		const { reaches } = host;
		await pass(dialler, 10 * REDIAL_CAP_MS);
		expect([host.reaches, host.connects]).toEqual([reaches, []]);
		// Nothing is better than a relayed link that says nothing.
		host.links.set('a', { path: 'relayed', initiator: 'peer' });
		await doubting(dialler, 10 * TICK_MS);
		expect(host.connects).toEqual([]);
	});

	it('ends every wait where the network changes', async () => {
		const { host, dialler } = world('m');
		host.reachable = false;
		host.links.set('b', { path: 'relayed', initiator: 'peer' });
		host.links.set('y', { path: 'relayed', initiator: 'peer' });
		dialler.setPeers(['a', 'b', 'y']);
		await pass(dialler, 20_000);
		host.reachable = true;
		expect(host.connects).toEqual([]);
		dialler.networkChanged();
		await pass(dialler, 0);
		// Who opened a relayed link does not matter now; of two, the higher id is first.
		expect(host.connects.toSorted()).toEqual(['a direct', 'b direct']);
		await pass(dialler, LOWER_ID_WAIT_MS + TICK_MS);
		expect(host.connects.slice(2)).toEqual(['y direct']);
	});

	it('tries again at once where the network changed in the middle of a try', async () => {
		const { host, dialler } = world('z');
		const direct = Promise.withResolvers<void>();
		host.outcome = () => direct.promise;
		host.links.set('a', { path: 'relayed', initiator: 'self' });
		dialler.setPeers(['a']);
		await pass(dialler, 0);
		dialler.networkChanged();
		host.outcome = () => 'link';
		direct.reject(new Error('no way out of the network before'));
		await pass(dialler, TICK_MS);
		expect(host.connects).toEqual(['a direct', 'a direct']);
	});

	it('forgets a peer that is not wanted any more', async () => {
		const { host, dialler } = world('z');
		host.reachable = false;
		dialler.setPeers(['a']);
		await pass(dialler, TICK_MS);
		dialler.setPeers([]);
		const before = host.reaches;
		await pass(dialler, 10 * REDIAL_CAP_MS);
		expect(host.reaches).toBe(before);
		expect(dialler.wants('a')).toBe(false);
	});
});

class FakeHost implements DialHost {
	readonly self: string;
	isReady = true;
	reachable = true;
	canDirect = true;
	reaches = 0;
	connects: string[] = [];
	reports: string[] = [];
	links = new Map<string, { path: LinkPath; initiator: 'self' | 'peer' }>();
	outcome: (peer: string, path: string) => 'link' | 'fail' | Promise<void> = () => 'link';
	/** Called instead of making the link. */
	refuses: (() => void) | null = null;

	constructor(self: string) {
		this.self = self;
	}
	now(): number {
		return performance.now();
	}
	ready(): boolean {
		return this.isReady;
	}
	directPossible(): boolean {
		return this.canDirect;
	}
	link(peer: string) {
		return this.links.get(peer) ?? null;
	}
	async reach(): Promise<void> {
		this.reaches++;
		if (!this.reachable) throw new Error('no reservation');
	}
	async connect(peer: string, path: 'direct' | 'relayed'): Promise<void> {
		this.connects.push(`${peer} ${path}`);
		const outcome = this.outcome(peer, path);
		if (outcome === 'fail') throw new Error('timeout');
		if (outcome !== 'link') await outcome;
		if (this.refuses) this.refuses();
		else this.links.set(peer, { path, initiator: 'self' });
	}
	unreachable(peer: string): void {
		this.reports.push(peer);
	}
}

function world(self: string) {
	const host = new FakeHost(self);
	return { host, dialler: new PeerDialler(host) };
}

/** Lets so much time pass, with its ticks. */
async function pass(dialler: PeerDialler, ms: number): Promise<void> {
	for (let passed = 0; passed <= ms; passed += TICK_MS) {
		dialler.tick();
		await vi.advanceTimersByTimeAsync(passed + TICK_MS <= ms ? TICK_MS : 0);
	}
}

/** The same, while the link to `a` says nothing. */
async function doubting(dialler: PeerDialler, ms: number): Promise<void> {
	for (let passed = 0; passed <= ms; passed += TICK_MS) {
		dialler.doubt('a');
		dialler.tick();
		await vi.advanceTimersByTimeAsync(passed + TICK_MS <= ms ? TICK_MS : 0);
	}
}
