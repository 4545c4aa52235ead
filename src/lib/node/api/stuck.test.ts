import { beforeEach, describe, expect, it } from 'vitest';
import { TestNetwork, type TestTab } from '../../../../relay/booter/testing/test-network.ts';
import { GENESIS_DEFAULTS } from '../../ledger/genesis.ts';
import type { Stuck } from '../api.ts';
import { STUCK_AFTER_MS, stuckOf } from './stuck.ts';

/** Four members of one partition: q is three. */
let network: TestNetwork;
let tabs: TestTab[];
let leader: TestTab;
let follower: TestTab;

beforeEach(async () => {
	network = await TestNetwork.start();
	for (let i = 0; i < 4; i++) await network.member();
	tabs = network.tabs;
	await network.until(() => tabs.every(({ node }) => node.partition?.members.length === 4));
	leader = tabs.find(({ node }) => node.pbft!.isLeader)!;
	follower = tabs.find((tab) => tab !== leader)!;
});

const stuck = (tab: TestTab, stillMs = STUCK_AFTER_MS, isBooterLinked = true): Stuck | null =>
	stuckOf(tab.node, { isBooterLinked, stillMs, timing: network.timing });
const send = (tab: TestTab): void => void tab.api.account.transfer('11'.repeat(32), 1).catch(() => {});

describe('why am I stuck?', () => {
	it('not at all, while all goes well and while there is nothing to do', async () => {
		expect(tabs.map((tab) => stuck(tab, 60_000))).toEqual([null, null, null, null]);
		await network.settle(follower.api.account.transfer(leader.id, 1));
		expect(tabs.map((tab) => stuck(tab, 60_000))).toEqual([null, null, null, null]);
	});

	it('for want of the relay, whatever else is missing', () => {
		expect(stuck(follower, 0, false)).toEqual({
			reason: 'WaitingForRelay',
			missing: ['booter'],
			nextTimeoutMs: network.timing.resendMs
		});
	});

	it('for want of room at the relay, as long as it says so, whoever asks it', async () => {
		const said: string[] = [];
		follower.api.on('log', ({ message }) => said.push(message));
		network.hub.cut(follower.id, network.booterId);
		follower.api.refused({ name: 'TooManyStrangers', message: 'no room' });
		const reason = async (): Promise<string | undefined> => (await follower.api.node.status()).stuck?.reason;
		expect(await reason()).toBe('TooManyStrangers');
		expect(said).toContain('the relay refused: no room (TooManyStrangers)');
		await network.run(15_000);
		expect(await reason()).toBe('WaitingForRelay');
		follower.api.refused({ name: 'TooManyStrangers', message: 'no room' });
		network.hub.heal(follower.id, network.booterId);
		await network.until(() => network.booter !== null);
		expect(await reason()).toBeUndefined();
	});

	it('for want of members: who is missing, and when the relay lets the others go on (R22)', async () => {
		const gone = tabs.filter((tab) => tab !== leader && tab !== follower);
		for (const tab of gone) await tab.stop();
		await network.run(network.timing.awayMs + 2 * network.timing.heartbeatMs);
		send(follower);
		await network.run(100);
		for (const tab of [leader, follower]) {
			const { reason, missing, nextTimeoutMs } = stuck(tab)!;
			expect(reason).toBe('WaitingForRecovery');
			expect([...missing].sort()).toEqual(gone.map(({ id }) => id).sort());
			expect(nextTimeoutMs).toBeGreaterThan(0);
			expect(nextTimeoutMs).toBeLessThan(Number(GENESIS_DEFAULTS.recoverySilenceMs));
		}
	});

	it('for want of another partition, without which nothing becomes final (R22)', async () => {
		network = await TestNetwork.start([2, 2]);
		const [near, far] = [await network.member(1), await network.member(2)];
		await network.until(() => [near, far].every(({ node }) => node.chain.topology.active().length === 2));
		await far.stop();
		await network.run(network.timing.awayMs + 2 * network.timing.heartbeatMs);
		send(near);
		await network.run(1000);
		const found = stuck(near)!;
		expect(found).toMatchObject({ reason: 'WaitingForRecovery', missing: ['partition 2'] });
		expect(found.nextTimeoutMs).toBeGreaterThan(0);
	});

	it('not yet: a short wait is the ordinary way of things', async () => {
		for (const tab of tabs.filter((tab) => tab !== leader && tab !== follower)) await tab.stop();
		await network.run(network.timing.awayMs + 100);
		send(follower);
		await network.run(100);
		expect(stuck(follower, STUCK_AFTER_MS - 1)).toBeNull();
		expect(stuck(follower, STUCK_AFTER_MS)).not.toBeNull();
	});

	it('for want of the Booter’s Next: the block is certified, and nobody orders it', async () => {
		await network.stopBooter();
		send(follower);
		await network.run(500);
		expect(stuck(leader)).toEqual({
			reason: 'WaitingForNext',
			missing: ['booter'],
			// Nothing that this node does brings it about.
			nextTimeoutMs: null
		});
	});

	it('of who is no member: nothing, but for the relay', async () => {
		const outsider = await network.tab();
		await network.run(500);
		expect(stuck(outsider, 60_000)).toBeNull();
		expect(stuck(outsider, 0, false)!.reason).toBe('WaitingForRelay');
	});

	it('the client API says it too, tells who listens, and tells them when it is over', async () => {
		const told: (string | null)[] = [];
		follower.api.on('stuck', (state) => told.push(state && state.reason));
		await network.stopBooter();
		await network.until(() => told.includes('WaitingForRelay'));
		expect((await follower.api.node.status()).stuck!.reason).toBe('WaitingForRelay');
		expect((await follower.api.node.status()).activity).toBe('offline');
		await network.startBooter();
		await network.until(() => told.at(-1) === null);
		expect((await follower.api.node.status()).activity).toBe('voting');
	});
});
