import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { taggedHash } from '#lib/crypto/hash.ts';
import { fromHex, toHex } from '#lib/crypto/hex.ts';
import { openSuite } from '#lib/crypto/open-suite.ts';
import { readGenesis } from '#lib/ledger/genesis.ts';
import { InvitationSchema, SignedInvitationSchema } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { parseNetworkIni } from './config/network-ini.ts';
import { BOOTER_KEY_FILE, GENESIS_FILE, OPERATOR_KEY_FILE } from './data-directory.ts';
import type { NetworkDocument } from './http/network-document.ts';
import { invite } from './invite.ts';
import { startRelay } from './relay.ts';
import type { RunningRelay } from './relay.ts';

const PAGE = '<!doctype html><script>start("build 1")</script><script src="/x.js"></script>';

let folder: string;
let running: RunningRelay[];

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'tabwave-relay-'));
	running = [];
	mkdirSync(join(folder, 'site', '_app', 'immutable'), { recursive: true });
	writeFileSync(join(folder, 'site', '200.html'), PAGE);
	writeFileSync(join(folder, 'site', '_app', 'immutable', 'a.js'), 'plain');
	writeFileSync(join(folder, 'site', '_app', 'immutable', 'a.js.br'), 'compressed');
	writeFileSync(join(folder, 'site', '.hidden'), 'hidden');
});
afterEach(async () => {
	await Promise.all(running.map((relay) => relay.stop()));
	rmSync(folder, { recursive: true });
});

async function start(
	ini = '',
	options: { data?: string; port?: number; host?: string } = {}
): Promise<RunningRelay> {
	const relay = await startRelay({
		config: parseNetworkIni(ini),
		host: options.host ?? '127.0.0.1',
		port: options.port ?? 0,
		dataDirectory: join(folder, options.data ?? 'data'),
		siteDirectory: join(folder, 'site')
	});
	running.push(relay);
	return relay;
}

const get = (relay: RunningRelay, path: string, init?: RequestInit) =>
	fetch(`http://127.0.0.1:${relay.port}${path}`, { redirect: 'manual', ...init });

async function errorName(answer: Response): Promise<string> {
	return ((await answer.json()) as { error: { name: string } }).error.name;
}

