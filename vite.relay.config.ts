import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** The relay and all of its packages as one module: finding 1,500 of them one by one takes longer than all else at its start. */
export default defineConfig({
	publicDir: false,
	resolve: { alias: { '#lib': fileURLToPath(new URL('src/lib', import.meta.url)) } },
	ssr: { noExternal: true },
	build: {
		ssr: 'relay/main.ts',
		outDir: 'dist/relay',
		target: 'node24',
		// What it says of an error names functions as the sources do.
		minify: false
	}
});
