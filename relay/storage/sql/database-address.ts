/** Where a node's database is: `sqlite:FILE` or `mysql://USER:PASSWORD@HOST:PORT/NAME`, as given with --database. */
import { resolve } from 'node:path';

export type DatabaseAddress =
	| { kind: 'sqlite'; path: string }
	| { kind: 'mysql'; host: string; port: number; user: string; password: string; database: string };

export const DEFAULT_MYSQL_PORT = 3306;

export const DATABASE_FORMS = 'sqlite:FILE or mysql://USER:PASSWORD@HOST:PORT/NAME';

/** @returns null where it is neither */
export function parseDatabaseAddress(text: string): DatabaseAddress | null {
	const file = /^sqlite:(?:\/\/(?=\/))?(.+)$/.exec(text);
	if (file) return { kind: 'sqlite', path: resolve(file[1]!) };
	// MariaDB speaks MySQL's protocol.
	const url = /^(?:mysql|mariadb):\/\//.test(text) && URL.canParse(text) ? new URL(text) : null;
	const database = url?.pathname.slice(1) ?? '';
	if (!url || url.hostname === '' || database === '' || database.includes('/') || url.search || url.hash)
		return null;
	try {
		return {
			kind: 'mysql',
			// An IPv6 address stands in brackets.
			host: url.hostname.replace(/^\[|\]$/g, ''),
			port: url.port === '' ? DEFAULT_MYSQL_PORT : Number(url.port),
			user: decodeURIComponent(url.username),
			password: decodeURIComponent(url.password),
			database: decodeURIComponent(database)
		};
	} catch {
		// A % that no code follows.
		return null;
	}
}

/** For people and logs: without the password. */
export function describeDatabase(address: DatabaseAddress): string {
	if (address.kind === 'sqlite') return `SQLite ${address.path}`;
	const { host, port, user, database } = address;
	return `MySQL ${user}@${host}:${port}/${database}`;
}
