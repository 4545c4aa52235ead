import { describe, expect, it } from 'vitest';
import { MemoryHub } from './memory-network.ts';
import type { Schedule } from './memory-network.ts';
import type { LinkStatus, NetworkEvents, NodeId } from './network.ts';
import { MAX_SEND_QUEUE_BYTES } from './network-limits.ts';

describe('MemoryHub', () => {
	it('links two nodes as soon as one of them wants the other, and delivers in order', async () => {
		const hub = new MemoryHub();
		const [a, b] = [hub.network('aa'), hub.network('bb')];
		const [seenByA, seenByB] = [recorder(), recorder()];
		await a.start(seenByA.events);
		a.setPeers(['bb']);
		expect(a.links()).toEqual([{ peer: 'bb', path: 'down', rttMs: null }]);
		await b.start(seenByB.events);
		expect(b.links()).toEqual([{ peer: 'aa', path: 'direct', rttMs: 0 }]);
		for (let i = 0; i < 50; i++) a.send('bb', [Uint8Array.of(i)]);
		await settled();
		expect(seenByB.packets.map(([from, packets]) => [from, packets[0]![0]])).toEqual(
			Array.from({ length: 50 }, (_, i) => ['aa', i])
		);
		expect(seenByA.links.map(({ path }) => path)).toEqual(['direct']);
	});

	it('delivers copies: what a receiver changes does not reach the sender', async () => {
		const { a, b, seenByB } = await pair();
		const packet = Uint8Array.of(1, 2, 3);
		a.send(b.self, [packet]);
		await settled();
		seenByB.packets[0]![1][0]!.fill(9);
		expect(packet).toEqual(Uint8Array.of(1, 2, 3));
	});

	it('drops and counts what has no link', async () => {
		const { hub, a, b, seenByB } = await pair();
		hub.cut('aa', 'bb');
		a.send(b.self, [Uint8Array.of(1), Uint8Array.of(2)]);
		a.send('cc', [Uint8Array.of(3)]);
		await settled();
		expect(a.droppedPackets).toBe(3);
		expect(seenByB.packets).toEqual([]);
		expect(seenByB.links.at(-1)).toEqual({ peer: 'aa', path: 'down', rttMs: null });
	});

	it('loses what was on its way when the link is cut, and links again when it heals', async () => {
		const tasks: (() => void)[] = [];
		const { hub, a, b, seenByB } = await pair((task) => tasks.push(task));
		a.send(b.self, [Uint8Array.of(1)]);
		hub.cut('aa', 'bb');
		hub.heal('aa', 'bb');
		a.send(b.self, [Uint8Array.of(2)]);
		for (const task of tasks) task();
		expect(seenByB.packets.map(([, packets]) => packets[0]![0])).toEqual([2]);
		expect(seenByB.links.map(({ path }) => path)).toEqual(['direct', 'down', 'direct']);
	});

	it('leaves the moment of delivery to the scheduler', async () => {
		const tasks: (() => void)[] = [];
		const about: unknown[] = [];
		const { a, b, seenByB } = await pair((task, what) => {
			tasks.push(task);
			about.push(what);
		});
		a.send(b.self, [new Uint8Array(7)]);
		await settled();
		expect(seenByB.packets).toEqual([]);
		expect(about).toEqual([{ from: 'aa', to: 'bb', bytes: 7 }]);
		tasks[0]!();
		expect(seenByB.packets).toHaveLength(1);
	});

	it('bounds what waits on a link', async () => {
		const tasks: (() => void)[] = [];
		const { a, b } = await pair((task) => tasks.push(task));
		const half = new Uint8Array(MAX_SEND_QUEUE_BYTES / 2);
		for (let i = 0; i < 3; i++) a.send(b.self, [half]);
		expect(tasks).toHaveLength(2);
		expect(a.droppedPackets).toBe(1);
		tasks[0]!();
		a.send(b.self, [half]);
		expect(tasks).toHaveLength(3);
	});

	it('closes a link that nobody wants any more, and keeps one that the other side wants', async () => {
		const { a, b } = await pair();
		b.setPeers(['aa']);
		a.setPeers([]);
		expect(a.links()).toHaveLength(1);
		b.setPeers([]);
		expect(a.links()).toEqual([]);
	});

	it('refuses a second node with the same id, and lets it start when the first has stopped', async () => {
		const { hub, a, seenByB } = await pair();
		const twin = hub.network('aa');
		await expect(twin.start(recorder().events)).rejects.toThrow('on this hub already');
		await a.stop();
		expect(seenByB.links.at(-1)!.path).toBe('down');
		const next = hub.network('aa');
		next.setPeers(['bb']);
		await next.start(recorder().events);
		expect(next.links()[0]!.path).toBe('direct');
	});

	it('reports the path that a test sets', async () => {
		const { hub, a, b } = await pair();
		hub.setPath('aa', 'bb', 'relayed');
		expect([a.links()[0]!.path, b.links()[0]!.path]).toEqual(['relayed', 'relayed']);
	});
});

async function pair(schedule?: Schedule) {
	const hub = new MemoryHub(schedule);
	const [a, b] = [hub.network('aa'), hub.network('bb')];
	const [seenByA, seenByB] = [recorder(), recorder()];
	await a.start(seenByA.events);
	await b.start(seenByB.events);
	a.setPeers(['bb']);
	return { hub, a, b, seenByA, seenByB };
}

function recorder() {
	const packets: [NodeId, Uint8Array[]][] = [];
	const links: LinkStatus[] = [];
	const events: NetworkEvents = {
		packets: (from, received) => packets.push([from, received]),
		link: (status) => links.push(status),
		violation: () => undefined
	};
	return { packets, links, events };
}

/** All microtasks that were queued before it. */
function settled(): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve));
}
