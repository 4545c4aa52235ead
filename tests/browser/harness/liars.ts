/**
 * Tabs with a modified client (tests/browser/byzantine):
 *
 *     const liars = await buildLiars();
 *     test.use({ serviceWorkers: 'block' });    // from its cache the page would take the honest client
 *     await liars.corrupt(page, [Kind.PREPARE, Kind.COMMIT]);
 *     liars.dispose();
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { build } from 'vite';
import type { Kind } from '#lib/consensus/statement.ts';
import { ROOT } from '../../../scripts/lib/project.js';

export interface Liars {
	/** Loads the page again, with a node that signs two things where an honest one signs one vote of such a kind. */
	corrupt(page: Page, kinds: readonly Kind[]): Promise<void>;
	dispose(): void;
}

/** The site's own worker, whatever its hash. */
const WORKER = /\/_app\/immutable\/workers\/worker-[\w-]+\.js$/;

export async function buildLiars(): Promise<Liars> {
	const folder = mkdtempSync(join(tmpdir(), 'tabwave-liars-'));
	const dispose = (): void => rmSync(folder, { recursive: true, force: true });
	try {
		await build({
			configFile: false,
			root: ROOT,
			logLevel: 'error',
			publicDir: false,
			build: {
				outDir: folder,
				lib: {
					entry: join(ROOT, 'tests', 'browser', 'byzantine', 'liar-worker.ts'),
					formats: ['es'],
					fileName: 'liar'
				},
				rolldownOptions: { output: { codeSplitting: false } },
				target: 'es2022'
			}
		});
		const [file, ...more] = readdirSync(folder).filter((name) => /\.m?js$/.test(name));
		if (file === undefined || more.length > 0)
			throw new Error(`The liar's worker is not one file: ${[file, ...more].join(', ')}`);
		const source = readFileSync(join(folder, file), 'utf8');
		return {
			corrupt: async (page, kinds) => {
				const body = `globalThis.liesAbout = ${JSON.stringify(kinds)};\n${source}`;
				const served = new Promise<void>((resolve) => {
					void page.route(WORKER, async (route) => {
						await route.fulfill({ contentType: 'text/javascript', body });
						resolve();
					});
				});
				await page.reload();
				await served;
			},
			dispose
		};
	} catch (error) {
		dispose();
		throw error;
	}
}
