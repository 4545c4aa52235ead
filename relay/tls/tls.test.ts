import { X509Certificate, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get as getPlain } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { NodeNetwork } from '#lib/network/node-network.ts';
import { relayAddress } from '#lib/network/relay-address.ts';
import { ownNames } from '../addresses.ts';
import { parseNetworkIni } from '../config/network-ini.ts';
import type { NetworkDocument } from '../http/network-document.ts';
import { startRelay } from '../relay.ts';
import type { RunningRelay } from '../relay.ts';
import { readRelayArguments } from '../terminal/arguments.ts';
import { Certificates, TLS_FILE } from './certificates.ts';
import { RENEW_DAYS, VALID_DAYS, makeCertificate, outdated } from './self-made.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2030, 0, 1);
const NAMES = ['192.0.2.7', 'fd00::7', 'localhost', 'desk.local', '127.0.0.1', '::1'];

let folder: string;
let ends: (() => unknown)[];

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'tabwave-tls-'));
	ends = [];
});
afterEach(async () => {
	await Promise.all(ends.map((end) => end()));
	rmSync(folder, { recursive: true });
});

const open = (
	settings: { names?: string[]; nowMs?: number; files?: { cert: string; key: string } } = {}
): Promise<Certificates> =>
	Certificates.open({
		dataDirectory: folder,
		files: settings.files ?? null,
		names: () => settings.names ?? NAMES,
		nowMs: () => settings.nowMs ?? NOW_MS
	});
const read = ({ current }: Certificates): X509Certificate => new X509Certificate(current.cert);

describe('the certificate that a relay makes', () => {
	it('is for all its names and addresses, no authority, and as long as browsers let it', async () => {
		const pem = await makeCertificate(NAMES, NOW_MS);
		const certificate = new X509Certificate(pem);
		expect(certificate.ca).toBe(false);
		expect(certificate.checkPrivateKey(createPrivateKey(pem))).toBe(true);
		for (const name of ['localhost', 'desk.local']) expect(certificate.checkHost(name)).toBe(name);
		for (const address of ['192.0.2.7', 'fd00::7', '::1']) expect(certificate.checkIP(address)).toBeDefined();
		expect(certificate.checkIP('192.0.2.8')).toBeUndefined();
		const { validFromDate, validToDate } = certificate;
		expect(validFromDate.getTime()).toBeLessThan(NOW_MS);
		expect((validToDate.getTime() - validFromDate.getTime()) / DAY_MS).toBe(VALID_DAYS);
	});

	it('is kept to its owner, and the same after a restart', async () => {
		const first = await open();
		expect(statSync(join(folder, TLS_FILE)).mode & 0o777).toBe(0o600);
		chmodSync(join(folder, TLS_FILE), 0o644);
		const second = await open();
		expect(second.fingerprint).toBe(first.fingerprint);
		expect(statSync(join(folder, TLS_FILE)).mode & 0o777).toBe(0o600);
		expect(await second.look()).toBeNull();
	});

	it('is made again before it ends, for an address that it lacks, and in place of a damaged one', async () => {
		const first = await open();
		const lateMs = read(first).validToDate.getTime() - (RENEW_DAYS - 1) * DAY_MS;
		expect(outdated(read(first), NAMES, lateMs - 2 * DAY_MS)).toBeNull();
		expect(outdated(read(first), NAMES, lateMs)).toBe('expires');
		const renewed = await open({ nowMs: lateMs });
		expect(read(renewed).validToDate.getTime()).toBeGreaterThan(read(first).validToDate.getTime());

		const moved = await open({ names: ['198.51.100.9', ...NAMES.slice(1)], nowMs: lateMs });
		expect(moved.fingerprint).not.toBe(renewed.fingerprint);
		// Back in the first network it still serves: nobody is warned again.
		const back = await open({ nowMs: lateMs });
		expect(back.fingerprint).toBe(moved.fingerprint);

		writeFileSync(join(folder, TLS_FILE), 'nonsense');
		expect(read(await open()).checkHost('localhost')).toBe('localhost');
	});

	it('changes while the relay runs when an address comes', async () => {
		const names = [...NAMES];
		const certificates = await open({ names });
		expect(await certificates.look()).toBeNull();
		names.push('203.0.113.5');
		const next = await certificates.look();
		expect(new X509Certificate(next!.cert).checkIP('203.0.113.5')).toBe('203.0.113.5');
		expect(certificates.current).toBe(next);
	});

	it('names what people type: addresses, the machine, and what the operator calls it', () => {
		const interfaces = {
			eth0: [{ family: 'IPv4', internal: false, address: '192.0.2.7' }],
			lo: [{ family: 'IPv4', internal: true, address: '127.0.0.1' }]
		} as never;
		expect(
			ownNames(
				['https://class.example:8443', '0.0.0.0', 'relay-1.example:7070', null],
				interfaces,
				'Desk.local'
			)
		).toEqual([
			'class.example',
			'relay-1.example',
			'192.0.2.7',
			'localhost',
			'desk',
			'desk.local',
			'127.0.0.1',
			'::1'
		]);
		expect(ownNames(['fd00::7', '[fd00::8]:80'], {}, 'no name!')).toEqual([
			'fd00::7',
			'fd00::8',
			'localhost',
			'127.0.0.1',
			'::1'
		]);
	});
});

