/** The relay is killed in the middle of trades, with a class connected, and comes back: everything is as it was. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { NodeNetwork } from '#lib/network/node-network.ts';
import type { Session } from '#lib/node/session.ts';
import { headlessLinks, headlessNode, nodeIdOfNumber } from './testing/headless.ts';
import { KillableRelay } from './testing/killable-relay.ts';

const RECIPIENT = '33'.repeat(32);
const MEMBERS = 3;
const LOOKING_ON = 17;

let relay: KillableRelay;
let members: Session[];
let others: NodeNetwork[];

beforeEach(() => {
	relay = new KillableRelay('[partitions]\ncount = 1\n');
	members = [];
	others = [];
});
afterEach(async () => {
	await Promise.all([...members, ...others].map((node) => node.stop()));
	await relay.dispose();
});

it('has its tabs back after SIGKILL: links, reservations, circuits, votes', { timeout: 60_000 }, async () => {
	await relay.start();
	for (let n = 1; n <= MEMBERS; n++) {
		const member = await headlessNode(relay.origin, n);
		members.push(member);
		await member.api.node.join();
	}
	for (let n = 1; n <= LOOKING_ON; n++) others.push(await headlessLinks(relay.origin, 100 + n));
	await whole();
	const before = await members[0]!.api.node.status();

	let sent = 0;
	let isOver = false;
	// Some of these wait through the kill, and none may be lost or be done twice.
	const trading = members.map(async ({ api }) => {
		while (!isOver) {
			sent++;
			expect((await api.account.transfer(RECIPIENT, 1)).status).toBe('ok');
		}
	});
	await vi.waitFor(() => expect(sent).toBeGreaterThan(10), { timeout: 10_000 });
	await relay.kill();
	await relay.start();
	await whole();
	isOver = true;
	await Promise.all(trading);

	for (const { api } of members) {
		const now = await api.node.status();
		expect(now).toMatchObject({ activity: 'voting', epoch: before.epoch });
		await vi.waitFor(async () => expect(await api.account.balance(RECIPIENT)).toBe(String(sent)), {
			timeout: 10_000
		});
		expect(await api.chain.verify()).toMatchObject({ firstBad: null });
	}
});

/** Everybody has its reservation, and the members have each other through the relay, which is all that Node.js has. */
async function whole(): Promise<void> {
	await vi.waitFor(
		async () => {
			const tabs = await relay.tabs();
			expect(tabs).toMatchObject({ strangers: LOOKING_ON, reservations: MEMBERS + LOOKING_ON });
			expect(tabs.connections).toBe(MEMBERS + LOOKING_ON);
			for (const { api } of members) {
				const { links, relay: own } = await api.node.status();
				expect(own.path).toBe('direct');
				expect(links.filter(({ path }) => path === 'relayed')).toHaveLength(MEMBERS - 1);
			}
		},
		{ timeout: 20_000, interval: 50 }
	);
	expect(others.every((node) => !node.links().some(({ peer }) => peer === nodeIdOfNumber(1)))).toBe(true);
}
