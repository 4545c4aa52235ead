/**
 * R18 for the market: what Chromium computes of radio, scenarios and mechanisms is what Node.js computes, to the last integer; and
 * the solver of `optimal` runs in a worker of a page as it does in a thread.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { build } from 'vite';
import { expect, test } from '@playwright/test';
import { ROOT } from '../../scripts/lib/project.js';
import { OptimumService } from '#lib/spectrum/mechanisms/optimal/optimum-service.ts';
import { startThread } from '#lib/spectrum/mechanisms/optimal/thread-solver.ts';
import { hashesOfEngine, optimumOfEngine, type Hashes } from '#lib/spectrum/testing/engine-hashes.ts';
import { launchOptions } from './harness/chromium.ts';

test.use({ launchOptions: launchOptions('possible') });

declare global {
	var spectrumEngine: { hashes: () => Promise<Hashes>; optimum: () => Promise<string> };
}

const TYPES: Record<string, string> = {
	'.js': 'text/javascript',
	'.mjs': 'text/javascript',
	'.wasm': 'application/wasm'
};

test('Chromium and Node.js compute the same radio, scenarios, allocations and optimum', async ({ page }) => {
	test.setTimeout(120_000);
	const folder = mkdtempSync(join(tmpdir(), 'tabwave-spectrum-'));
	const source = join(folder, 'entry.ts');
	const spectrum = join(ROOT, 'src', 'lib', 'spectrum');
	const from = (...path: string[]): string => JSON.stringify(join(spectrum, ...path));
	writeFileSync(
		source,
		`import { hashesOfEngine, optimumOfEngine } from ${from('testing', 'engine-hashes.ts')};
		import { OptimumService } from ${from('mechanisms', 'optimal', 'optimum-service.ts')};
		import { startWebWorker } from ${from('mechanisms', 'optimal', 'web-solver.ts')};
		globalThis.spectrumEngine = {
			hashes: hashesOfEngine,
			optimum: () => optimumOfEngine(new OptimumService(startWebWorker))
		};`
	);
	await build({
		configFile: false,
		root: ROOT,
		logLevel: 'error',
		publicDir: false,
		worker: { format: 'es' },
		build: {
			outDir: join(folder, 'out'),
			rollupOptions: {
				input: source,
				output: { entryFileNames: 'out.js' },
				preserveEntrySignatures: 'strict'
			},
			target: 'es2022'
		}
	});
	const server = createServer((request, response) => {
		const name = basename(request.url ?? '/');
		const type = TYPES[extname(name)];
		response.setHeader('content-type', type ?? 'text/html');
		if (!type) response.end('<!doctype html><title>spectrum</title>');
		else response.end(readFileSync(join(folder, 'out', name === 'out.js' ? name : join('assets', name))));
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	try {
		await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
		await page.addScriptTag({ url: '/out.js', type: 'module' });
		await page.waitForFunction(() => 'spectrumEngine' in globalThis);
		expect(await page.evaluate(() => globalThis.spectrumEngine.hashes())).toEqual(await hashesOfEngine());
		expect(await page.evaluate(() => globalThis.spectrumEngine.optimum())).toBe(
			await optimumOfEngine(new OptimumService(startThread))
		);
	} finally {
		server.close();
		rmSync(folder, { recursive: true, force: true });
	}
});
