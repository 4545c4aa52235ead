/** Coming in, as a tab does it and the relay sees it: real relay, real links, nodes in Node.js. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JoinOptions } from '#lib/node/api.ts';
import type { Session } from '#lib/node/session.ts';
import { parseNetworkIni } from './config/network-ini.ts';
import type { NetworkDocument } from './http/network-document.ts';
import type { Health } from './http/server.ts';
import { invite } from './invite.ts';
import { startRelay } from './relay.ts';
import type { RunningRelay } from './relay.ts';
import { REVOKED_FILE, Revocations, revoke } from './revocations.ts';
import { readInviteArguments } from './terminal/arguments.ts';
import { headlessLinks, headlessNode } from './testing/headless.ts';

const RECIPIENT = '22'.repeat(32);

let folder: string;
let ends: (() => unknown)[];

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'tabwave-joining-'));
	ends = [];
});
afterEach(async () => {
	for (const end of ends.reverse()) await end();
	rmSync(folder, { recursive: true });
});

async function start(ini: string): Promise<RunningRelay> {
	const relay = await startRelay({
		config: parseNetworkIni(ini),
		host: '127.0.0.1',
		port: 0,
		dataDirectory: folder,
		siteDirectory: null
	});
	ends.push(() => relay.stop());
	return relay;
}

const originOf = ({ port }: RunningRelay): string => `http://127.0.0.1:${port}`;

async function node(relay: RunningRelay, n: number): Promise<Session> {
	const session = await headlessNode(originOf(relay), n);
	ends.push(() => session.stop());
	return session;
}

/** @returns the partition, or the name of the error */
async function outcome(session: Session, options: JoinOptions = {}): Promise<number | string | null> {
	return session.api.node.join(options).then(
		({ partition }) => partition,
		(error: Error) => error.name
	);
}

async function token(...args: string[]): Promise<{ invitation: string; link: string; id: string }> {
	const { link, id } = await invite(readInviteArguments([...args, '--data', folder]), Date.now());
	return { invitation: /i=([\w-]+)$/.exec(link)![1]!, link, id };
}

const documentOf = async (relay: RunningRelay): Promise<NetworkDocument> =>
	(await (await fetch(`${originOf(relay)}/api/v1/network`)).json()) as NetworkDocument;

const tabsOf = async (relay: RunningRelay): Promise<NonNullable<Health['tabs']>> =>
	((await (await fetch(`${originOf(relay)}/healthz`)).json()) as Health).tabs!;

describe('a network by invitation', { timeout: 60_000 }, () => {
	const INI = '[network]\nadmission = invitation\n[partitions]\ncount = 2\nmaxMembers = 4\n';

	it('admits who has one that holds: so many, so long, there, and until it is taken back', async () => {
		const relay = await start(INI);
		const [a, b, c] = [await node(relay, 1), await node(relay, 2), await node(relay, 3)];
		expect(await outcome(a)).toBe('InvitationRequired');

		const once = await token('--uses', '1', '--partition', '2');
		expect(await outcome(a, { invitation: once.invitation, partition: 1 })).toBe('InvitationInvalid');
		expect(await outcome(a, { invitation: once.invitation, partition: 2, nickname: '小白' })).toBe(2);
		expect(await outcome(b, { invitation: once.invitation, partition: 2 })).toBe('InvitationInvalid');

		const expired = await invite(readInviteArguments(['--data', folder]), Date.now() - 9 * 3_600_000);
		expect(await outcome(b, { invitation: expired.link.split('i=')[1]! })).toBe('InvitationInvalid');

		const many = await token('--uses', '9');
		expect(await outcome(b, { invitation: many.invitation, partition: 2 })).toBe(2);
		expect(revoke(folder, many.link)).toBe(many.id);
		expect(await outcome(c, { invitation: many.invitation })).toBe('InvitationRevoked');
		// Who has come in with it stays, and others are not touched.
		const other = await token('--uses', '1');
		expect(await outcome(c, { invitation: other.invitation, partition: 2 })).toBe(2);
		const [, second] = (await documentOf(relay)).partitions;
		expect(second!.members.map(({ nickname }) => nickname).sort()).toEqual(['node 2', 'node 3', '小白']);
	});

	it('gives out another link at its terminal when the one there is revoked', async () => {
		const relay = await start(INI);
		const target = async (): Promise<string> =>
			(await fetch(`${originOf(relay)}/j/${relay.joinCode}`, { redirect: 'manual' })).headers.get(
				'location'
			)!;
		const first = await target();
		expect(await target()).toBe(first);
		revoke(folder, `${originOf(relay)}${first}`);
		const second = await target();
		expect(second).not.toBe(first);
		const a = await node(relay, 1);
		expect(await outcome(a, { invitation: first.split('i=')[1]! })).toBe('InvitationRevoked');
		expect(await outcome(a, { invitation: second.split('i=')[1]! })).toBe(1);
	});
});

