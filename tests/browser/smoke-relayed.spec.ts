/** That the harness can make direct links impossible: the tests of the relayed path stand on it. */
import { candidates } from './harness/candidates.ts';
import { expect, test } from './harness/test.ts';

test.use({ webRtc: 'impossible' });

test('direct links are impossible where the harness says so', async ({ page }) => {
	await page.goto('/');
	expect(await candidates(page)).toBe(0);
});