describe('own files', () => {
	const file = (name: string, text: string): string => {
		writeFileSync(join(folder, name), text);
		return join(folder, name);
	};
	const otherKey = (): string =>
		generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
			type: 'pkcs8',
			format: 'pem'
		}) as string;

	it('are served as they are, and read again when they change', async () => {
		const [first, second] = [
			await makeCertificate(['a.example'], NOW_MS),
			await makeCertificate(['b.example'], NOW_MS)
		];
		const files = { cert: file('cert.pem', first), key: file('key.pem', first) };
		const certificates = await open({ files });
		expect(certificates.isSelfMade).toBe(false);
		expect(await certificates.look()).toBeNull();
		// A renewal in two steps: in between, what was there goes on.
		file('cert.pem', second);
		expect(await certificates.look()).toBeNull();
		expect(read(certificates).checkHost('a.example')).toBe('a.example');
		file('key.pem', second);
		expect((await certificates.look())?.cert).toBe(second);
	});

	it.each<[string, (pem: string) => [cert: string, key: string], RegExp]>([
		['a certificate that is none', (pem) => ['nonsense', pem], /no CERTIFICATE in PEM form/],
		['a damaged certificate', (pem) => [pem.replace(/(CERTIFICATE-----\n)..../, '$1AAAA'), pem], /cert\.pem/],
		['a key that is none', (pem) => [pem, 'nonsense'], /no PRIVATE KEY in PEM form/],
		['the key of another certificate', (pem) => [pem, otherKey()], /not the key of the certificate/],
		[
			'a key with a passphrase',
			(pem) => [pem, '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n'],
			/passphrase/
		]
	])('are refused where there is %s', async (_what, parts, message) => {
		const [cert, key] = parts(await makeCertificate(['a.example'], NOW_MS));
		const files = { cert: file('cert.pem', cert), key: file('key.pem', key) };
		await expect(open({ files })).rejects.toMatchObject({
			name: 'TlsUnusable',
			message: expect.stringMatching(message)
		});
	});

	it.each([
		['has ended', (VALID_DAYS + 1) * DAY_MS, /ended on/],
		['has not begun', -10 * DAY_MS, /begins on/]
	])('are refused where the certificate %s', async (_what, afterMs, message) => {
		const pem = await makeCertificate(['a.example'], NOW_MS);
		const files = { cert: file('cert.pem', pem), key: file('key.pem', pem) };
		await expect(open({ files, nowMs: NOW_MS + afterMs })).rejects.toMatchObject({
			name: 'TlsUnusable',
			message: expect.stringMatching(message)
		});
	});

	it('are refused where one is missing, on the disk or among the arguments', async () => {
		const files = { cert: join(folder, 'none.pem'), key: join(folder, 'none.pem') };
		await expect(open({ files })).rejects.toMatchObject({ name: 'TlsUnusable' });
		for (const one of ['--tls-cert', '--tls-key'])
			expect(() => readRelayArguments([one, 'x.pem'], {})).toThrow(
				expect.objectContaining({ name: 'BadArgument' })
			);
		expect(readRelayArguments(['--tls'], {}).tls).toBe('self-made');
		expect(readRelayArguments([], {}).tls).toBeUndefined();
		expect(readRelayArguments(['--tls-cert', '/c', '--tls-key', '/k'], {}).tls).toEqual({
			cert: '/c',
			key: '/k'
		});
	});
});

