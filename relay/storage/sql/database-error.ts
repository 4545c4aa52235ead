/** What goes wrong with a database, by name, and what a person can do about it. No message holds a password. */

export type DatabaseErrorName =
	/** It does not answer, or is held by somebody else: it is tried again. */
	| 'DatabaseAway'
	/** Wrong name or password, or no right to do this. */
	| 'DatabaseRefused'
	/** The server has no database of this name, or the file's folder is not there. */
	| 'DatabaseUnknown'
	/** A newer version of this program has changed its tables. */
	| 'DatabaseNewer'
	/** No room left. */
	| 'DatabaseFull'
	/** A row that its tables do not take. */
	| 'DatabaseRow'
	/** Not readable as what it should be. */
	| 'DatabaseUnusable';

export class DatabaseError extends Error {
	constructor(name: DatabaseErrorName, message: string, options?: ErrorOptions) {
		super(message, options);
		this.name = name;
	}
}

/** Of Node.js, of mysql2 and of the servers: https://mariadb.com/kb/en/mariadb-error-codes/ */
const CODES: Readonly<Record<string, DatabaseErrorName>> = {
	ECONNREFUSED: 'DatabaseAway',
	ECONNRESET: 'DatabaseAway',
	EHOSTUNREACH: 'DatabaseAway',
	ENOTFOUND: 'DatabaseAway',
	EAI_AGAIN: 'DatabaseAway',
	EPIPE: 'DatabaseAway',
	ETIMEDOUT: 'DatabaseAway',
	ENOENT: 'DatabaseAway',
	PROTOCOL_CONNECTION_LOST: 'DatabaseAway',
	PROTOCOL_SEQUENCE_TIMEOUT: 'DatabaseAway',
	ER_SERVER_SHUTDOWN: 'DatabaseAway',
	ER_CON_COUNT_ERROR: 'DatabaseAway',
	ER_LOCK_WAIT_TIMEOUT: 'DatabaseAway',
	ER_LOCK_DEADLOCK: 'DatabaseAway',
	ER_CONNECTION_KILLED: 'DatabaseAway',
	ER_ACCESS_DENIED_ERROR: 'DatabaseRefused',
	ER_DBACCESS_DENIED_ERROR: 'DatabaseRefused',
	ER_TABLEACCESS_DENIED_ERROR: 'DatabaseRefused',
	ER_HOST_NOT_PRIVILEGED: 'DatabaseRefused',
	ER_BAD_DB_ERROR: 'DatabaseUnknown',
	ER_DISK_FULL: 'DatabaseFull',
	ER_RECORD_FILE_FULL: 'DatabaseFull',
	ER_CONSTRAINT_FAILED: 'DatabaseRow',
	ER_CHECK_CONSTRAINT_VIOLATED: 'DatabaseRow',
	ER_DATA_TOO_LONG: 'DatabaseRow',
	ER_WARN_DATA_OUT_OF_RANGE: 'DatabaseRow'
};

/** MariaDB's own number, which mysql2 has no name for: a CHECK that a row breaks. */
const MARIADB_CONSTRAINT_FAILED = 4025;

/** SQLite's primary result codes: https://www.sqlite.org/rescode.html */
const SQLITE_CODES: Readonly<Record<number, DatabaseErrorName>> = {
	5: 'DatabaseAway', // BUSY
	6: 'DatabaseAway', // LOCKED
	8: 'DatabaseRefused', // READONLY
	13: 'DatabaseFull',
	14: 'DatabaseUnknown', // CANTOPEN
	19: 'DatabaseRow' // CONSTRAINT
};

const ADVICE: Readonly<Record<DatabaseErrorName, string>> = {
	DatabaseAway: 'it does not answer now; it is tried again',
	DatabaseRefused: 'it refuses this user; check name, password and rights',
	DatabaseUnknown: 'there is no such database; make it first, or check its name',
	DatabaseNewer: 'a newer version of this program has changed it; start that one',
	DatabaseFull: 'there is no room left on its disk',
	DatabaseRow: 'a row breaks the rules of its table',
	DatabaseUnusable: 'it cannot be used'
};

/** @param where - the database without its password */
export function databaseErrorOf(cause: unknown, where: string): DatabaseError {
	if (cause instanceof DatabaseError) return cause;
	const name = nameOf(cause);
	return new DatabaseError(name, `${where}: ${ADVICE[name]} (${reasonOf(cause)})`, { cause });
}

interface Coded {
	code?: unknown;
	errno?: unknown;
	errcode?: unknown;
	message?: unknown;
	errors?: readonly unknown[];
}

function nameOf(cause: unknown): DatabaseErrorName {
	const { code, errno, errcode, errors } = cause as Coded;
	if (typeof errcode === 'number') return SQLITE_CODES[errcode & 0xff] ?? 'DatabaseUnusable';
	if (errno === MARIADB_CONSTRAINT_FAILED) return 'DatabaseRow';
	if (typeof code === 'string' && Object.hasOwn(CODES, code)) return CODES[code]!;
	// A host of several addresses fails with an error for each of them.
	return errors && errors.length > 0 ? nameOf(errors[0]) : 'DatabaseUnusable';
}

function reasonOf(cause: unknown): string {
	const { code, message } = cause as Coded;
	const text = typeof message === 'string' && message !== '' ? message : String(code ?? cause);
	return text.split('\n', 1)[0]!.slice(0, 200);
}
