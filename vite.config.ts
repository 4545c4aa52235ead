import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { defineConfig } from 'vite';

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
			adapter: adapter({ fallback: '200.html' }),
			compilerOptions: { runes: true }
		})
	],
	// The node's worker is a module of its own, with code splitting inside it.
	worker: { format: 'es' },
	build: { target: 'es2022' }
});
