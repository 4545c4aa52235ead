import { expect, it } from 'vitest';
import {
	PROJECT_ROOT,
	readHeadlessArguments,
	readInviteArguments,
	readRecoverArguments,
	readRelayArguments
} from './arguments.ts';

const bad = (text: string) =>
	expect.objectContaining({ name: 'BadArgument', message: expect.stringContaining(text) });

it('has a default for everything', () => {
	expect(readRelayArguments([], {})).toMatchObject({
		help: false,
		dataDirectory: `${PROJECT_ROOT}/data`,
		siteDirectory: `${PROJECT_ROOT}/build`,
		color: true
	});
	expect(readInviteArguments([])).toMatchObject({ partition: 0, uses: 1, hours: 8 });
});

it('takes what is given', () => {
	const args = '--port 0 --host ::1 --config some.ini --data d --replica second --site /s --no-color'.split(
		' '
	);
	expect(readRelayArguments(args, {})).toMatchObject({
		port: 0,
		host: '::1',
		replica: 'second',
		siteDirectory: '/s',
		color: false
	});
	expect(readRelayArguments([], { NO_COLOR: '1' }).color).toBe(false);
});

it('gives each replica a data folder of its own, unless one is named', () => {
	expect(readRelayArguments(['--replica', 'second'], {}).dataDirectory).toBe(`${PROJECT_ROOT}/data/second`);
	expect(readRelayArguments(['--replica', 'second', '--data', '/d'], {}).dataDirectory).toBe('/d');
	expect(readInviteArguments(['--replica', 'second']).replica).toBe('second');
	const recovery = readRecoverArguments(['--replica', 'second', '--partition', '1']);
	expect(recovery.dataDirectory).toBe(`${PROJECT_ROOT}/data/second`);
});

it.each([
	[['--replica', '../other'], '--replica is wrong. Found: "../other"'],
	[['--replica', ''], '--replica is wrong'],
	[['--prot', '1'], 'Did you mean --port?'],
	[['--port'], '--port'],
	[['--port', '70700'], '--port is wrong. Found: "70700"'],
	[['--port', '-1'], '--port'],
	[['--host', ''], '--host is wrong'],
	[['--site', ''], '--site is wrong'],
	[['extra'], 'extra']
])('refuses %j', (args, message) => {
	expect(() => readRelayArguments(args, {})).toThrow(bad(message));
});

it.each([
	[['--uses', '0'], '--uses is wrong'],
	[['--url', 'ftp://x'], '--url is wrong'],
	[['--hours', '1.5'], '--hours is wrong']
])('refuses %j for an invitation', (args, message) => {
	expect(() => readInviteArguments(args)).toThrow(bad(message));
});

const AT = ['--relay', 'http://192.168.1.5:7070'];

it('takes what a headless node is given', () => {
	expect(
		readHeadlessArguments([...AT, '--buy-at', '90', '--sell-at', '0', '--least-gain', '5'])
	).toMatchObject({
		relay: 'http://192.168.1.5:7070',
		database: null,
		nickname: 'headless',
		settings: { buyAtPpm: 900_000, sellAtPpm: 0, minimumGain: 5n },
		dataDirectory: `${PROJECT_ROOT}/data/headless`
	});
	expect(readHeadlessArguments(['--help'])).toMatchObject({ help: true });
	const file = readHeadlessArguments([...AT, '--database', 'sqlite:/d/points.sqlite', '--data', '/d']);
	expect(file).toMatchObject({ database: { kind: 'sqlite', path: '/d/points.sqlite' }, dataDirectory: '/d' });
});

it.each([
	[[], '--relay is wrong. Found: ""'],
	[['--relay', '192.168.1.5:7070'], '--relay is wrong'],
	[['--relay', 'http://a/b'], '--relay is wrong'],
	[[...AT, '--nickname', ' '], '--nickname is wrong'],
	[[...AT, '--partition', '0'], '--partition is wrong'],
	[[...AT, '--invitation', ''], '--invitation is wrong'],
	[[...AT, '--buy-at', '101'], '--buy-at is wrong'],
	[[...AT, '--sell-at', '-1'], '--sell-at'],
	[[...AT, '--least-gain', '1.5'], '--least-gain is wrong'],
	[[...AT, '--data', ''], '--data is wrong'],
	[[...AT, '--databse', 'x'], 'Did you mean --database?']
])('refuses %j for a headless node', (args, message) => {
	expect(() => readHeadlessArguments(args)).toThrow(bad(message));
});

it('says of a database address that it is wrong, and nothing of what is in it', () => {
	const args = [...AT, '--database', 'oracle://ada:secret@host/x'];
	expect(() => readHeadlessArguments(args)).toThrow(bad('--database is wrong'));
	expect(() => readHeadlessArguments(args)).not.toThrow(/secret/);
});
