/** Kysely's two dialects of this program: Node's own SQLite, which needs nothing built, and MySQL or MariaDB by mysql2. */
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue } from 'node:sqlite';
import { CompiledQuery, MysqlDialect, SqliteDialect } from 'kysely';
import type { Dialect, SqliteDatabase, SqliteStatement } from 'kysely';
import { createPool } from 'mysql2';
import type { DatabaseAddress } from './database-address.ts';

/** For another program's write to end. Node.js stands still meanwhile, so it is short; what fails is tried again. */
const BUSY_TIMEOUT_MS = 500;
/** One works, one is there for a question beside a long write. */
export const MAX_CONNECTIONS = 2;
/** Questions that wait for a connection. */
const MAX_QUEUED = 64;
const CONNECT_TIMEOUT_MS = 5_000;

export function dialectOf(address: DatabaseAddress): Dialect {
	if (address.kind === 'sqlite') return new SqliteDialect({ database: async () => openSqlite(address.path) });
	const { host, port, user, password, database } = address;
	return new MysqlDialect({
		pool: async () =>
			createPool({
				host,
				port,
				user,
				password,
				database,
				connectionLimit: MAX_CONNECTIONS,
				queueLimit: MAX_QUEUED,
				connectTimeout: CONNECT_TIMEOUT_MS,
				charset: 'utf8mb4'
			}),
		// A value that does not fit is refused, not cut.
		onCreateConnection: async (connection) => {
			await connection.executeQuery(CompiledQuery.raw("set session sql_mode = 'STRICT_ALL_TABLES'"));
		}
	});
}

function openSqlite(path: string): SqliteDatabase {
	const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
	try {
		// Others read and write beside this program.
		database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
	} catch (error) {
		database.close();
		throw error;
	}
	return {
		close: () => database.close(),
		prepare: (text) => statementOf(database, text)
	};
}

/** As Kysely wants it: in the manner of better-sqlite3. */
function statementOf(database: DatabaseSync, text: string): SqliteStatement {
	const statement = database.prepare(text);
	const values = (parameters: readonly unknown[]) => parameters as SQLInputValue[];
	return {
		reader: statement.columns().length > 0,
		all: (parameters) => statement.all(...values(parameters)),
		run: (parameters) => statement.run(...values(parameters)),
		iterate: (parameters) => statement.iterate(...values(parameters))
	};
}
