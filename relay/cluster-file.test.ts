import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '#lib/crypto/hex.ts';
import { openSuite } from '#lib/crypto/open-suite.ts';
import { clusterFileOf, openCluster, readCluster } from './cluster-file.ts';
import { parseNetworkIni } from './config/network-ini.ts';
import type { NetworkConfig } from './config/network-ini.ts';
import { JOIN_CODE_LENGTH } from './invitations.ts';

const suite = await openSuite('ed25519-sha256');
const CLUSTER = '[booters]\nsecond = 10.0.0.2:7070\nfirst = 10.0.0.1:7070\nthird = 10.0.0.3:7070\n';

let folder: string;
let file: string;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'tabwave-cluster-'));
	file = join(folder, 'class.cluster');
});
afterEach(() => rmSync(folder, { recursive: true }));

const config = (more = ''): NetworkConfig => parseNetworkIni(CLUSTER + more);
const open = (ini = config(), nowMs = 1000) => openCluster(file, ini, suite, nowMs);

describe('the cluster file', () => {
	it('gives every replica its own key, and all of them one genesis', async () => {
		const made = await open();
		expect(made.created).toBe(true);
		expect(statSync(file).mode & 0o777).toBe(0o600);
		const again = await open(config(), 999_000);
		expect(again.created).toBe(false);
		expect(toHex(again.genesis.chainId)).toBe(toHex(made.genesis.chainId));
		expect(again.joinCode).toBe(made.joinCode);
		expect(again.joinCode).toHaveLength(JOIN_CODE_LENGTH);
		expect(toHex(again.operator.publicKey)).toBe(toHex(made.genesis.fields.operator));
		const names = ['first', 'second', 'third'];
		// By name, however the file orders them.
		expect(made.genesis.fields.booters.map(toHex)).toEqual(names.map((name) => again.booterId(name)));
		for (const name of names) {
			const { publicKey } = await suite.signer(again.booterSeed(name));
			expect(toHex(publicKey)).toBe(again.booterId(name));
		}
		expect(
			new Set([...names.map((name) => again.booterId(name)), toHex(again.operator.publicKey)]).size
		).toBe(4);
		expect(Number(made.genesis.fields.createdMs)).toBe(1000);
	});

	it('is made once by replicas that start at the same moment', async () => {
		const clusters = await Promise.all(Array.from({ length: 5 }, (_, i) => open(config(), 1000 + i)));
		expect(new Set(clusters.map(({ genesis }) => toHex(genesis.chainId))).size).toBe(1);
		expect(clusters.filter(({ created }) => created)).toHaveLength(1);
		expect(readdirSync(folder)).toEqual(['class.cluster']);
	});

	it('is another each time that it is made', async () => {
		const one = await open();
		rmSync(file);
		const other = await open();
		expect(toHex(other.genesis.chainId)).not.toBe(toHex(one.genesis.chainId));
		expect(other.joinCode).not.toBe(one.joinCode);
	});

	it('takes other addresses and another order, and no other names', async () => {
		const { genesis } = await open();
		const moved = parseNetworkIni('[booters]\nfirst = a:1\nthird = c:3\nsecond = b:2\n');
		expect(toHex((await open(moved)).genesis.chainId)).toBe(toHex(genesis.chainId));
		const renamed = parseNetworkIni('[booters]\nfirst = a:1\nthird = c:3\nother = b:2\n');
		await expect(open(renamed)).rejects.toMatchObject({
			name: 'ChainMismatch',
			message: expect.stringContaining(
				'first, second, third; [booters] in network.ini names first, other, third'
			)
		});
	});

	it('binds: what network.ini states otherwise is refused, what it leaves open is not', async () => {
		await open(config('[blocks]\nexpiryWindow = 200\n'));
		expect((await open()).genesis.fields.expiryWindow).toBe(200);
		await expect(open(config('[blocks]\nexpiryWindow = 201\n'))).rejects.toMatchObject({
			name: 'ChainMismatch',
			message: expect.stringMatching(/expiryWindow: 200 → 201.*on every machine/)
		});
	});

	it('is kept to its owner after a careless copy', async () => {
		await open();
		writeFileSync(file, readFileSync(file), { mode: 0o644 });
		await open();
		expect(statSync(file).mode & 0o077).toBe(0);
	});

	it.each(['', 'hello', '{}', 'null', '[]', '{"tabwave":"cluster","version":2}'])(
		'that says %j is refused without a word of what is in it',
		async (text) => {
			writeFileSync(file, text);
			await expect(open()).rejects.toMatchObject({ name: 'ClusterUnusable' });
		}
	);

	it('with a damaged secret is refused, and does not show it', async () => {
		await open();
		const contents = JSON.parse(readFileSync(file, 'utf8')) as { secret: string };
		writeFileSync(file, JSON.stringify({ ...contents, secret: contents.secret.slice(2) }));
		await expect(open()).rejects.toMatchObject({
			name: 'ClusterUnusable',
			message: expect.not.stringContaining(contents.secret.slice(2, 10))
		});
		// Another secret has other keys than genesis names.
		writeFileSync(file, JSON.stringify({ ...contents, secret: '00'.repeat(32) }));
		await expect(open()).rejects.toMatchObject({ name: 'ChainMismatch' });
	});

	it('is not made by who only reads it', async () => {
		expect(await readCluster(file, config(), suite)).toBeNull();
		expect(readdirSync(folder)).toEqual([]);
	});

	it('cannot be made where nobody may write', async () => {
		await expect(openCluster(join(folder, 'none', 'x.cluster'), config(), suite, 0)).rejects.toMatchObject({
			name: 'ClusterUnusable'
		});
	});
});

it.each([
	['tabwave', 'tabwave.cluster'],
	['Room 12; left', 'Room_12__left.cluster'],
	['../../etc/passwd', '_._.._etc_passwd.cluster'],
	['.hidden', '_hidden.cluster'],
	['a\\b:c', 'a_b_c.cluster'],
	['教室', '教室.cluster']
])('of the network %j stands beside network.ini as %s', (name, expected) => {
	expect(clusterFileOf('/home/class/network.ini', name)).toBe(join('/home/class', expected));
});
