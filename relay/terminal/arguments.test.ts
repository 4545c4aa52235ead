import { expect, it } from 'vitest';
import { PROJECT_ROOT, readInviteArguments, readRecoverArguments, readRelayArguments } from './arguments.ts';

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
