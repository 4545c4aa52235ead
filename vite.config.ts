import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { defineConfig } from 'vitest/config';
import { siteFiles } from './scripts/lib/site-files.js';

export default defineConfig({
	plugins: [
		paraglideVitePlugin({
			project: './project.inlang',
			outdir: './src/lib/ui/paraglide',
			// No cookie, no URL: the language is this browser's own business and changes without a reload.
			strategy: ['localStorage', 'preferredLanguage', 'baseLocale']
		}),
		tailwindcss(),
		sveltekit({
			// Compressed once here, so that the relay only sends files.
			adapter: adapter({ fallback: '200.html', precompress: true }),
			compilerOptions: { runes: true },
			// By the page itself, once its node runs: see lib/ui/site.
			serviceWorker: { register: false },
			// Besides the looks whenever the relay comes back: it may serve a new build without being started anew.
			version: { pollInterval: 300_000 }
		}),
		siteFiles()
	],
	// The node's worker is a module of its own, with code splitting inside it.
	worker: { format: 'es' },
	build: { target: 'es2022' },
	// npm run dev: the pages come from here, everything else from the relay beside it.
	server: { proxy: { '^/(api|healthz|j)(/|$)': { target: 'http://127.0.0.1:7070', changeOrigin: true } } },
	test: {
		// What needs a browser is Playwright's, in tests/browser.
		include: ['{src,relay,scripts}/**/*.test.{ts,js}', 'tests/{simulation,lint,soak}/**/*.test.ts'],
		// A process for each of the files would cost as much as their tests: the files of one process share their modules.
		isolate: false,
		// One core is left free by default, which of two is half: nothing else runs beside the tests.
		maxWorkers: '100%',
		// Suites of signatures and property tests run longest on a phone-sized machine that is busy otherwise.
		testTimeout: 30_000,
		hookTimeout: 30_000
	}
});
