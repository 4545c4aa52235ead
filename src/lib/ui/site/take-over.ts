/** A page to the service worker that waits: the person, or the page's own age, wants the newer build. */
const TAKE_OVER = { tabwave: 'take-over' } as const;

/** Longer than a worker takes to become active; the page is reloaded all the same, and the relay's answer is the newer one. */
const TAKE_OVER_MS = 2_000;

export function isTakeOver(data: unknown): boolean {
	return (data as Partial<typeof TAKE_OVER> | null)?.tabwave === TAKE_OVER.tabwave;
}

/** Lets the worker that waits, if one does, have this browser's pages. Resolves when it has. */
export async function takeOver(registration: ServiceWorkerRegistration | undefined): Promise<void> {
	const waiting = registration?.waiting;
	if (!waiting) return;
	await new Promise<void>((resolve) => {
		navigator.serviceWorker.addEventListener('controllerchange', () => resolve(), { once: true });
		setTimeout(resolve, TAKE_OVER_MS);
		waiting.postMessage(TAKE_OVER);
	});
}
