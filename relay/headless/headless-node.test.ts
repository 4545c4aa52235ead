/** Two headless nodes on a real relay, each with an SQLite database that somebody else writes to. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TradeInfo } from '#lib/node/api.ts';
import { SELL_AT_PPM } from '#lib/spectrum/access-point.ts';
import type { RunningRelay } from '../relay.ts';
import { startLocalRelay } from '../testing/local-relay.ts';
import { startHeadless } from './headless-node.ts';
import type { HeadlessNode } from './headless-node.ts';

const folder = mkdtempSync(join(tmpdir(), 'tabwave-headless-'));
let relay: RunningRelay;
let nodes: HeadlessNode[] = [];

beforeAll(async () => {
	relay = await startLocalRelay(join(folder, 'relay'));
});
afterAll(async () => {
	for (const node of nodes) await node.stop();
	await relay.stop();
	rmSync(folder, { recursive: true });
});

const start = (name: string): Promise<HeadlessNode> =>
	startHeadless({
		relay: `http://127.0.0.1:${relay.port}`,
		database: null,
		dataDirectory: join(folder, name),
		nickname: name,
		log: () => undefined
	});

/** Another program with a connection of its own to a node's database. */
function elsewhere<T>(name: string, work: (database: DatabaseSync) => T): T {
	const database = new DatabaseSync(join(folder, name, 'access-points.sqlite'), { timeout: 5_000 });
	try {
		return work(database);
	} finally {
		database.close();
	}
}

function insert(
	name: string,
	owner: string,
	row: { id: string; channels: number[]; idle: number[]; ppm: number }
): void {
	elsewhere(name, (database) =>
		database
			.prepare(
				`insert into tabwave_access_points (owner, id, name, latitude_microdegrees, longitude_microdegrees, coverage_radius_m,
				antenna_height_cm, eirp_milli_dbm, band, channels, idle_channels, occupancy_ppm)
				values (?, ?, ?, ?, -73980000, 50, 300, 30000, '5GHz', ?, ?, ?)`
			)
			.run(
				owner,
				row.id,
				`AP ${row.id}`,
				row.id === 'busy' ? 40_750_000 : 40_753_000,
				JSON.stringify(row.channels),
				JSON.stringify(row.idle),
				row.ppm
			)
	);
}

/** @returns what the row of the database says, once it says that */
async function until<T>(node: HeadlessNode, read: () => T | undefined): Promise<T> {
	const found = read();
	if (found !== undefined) return found;
	return new Promise((resolve) => {
		const stop = node.session.api.on('status', () => {
			const now = read();
			if (now === undefined) return;
			stop();
			resolve(now);
		});
	});
}

describe('two headless nodes', () => {
	it(
		'trade when somebody raises an occupancy in a database, and both databases say what the ledger says',
		{ timeout: 120_000 },
		async () => {
			const [a, b] = (nodes = [await start('a'), await start('b')]);
			await Promise.all(nodes.map((node) => node.join({})));
			const registered = new Promise<void>((resolve) => {
				const known = new Set<string>();
				a!.session.api.on('ap', ({ id }) => known.add(id).size === 2 && resolve());
			});
			insert('a', a!.nodeId, { id: 'busy', channels: [36], idle: [], ppm: 500_000 });
			insert('b', b!.nodeId, { id: 'quiet', channels: [40, 44], idle: [44], ppm: 100_000 });
			await registered;
			expect(await a!.session.api.spectrum.trades()).toEqual([]);
			expect((await a!.session.api.spectrum.aps({ own: true })).map(({ id }) => id)).toEqual(['busy']);

			const traded = new Promise<TradeInfo>((resolve) => a!.session.api.on('trade', resolve));
			elsewhere('a', (database) => database.exec(`update tabwave_access_points set occupancy_ppm = 900000`));
			expect(await traded).toMatchObject({
				buyerAp: 'busy',
				sellerAp: 'quiet',
				buyer: a!.nodeId,
				seller: b!.nodeId,
				channel: 44
			});
			const rowOf = (name: string) => () =>
				elsewhere(name, (database) => {
					const row = database
						.prepare('select channels, occupancy_ppm, updated_height from tabwave_access_points')
						.get();
					return Number(row!.updated_height) >= 1 &&
						String(row!.channels) !== '[36]' &&
						String(row!.channels) !== '[40,44]'
						? { channels: row!.channels, occupancyPpm: Number(row!.occupancy_ppm) }
						: undefined;
				});
			expect(await until(a!, rowOf('a'))).toEqual({ channels: '[36,44]', occupancyPpm: 450_000 });
			expect(await until(b!, rowOf('b'))).toEqual({ channels: '[40]', occupancyPpm: SELL_AT_PPM });
		}
	);

	it('come back as who they were, with their ledger and their money', { timeout: 120_000 }, async () => {
		const [, b] = nodes;
		const { nodeId } = b!;
		const { partition } = await b!.session.api.node.status();
		expect(partition).not.toBeNull();
		const balance = await b!.session.api.account.balance();
		await b!.stop();
		nodes = [nodes[0]!];
		const again = await start('b');
		nodes.push(again);
		expect(again.session.continued).toBe(true);
		expect(again.nodeId).toBe(nodeId);
		await again.join({});
		expect((await again.session.api.node.status()).partition).toBe(partition);
		expect(await again.session.api.account.balance()).toBe(balance);
		expect((await again.session.api.spectrum.aps({ own: true }))[0]!.channels).toEqual([40]);
		await again.leave();
		nodes = [nodes[0]!];
	});
});

describe('a headless node', () => {
	it('says by name what keeps it from starting', async () => {
		const init = { dataDirectory: join(folder, 'c'), nickname: 'c', log: () => undefined };
		await expect(
			startHeadless({ ...init, relay: 'http://127.0.0.1:9', database: null })
		).rejects.toMatchObject({ name: 'RelayNotReached' });
		const origin = `http://127.0.0.1:${relay.port}`;
		await expect(
			startHeadless({
				...init,
				relay: origin,
				database: {
					kind: 'mysql',
					host: '127.0.0.1',
					port: 9,
					user: 'ada',
					password: 'secret',
					database: 'x'
				}
			})
		).rejects.toMatchObject({ name: 'DatabaseAway', message: expect.not.stringContaining('secret') });
		await expect(start('a')).rejects.toMatchObject({ name: 'DataInUse' });
	});
});
