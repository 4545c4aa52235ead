/** A tab loses the network and has it back: it says so in words, comes back by itself, and votes. */
import { outage } from './harness/outage.ts';
import { test } from './harness/test.ts';

// It is away for less than the grace on any machine.
test.use({ ini: '[partitions]\ncount = 1\n[timeouts]\nevictionGraceMs = 60000\n' });

for (const [links, webRtc] of [
	['direct', 'possible'],
	['relayed', 'impossible']
] as const)
	test(`a tab with ${links} links is offline and back: the others go on, it says so, catches up and votes`, async ({
		relay
	}) => {
		test.setTimeout(120_000);
		await outage(relay.url, webRtc);
	});
