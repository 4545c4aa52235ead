/** The tests that stand beside the cores, for StrykerJS (npm run mutation): no site is built for them. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['src/lib/{consensus,ledger}/**/*.test.ts'],
		testTimeout: 30_000,
		isolate: false
	}
});
