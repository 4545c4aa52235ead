import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from './config-error.ts';
import { describeKeys, renderExampleIni, renderKeyTable } from './describe.ts';
import { MAX_FILE_CHARACTERS, MAX_LINES } from './ini-lines.ts';
import { NETWORK_INI } from './keys.ts';
import { MAX_PROBLEMS, loadNetworkIni, parseNetworkIni } from './network-ini.ts';
import { editDistance, nearestName } from './nearest.ts';

function problemsOf(source: string) {
	try {
		parseNetworkIni(source);
	} catch (error) {
		expect(error).toBeInstanceOf(ConfigError);
		return (error as ConfigError).problems;
	}
	return [];
}

describe('network.ini', () => {
	it('is complete without a single key', () => {
		const config = parseNetworkIni('');
		expect(config.partitions).toEqual([
			{ id: 1, maxMembers: 16 },
			{ id: 2, maxMembers: 16 }
		]);
		expect(config.relay.port).toBe(7070);
		expect(config.timeouts.evictionGraceMs).toBe(20_000);
		expect(config.network.contracts).toEqual(['transfer', 'spectrum']);
		expect(config.webrtc.iceServers).toEqual([]);
		expect(config.logging.file).toBeNull();
	});

	it('takes values, comments, quotes and any line ending', () => {
		const config = parseNetworkIni(
			'\uFEFF; a class\r\n[network]\r\nname = "Room 12; left" \r\nadmission=invitation ; by the teacher\r[partitions]\nsizes = 4, 7\n' +
				'[booters]\nfirst = relay-1.example:7070\nsecond = 192.0.2.7:7070\nthird = [fd00::2]:80\n' +
				'[webrtc]\niceServers = stun:stun.example:3478, turn:turn.example?transport=udp|class|secret\n'
		);
		expect(config.network).toMatchObject({ name: 'Room 12; left', admission: 'invitation' });
		expect(config.partitions.map((partition) => partition.maxMembers)).toEqual([4, 7]);
		expect(config.booters.replicas).toEqual([
			{ name: 'first', address: 'relay-1.example:7070' },
			{ name: 'second', address: '192.0.2.7:7070' },
			{ name: 'third', address: '[fd00::2]:80' }
		]);
		expect(config.webrtc.iceServers).toEqual([
			{ urls: 'stun:stun.example:3478' },
			{ urls: 'turn:turn.example?transport=udp', username: 'class', credential: 'secret' }
		]);
	});

	it('says line, what was found and what is allowed', () => {
		expect(problemsOf('[relay]\n\nport = 70700')).toEqual([
			{
				line: 3,
				found: '"70700"',
				allowed: 'a whole number from 0 to 65535',
				message: 'The value of port is wrong.'
			}
		]);
		expect(() => parseNetworkIni('[relay]\n\nport = 70700')).toThrow(
			'line 3: The value of port is wrong. Found: "70700". Allowed: a whole number from 0 to 65535.'
		);
	});

	it.each([2, 4, 6, 7])('refuses %i Booters, and says how many there may be', (count) => {
		const lines = Array.from({ length: count }, (_, i) => `b${i} = 192.0.2.7:${7070 + i}`);
		expect(problemsOf(`[booters]\n${lines.join('\n')}`)).toEqual([
			{
				line: count + 1,
				found: `${count} replicas`,
				allowed: '1, 3 or 5, which stand 0, 1 or 2 crashes',
				message: 'This number of Booters gains nothing.'
			}
		]);
	});

	it.each([1, 3, 5])('takes %i Booters', (count) => {
		const lines = Array.from({ length: count }, (_, i) => `b${i} = 192.0.2.7:${7070 + i}`);
		expect(parseNetworkIni(`[booters]\n${lines.join('\n')}`).booters.replicas).toHaveLength(count);
	});

	it('suggests the nearest section and key', () => {
		expect(problemsOf('[netwrok]\nname = x')).toMatchObject([
			{ line: 1, found: '"[netwrok]"', message: 'There is no such section. Did you mean network?' }
		]);
		expect(problemsOf('[timeouts]\nheartbeat = 5')).toMatchObject([
			{ line: 2, message: '[timeouts] has no such key. Did you mean heartbeatMs?' }
		]);
		expect(problemsOf('[timeouts]\nqqqqqqqq = 5')).toMatchObject([
			{ message: '[timeouts] has no such key.' }
		]);
	});

	it.each([
		['[network]\nsuite = bls', 2],
		['[network]\nname =', 2],
		['[network]\ncontracts = transfer, transfer', 2],
		['[network]\n__proto__ = 1', 2],
		['[__proto__]\na = 1', 1],
		['[network]\nconstructor = 1', 2],
		['[network]\ninitialBalance = 1e3', 2],
		['[network]\ninitialBalance = -1', 2],
		['[partitions]\ncount = 0', 2],
		['[partitions]\ncount = 3\nsizes = 4, 4', 2],
		['[partitions]\nmaxMembers = 3\nsizes = 4, 4', 2],
		['[partitions]\nsizes = 0', 2],
		['[timeouts]\nheartbeatMs = 5000', 2],
		['[timeouts]\nheartbeatMs = 500\nawayMs = 500', 3],
		['[relay]\nhost = a b', 2],
		['[relay]\npublicUrl = ftp://x', 2],
		['[booters]\nSecond = 192.0.2.7:7070', 2],
		['[booters]\nsecond = 192.0.2.7', 2],
		['[booters]\nsecond = 192.0.2.7:99999', 2],
		['[booters]\na = x:1\nb = x:2\nc = x:1', 4],
		['[booters]\na = x:1\nb = x:2', 3],
		['[booters]\na = x:1\nb = x:2\nc = x:3\nd = x:4', 5],
		['[webrtc]\niceServers = turn:turn.example', 2],
		['[webrtc]\niceServers = http://x', 2],
		['[webrtc]\niceServers = stun:::::', 2],
		['[webrtc]\niceServers = stun:stun.example:70000', 2],
		['[webrtc]\niceServers = stun:stun.example?transport=udp', 2],
		['[webrtc]\niceServers = stun:user@stun.example', 2],
		['[webrtc]\niceServers = turn:turn.example|user', 2],
		['[webrtc]\niceServers = turn:turn.example|user|password|more', 2],
		['[spectrum]\nmechanism = mcafe', 2],
		['[relay]\nport = 1\nport = 2', 3],
		['[relay]\nport = 1\n[relay]\nhost = x', 3],
		['port = 1', 1],
		['[relay\nport = 1', 1],
		['[relay]\nport', 2]
	])('refuses %j at line %i', (source, line) => {
		expect(problemsOf(source)[0]?.line).toBe(line);
	});

	it('bounds the file and the number of problems', () => {
		expect(problemsOf('x'.repeat(MAX_FILE_CHARACTERS + 1))).toHaveLength(1);
		expect(problemsOf('\n'.repeat(MAX_LINES))).toHaveLength(1);
		expect(problemsOf('x\n'.repeat(MAX_LINES - 1))).toHaveLength(MAX_PROBLEMS);
	});

	it('names a file that cannot be read', () => {
		expect(() => loadNetworkIni('relay/config/none.ini')).toThrow(ConfigError);
	});

	it('throws nothing but ConfigError on any text, and the same one each time', () => {
		const sections = Object.keys(NETWORK_INI);
		const keys = describeKeys();
		const line = fc.oneof(
			fc.string({ unit: 'binary', maxLength: 60 }),
			fc.constantFrom(...sections).map((name) => `[${name}]`),
			fc
				.tuple(fc.constantFrom(...keys), fc.oneof(fc.string(), fc.integer().map(String), fc.constant('"{}"')))
				.map(([key, value]) => `${key.key} = ${value}`),
			fc.constantFrom(...keys).map((key) => `[${key.section}]\n${key.key} = ${key.fallback}`)
		);
		let accepted = 0;
		const outcome = (source: string): string => {
			try {
				accepted++;
				return JSON.stringify(parseNetworkIni(source));
			} catch (error) {
				accepted--;
				expect(error).toBeInstanceOf(ConfigError);
				const { message, problems } = error as ConfigError;
				expect(problems.length).toBeLessThanOrEqual(MAX_PROBLEMS);
				expect(message.length).toBeLessThan(MAX_PROBLEMS * 1000);
				return message;
			}
		};
		fc.assert(
			fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
				const source = lines.join('\n');
				expect(outcome(source)).toBe(outcome(source));
			}),
			{ numRuns: 2000, seed: 7 }
		);
		expect(accepted).toBeGreaterThan(0);
	});
});

