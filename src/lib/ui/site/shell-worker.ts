/**
 * The service worker. Keeps the site's own files in this browser, where it is a secure context, so that the page opens without its relay
 * (shell-cache.ts). A newer one waits until a page asks it to take over: at the button of the banner, or when the page
 * itself is of the newer build.
 */
import { files, filesOnDemand, version } from 'virtual:site-files';
import { ShellCache } from './shell-cache.ts';
import { isTakeOver } from './take-over.ts';

/** The part of ServiceWorkerGlobalScope that is used; TypeScript has either its types or those of pages. */
interface Scope {
	registration: { navigationPreload?: { enable(): Promise<void> } };
	clients: { claim(): Promise<void> };
	skipWaiting(): Promise<void>;
	addEventListener(type: 'install' | 'activate', listener: (event: Extendable) => void): void;
	addEventListener(type: 'message', listener: (event: Extendable & { data: unknown }) => void): void;
	addEventListener(type: 'fetch', listener: (event: FetchLike) => void): void;
}

interface Extendable {
	waitUntil(work: Promise<unknown>): void;
}

interface FetchLike {
	request: Request;
	preloadResponse: Promise<Response | undefined>;
	respondWith(response: Promise<Response>): void;
}

const scope = globalThis as unknown as Scope;
const shell = new ShellCache({
	version,
	files,
	filesOnDemand,
	origin: location.origin,
	caches,
	fetch: (request) => fetch(request),
	after: (ms) => new Promise((resolve) => setTimeout(resolve, ms))
});

scope.addEventListener('install', (event) => event.waitUntil(shell.install()));

scope.addEventListener('activate', (event) => event.waitUntil(activate()));

scope.addEventListener('message', (event) => {
	if (isTakeOver(event.data)) event.waitUntil(scope.skipWaiting());
});

scope.addEventListener('fetch', (event) => {
	const answer = shell.answer(event.request, event.preloadResponse);
	if (answer) event.respondWith(answer);
});

async function activate(): Promise<void> {
	await shell.activate();
	// The relay is asked for a page while this worker starts.
	await scope.registration.navigationPreload?.enable();
	await scope.clients.claim();
}
