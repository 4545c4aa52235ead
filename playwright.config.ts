import { defineConfig } from '@playwright/test';

const everything = process.env.TABWAVE_TRACE === 'full';
/** Those that take too long for every run: npm run test:long. */
const LONG = '**/*.long.spec.ts';
const isLong = process.env.TABWAVE_LONG === '1';

export default defineConfig({
	testDir: 'tests/browser',
	testMatch: isLong ? LONG : '**/*.spec.ts',
	testIgnore: isLong ? [] : LONG,
	outputDir: 'test-results/browser',
	// A test is a whole network of tabs: two at once would measure each other.
	workers: 1,
	fullyParallel: false,
	forbidOnly: !!process.env.CI,
	// A test that passes at the second try hides what the first one found.
	retries: 0,
	timeout: 120_000,
	globalTimeout: isLong ? 3_000_000 : 750_000,
	expect: { timeout: 15_000 },
	reporter: 'list',
	use: {
		// With pictures of eight busy tabs the recording would be the load that is tested. TABWAVE_TRACE=full has them.
		trace: { mode: 'retain-on-failure', screenshots: everything, snapshots: everything, sources: false },
		screenshot: 'only-on-failure',
		locale: 'en-US'
	}
});
