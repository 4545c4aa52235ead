/** Three replicas as three relays in one process: real ports, real links, real files. */
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { toHex } from '#lib/crypto/hex.ts';
import { readGenesis } from '#lib/ledger/genesis.ts';
import { parseNetworkDocument } from '#lib/node/tab/network-document.ts';
import type { Session } from '#lib/node/session.ts';
import { clusterFileOf } from './cluster-file.ts';
import { parseNetworkIni } from './config/network-ini.ts';
import type { NetworkDocument } from './http/network-document.ts';
import type { Health } from './http/server.ts';
import { invite } from './invite.ts';
import { readInvitation } from './invitations.ts';
import { startRelay } from './relay.ts';
import type { RunningRelay } from './relay.ts';
import { Revocations, revoke } from './revocations.ts';
import { headlessNode } from './testing/headless.ts';

const NAMES = ['first', 'second', 'third'] as const;
const RECIPIENT = '22'.repeat(32);
/** An election, on a machine that is busy with other tests. */
const CLUSTER_TIMEOUT_MS = 20_000;

let folder: string;
let ports: Record<string, number>;
let running: RunningRelay[];
let sessions: Session[];

beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), 'tabwave-replicas-'));
	ports = Object.fromEntries(await Promise.all(NAMES.map(async (name) => [name, await freePort()] as const)));
	running = [];
	sessions = [];
	mkdirSync(join(folder, 'site'));
	writeFileSync(join(folder, 'site', '200.html'), '<!doctype html>');
});
afterEach(async () => {
	await Promise.all(sessions.map((session) => session.stop()));
	await Promise.all(running.map((relay) => relay.stop()));
	rmSync(folder, { recursive: true });
});

const addresses = (): string => NAMES.map((name) => `${name} = 127.0.0.1:${ports[name]}`).join('\n');
const ini = (more = ''): string => `[partitions]\ncount = 1\n${more}\n[booters]\n${addresses()}\n`;

/** @param machine - a folder for network.ini and the cluster file: each machine has its own */
async function start(
	replica: string,
	options: { text?: string; machine?: string; data?: string; port?: number } = {}
): Promise<RunningRelay> {
	const config = parseNetworkIni(options.text ?? ini());
	const file = clusterFileOf(join(folder, options.machine ?? '', 'network.ini'), config.network.name);
	mkdirSync(dirname(file), { recursive: true });
	const relay = await startRelay({
		config,
		host: '127.0.0.1',
		port: options.port,
		cluster: { replica, file },
		dataDirectory: join(folder, options.data ?? `data-${replica}`),
		siteDirectory: join(folder, 'site')
	});
	running.push(relay);
	return relay;
}

async function startAll(): Promise<RunningRelay[]> {
	const relays = await Promise.all(NAMES.map((name) => start(name)));
	await until(() => relays.every((relay) => states(relay).every((state) => state !== 'down')));
	return relays;
}

