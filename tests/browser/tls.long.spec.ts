/** https and wss on the LAN, with a certificate that the relay made itself. */
import { quietHead } from './harness/ledger-checks.ts';
import { lanOf, opened, powers } from './harness/origins.ts';
import { startRelayProcess } from './harness/relay-process.ts';
import { joinTab, waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';

const RECIPIENT = '44'.repeat(32);

test('with --tls the same address is a secure context, and who types http is led there', async ({
	browser
}) => {
	const relay = await startRelayProcess({ ini: '[partitions]\ncount = 1\n', args: ['--tls'] });
	// What a person does once, by "Advanced" and "Proceed".
	const context = await browser.newContext({ ignoreHTTPSErrors: true });
	try {
		expect(relay.output()).toMatch(/Advanced.*Proceed/);
		expect(lanOf(relay)).toMatch(/^https:/);
		const pages = [
			await opened(await context.newPage(), lanOf(relay)),
			await opened(await context.newPage(), lanOf(relay).replace('https:', 'http:'))
		];
		for (const page of pages) {
			expect(new URL(page.url()).origin).toBe(lanOf(relay));
			expect(await powers(page)).toEqual({ isSecure: true, subtle: true, locks: true });
		}
		for (const page of pages) await joinTab(page);
		for (const page of pages)
			await waitFor(page, ({ members, activity }) => members.length === 2 && activity === 'voting');
		expect(
			await pages[0]!.evaluate(
				async (to) => (await globalThis.tabwave.account.transfer(to, 1)).status,
				RECIPIENT
			)
		).toBe('ok');
		await quietHead(pages);
	} finally {
		await context.close();
		await relay.dispose();
	}
});
