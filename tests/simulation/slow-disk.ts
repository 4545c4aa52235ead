/** Disks that take their time: each write waits for those before it, and then for as long as the disk is slow. */
import type { MemoryLedgerStore } from '#lib/storage/memory-ledger-store.ts';
import type { End } from './faults.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Writes that wait, by disk. */
const waiting = new WeakMap<MemoryLedgerStore, Set<() => void>>();

/** @param delayMs of each write. @returns what ends it; writes that wait are done then, one after another */
export function slowDown(time: VirtualTime, store: MemoryLedgerStore, delayMs: number): End {
	const write = store.write.bind(store);
	const releases = waiting.get(store) ?? new Set<() => void>();
	waiting.set(store, releases);
	let isSlow = true;
	let last: Promise<unknown> = Promise.resolve();
	const wait = (): Promise<void> =>
		new Promise((resolve) => {
			const release = (): void => {
				cancel();
				releases.delete(release);
				resolve();
			};
			const cancel = time.after(delayMs, release);
			releases.add(release);
		});
	store.write = (changes) => {
		const before = last;
		const done = before.then(async () => {
			if (isSlow) await wait();
			return write(changes);
		});
		last = done.catch(() => {});
		return done;
	};
	return () => {
		isSlow = false;
		for (const release of [...releases]) release();
	};
}

/** The machine stops: what waits to be written is lost, and nobody waits for it. @returns whether anything was */
export function cutShort(store: MemoryLedgerStore): boolean {
	const releases = [...(waiting.get(store) ?? [])];
	if (releases.length === 0) return false;
	store.crash();
	for (const release of releases) release();
	return true;
}
