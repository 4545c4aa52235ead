/**
 * The code of this page against the code that its relay serves. A tab goes on with what it was opened with, whatever the relay serves
 * since; its person is told, and decides when to reload.
 */
import { updated } from '$app/state';
import { preloadCode } from '$app/navigation';
import { dev } from '$app/env';
import { ApiError } from '#lib/node/api.ts';
import { fetchNetworkDocument } from '#lib/node/tab/network-document.ts';
import { PAGES } from './pages.ts';
import { takeOver } from './take-over.ts';

/** The node comes first: what is kept for later is fetched when it has been linked for so long. */
const SETTLED_MS = 5_000;
/** The site's files are some 2 MB, of two builds: they are not to take the room of the ledger. */
const SHELL_ROOM_BYTES = 16_000_000;
/** While the relay is not linked, which may be because it speaks another protocol. */
const LOOK_MS = 15_000;

class Site {
	/** The relay has a newer protocol: this page's node is not linked any more. */
	isApart = $state(false);
	#isSettling = false;
	#registration: ServiceWorkerRegistration | undefined;

	/** The relay serves another build than this page's. */
	get isNewer(): boolean {
		return updated.current;
	}

	/** The relay is linked, for the first time or again: it may have been started anew with other code. */
	async relayLinked(): Promise<void> {
		if (!this.#isSettling) setTimeout(() => void this.#settled(), SETTLED_MS);
		this.#isSettling = true;
		if (!(await updated.check())) this.isApart = false;
	}

	/** @returns a function that ends the looking */
	lookWhileApart(): () => void {
		const timer = setInterval(() => void updated.check(), LOOK_MS);
		return () => clearInterval(timer);
	}

	/** The relay serves newer code: whether this page's node can still speak to it. */
	async relayUpgraded(): Promise<void> {
		// Its files are fetched now, so that a reload finds them whether or not the relay is there then.
		this.#registration?.update().catch((error: unknown) => console.info('The newer files wait:', error));
		try {
			await fetchNetworkDocument('/api/v1/network');
			this.isApart = false;
		} catch (error) {
			this.isApart = error instanceof ApiError && error.name === 'ProtocolMismatch';
		}
	}

	/** Moves this tab's node to the newer code. */
	async reload(): Promise<void> {
		await takeOver(this.#registration);
		location.reload();
	}

	/** Whatever a person opens later in this tab is at hand, also when the relay is not. */
	async #settled(): Promise<void> {
		if (dev) return;
		try {
			if (await this.#keepShell()) return;
			// No secure context: the pages at least, for as long as this tab runs.
			for (const page of PAGES) await preloadCode(page);
		} catch (error) {
			console.info('The pages that were not opened yet wait for the relay:', error);
			// The next time that the relay is linked.
			this.#isSettling = false;
		}
	}

	/** @returns false where this browser keeps no site's files: plain http, or a certificate that it does not trust */
	async #keepShell(): Promise<boolean> {
		if (!('serviceWorker' in navigator)) return false;
		let registration: ServiceWorkerRegistration;
		try {
			const { quota = Infinity, usage = 0 } = await navigator.storage.estimate();
			if (quota - usage < SHELL_ROOM_BYTES) return false;
			registration = await navigator.serviceWorker.register('/service-worker.js', { updateViaCache: 'none' });
		} catch (error) {
			console.info('This page does not open without its relay:', error);
			return false;
		}
		this.#registration = registration;
		// A page of the newest build, as after a plain reload, needs nobody to wait.
		const settle = async (): Promise<void> => {
			if (registration.waiting && !(await updated.check())) await takeOver(registration);
		};
		registration.addEventListener('updatefound', () => {
			registration.installing?.addEventListener('statechange', () => void settle());
		});
		await settle();
		return true;
	}
}

export const site = new Site();
