import { beforeEach, describe, expect, it } from 'vitest';
import { PAGE_PATIENCE_MS, ShellCache, ShellInstallError } from './shell-cache.ts';
import { isTakeOver } from './take-over.ts';

const ORIGIN = 'http://127.0.0.1:7070';
const A = '/_app/immutable/a.js';
const B = '/_app/immutable/b.js';
const ICON = '/icon.svg';
/** Big, and asked for by few. */
const SOLVER = '/_app/immutable/workers/highs.wasm';

/** A browser's caches, and a relay that serves one build of the site or is away. */
class World {
	readonly kept = new Map<string, Map<string, Response>>();
	served = new Map<string, string>();
	/** What was asked of the relay. */
	asked: string[] = [];
	isAway = false;
	/** It answers nothing at all, as where its machine sleeps. */
	isAsleep = false;
	waitedMs = 0;

	serve(version: string, files: Record<string, string>): ShellCache {
		const page = `<script>start({ version: "${version}" })</script>`;
		this.served = new Map([['/', page], ['/node', page], ...Object.entries(files)]);
		return this.shell(
			version,
			Object.keys(files).filter((path) => path !== SOLVER)
		);
	}

	shell(version: string, files: string[]): ShellCache {
		return new ShellCache({
			version,
			files,
			filesOnDemand: [SOLVER],
			origin: ORIGIN,
			caches: this.#caches(),
			fetch: (request) => this.#fetch(request),
			after: async (ms) => {
				this.waitedMs = ms;
				// A relay that answers is there before.
				if (!this.isAsleep) await new Promise(() => {});
			}
		});
	}

	async #fetch({ url }: Request): Promise<Response> {
		const { pathname } = new URL(url);
		this.asked.push(pathname);
		if (this.isAsleep) return new Promise(() => {});
		if (this.isAway) throw new TypeError('Failed to fetch');
		const body = this.served.get(pathname);
		return new Response(body ?? 'none', { status: body === undefined ? 404 : 200 });
	}

	#caches(): ConstructorParameters<typeof ShellCache>[0]['caches'] {
		const { kept } = this;
		const urlOf = (request: RequestInfo | URL): string =>
			request instanceof Request ? request.url : String(request);
		return {
			keys: async () => [...kept.keys()],
			delete: async (name) => kept.delete(name),
			open: async (name) => {
				const cache = kept.get(name) ?? new Map<string, Response>();
				kept.set(name, cache);
				return {
					match: async (request: RequestInfo) => cache.get(urlOf(request))?.clone(),
					put: async (request: RequestInfo, response: Response) => void cache.set(urlOf(request), response)
				} as unknown as Cache;
			}
		};
	}
}

let world: World;

beforeEach(() => {
	world = new World();
});

function asks(path: string, mode: RequestMode = 'cors', method = 'GET'): Request {
	const request = new Request(path.startsWith('/') ? ORIGIN + path : path, { method });
	return Object.defineProperty(request, 'mode', { value: mode });
}

/** What a page gets; null where the browser goes on by itself. */
async function text(shell: ShellCache, request: Request, preloaded?: Response): Promise<string | null> {
	const answer = shell.answer(request, preloaded && Promise.resolve(preloaded));
	return answer && (await answer).text();
}

async function installed(version: string, files: Record<string, string>): Promise<ShellCache> {
	const shell = world.serve(version, files);
	await shell.install();
	await shell.activate();
	return shell;
}

