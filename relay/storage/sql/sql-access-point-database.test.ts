import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessPointDatabaseContract, ownAccessPoint } from '#lib/storage/access-point-database.contract.ts';
import { TestMariadb, whyNoMariadb } from '../../testing/mariadb.ts';
import { parseDatabaseAddress } from './database-address.ts';
import type { DatabaseAddress } from './database-address.ts';
import { SqlAccessPointDatabase } from './sql-access-point-database.ts';

const OWNER = 'ab'.repeat(32);
const folder = mkdtempSync(join(tmpdir(), 'tabwave-sql-'));
afterAll(() => rmSync(folder, { recursive: true }));

function addressOf(text: string): DatabaseAddress {
	return parseDatabaseAddress(text)!;
}

/** What somebody else does with the table. */
type Elsewhere = (statement: string) => Promise<void>;

let files = 0;
const sqlite = (
	file = join(folder, `${++files}.db`)
): { address: DatabaseAddress; elsewhere: Elsewhere } => ({
	address: addressOf(`sqlite:${file}`),
	elsewhere: async (statement) => {
		const other = new DatabaseSync(file);
		other.exec(statement);
		other.close();
	}
});

accessPointDatabaseContract('SQLite', (owner) => {
	const address = addressOf(`sqlite:${join(folder, 'contract.db')}`);
	return new SqlAccessPointDatabase({ address, owner });
});

describe('SQLite', () => {
	sharedTable(() => sqlite());

	it('that another program is writing to is away, and then not', async () => {
		const { address } = sqlite();
		const database = new SqlAccessPointDatabase({ address, owner: OWNER });
		await database.open();
		const other = new DatabaseSync((address as { path: string }).path);
		other.exec('begin immediate');
		await expect(database.put([ownAccessPoint('a')])).rejects.toMatchObject({ name: 'DatabaseAway' });
		other.exec('rollback');
		other.close();
		await database.put([ownAccessPoint('a')]);
		expect(await database.all()).toHaveLength(1);
		await database.close();
	});

	it('is named where its folder is not there, and where the file is something else', async () => {
		const nowhere = addressOf(`sqlite:${join(folder, 'no', 'where.db')}`);
		await expect(new SqlAccessPointDatabase({ address: nowhere, owner: OWNER }).open()).rejects.toMatchObject(
			{
				name: 'DatabaseUnknown'
			}
		);
		const text = join(folder, 'text.db');
		writeFileSync(text, 'a shopping list '.repeat(100));
		await expect(
			new SqlAccessPointDatabase({ address: addressOf(`sqlite:${text}`), owner: OWNER }).open()
		).rejects.toMatchObject({ name: 'DatabaseUnusable' });
	});
});

describe.skipIf(whyNoMariadb !== null)(`MariaDB${whyNoMariadb ? ` (skipped: ${whyNoMariadb})` : ''}`, () => {
	let mariadb: TestMariadb;
	beforeAll(async () => {
		mariadb = await TestMariadb.start();
	}, 120_000);
	afterAll(() => mariadb.stop());

	const server = (): { address: DatabaseAddress; elsewhere: Elsewhere } => ({
		address: addressOf(mariadb.url),
		elsewhere: async (statement) => {
			const other = await createConnection(mariadb.url);
			await other.query(statement);
			await other.end();
		}
	});

	accessPointDatabaseContract(
		'MariaDB',
		(owner) => new SqlAccessPointDatabase({ address: server().address, owner })
	);

	sharedTable(server, async () => {
		await mariadb.asRoot('drop database tabwave', 'create database tabwave');
	});

	it('that restarted is asked again; one that is away says so', async () => {
		const database = new SqlAccessPointDatabase({ address: server().address, owner: OWNER });
		await database.open();
		await database.put([ownAccessPoint('a')]);
		await mariadb.halt();
		await expect(database.all()).rejects.toMatchObject({ name: 'DatabaseAway' });
		await mariadb.run();
		expect(await database.all()).toEqual([ownAccessPoint('a')]);
		await database.put([ownAccessPoint('b')]);
		expect(await database.all()).toHaveLength(2);
		await database.close();
	});

	it('refuses a wrong password and a database that is not there, each by name and without the password', async () => {
		const address = server().address as Extract<DatabaseAddress, { kind: 'mysql' }>;
		for (const [part, name] of [
			[{ password: 'wr0ng-password' }, 'DatabaseRefused'],
			[{ database: 'elsewhere' }, 'DatabaseRefused'],
			[{ user: 'root', password: '', database: 'elsewhere' }, 'DatabaseUnknown']
		] as const) {
			const opened = new SqlAccessPointDatabase({ address: { ...address, ...part }, owner: OWNER }).open();
			const error = await opened.then(
				() => undefined,
				(cause: Error) => cause
			);
			expect(error).toMatchObject({ name });
			expect(error!.message).not.toContain(address.password);
			expect(error!.message).not.toContain('wr0ng-password');
		}
	});
});