describe('three replicas', { timeout: 60_000 }, () => {
	it('that start at the same moment are one network, and each is a relay of its own', async () => {
		const relays = await startAll();
		for (const [i, relay] of relays.entries()) {
			expect(relay.port).toBe(ports[NAMES[i]!]);
			expect(relay.chainId).toBe(relays[0]!.chainId);
			expect(relay.joinCode).toBe(relays[0]!.joinCode);
			expect(states(relay)).toEqual(NAMES.map((name) => (name === NAMES[i] ? 'self' : 'linked')));
			const health = await json<Health>(relay, '/healthz');
			expect(health).toMatchObject({ status: 'ready', chainId: relay.chainId, replica: NAMES[i] });
			// Who of them is active is being elected meanwhile.
			expect(health.replicas.map(({ isActive: _, ...replica }) => replica)).toEqual(
				relay.replicas.map(({ id, state }, j) => {
					const name = NAMES[j]!;
					return { id, name, address: `127.0.0.1:${ports[name]}`, state };
				})
			);
		}
		expect(relays.filter(({ newClusterFile }) => newClusterFile !== null)).toHaveLength(1);
		// One of them is active, and all know which.
		await until(() => new Set(relays.map(activeOf)).size === 1 && activeOf(relays[0]!) !== undefined);
	});

	it('are healthy by majority: one alone serves its pages, and says that nobody can join', async () => {
		const health = async (relay: RunningRelay): Promise<[number, string]> => {
			const answer = await fetch(`http://127.0.0.1:${relay.port}/healthz`);
			return [answer.status, ((await answer.json()) as Health).status];
		};
		const first = await start('first');
		expect(await health(first)).toEqual([503, 'no-majority']);
		expect((await json<NetworkDocument>(first, '/api/v1/network')).chainId).toBe(first.chainId);
		const second = await start('second');
		await until(() => [first, second].every((relay) => states(relay).includes('linked')));
		expect(await Promise.all([first, second].map(health))).toEqual([
			[200, 'ready'],
			[200, 'ready']
		]);
		await second.stop();
		await until(() => !states(first).includes('linked'));
		expect(await health(first)).toEqual([503, 'no-majority']);
	});

	it('tell a tab of all of them: the one that it came to first, and the others by their own addresses', async () => {
		const relays = await startAll();
		const network = await json<NetworkDocument>(relays[1]!, '/api/v1/network');
		const { booters } = readGenesis(Buffer.from(network.genesis, 'base64')).fields;
		expect(network.replicas.map(({ id }) => id)).toEqual(booters.map(toHex));
		for (const { name, peerId, addresses: places } of network.replicas)
			expect(places[0]).toBe(`/ip4/127.0.0.1/tcp/${ports[name]}/ws/p2p/${peerId}`);
		expect(network.replicas[1]).toMatchObject({
			name: 'second',
			state: 'self',
			peerId: network.relay.peerId,
			addresses: network.relay.multiaddrs
		});
		const { relays: places } = parseNetworkDocument(JSON.stringify(network));
		expect(places.map(({ name }) => name)).toEqual(['second', 'first', 'third']);

		const page = await ask(ports.second!, '/', `127.0.0.1:${ports.second}`);
		for (const name of NAMES) expect(page.policy).toContain(`ws://127.0.0.1:${ports[name]}`);
	});

	it('of one machine are found from another one, which knows the machine by another name', async () => {
		const [first] = await startAll();
		const host = `class.example:${first!.port}`;
		const document = JSON.parse((await ask(first!.port, '/api/v1/network', host)).body) as NetworkDocument;
		expect(document.replicas.map(({ addresses: [place] }) => place!.split('/p2p/')[0])).toEqual(
			NAMES.map((name) => `/dns/class.example/tcp/${ports[name]}/ws`)
		);
		const { policy } = await ask(first!.port, '/', host);
		for (const name of NAMES) expect(policy).toContain(`ws://class.example:${ports[name]}`);
		expect(policy).not.toContain('127.0.0.1');
	});

	it('go on while one is away, and take it back', async () => {
		const relays = await startAll();
		await relays[2]!.stop();
		await until(() => states(relays[0]!)[2] === 'down' && states(relays[1]!)[2] === 'down');
		const again = await start('third');
		expect(again.continued).toBe(true);
		expect(again.newClusterFile).toBeNull();
		await until(() => [relays[0]!, relays[1]!, again].every((relay) => !states(relay).includes('down')));
	});

	it('listen where they are told to, whatever their addresses say', async () => {
		const port = await freePort();
		const behindProxy = await start('first', { text: ini(`[relay]\nport = ${port}`) });
		expect(behindProxy.port).toBe(port);
		expect(behindProxy.replicas[0]!.address).toBe(`127.0.0.1:${ports.first}`);
	});

	it('sign invitations with the same key, also where none has ever run', async () => {
		const terms = { help: false, partition: 0, uses: 1, hours: 1, dataDirectory: join(folder, 'none') };
		const configPath = join(folder, 'network.ini');
		writeFileSync(configPath, ini('[network]\nadmission = invitation'));
		await expect(invite({ ...terms, configPath }, 0)).rejects.toMatchObject({ name: 'NoChainYet' });
		await start('first', { text: readFileSync(configPath, 'utf8') });
		const { link, needed } = await invite({ ...terms, configPath, replica: 'third' }, 0);
		expect(needed).toBe(true);
		expect(new URL(link).port).toBe(String(ports.third));
		await expect(invite({ ...terms, configPath, replica: 'fourth' }, 0)).rejects.toMatchObject({
			name: 'UnknownReplica'
		});
	});
});

