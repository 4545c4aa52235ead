/**
 * The site's own files, kept by the service worker so that a page opens without its relay. A page always comes from the relay where that
 * answers: what is kept is for when it does not. Nothing of the network is kept here: neither its description nor the API, nor the
 * version that the relay serves.
 */

export interface ShellCacheInit {
	/** Of the build that these files are of. */
	version: string;
	/** Paths of all its files, those with a hash in their names below {@link IMMUTABLE}. */
	files: readonly string[];
	/** Paths below {@link IMMUTABLE} that are kept from when they are first asked for: big, and asked for by few. */
	filesOnDemand: readonly string[];
	/** Of the site. */
	origin: string;
	caches: Pick<CacheStorage, 'open' | 'keys' | 'delete'>;
	fetch(request: Request): Promise<Response>;
	/** Resolves after so many milliseconds. */
	after(ms: number): Promise<void>;
}

/** What is asked for, as far as it is looked at. */
export type Asked = Pick<Request, 'method' | 'mode' | 'url'>;

const PREFIX = 'tabwave-shell-';
/** The page from which the site starts at any path. */
const PAGE = '/';
export const IMMUTABLE = '/_app/immutable/';
/** Fetched at once while a build is taken in: a node that votes beside it has the connection as well. */
const FILES_AT_ONCE = 4;
/** A relay whose machine sleeps answers nothing at all; a page that waits for a busy one is there sooner. */
export const PAGE_PATIENCE_MS = 4_000;
/** Never a page of the site's own, see relay/http/server.ts. */
const OF_THE_RELAY = /^\/(?:api|healthz|j)(?:\/|$)/;
const HAS_EXTENSION = /\.[A-Za-z0-9]{1,8}$/;

/** The build changed while it was taken in, or is not there whole: the next look tries again. */
export class ShellInstallError extends Error {
	override readonly name = 'ShellInstallError';
}

export class ShellCache {
	readonly #init: ShellCacheInit;
	readonly #name: string;
	readonly #files: ReadonlySet<string>;

	constructor(init: ShellCacheInit) {
		this.#init = init;
		this.#name = PREFIX + init.version;
		this.#files = new Set(init.files);
	}

	/** Takes in all of the build or nothing. @throws ShellInstallError */
	async install(): Promise<void> {
		const { caches, files } = this.#init;
		try {
			const cache = await caches.open(this.#name);
			for (let i = 0; i < files.length; i += FILES_AT_ONCE)
				await Promise.all(files.slice(i, i + FILES_AT_ONCE).map((path) => this.#keep(cache, path)));
			await this.#keep(cache, PAGE, (text) => text.includes(`"${this.#init.version}"`));
		} catch (cause) {
			await caches.delete(this.#name);
			throw cause;
		}
	}

	/** Forgets older builds but the last of them, with which tabs may still run that were opened before this one came. */
	async activate(): Promise<void> {
		const { caches } = this.#init;
		const older = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== this.#name);
		await Promise.all(older.slice(0, -1).map((name) => caches.delete(name)));
	}

	/**
	 * @param preloaded the browser's own request for a page, begun while the worker started; undefined where there is none
	 * @returns null for what is none of the site's files: the browser goes on as if nobody had asked
	 */
	answer(request: Request, preloaded?: Promise<Response | undefined>): Promise<Response> | null {
		const kind = this.kindOf(request);
		if (kind === 'page') return this.#page(request, preloaded);
		if (kind === 'hashed') return this.#hashed(request);
		if (kind === 'file') return this.#file(request);
		return null;
	}

	kindOf({ method, mode, url }: Asked): 'page' | 'hashed' | 'file' | null {
		const { origin, pathname } = new URL(url);
		if (method !== 'GET' || origin !== this.#init.origin || OF_THE_RELAY.test(pathname)) return null;
		if (mode === 'navigate') return HAS_EXTENSION.test(pathname) ? null : 'page';
		if (pathname.startsWith(IMMUTABLE)) return 'hashed';
		return this.#files.has(pathname) ? 'file' : null;
	}

	async #page(request: Request, preloaded?: Promise<Response | undefined>): Promise<Response> {
		const { caches, fetch, after } = this.#init;
		const answer = (async () => (await preloaded) ?? (await fetch(request)))();
		const isThere = answer.then(
			({ status }) => status < 500,
			() => false
		);
		if (await Promise.race([isThere, after(PAGE_PATIENCE_MS).then(() => false)])) return answer;
		const kept = await (await caches.open(this.#name)).match(this.#init.origin + PAGE);
		return kept ?? answer;
	}

	/** The same in every build that has it, so the kept one is as good as the relay's. */
	async #hashed(request: Request): Promise<Response> {
		const { caches, fetch } = this.#init;
		// The order of their making: this build's is the last, or will be.
		for (const name of (await caches.keys()).filter((one) => one.startsWith(PREFIX)).reverse()) {
			const kept = await (await caches.open(name)).match(request, { ignoreVary: true });
			if (kept) return kept;
		}
		const { pathname } = new URL(request.url);
		if (!this.#init.filesOnDemand.includes(pathname)) return fetch(request);
		const response = await fetch(request);
		// Whole or not at all: a part of it, or a page that says why not, would be all that this browser ever has.
		if (response.status === 200) await this.#keepCopy(request, response.clone());
		return response;
	}

	/** Whoever asked has his answer, whether there is room to keep it or not. */
	async #keepCopy(request: Request, copy: Response): Promise<void> {
		try {
			await (await this.#init.caches.open(this.#name)).put(request, copy);
		} catch (error) {
			console.warn(`Tabwave: ${request.url} is not kept: ${(error as Error).message}`);
		}
	}

	async #file(request: Request): Promise<Response> {
		const { caches, fetch } = this.#init;
		try {
			return await fetch(request);
		} catch (error) {
			const kept = await (await caches.open(this.#name)).match(request, { ignoreVary: true });
			if (kept) return kept;
			throw error;
		}
	}

	/** @param isSound of what is asked for by a name that any build's file may have */
	async #keep(cache: Cache, path: string, isSound?: (text: string) => boolean): Promise<void> {
		const { origin, version, fetch } = this.#init;
		const request = new Request(origin + path, path.startsWith(IMMUTABLE) ? {} : { cache: 'no-cache' });
		const response = await fetch(request);
		if (!response.ok || (isSound && !isSound(await response.clone().text())))
			throw new ShellInstallError(`${path} is not that of build ${version} (status ${response.status})`);
		await cache.put(request, response);
	}
}