describe('a running relay', () => {
	it('is healthy, and describes its network', async () => {
		const relay = await start('[network]\nname = Class\n[partitions]\nsizes = 3, 5\n');
		const health = await get(relay, '/healthz');
		expect(health.status).toBe(200);
		expect(await health.json()).toMatchObject({
			status: 'ready',
			name: 'Class',
			chainId: relay.chainId,
			finalHeight: 0
		});

		const answer = await get(relay, '/api/v1/network');
		expect(answer.headers.get('cache-control')).toBe('no-store');
		const network = (await answer.json()) as NetworkDocument;
		expect(network).toMatchObject({
			version: 1,
			name: 'Class',
			admission: 'open',
			finalHeight: 0,
			iceServers: []
		});
		const genesis = readGenesis(Buffer.from(network.genesis, 'base64'));
		expect(toHex(genesis.chainId)).toBe(network.chainId);
		expect(network.genesisHash).toBe(network.chainId);
		expect(genesis.fields.partitions.map((partition) => partition.maxMembers)).toEqual([3, 5]);
		expect(network.partitions.map((partition) => partition.freeSeats)).toEqual([3, 5]);
		expect(network.partitions[1]!.joinLink).toBe(`http://127.0.0.1:${relay.port}/join#p=2`);
		expect(network.relay.multiaddrs).toEqual([
			`/ip4/127.0.0.1/tcp/${relay.port}/ws/p2p/${network.relay.peerId}`
		]);
		expect(network.booters).toEqual(genesis.fields.booters.map(toHex));
	});

	it('serves the page at any path, with a policy that lets its own script run and no other', async () => {
		const relay = await start();
		for (const path of ['/', '/join', '/explorer/abc', '/node?x=1.js']) {
			const answer = await get(relay, path);
			expect(answer.status, path).toBe(200);
			expect(await answer.text()).toBe(PAGE);
			expect(answer.headers.get('content-type')).toContain('text/html');
			expect(answer.headers.get('cache-control')).toBe('no-cache');
			const policy = answer.headers.get('content-security-policy')!;
			expect(policy).toContain(`ws://127.0.0.1:${relay.port}`);
			expect(policy.match(/'sha256-[^']+'/g)).toHaveLength(1);
		}
	});

	it('shows its first page to a program that takes nothing compressed, too', async () => {
		const answer = await get(await start(), '/', { headers: { 'accept-encoding': 'identity' } });
		expect(answer.status).toBe(200);
		expect(await answer.text()).toBe(PAGE);
	});

	it('lets browsers keep what has a hash in its name, and sends it compressed', async () => {
		const relay = await start();
		const plain = await get(relay, '/_app/immutable/a.js', { headers: { 'accept-encoding': 'identity' } });
		expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
		expect(await plain.text()).toBe('plain');
		const compressed = await get(relay, '/_app/immutable/a.js', {
			method: 'HEAD',
			headers: { 'accept-encoding': 'br' }
		});
		expect(compressed.headers.get('content-encoding')).toBe('br');
		expect(compressed.headers.get('vary')).toContain('accept-encoding');
	});

	it('serves a tab of an earlier build what it was opened with, and every newcomer the new page', async () => {
		const version = (name: string): void =>
			writeFileSync(join(folder, 'site', '_app', 'version.json'), JSON.stringify({ version: name }));
		version('build 1');
		await (await start()).stop();
		version('build 2');
		const immutable = join(folder, 'site', '_app', 'immutable');
		rmSync(immutable, { recursive: true });
		mkdirSync(immutable);
		writeFileSync(join(immutable, 'b.js'), 'newer');
		writeFileSync(join(folder, 'site', '200.html'), PAGE.replace('build 1', 'build 2'));
		const relay = await start();
		for (const [encoding, content] of [
			['identity', 'plain'],
			['br', 'br']
		] as const) {
			const answer = await get(relay, '/_app/immutable/a.js', {
				method: encoding === 'br' ? 'HEAD' : 'GET',
				headers: { 'accept-encoding': encoding }
			});
			expect(answer.headers.get('cache-control')).toContain('immutable');
			expect(encoding === 'br' ? answer.headers.get('content-encoding') : await answer.text()).toBe(content);
		}
		expect(await (await get(relay, '/_app/immutable/b.js')).text()).toBe('newer');
		expect(await (await get(relay, '/join')).text()).toContain('build 2');
		for (const path of ['/site-builds.json', '/_app/immutable/none.js'])
			expect((await get(relay, path)).status, path).toBe(404);
	});

	it.each([
		['/_app/immutable/none.js', 404, 'NotFound'],
		['/favicon.ico', 404, 'NotFound'],
		['/api/v1/nothing', 404, 'NotFound'],
		['/.hidden', 404, 'NotFound'],
		['/j/WRONGX', 404, 'NotFound'],
		['/%', 400, 'BadRequest']
	])('answers %s with %i', async (path, status, name) => {
		const answer = await get(await start(), path);
		expect(answer.status).toBe(status);
		expect(await errorName(answer)).toBe(name);
	});

	it('names a wrong method, a body and a flood', async () => {
		const relay = await start('[relay]\nrequestsPerMinute = 10\n');
		expect(await errorName(await get(relay, '/join', { method: 'POST' }))).toBe('MethodNotAllowed');
		expect(await errorName(await get(relay, '/join', { method: 'POST', body: 'x'.repeat(2000) }))).toBe(
			'TooLarge'
		);
		const answers = await Promise.all(Array.from({ length: 14 }, () => get(relay, '/api/v1/network')));
		const refused = answers.filter((answer) => answer.status === 429);
		expect(refused).toHaveLength(4);
		expect(await errorName(refused[0]!)).toBe('TooManyRequests');
		expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThan(0);
		expect((await get(relay, '/healthz')).status).toBe(200);
	});

	it('leads from its join code to the join page', async () => {
		const open = await start();
		expect((await get(open, `/j/${open.joinCode.toLowerCase()}`)).headers.get('location')).toBe('/join');
		const closed = await start('[network]\nadmission = invitation\n', { data: 'closed' });
		const target = (await get(closed, `/j/${closed.joinCode}`)).headers.get('location')!;
		expect(target).toMatch(/^\/join#i=[\w-]+$/);
		expect(closed.joinUrl.endsWith(target)).toBe(true);
	});
});

describe('the data directory', () => {
	it('keeps keys to the operator alone, and continues the same chain', async () => {
		const first = await start();
		for (const file of [OPERATOR_KEY_FILE, BOOTER_KEY_FILE])
			expect(statSync(join(folder, 'data', file)).mode & 0o777).toBe(0o600);
		await first.stop();
		const second = await start();
		expect(first.continued).toBe(false);
		expect(second.continued).toBe(true);
		expect(second.chainId).toBe(first.chainId);
		expect(second.joinCode).toBe(first.joinCode);
	});

	it('is used by one relay at a time, and free again after a refused start', async () => {
		const relay = await start();
		await expect(start()).rejects.toMatchObject({ name: 'DataInUse' });
		await expect(start('', { data: 'other', port: relay.port })).rejects.toMatchObject({ name: 'PortTaken' });
		await start('', { data: 'other' });
	});

	it('refuses a description that the chain contradicts, and says in what', async () => {
		await (await start()).stop();
		await expect(start('[partitions]\ncount = 3\n[timeouts]\nheartbeatMs = 400\n')).rejects.toMatchObject({
			name: 'ChainMismatch',
			message: expect.stringMatching(/: partitions: [^;]*id 2[^;]* → [^;]*id 3[^;]*\. Undo/)
		});
		await start('[timeouts]\nheartbeatMs = 400\n');
	});

	it('lets the chain bind where network.ini says nothing', async () => {
		await (await start('[partitions]\ncount = 3\n[network]\nadmission = invitation\n')).stop();
		const relay = await start('');
		expect(relay.admission).toBe('invitation');
		const network = (await (await get(relay, '/api/v1/network')).json()) as NetworkDocument;
		expect(network.admission).toBe('invitation');
		expect(network.partitions).toHaveLength(3);
	});

	it.each([
		[OPERATOR_KEY_FILE, 'not hex'],
		[GENESIS_FILE, 'not genesis']
	])('refuses a damaged %s without showing what is in it', async (file, content) => {
		await (await start()).stop();
		writeFileSync(join(folder, 'data', file), content);
		const refused = start();
		await expect(refused).rejects.toMatchObject({ name: 'DataUnusable' });
		await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining(content) });
	});

	it('refuses a place that is no folder', async () => {
		await expect(start('', { data: 'site/200.html' })).rejects.toMatchObject({ name: 'DataUnusable' });
	});
});

