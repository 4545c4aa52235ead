/** Coming in by the join page where it does not go smoothly: every seat taken, an invitation that was taken back. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureNode } from '../../scripts/lib/packages.js';
import { ROOT } from '../../scripts/lib/project.js';
import { joinByPage } from './harness/join-page.ts';
import { apiReady, status, waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';

test.describe('a network whose seats are all taken', () => {
	test.use({
		ini: '[partitions]\ncount = 1\nmaxMembers = 1\n[membership]\nmaxPartitions = 0\n[timeouts]\nawayMs = 1000\nevictionGraceMs = 1500\n'
	});

	test('says so before and after Join, and takes the newcomer when one is free', async ({ context }) => {
		const first = await context.newPage();
		await joinByPage(first, 'first');
		const late = await context.newPage();
		await late.goto('/join');
		await apiReady(late);
		await expect(late.getByTestId('network-full')).toBeVisible();
		await late.getByTestId('join-button').click();
		await expect(late.getByTestId('join-error')).toContainText('Every seat is taken');
		await expect(late.getByTestId('join-error')).toContainText('press Join again');
		await first.evaluate(() => globalThis.tabwave.node.leave());
		await late.getByTestId('join-button').click();
		await expect(late.getByTestId('role-card')).toHaveAttribute('data-activity', 'voting');
	});
});

test.describe('a network by invitation', () => {
	test.use({ ini: '[network]\nadmission = invitation\n[partitions]\ncount = 2\n' });

	test('takes the link, its name and its partition from the address, and refuses a link that was taken back', async ({
		relay,
		context
	}) => {
		const link = await invite(relay.dataDirectory, '--partition', '2', '--uses', '2');
		const member = await context.newPage();
		await member.goto(link);
		await apiReady(member);
		await expect(member.getByTestId('partition-choice')).toContainText('2');
		await member.getByTestId('nickname').fill('小白');
		await member.getByTestId('join-button').click();
		await expect(member.getByTestId('role-card')).toContainText('小白');
		expect(await waitFor(member, ({ activity }) => activity === 'voting')).toMatchObject({ partition: 2 });

		await invite(relay.dataDirectory, '--revoke', link);
		const late = await context.newPage();
		await late.goto(link);
		await apiReady(late);
		await late.getByTestId('join-button').click();
		await expect(late.getByTestId('join-error')).toContainText('taken this invitation back');
		expect(await status(late)).toMatchObject({ partition: null });
	});
});

/** As the operator does it, beside the running relay. @returns what it printed */
async function invite(dataDirectory: string, ...args: string[]): Promise<string> {
	const program = join(ROOT, 'relay', 'main.ts');
	const { stdout } = await promisify(execFile)(await ensureNode(), [
		program,
		'invite',
		'--data',
		dataDirectory,
		...args
	]);
	return stdout.trim();
}
