/** Links move from the relay to the direct way when there is one, and back when it breaks, in the middle of trading. */
import { expectSound } from './harness/sound.ts';
import { joinedNetwork } from './harness/partition.ts';
import { status, waitFor } from './harness/tabs.ts';
import { trade } from './harness/transfers.ts';
import { closeWebRtc, gateWebRtc, openWebRtc } from './harness/web-rtc-gate.ts';
import { expect, test } from './harness/test.ts';

// Of two members, each needs every vote of the other.
test.use({ ini: '[partitions]\ncount = 1\n[timeouts]\nevictionGraceMs = 60000\n' });

test('a link moves to the direct way and back under trades, and loses nothing', async ({ context }) => {
	test.setTimeout(180_000);
	await gateWebRtc(context);
	const tabs = await joinedNetwork(context, 2);
	const all = (path: string): Promise<unknown> =>
		Promise.all(
			tabs.map((tab) =>
				waitFor(tab, ({ links }) => links.length === 1 && links[0]!.path === path, { what: `a ${path} link` })
			)
		);
	await all('relayed');
	const trading = await Promise.all(tabs.map((tab) => trade(tab)));
	const goesOn = async (): Promise<void> => {
		const counts = await Promise.all(trading.map((one) => one.count()));
		await Promise.all(trading.map((one, i) => one.reaches(counts[i]! + 3)));
	};
	await goesOn();

	const WAYS = ['closed', 'closed', 'mute'] as const;
	for (const how of WAYS) {
		await test.step(`to the direct way, and back where it is ${how}`, async () => {
			const startMs = performance.now();
			await Promise.all(tabs.map((tab) => openWebRtc(tab)));
			await all('direct');
			const directMs = performance.now();
			await goesOn();
			const breakMs = performance.now();
			await Promise.all(tabs.map((tab) => closeWebRtc(tab, how)));
			await all('relayed');
			const backMs = performance.now();
			await goesOn();
			console.log(
				`direct after ${Math.round(directMs - startMs)} ms; ${how}, relayed after ${Math.round(backMs - breakMs)} ms`
			);
		});
	}
	for (const [i, one] of trading.entries()) {
		await one.stop();
		console.log(`${await one.count()} transfers, the longest ${Math.round(await one.longestMs())} ms`);
		// A link that loses anything begins anew, and has moved no more than since then.
		const [link] = (await status(tabs[i]!)).links;
		expect(link!.moves).toBeGreaterThanOrEqual(2 * WAYS.length);
		expect(link).not.toHaveProperty('droppedFrames');
	}
	await expectSound(tabs, (await status(tabs[0]!)).finalHeight);
});