/** What holds for a table that others write to. @param clear - makes it as if nobody had been there */
function sharedTable(
	make: () => { address: DatabaseAddress; elsewhere: Elsewhere },
	clear: () => Promise<void> = async () => {}
): void {
	async function opened(owner = OWNER, onUnreadable?: (id: string, reason: string) => void) {
		const { address, elsewhere } = make();
		const database = new SqlAccessPointDatabase({ address, owner, onUnreadable });
		await database.open();
		return { address, elsewhere, database };
	}

	it('writes all of the rows or none', async () => {
		await clear();
		const { database } = await opened();
		await database.put([ownAccessPoint('a', { occupancyPpm: 1 })]);
		const bad = ownAccessPoint('c', { occupancyPpm: 1_000_001 });
		await expect(database.put([ownAccessPoint('a'), ownAccessPoint('b'), bad])).rejects.toMatchObject({
			name: 'DatabaseRow'
		});
		expect(await database.all()).toEqual([ownAccessPoint('a', { occupancyPpm: 1 })]);
		await database.close();
	});

	it('tells that somebody else changed a row, added one or took one away', async () => {
		await clear();
		const { database, elsewhere } = await opened();
		await database.put([ownAccessPoint('a'), ownAccessPoint('b')]);
		let mark = await database.changeMark();
		for (const [statement, ids, occupancyPpm] of [
			[`update tabwave_access_points set occupancy_ppm = 900000 where id = 'a'`, ['a', 'b'], 900_000],
			[`delete from tabwave_access_points where id = 'b'`, ['a'], 900_000],
			[
				`insert into tabwave_access_points (owner, id, name, latitude_microdegrees, longitude_microdegrees, coverage_radius_m,
				antenna_height_cm, eirp_milli_dbm, band, channels, idle_channels, occupancy_ppm)
				select owner, 'c', name, latitude_microdegrees, longitude_microdegrees, coverage_radius_m,
				antenna_height_cm, eirp_milli_dbm, band, channels, idle_channels, 5 from tabwave_access_points`,
				['a', 'c'],
				900_000
			]
		] as const) {
			await elsewhere(statement);
			const next = await database.changeMark();
			expect(next).not.toBe(mark);
			mark = next;
			const rows = await database.all();
			expect(rows.map(({ id }) => id)).toEqual(ids);
			expect(rows[0]!.occupancyPpm).toBe(occupancyPpm);
		}
		expect((await database.all())[1]).toEqual(ownAccessPoint('c', { name: 'AP a', occupancyPpm: 5 }));
		await database.close();
	});

	it('refuses an occupancy that is none, and leaves a row out that nobody can read, with one word about it', async () => {
		await clear();
		const told: string[] = [];
		const { database, elsewhere } = await opened(OWNER, (id, reason) => told.push(`${id}: ${reason}`));
		await database.put([ownAccessPoint('a'), ownAccessPoint('b')]);
		await expect(
			elsewhere(`update tabwave_access_points set occupancy_ppm = 1000001 where id = 'a'`)
		).rejects.toThrow();
		await elsewhere(`update tabwave_access_points set channels = '36, 40' where id = 'a'`);
		expect((await database.all()).map(({ id }) => id)).toEqual(['b']);
		await database.all();
		expect(told).toEqual(['a: channels is not JSON: 36, 40']);
		await elsewhere(`update tabwave_access_points set channels = '["36"]' where id = 'a'`);
		await database.all();
		expect(told).toHaveLength(2);
		await database.close();
	});

	it('is one table for several nodes, each with its own', async () => {
		await clear();
		const { database, address, elsewhere } = await opened();
		await elsewhere('alter table tabwave_access_points add column building text');
		const other = new SqlAccessPointDatabase({ address, owner: 'cd'.repeat(32) });
		await other.open();
		await database.put([ownAccessPoint('a')]);
		await elsewhere(`update tabwave_access_points set building = 'library'`);
		await other.put([ownAccessPoint('a', { name: 'other' })]);
		await other.remove('b');
		await database.put([ownAccessPoint('a', { occupancyPpm: 3 })]);
		expect(await database.all()).toEqual([ownAccessPoint('a', { occupancyPpm: 3 })]);
		expect(await other.all()).toEqual([ownAccessPoint('a', { name: 'other' })]);
		// A column of somebody's own stays.
		await elsewhere(`update tabwave_access_points set name = 'left' where building = 'library'`);
		expect((await database.all())[0]!.name).toBe('left');
		await other.close();
		await database.close();
	});

	it('that a newer program changed is refused by name', async () => {
		await clear();
		const { database, address, elsewhere } = await opened();
		await database.close();
		await elsewhere(
			`insert into tabwave_migrations (name, timestamp) values ('999-of-tomorrow', 'tomorrow')`
		);
		await expect(new SqlAccessPointDatabase({ address, owner: OWNER }).open()).rejects.toMatchObject({
			name: 'DatabaseNewer',
			message: expect.stringContaining('999-of-tomorrow')
		});
	});

	it('that is closed is away', async () => {
		await clear();
		const { database } = await opened();
		await database.close();
		await expect(database.all()).rejects.toMatchObject({ name: 'DatabaseAway' });
	});
}
