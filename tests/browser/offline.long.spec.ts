/** The same as offline.spec.ts where everything goes through the relay. */
import { outage } from './harness/outage.ts';
import { test } from './harness/test.ts';

// It is away for less than the grace on any machine.
test.use({ ini: '[partitions]\ncount = 1\n[timeouts]\nevictionGraceMs = 60000\n' });

test('a tab with relayed links is offline and back: the others go on, it says so, catches up and votes', async ({
	relay
}) => {
	test.setTimeout(120_000);
	await outage(relay.url, 'impossible');
});
