/** A whole class has its places at the relay when it is killed: nodes in Node.js stand in for most of the tabs. */
import type { NodeNetwork } from '#lib/network/node-network.ts';
import { headlessLinks } from '../../relay/testing/headless.ts';
import type { Health } from '../../relay/http/server.ts';
import { joinedNetwork } from './harness/partition.ts';
import type { RelayProcess } from './harness/relay-process.ts';
import { expectSound } from './harness/sound.ts';
import { status, waitFor, waitForValue } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';
import { trade } from './harness/transfers.ts';

const CLASS = 60;
const MEMBERS = 3;

test.use({ ini: '[partitions]\ncount = 1\n[timeouts]\nevictionGraceMs = 60000\n' });

test('the relay is killed with 60 reservations: all of them are back, and its members trade on', async ({
	context,
	relay
}) => {
	test.setTimeout(180_000);
	const pages = await joinedNetwork(context, MEMBERS);
	const lookingOn: NodeNetwork[] = [];
	try {
		for (let n = 1; n <= CLASS - MEMBERS; n++) lookingOn.push(await headlessLinks(relay.url, n));
		await whole(relay);
		const before = await status(pages[0]!);
		const trading = await Promise.all(pages.map((page) => trade(page)));
		await Promise.all(trading.map((one) => one.reaches(2)));

		await relay.kill();
		await relay.start();
		const listensMs = performance.now();
		await whole(relay);
		console.log(
			`${CLASS} reservations back ${Math.round(performance.now() - listensMs)} ms after it listens`
		);

		const done = await Promise.all(trading.map((one) => one.count()));
		await Promise.all(trading.map((one, i) => one.reaches(done[i]! + 3)));
		for (const one of trading) await one.stop();
		for (const page of pages) {
			const { epoch, members } = await waitFor(page, ({ activity }) => activity === 'voting');
			expect(epoch).toBe(before.epoch);
			expect(members).toHaveLength(MEMBERS);
		}
		await expectSound(pages, 5 * MEMBERS);
	} finally {
		await Promise.all(lookingOn.map((node) => node.stop()));
	}
});

async function whole(relay: RelayProcess): Promise<void> {
	await waitForValue(
		async () => ((await (await fetch(`${relay.url}/healthz`)).json()) as Health).tabs!,
		({ connections, reservations }) => connections === CLASS && reservations === CLASS,
		{ what: `${CLASS} links and reservations`, timeoutMs: 60_000 }
	);
}