describe('STUN and TURN', () => {
	const read = (servers: string) => parseNetworkIni(`[webrtc]\niceServers = ${servers}\n`).webrtc.iceServers;

	it('are servers by name or address, with and without a port', () => {
		const servers =
			'stun:stun.example, stun:192.0.2.7:3478, stuns:[fd00::7]:5349, turns:[fd00::7]?transport=tcp|u|p';
		expect(read(servers).map(({ urls }) => urls)).toEqual([
			'stun:stun.example',
			'stun:192.0.2.7:3478',
			'stuns:[fd00::7]:5349',
			'turns:[fd00::7]?transport=tcp'
		]);
	});

	it('are none by default: no server outside is asked', () => {
		expect(parseNetworkIni('').webrtc.iceServers).toEqual([]);
	});

	it('that are wrong are named without their password', () => {
		expect(() => read('turn:a b|user|hunter2')).toThrow(
			expect.objectContaining({ message: expect.not.stringContaining('hunter2') })
		);
	});
});

describe('the documentation of keys', () => {
	it('is network.ini.example', () => {
		expect(readFileSync('network.ini.example', 'utf8')).toBe(renderExampleIni());
	});

	it('states defaults that the parser takes and that change nothing', () => {
		expect(parseNetworkIni(renderExampleIni())).toEqual(parseNetworkIni(''));
		const uncommented = renderExampleIni()
			.replaceAll(/^;(\w+ =)/gm, '$1')
			.replace(/^sizes =.*$/m, '');
		expect({ ...parseNetworkIni(uncommented), stated: new Set() }).toEqual(parseNetworkIni(''));
	});

	it('has a row for each key', () => {
		expect(renderKeyTable().trim().split('\n')).toHaveLength(describeKeys().length + 2);
	});
});

describe('nearestName', () => {
	it('counts edits', () => {
		expect(editDistance('kitten', 'sitting')).toBe(3);
		expect(editDistance('', 'abc')).toBe(3);
	});
	it('stays silent where nothing is near', () => {
		expect(nearestName('port', ['host', 'sort'])).toBe('sort');
		expect(nearestName('zzzzzz', ['host', 'sort'])).toBeUndefined();
	});
});