describe('the kept site', () => {
	it('is all of one build, or nothing of it', async () => {
		await installed('1', { [A]: 'a', [ICON]: 'icon' });
		expect([...world.kept.get('tabwave-shell-1')!.keys()]).toEqual(
			[A, ICON, '/'].map((path) => ORIGIN + path)
		);

		const missing = world.shell('2', [A, '/_app/immutable/none.js']);
		await expect(missing.install()).rejects.toThrow(ShellInstallError);
		// The relay was started anew with another build while this one was taken in.
		await expect(world.shell('0', [A]).install()).rejects.toThrow(ShellInstallError);
		world.isAway = true;
		await expect(world.shell('3', [A]).install()).rejects.toThrow(TypeError);
		expect([...world.kept.keys()]).toEqual(['tabwave-shell-1']);
	});

	it('opens where the relay is away, asleep or not itself, and is the relay’s own where it is there', async () => {
		const shell = await installed('1', { [A]: 'a' });
		world.served.set('/node', 'a newer page');
		expect(await text(shell, asks('/node', 'navigate'))).toBe('a newer page');
		expect(await text(shell, asks('/node', 'navigate'), new Response('asked for before'))).toBe(
			'asked for before'
		);
		expect(await text(shell, asks('/node', 'navigate'), new Response('', { status: 502 }))).toContain('"1"');
		world.isAway = true;
		expect(await text(shell, asks('/node', 'navigate'))).toContain('"1"');
		expect(await text(shell, asks('/explorer/block/7?x=1', 'navigate'))).toContain('"1"');
		world.isAsleep = true;
		expect(await text(shell, asks('/node', 'navigate'))).toContain('"1"');
		expect(world.waitedMs).toBe(PAGE_PATIENCE_MS);
	});

	it('fails as the relay does where nothing is kept', async () => {
		const shell = world.serve('1', {});
		world.isAway = true;
		await expect(shell.answer(asks('/node', 'navigate'))).rejects.toThrow('Failed to fetch');
		await expect(shell.answer(asks(A))).rejects.toThrow('Failed to fetch');
	});

	it('gives what has a hash in its name without asking, and other files where nobody answers', async () => {
		const shell = await installed('1', { [A]: 'a', [ICON]: 'icon' });
		world.asked = [];
		expect(await text(shell, asks(A))).toBe('a');
		expect(world.asked).toEqual([]);
		world.served.set(ICON, 'newer');
		expect(await text(shell, asks(ICON, 'no-cors'))).toBe('newer');
		world.isAway = true;
		expect(await text(shell, asks(ICON, 'no-cors'))).toBe('icon');
	});

	it('keeps what is big from when it is first asked for, and nothing else that was not in the build', async () => {
		const shell = await installed('1', { [A]: 'a', [SOLVER]: 'solver' });
		const cache = world.kept.get('tabwave-shell-1')!;
		expect(cache.has(ORIGIN + SOLVER)).toBe(false);
		world.served.delete(SOLVER);
		expect(await text(shell, asks(SOLVER))).toBe('none');
		expect(cache.has(ORIGIN + SOLVER)).toBe(false);
		world.served.set(SOLVER, 'solver');
		expect(await text(shell, asks(SOLVER))).toBe('solver');
		world.isAway = true;
		expect(await text(shell, asks(SOLVER))).toBe('solver');
		world.isAway = false;
		world.served.set(B, 'of another build');
		await text(shell, asks(B));
		expect(cache.has(ORIGIN + B)).toBe(false);
	});

	it('has what tabs of the build before run with, and forgets builds before that', async () => {
		await installed('1', { '/_app/immutable/1.js': 'one' });
		await installed('2', { [A]: 'a' });
		// One that never became active leaves nothing behind in the end.
		await world.serve('3', { [A]: 'a' }).install();
		const shell = await installed('4', { [B]: 'b' });
		expect([...world.kept.keys()]).toEqual(['tabwave-shell-3', 'tabwave-shell-4']);
		expect(await text(shell, asks(A))).toBe('a');
		expect(await text(shell, asks(B))).toBe('b');
		world.asked = [];
		expect(await text(shell, asks('/_app/immutable/1.js'))).toBe('none');
		expect(world.asked).toEqual(['/_app/immutable/1.js']);
	});

	it.each([
		['/api/v1/network', 'cors', 'GET'],
		['/api/v1/network', 'navigate', 'GET'],
		['/healthz', 'navigate', 'GET'],
		['/j/ABCDEF', 'navigate', 'GET'],
		['/_app/version.json', 'cors', 'GET'],
		['/service-worker.js', 'same-origin', 'GET'],
		['/some.pdf', 'navigate', 'GET'],
		['/anything', 'cors', 'GET'],
		['/node', 'navigate', 'POST'],
		['http://elsewhere/_app/immutable/a.js', 'cors', 'GET']
	] as const)('has nothing to do with %s (%s, %s)', async (path, mode, method) => {
		const shell = await installed('1', { [A]: 'a' });
		expect(shell.answer(asks(path, mode, method))).toBeNull();
	});

	it('takes over when it is told to, and by nothing else', () => {
		expect(isTakeOver({ tabwave: 'take-over' })).toBe(true);
		for (const other of [null, undefined, 7, 'take-over', {}, { tabwave: 'other' }])
			expect(isTakeOver(other)).toBe(false);
	});
});