describe('a start that is refused', () => {
	it('names the network that holds the port, or calls it another program', async () => {
		const relay = await start('[network]\nname = First\n');
		await expect(start('', { data: 'b', port: relay.port })).rejects.toMatchObject({
			name: 'PortTaken',
			message: expect.stringContaining('another Tabwave relay ("First")'),
			words: { zh: expect.stringContaining('“First”') }
		});
		const other = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
		await new Promise((resolve) => other.once('listening', resolve));
		const { port } = other.address() as AddressInfo;
		await expect(start('', { data: 'b', port })).rejects.toMatchObject({
			message: expect.stringContaining(`Port ${port} is already used by another program`)
		});
		other.close();
	});

	it('names a host that is not here', async () => {
		await expect(start('', { host: '192.0.2.77' })).rejects.toMatchObject({ name: 'HostNotAvailable' });
	});

	it('names a missing build', async () => {
		rmSync(join(folder, 'site', '200.html'));
		await expect(start()).rejects.toMatchObject({ name: 'BuildMissing' });
	});
});

describe('an invitation', () => {
	const terms = { help: false, configPath: null, partition: 2, uses: 30, hours: 8 };

	it('is signed by the operator over its tagged hash', async () => {
		const relay = await start('[network]\nadmission = invitation\n');
		const dataDirectory = join(folder, 'data');
		const { link, needed, expiresMs } = await invite({ ...terms, dataDirectory, url: 'http://x:1' }, 1000);
		expect(needed).toBe(true);
		expect(expiresMs).toBe(1000 + 8 * 3_600_000);
		const [, encoded] = /^http:\/\/x:1\/join#p=2&i=([\w-]+)$/.exec(link)!;
		const signed = fromBinary(SignedInvitationSchema, Buffer.from(encoded!, 'base64url'));
		const invitation = fromBinary(InvitationSchema, signed.invitation);
		expect(invitation).toMatchObject({ partition: 2, uses: 30, expiresMs: BigInt(expiresMs) });
		expect(toHex(invitation.chainId)).toBe(relay.chainId);
		const suite = await openSuite('ed25519-sha256');
		const seed = fromHex(readFileSync(join(dataDirectory, OPERATOR_KEY_FILE), 'utf8').trim());
		const check = {
			publicKey: (await suite.signer(seed)).publicKey,
			message: taggedHash('invitation', signed.invitation),
			signature: signed.signature
		};
		expect(await suite.verify(check)).toBe(true);
		expect(await suite.verify({ ...check, message: signed.invitation })).toBe(false);
	});

	it('leads to where the relay was last reached', async () => {
		const relay = await start();
		const { link } = await invite({ ...terms, dataDirectory: join(folder, 'data') }, 0);
		expect(new URL(link).origin).toBe(`http://127.0.0.1:${relay.port}`);
	});

	it('needs a chain, and a partition that is there', async () => {
		await expect(invite({ ...terms, dataDirectory: join(folder, 'none') }, 0)).rejects.toMatchObject({
			name: 'NoChainYet'
		});
		await start();
		await expect(
			invite({ ...terms, partition: 3, dataDirectory: join(folder, 'data') }, 0)
		).rejects.toMatchObject({ name: 'BadArgument' });
	});
});