describe('a relay with --tls', { timeout: 20_000 }, () => {
	async function start(): Promise<{ relay: RunningRelay; ca: string }> {
		writeFileSync(join(folder, '200.html'), '<!doctype html>');
		const relay = await startRelay({
			config: parseNetworkIni(''),
			host: '127.0.0.1',
			port: 0,
			dataDirectory: join(folder, 'data'),
			siteDirectory: folder,
			tls: 'self-made'
		});
		ends.push(() => relay.stop());
		return { relay, ca: readFileSync(join(folder, 'data', TLS_FILE), 'utf8') };
	}

	it('serves site and API by https, to who trusts its certificate', async () => {
		const { relay, ca } = await start();
		expect(relay.joinUrl).toBe(`https://127.0.0.1:${relay.port}/join`);
		expect(relay.tls).toMatchObject({
			isSelfMade: true,
			fingerprint: new X509Certificate(ca).fingerprint256
		});
		const page = await secure(relay, '/join', ca);
		expect(page.status).toBe(200);
		expect(page.headers['content-security-policy']).toContain(`wss://127.0.0.1:${relay.port}`);
		const network = JSON.parse((await secure(relay, '/api/v1/network', ca)).body) as NetworkDocument;
		expect(network.relay.multiaddrs[0]).toBe(
			`/ip4/127.0.0.1/tcp/${relay.port}/tls/ws/p2p/${network.relay.peerId}`
		);
		expect(network.joinLink).toBe(relay.joinUrl);
		await expect(secure(relay, '/join', undefined)).rejects.toMatchObject({ code: /SELF_SIGNED|UNABLE/ });
	});

	it('sends plain http on, and tells of itself there', async () => {
		const { relay } = await start();
		const sent = await plain(relay, '/join?x=1');
		expect(sent.status).toBe(308);
		expect(sent.headers.location).toBe(`https://127.0.0.1:${relay.port}/join?x=1`);
		expect(JSON.parse((await plain(relay, '/healthz')).body)).toMatchObject({ chainId: relay.chainId });
		expect((await plain(relay, '/join', 'evil.example/"x')).status).toBe(400);
	});

	it('takes WebSockets with TLS and without, since libp2p encrypts in both', async () => {
		const { relay, ca } = await start();
		const socket = new WebSocket(`wss://127.0.0.1:${relay.port}/`, { ca });
		await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
		socket.terminate();
		const node = new NodeNetwork({
			seed: new Uint8Array(32).fill(5),
			relays: [relayAddress(`http://127.0.0.1:${relay.port}`, relay.replicas[0]!.id)]
		});
		ends.push(() => node.stop());
		await node.start({ packets: () => undefined, link: () => undefined, violation: () => undefined });
		await vi.waitFor(() => expect(node.links()[0]?.path).toBe('direct'), { timeout: 10_000 });
	});

	it('survives sockets that say nothing, nonsense, or leave in the middle of a handshake', async () => {
		const { relay, ca } = await start();
		for (const bytes of [
			null,
			Buffer.of(0x16),
			Buffer.of(0x16, 3, 1, 0, 9, 9, 9),
			Buffer.from('nonsense\r\n\r\n')
		]) {
			const socket = connect(relay.port, '127.0.0.1');
			ends.push(() => socket.destroy());
			socket.on('error', () => undefined);
			await new Promise((resolve) => socket.once('connect', resolve));
			if (bytes) await new Promise((resolve) => socket.write(bytes, resolve));
			if (bytes?.length === 1) socket.resetAndDestroy();
		}
		expect((await secure(relay, '/healthz', ca)).status).toBe(200);
		const before = performance.now();
		await relay.stop();
		expect(performance.now() - before).toBeLessThan(2_000);
	});
});

interface Answer {
	status: number;
	headers: IncomingMessage['headers'];
	body: string;
}

const secure = ({ port }: RunningRelay, path: string, ca: string | undefined): Promise<Answer> =>
	answer((done) => getSecure({ host: '127.0.0.1', port, path, ca, agent: false }, done));

const plain = ({ port }: RunningRelay, path: string, host?: string): Promise<Answer> =>
	answer((done) =>
		getPlain({ host: '127.0.0.1', port, path, agent: false, ...(host ? { headers: { host } } : {}) }, done)
	);

function answer(ask: (done: (response: IncomingMessage) => void) => NodeJS.EventEmitter): Promise<Answer> {
	return new Promise((resolve, reject) => {
		ask(async (response) => {
			const body = (await response.toArray()).join('');
			resolve({ status: response.statusCode!, headers: response.headers, body });
		}).on('error', reject);
	});
}
