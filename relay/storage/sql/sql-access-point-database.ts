/**
 * A node's own access points in SQL: SQLite, MySQL or MariaDB through one query builder. Others may write to the table while the node
 * runs; `changeMark` tells that they did. A server that went away is asked again with every call.
 */
import { Kysely, sql } from 'kysely';
import type {
	AccessPointChange,
	AccessPointDatabase,
	OwnAccessPoint
} from '#lib/storage/access-point-database.ts';
import {
	MIGRATION_TABLE,
	TABLE,
	accessPointOf,
	changedColumnsOf,
	isKnownMigration,
	migrator,
	rowOf,
	RowError
} from './access-point-table.ts';
import type { AccessPointRow, AccessPointTables } from './access-point-table.ts';
import { describeDatabase } from './database-address.ts';
import type { DatabaseAddress } from './database-address.ts';
import { DatabaseError, databaseErrorOf } from './database-error.ts';
import { MAX_CONNECTIONS, dialectOf } from './dialects.ts';

export interface SqlAccessPointDatabaseInit {
	address: DatabaseAddress;
	/** Node whose access points these are, lower-case hex. */
	owner: string;
	/** A row that somebody wrote and nobody can read is left out; told once for each content of it. */
	onUnreadable?: (id: string, reason: string) => void;
}

/** Of one node. A manager looks at all of them at every step. */
export const MAX_ROWS = 10_000;
/** Of one statement: SQLite takes 32,766 values. */
const ROWS_AT_ONCE = 500;
/** A server that hangs is away. */
const ANSWER_TIMEOUT_MS = 10_000;
/** A pool may hold as many connections that have ended with their server. */
const ATTEMPTS = MAX_CONNECTIONS + 1;

const COLUMNS = [
	'id',
	'name',
	'latitude_microdegrees',
	'longitude_microdegrees',
	'coverage_radius_m',
	'antenna_height_cm',
	'eirp_milli_dbm',
	'band',
	'channels',
	'idle_channels',
	'occupancy_ppm',
	'assigned',
	'issued',
	'updated_height'
] as const satisfies (keyof AccessPointRow)[];

export class SqlAccessPointDatabase implements AccessPointDatabase {
	readonly #init: SqlAccessPointDatabaseInit;
	readonly #where: string;
	#database: Kysely<AccessPointTables> | null = null;
	/** Reasons that were told, by id; bounded by the rows. */
	#unreadable = new Map<string, string>();

	constructor(init: SqlAccessPointDatabaseInit) {
		this.#init = init;
		this.#where = describeDatabase(init.address);
	}

