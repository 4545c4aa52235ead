/** R26: the same verdict on every edge case, by Chromium's WebCrypto and by the portable path. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { build } from 'vite';
import { expect, test } from '@playwright/test';
import { ROOT } from '../../scripts/lib/project.js';
import { launchOptions } from './harness/chromium.ts';

test.use({ launchOptions: launchOptions('possible') });

type Verdicts = { cases: number; disagreements: string[] };
declare global {
	var runVectors: (portable: boolean) => Promise<Verdicts>;
}

test('WebCrypto and the portable path agree on every edge case', async ({ page }) => {
	test.setTimeout(120_000);
	const folder = mkdtempSync(join(tmpdir(), 'tabwave-vectors-'));
	const source = join(folder, 'entry.ts');
	const crypto = join(ROOT, 'src', 'lib', 'crypto');
	writeFileSync(
		source,
		`import { openSuite } from ${JSON.stringify(join(crypto, 'open-suite.ts'))};
		import { portableSuite } from ${JSON.stringify(join(crypto, 'portable-suite.ts'))};
		import { runSuiteVectors } from ${JSON.stringify(join(crypto, 'suite-vectors.ts'))};
		globalThis.runVectors = async (portable) => runSuiteVectors(portable ? portableSuite() : await openSuite('ed25519-sha256'));`
	);
	await build({
		configFile: false,
		root: ROOT,
		logLevel: 'error',
		publicDir: false,
		build: {
			outDir: join(folder, 'out'),
			lib: { entry: source, formats: ['es'], fileName: 'out' },
			target: 'es2022'
		}
	});
	const server = createServer((request, response) => {
		const name = basename(request.url ?? '/');
		const isScript = /^[\w.-]+\.m?js$/.test(name);
		response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
		response.end(
			isScript ? readFileSync(join(folder, 'out', name)) : '<!doctype html><title>vectors</title>'
		);
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	try {
		await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
		const script = ['out.js', 'out.mjs'].find((name) => {
			try {
				return readFileSync(join(folder, 'out', name)).length > 0;
			} catch {
				return false;
			}
		});
		await page.addScriptTag({ url: `/${script}`, type: 'module' });
		await page.waitForFunction(() => 'runVectors' in globalThis);
		for (const portable of [false, true]) {
			const { cases, disagreements } = await page.evaluate((path) => globalThis.runVectors(path), portable);
			expect(disagreements).toEqual([]);
			expect(cases).toBeGreaterThan(700);
			console.log(`${portable ? 'portable' : 'WebCrypto'}: ${cases} verdicts, none differs`);
		}
	} finally {
		server.close();
		rmSync(folder, { recursive: true, force: true });
	}
});