describe('an invitation that one replica was asked to take back', { timeout: 60_000 }, () => {
	it('is refused by all of them, also by one that was away', async () => {
		const text = ini('[network]\nadmission = invitation');
		const configPath = join(folder, 'network.ini');
		writeFileSync(configPath, text);
		const [first, third] = await Promise.all([start('first', { text }), start('third', { text })]);
		const terms = { help: false, partition: 0, uses: 9, hours: 1, dataDirectory: folder, configPath };
		const taken = await invite({ ...terms, replica: 'first' }, Date.now());
		const other = await invite({ ...terms, replica: 'first' }, Date.now());
		const tokenOf = ({ link }: { link: string }): string => /i=([\w-]+)$/.exec(link)![1]!;
		const invitation = readInvitation(Buffer.from(tokenOf(taken), 'base64url'));
		const known = (name: string): Revocations => new Revocations(join(folder, `data-${name}`));

		revoke(join(folder, 'data-third'), taken.link);
		await until(() => known('first').has(invitation));
		expect(known('second').has(invitation)).toBe(false);
		await start('second', { text });
		await until(() => known('second').has(invitation));
		// Whoever is active: the operator asked none of these.
		await third.stop();
		const session = await headlessNode(`http://127.0.0.1:${first.port}`, 49);
		sessions.push(session);
		await expect(session.api.node.join({ invitation: tokenOf(taken) })).rejects.toMatchObject({
			name: 'InvitationRevoked'
		});
		await session.api.node.join({ invitation: tokenOf(other) });
		expect(known('second').ids()).toEqual([taken.id]);
	});
});

describe('a replica that is not of this network', { timeout: 60_000 }, () => {
	it('has another cluster file: neither links to the other, and both say why', async () => {
		const right = await start('first');
		const wrong = await start('second', { machine: 'elsewhere' });
		expect(wrong.newClusterFile).toBe(join(folder, 'elsewhere', 'tabwave.cluster'));
		expect(wrong.chainId).not.toBe(right.chainId);
		await until(() => states(right)[1] === 'refused' && states(wrong)[0] === 'refused');
		// With the right file, copied, and without the ledger of the wrong chain, it is one of them.
		await wrong.stop();
		const copy = readFileSync(join(folder, 'tabwave.cluster'));
		writeFileSync(join(folder, 'elsewhere', 'tabwave.cluster'), copy);
		await expect(start('second', { machine: 'elsewhere' })).rejects.toMatchObject({
			name: 'ChainMismatch',
			message: expect.stringContaining(wrong.chainId.slice(0, 16))
		});
		rmSync(join(folder, 'data-second'), { recursive: true });
		const mended = await start('second', { machine: 'elsewhere' });
		await until(() => states(right)[1] === 'linked' && states(mended)[0] === 'linked');
	});

	it('is another one than the address says', async () => {
		const first = await start('first');
		await start('third', { port: ports.second });
		await until(() => states(first)[1] === 'refused');
	});

	it('is some other program at its address', async () => {
		const program = createServer((_request, response) => response.end('x'.repeat(100_000)));
		await new Promise<void>((resolve) => program.listen(ports.second, '127.0.0.1', resolve));
		const asked = new Promise((resolve) => program.once('request', resolve));
		const first = await start('first');
		await asked;
		expect(states(first)).toEqual(['self', 'down', 'down']);
		program.closeAllConnections();
		program.close();
	});
});

describe('a start that is refused', () => {
	const refused = (replica?: string) =>
		startRelay({
			config: parseNetworkIni(ini()),
			cluster: replica === undefined ? undefined : { replica, file: join(folder, 'x.cluster') },
			dataDirectory: join(folder, 'data'),
			siteDirectory: null
		});

	it('names the replicas where none was chosen, or one that is not there', async () => {
		await expect(refused()).rejects.toMatchObject({
			name: 'ReplicaNotNamed',
			message: expect.stringMatching(/3 replicas: first, second, third\..*--replica first/),
			words: { zh: expect.stringContaining('--replica first') }
		});
		await expect(refused('fourth')).rejects.toMatchObject({
			name: 'UnknownReplica',
			message: expect.stringContaining('It has: first, second, third.')
		});
	});
});