describe('npm run invite -- --revoke', () => {
	it('takes a link, its token or its id, once each, and keeps them to the operator', async () => {
		await (await start('')).stop();
		const [one, two] = [await token(), await token()];
		for (const which of [one.link, one.invitation, one.id, two.id]) revoke(folder, which);
		const file = join(folder, REVOKED_FILE);
		expect(readFileSync(file, 'utf8').trim().split('\n')).toEqual([one.id, two.id]);
		expect(statSync(file).mode & 0o777).toBe(0o600);
	});

	it('is refused for anything else', async () => {
		await (await start('')).stop();
		for (const which of ['nonsense', 'http://x/join', '', `${'ab'.repeat(32)}0`, 'A'.repeat(20)])
			expect(() => revoke(folder, which), which).toThrow(expect.objectContaining({ name: 'BadArgument' }));
	});

	it('is refused where there is no chain', () => {
		expect(() => revoke(folder, 'ab'.repeat(32))).toThrow(expect.objectContaining({ name: 'NoChainYet' }));
	});

	it('is seen by a relay that has looked before, and forgives lines that are none', () => {
		const revocations = new Revocations(folder);
		const invitation = Uint8Array.of(1, 2, 3);
		expect(revocations.has(invitation)).toBe(false);
		writeFileSync(join(folder, REVOKED_FILE), '# of last term\nnonsense\n');
		expect(revocations.has(invitation)).toBe(false);
	});
});

describe('an open network', { timeout: 60_000 }, () => {
	it('sends who has no wish to the smaller partition, and says in plain words when there is no seat', async () => {
		const relay = await start('[partitions]\nsizes = 2, 1\n[membership]\nmaxPartitions = 0\n');
		expect(await outcome(await node(relay, 1), { partition: 1 })).toBe(1);
		const late = await node(relay, 2);
		expect(await outcome(await node(relay, 3))).toBe(2);
		expect(await outcome(late, { partition: 2 })).toBe('PartitionFull');
		expect(await outcome(late)).toBe(1);
		const refused = (await node(relay, 4)).api.node.join();
		await expect(refused).rejects.toMatchObject({
			name: 'PartitionFull',
			message: expect.stringMatching(/every partition is full/)
		});
		const { partitions } = await documentOf(relay);
		expect(partitions.map(({ freeSeats }) => freeSeats)).toEqual([0, 0]);
	});

	it('takes a newcomer in while others trade: it has the whole chain, and votes', async () => {
		const relay = await start('[partitions]\ncount = 1\n');
		const members = [await node(relay, 1), await node(relay, 2), await node(relay, 3)];
		for (const member of members) await member.api.node.join();
		let isOver = false;
		let done = 0;
		const trading = members.map(async ({ api }) => {
			while (!isOver) {
				expect((await api.account.transfer(RECIPIENT, 1)).status).toBe('ok');
				done++;
			}
		});
		await vi.waitFor(() => expect(done).toBeGreaterThan(5), { timeout: 20_000 });
		const late = await node(relay, 4);
		expect(await outcome(late)).toBe(1);
		const { votes } = await late.api.node.status();
		await vi.waitFor(async () => expect((await late.api.node.status()).votes).toBeGreaterThan(votes), {
			timeout: 20_000
		});
		isOver = true;
		await Promise.all(trading);
		await vi.waitFor(async () => expect(await late.api.account.balance(RECIPIENT)).toBe(String(done)), {
			timeout: 20_000
		});
		expect(await late.api.chain.verify()).toMatchObject({ firstBad: null });
	});

	it('carries members and nobody else', async () => {
		const relay = await start('[partitions]\ncount = 1\n');
		const [a, b] = [await node(relay, 1), await node(relay, 2)];
		for (const { api } of [a, b]) await api.node.join();
		const stranger = await headlessLinks(originOf(relay), 9);
		ends.push(() => stranger.stop());
		const member = (await a.api.node.status()).nodeId;
		stranger.setPeers([member]);
		await vi.waitFor(async () => expect((await tabsOf(relay)).refused).toBeGreaterThan(1), {
			timeout: 10_000
		});
		expect(stranger.links().find(({ peer }) => peer === member)?.path).toBe('down');
		expect(await tabsOf(relay)).toMatchObject({ connections: 3, strangers: 1, circuits: 1 });
		// Without its links a tab that leaves is a stranger like any other.
		await b.api.node.leave();
		await vi.waitFor(async () => expect(await tabsOf(relay)).toMatchObject({ strangers: 2, circuits: 0 }), {
			timeout: 10_000
		});
	});
});
