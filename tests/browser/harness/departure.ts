/** A tab is closed as a person does it, and another one sees its link go. */
import type { PlainTab } from './plain-chromium.ts';
import { status, waitForValue } from './tabs.ts';

/** @returns milliseconds from the page's end, as it says itself, to the watcher's event */
export async function closingNoticedMs(closing: PlainTab, watcher: PlainTab): Promise<number> {
	const { nodeId } = await status(closing);
	await watcher.evaluate((peer) => {
		globalThis.tabwave.on('link', (link) => {
			if (link.peer === peer && link.path === 'down')
				(globalThis as { downMs?: number }).downMs ??= Date.now();
		});
	}, nodeId);
	await closing.evaluate(() => {
		const said = (): void => localStorage.setItem('closedMs', String(Date.now()));
		// Before the page's own, which says goodbye.
		addEventListener('pagehide', said, { capture: true });
	});
	await closing.close();
	const downMs = await waitForValue(
		() => watcher.evaluate(() => (globalThis as { downMs?: number }).downMs ?? null),
		(ms) => ms !== null,
		{ what: 'the closed tab to be noticed' }
	);
	// It comes to the watcher by a way of its own, which may be the longer one.
	const closedMs = await waitForValue(
		() => watcher.evaluate(() => localStorage.getItem('closedMs')),
		(ms) => ms !== null,
		{ what: 'the end of the page, as it said it itself' }
	);
	return downMs! - Number(closedMs);
}