it('a single replica with a name keeps its keys to itself, and listens where its address says', async () => {
	const relay = await startRelay({
		config: parseNetworkIni(`[booters]\nonly = 127.0.0.1:${ports.first}\n`),
		host: '127.0.0.1',
		dataDirectory: join(folder, 'data'),
		siteDirectory: null
	});
	running.push(relay);
	expect(relay.port).toBe(ports.first);
	expect(relay.replicas).toMatchObject([{ name: 'only', state: 'self' }]);
	expect(relay.newClusterFile).toBeNull();
});

describe('a tab', { timeout: 90_000 }, () => {
	it('has a link to every replica, and goes on with the same ledger when the active one is gone', async () => {
		const relays = await startAll();
		const { api } = await joinedNode(relays[0]!);
		const before = await until(async () => {
			const { relays: links, booter } = await api.node.status();
			return links.length === 3 && links.every(({ path }) => path === 'direct') && booter.active !== null
				? booter.active
				: null;
		});
		expect((await api.account.transfer(RECIPIENT, 5)).status).toBe('ok');
		const { height, hash } = await api.chain.head();

		const active = relays.find((relay) =>
			relay.replicas.some(({ id, state }) => state === 'self' && id === before)
		)!;
		const name = active.replicas.find(({ state }) => state === 'self')!.name;
		await active.stop();
		const after = await until(async () => {
			const { booter } = await api.node.status();
			return booter.active !== null && booter.active !== before ? booter.active : null;
		});
		expect(relays[0]!.replicas.map(({ id }) => id)).toContain(after);
		expect((await api.account.transfer(RECIPIENT, 6)).status).toBe('ok');
		const status = await api.node.status();
		expect(status.relays.filter(({ path }) => path === 'down').map((relay) => relay.name)).toEqual([name]);
		expect(status.relay.path).toBe('direct');
		expect((await api.chain.block(height)).hash).toBe(hash);
		expect(await api.account.balance(RECIPIENT)).toBe('11');

		const again = await start(name);
		await until(async () => (await api.node.status()).relays.every(({ path }) => path === 'direct'));
		// It has what was ordered while it was away.
		await until(() => again.finalHeight > height);
	});
});

/** A headless node with what this relay says of the network, as a voting member. */
async function joinedNode(relay: RunningRelay): Promise<Session> {
	const session = await headlessNode(`http://127.0.0.1:${relay.port}`, 49);
	sessions.push(session);
	await session.api.node.join({});
	return session;
}

function states(relay: RunningRelay): string[] {
	return relay.replicas.map(({ state }) => state);
}

function activeOf(relay: RunningRelay): string | undefined {
	return relay.replicas.find(({ isActive }) => isActive)?.id;
}

async function json<T>(relay: RunningRelay, path: string): Promise<T> {
	return (await (await fetch(`http://127.0.0.1:${relay.port}${path}`)).json()) as T;
}

/** With a Host header of its own, which fetch does not allow. */
function ask(port: number, path: string, host: string): Promise<{ body: string; policy: string }> {
	return new Promise((resolve, reject) => {
		get({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
			let body = '';
			response.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
			response.on('end', () =>
				resolve({ body, policy: String(response.headers['content-security-policy'] ?? '') })
			);
		}).on('error', reject);
	});
}

/** @returns the first value that is neither false nor null */
async function until<T>(look: () => T | Promise<T>): Promise<NonNullable<T>> {
	return vi.waitFor(
		async () => {
			const value = await look();
			expect(value, String(look)).not.toBe(false);
			expect(value, String(look)).not.toBeNull();
			return value!;
		},
		{ timeout: CLUSTER_TIMEOUT_MS, interval: 20 }
	);
}

/** The addresses are in network.ini before anybody listens there. */
async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address() as AddressInfo;
	await new Promise((resolve) => server.close(resolve));
	return port;
}
