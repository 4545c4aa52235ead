import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { describeDatabase, parseDatabaseAddress } from './database-address.ts';

it.each([
	['sqlite:aps.db', { kind: 'sqlite', path: resolve('aps.db') }],
	['sqlite:/var/aps.db', { kind: 'sqlite', path: '/var/aps.db' }],
	['sqlite:///var/aps.db', { kind: 'sqlite', path: '/var/aps.db' }],
	[
		'mysql://ada:p%40ss@db.example:3307/market',
		{ kind: 'mysql', host: 'db.example', port: 3307, user: 'ada', password: 'p@ss', database: 'market' }
	],
	[
		'mariadb://ada@[::1]/market',
		{ kind: 'mysql', host: '::1', port: 3306, user: 'ada', password: '', database: 'market' }
	]
])('reads %s', (text, address) => {
	expect(parseDatabaseAddress(text)).toEqual(address);
});

it.each([
	'',
	'sqlite:',
	'aps.db',
	'mysql://ada@host',
	'mysql://ada@host/a/b',
	'mysql:///market',
	'mysql://ada@host:99999/market',
	'mysql://ada:%zz@host/market',
	'mysql://ada@host/market?ssl=1',
	'postgres://ada@host/market'
])('refuses %j', (text) => {
	expect(parseDatabaseAddress(text)).toBeNull();
});

it('names a database without its password', () => {
	const address = parseDatabaseAddress('mysql://ada:secret@host/market')!;
	expect(describeDatabase(address)).toBe('MySQL ada@host:3306/market');
	expect(describeDatabase(parseDatabaseAddress('sqlite:/a.db')!)).toBe('SQLite /a.db');
});