	/** @throws DatabaseError */
	async open(): Promise<void> {
		if (this.#database) return;
		const database = new Kysely<AccessPointTables>({ dialect: dialectOf(this.#init.address) });
		this.#database = database;
		try {
			await this.#run((opened) => this.#migrate(opened));
		} catch (error) {
			await this.close();
			throw error;
		}
	}

	async all(): Promise<OwnAccessPoint[]> {
		const rows = await this.#run((database) =>
			database
				.selectFrom(TABLE)
				.selectAll()
				.where('owner', '=', this.#init.owner)
				.orderBy('id')
				.limit(MAX_ROWS + 1)
				.execute()
		);
		if (rows.length > MAX_ROWS)
			throw new DatabaseError(
				'DatabaseUnusable',
				`${this.#where}: this node has more than ${MAX_ROWS} access points in it`
			);
		return this.#readable(rows);
	}

	async put(accessPoints: OwnAccessPoint[]): Promise<void> {
		if (accessPoints.length === 0) return;
		const rows = accessPoints.map((accessPoint) => rowOf(this.#init.owner, accessPoint));
		await this.#run((database) =>
			database.transaction().execute(async (transaction) => {
				for (let i = 0; i < rows.length; i += ROWS_AT_ONCE)
					await this.#upsert(transaction, rows.slice(i, i + ROWS_AT_ONCE));
			})
		);
	}

	async update(changes: AccessPointChange[]): Promise<void> {
		if (changes.length === 0) return;
		await this.#run((database) =>
			database.transaction().execute(async (transaction) => {
				for (const change of changes)
					await transaction
						.updateTable(TABLE)
						.set(changedColumnsOf(change))
						.where('owner', '=', this.#init.owner)
						.where('id', '=', change.id)
						.execute();
			})
		);
	}

	async remove(id: string): Promise<void> {
		await this.#run((database) =>
			database.deleteFrom(TABLE).where('owner', '=', this.#init.owner).where('id', '=', id).execute()
		);
	}

	/** SQLite counts the changes of others by itself. A server is asked for a sum over this node's rows, which its own writes change too. */
	async changeMark(): Promise<string> {
		return this.#run(async (database) => {
			if (this.#init.address.kind === 'sqlite') {
				const { rows } = await sql<{ data_version: number }>`pragma data_version`.execute(database);
				return String(rows[0]!.data_version);
			}
			const columns = sql.join(COLUMNS.map((column) => sql.ref(column)));
			const { rows } = await sql<{ rows: number; sum: string | null }>`
				select count(*) as ${sql.ref('rows')}, sum(crc32(concat_ws('|', ${columns}))) as ${sql.ref('sum')}
				from ${sql.table(TABLE)} where owner = ${this.#init.owner}`.execute(database);
			return `${rows[0]!.rows}/${rows[0]!.sum}`;
		});
	}

	async close(): Promise<void> {
		const database = this.#database;
		this.#database = null;
		await database?.destroy();
	}

	/** @throws DatabaseError `DatabaseNewer` */
	async #migrate(database: Kysely<AccessPointTables>): Promise<void> {
		const { kind } = this.#init.address;
		const { error } = await migrator(database, kind).migrateToLatest();
		if (error === undefined) return;
		const done = await database
			.selectFrom(MIGRATION_TABLE)
			.select('name')
			.execute()
			.catch(() => []);
		const newer = done.find(({ name }) => !isKnownMigration(name, kind));
		if (!newer) throw error;
		throw new DatabaseError(
			'DatabaseNewer',
			`${this.#where}: a newer version of this program has changed it (${newer.name}); start that one`,
			{ cause: error }
		);
	}

	async #upsert(database: Kysely<AccessPointTables>, rows: AccessPointRow[]): Promise<void> {
		const insert = database.insertInto(TABLE).values(rows);
		// Columns that somebody added for himself stay as they are.
		if (this.#init.address.kind === 'sqlite')
			await insert
				.onConflict((conflict) =>
					conflict
						.columns(['owner', 'id'])
						.doUpdateSet((row) =>
							Object.fromEntries(COLUMNS.slice(1).map((column) => [column, row.ref(`excluded.${column}`)]))
						)
				)
				.execute();
		else
			await insert
				.onDuplicateKeyUpdate(
					Object.fromEntries(COLUMNS.slice(1).map((column) => [column, sql`values(${sql.ref(column)})`]))
				)
				.execute();
	}

	#readable(rows: readonly AccessPointRow[]): OwnAccessPoint[] {
		const unreadable = new Map<string, string>();
		const accessPoints: OwnAccessPoint[] = [];
		for (const row of rows)
			try {
				accessPoints.push(accessPointOf(row));
			} catch (error) {
				if (!(error instanceof RowError)) throw error;
				unreadable.set(row.id, error.message);
				if (this.#unreadable.get(row.id) !== error.message) this.#init.onUnreadable?.(row.id, error.message);
			}
		this.#unreadable = unreadable;
		return accessPoints;
	}

	/** Every call may be made again: what it writes does not depend on what was there. @throws DatabaseError */
	async #run<T>(work: (database: Kysely<AccessPointTables>) => Promise<T>): Promise<T> {
		for (let attempt = 1; ; attempt++) {
			const database = this.#database;
			if (!database) throw new DatabaseError('DatabaseAway', `${this.#where} is not open`);
			try {
				return await withinTime(work(database), ANSWER_TIMEOUT_MS);
			} catch (cause) {
				if (attempt < ATTEMPTS && isEndedConnection(cause)) continue;
				throw databaseErrorOf(cause, this.#where);
			}
		}
	}
}

/** A connection that was open, and whose server has gone or come back since: the next one may be better. */
function isEndedConnection(cause: unknown): boolean {
	const { code } = cause as { code?: unknown };
	return code === 'PROTOCOL_CONNECTION_LOST' || code === 'ECONNRESET' || code === 'EPIPE';
}

async function withinTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(
			() => reject(Object.assign(new Error(`no answer in ${timeoutMs} ms`), { code: 'ETIMEDOUT' })),
			timeoutMs
		);
	});
	try {
		return await Promise.race([work, late]);
	} finally {
		clearTimeout(timer);
		// What comes too late has nobody who waits for it.
		work.catch(() => undefined);
	}
}
