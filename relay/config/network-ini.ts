/** network.ini, which describes one network. Every key has a default, so no file at all is a working network. */
import { readFileSync } from 'node:fs';
import { ConfigError } from './config-error.ts';
import type { ConfigProblem } from './config-error.ts';
import { quote, readIniLines } from './ini-lines.ts';
import type { IniEntry } from './ini-lines.ts';
import { NETWORK_INI, REPLICA_COUNTS } from './keys.ts';
import type { SectionName } from './keys.ts';
import { nearestName } from './nearest.ts';
import { ValueError, readHostAndPort } from './values.ts';
import type { KeySpec } from './values.ts';

export interface PartitionConfig {
	/** From 1. */
	id: number;
	maxMembers: number;
}

/** A replica of the Booter. */
export interface ReplicaConfig {
	name: string;
	/** host:port, under which tabs and the other replicas reach it. */
	address: string;
}

type Values<S> = { readonly [K in keyof S]: S[K] extends KeySpec<infer T> ? T : never };
type Sections = {
	readonly [S in Exclude<SectionName, 'partitions' | 'booters'>]: Values<(typeof NETWORK_INI)[S]>;
};

/** The whole description. Units are in the names or in keys.ts; `expiryWindow` and `silenceWindow` are heights. */
export interface NetworkConfig extends Sections {
	readonly partitions: readonly PartitionConfig[];
	readonly booters: { readonly replicas: readonly ReplicaConfig[] };
	/** The keys that the file states, as `section.key`: all others are defaults. */
	readonly stated: ReadonlySet<string>;
}

/** What a Booter may be called in [booters]: it is also the name of its data folder. */
export const REPLICA_NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** A file with a hundred mistakes is better shown in part. */
export const MAX_PROBLEMS = 20;

/** @throws ConfigError with every problem (at most {@link MAX_PROBLEMS}) and its line */
export function parseNetworkIni(source: string): NetworkConfig {
	const { sections, entries, problems } = readIniLines(source);
	const seenSections = new Map<string, number>();
	for (const { name, line } of sections) {
		if (!isSection(name)) problems.push(unknownSection(name, line));
		else if (seenSections.has(name))
			problems.push({
				line,
				found: `[${name}]`,
				allowed: `one [${name}]`,
				message: `This section is already at line ${seenSections.get(name)}.`
			});
		else seenSections.set(name, line);
	}
	const values = new Map<string, unknown>();
	const lines = new Map<string, number>();
	const replicas: ReplicaConfig[] = [];
	for (const entry of entries) {
		// An unknown section was reported once; its keys would only repeat that.
		if (!isSection(entry.section)) continue;
		const place = `${entry.section}.${entry.key}`;
		if (lines.has(place)) {
			problems.push(repeatedKey(entry, lines.get(place)!));
			continue;
		}
		lines.set(place, entry.line);
		try {
			if (entry.section === 'booters') replicas.push(readReplica(entry));
			else values.set(place, specOf(entry).read(entry.value));
		} catch (error) {
			if (!(error instanceof ProblemError) && !(error instanceof ValueError)) throw error;
			problems.push(error instanceof ProblemError ? error.problem : wrongValue(entry, error));
		}
	}
	const section = <S extends SectionName>(name: S): Values<(typeof NETWORK_INI)[S]> =>
		Object.fromEntries(
			Object.entries<KeySpec<unknown>>(NETWORK_INI[name]).map(([key, spec]) => [
				key,
				values.has(`${name}.${key}`) ? values.get(`${name}.${key}`) : spec.fallback
			])
		) as Values<(typeof NETWORK_INI)[S]>;
	const config: NetworkConfig = {
		network: section('network'),
		partitions: partitionsOf(section('partitions'), lines, problems),
		membership: section('membership'),
		blocks: section('blocks'),
		timeouts: section('timeouts'),
		relay: section('relay'),
		booters: { replicas },
		webrtc: section('webrtc'),
		logging: section('logging'),
		spectrum: section('spectrum'),
		archive: section('archive'),
		stated: new Set(lines.keys())
	};
	checkTogether(config, lines, problems);
	checkReplicaCount(replicas, lines, problems);
	if (problems.length > 0)
		throw new ConfigError(problems.sort((a, b) => a.line - b.line).slice(0, MAX_PROBLEMS));
	return config;
}

/** @throws ConfigError also where the file cannot be read */
export function loadNetworkIni(path: string): NetworkConfig {
	let source: string;
	try {
		source = readFileSync(path, 'utf8');
	} catch (error) {
		const reason = error instanceof Error ? error.message : String(error);
		throw new ConfigError([
			{ line: 0, found: reason, allowed: 'a file that can be read', message: `${path} cannot be read.` }
		]);
	}
	return parseNetworkIni(source);
}

class ProblemError extends Error {
	override readonly name = 'ProblemError';
	readonly problem: ConfigProblem;
	constructor(problem: ConfigProblem) {
		super(problem.message);
		this.problem = problem;
	}
}

function isSection(name: string): name is SectionName {
	return Object.hasOwn(NETWORK_INI, name);
}

function specOf(entry: IniEntry): KeySpec<unknown> {
	const specs: Record<string, KeySpec<unknown>> = NETWORK_INI[entry.section as SectionName];
	if (Object.hasOwn(specs, entry.key)) return specs[entry.key]!;
	const names = Object.keys(specs);
	throw new ProblemError({
		line: entry.line,
		found: quote(entry.key),
		allowed: names.join(', '),
		message: `[${entry.section}] has no such key.${suggestion(entry.key, names)}`
	});
}

function readReplica(entry: IniEntry): ReplicaConfig {
	if (!REPLICA_NAME.test(entry.key))
		throw new ProblemError({
			line: entry.line,
			found: quote(entry.key),
			allowed: 'a name of lower-case letters, digits and -, at most 32, a letter first',
			message: 'This is no name for a Booter.'
		});
	try {
		return { name: entry.key, address: readHostAndPort(entry.value) };
	} catch (error) {
		if (!(error instanceof ValueError)) throw error;
		throw new ProblemError({
			line: entry.line,
			found: error.found,
			allowed: 'HOST:PORT, for example 192.0.2.7:7070',
			message: 'This is no address of a Booter.'
		});
	}
}

function partitionsOf(
	section: Values<(typeof NETWORK_INI)['partitions']>,
	lines: Map<string, number>,
	problems: ConfigProblem[]
): PartitionConfig[] {
	const { count, maxMembers, sizes } = section;
	for (const key of ['count', 'maxMembers'] as const) {
		const line = lines.get(`partitions.${key}`);
		if (sizes.length === 0 || line === undefined || (key === 'count' && count === sizes.length)) continue;
		problems.push({
			line,
			found: `${key} = ${section[key]}`,
			allowed: 'either sizes, or count and maxMembers',
			message: `${key} contradicts sizes at line ${lines.get('partitions.sizes')}.`
		});
	}
	const chosen = sizes.length > 0 ? sizes : Array.from({ length: count }, () => maxMembers);
	return chosen.map((size, index) => ({ id: index + 1, maxMembers: size }));
}

/** Values that are each allowed, but not beside each other. */
function checkTogether(config: NetworkConfig, lines: Map<string, number>, problems: ConfigProblem[]): void {
	const { timeouts } = config;
	const rising = ['heartbeatMs', 'awayMs', 'evictionGraceMs'] as const;
	for (const [index, key] of rising.entries()) {
		const below = rising[index - 1];
		if (below === undefined || timeouts[key] > timeouts[below]) continue;
		problems.push({
			line: lines.get(`timeouts.${key}`) ?? lines.get(`timeouts.${below}`) ?? 0,
			found: `${below} = ${timeouts[below]}, ${key} = ${timeouts[key]}`,
			allowed: `${key} above ${below}`,
			message: `${key} is too short: members would be given up before they can be heard.`
		});
	}
}

function checkReplicaCount(
	replicas: ReplicaConfig[],
	lines: Map<string, number>,
	problems: ConfigProblem[]
): void {
	const line = (replica: ReplicaConfig): number => lines.get(`booters.${replica.name}`) ?? 0;
	// A line that is wrong was meant to be one.
	const stated = [...lines].filter(([place]) => place.startsWith('booters.'));
	const last = stated.at(-1);
	if (last && !REPLICA_COUNTS.some((count) => count === stated.length))
		problems.push({
			line: last[1],
			found: `${stated.length} replicas`,
			allowed: '1, 3 or 5, which stand 0, 1 or 2 crashes',
			message: 'This number of Booters gains nothing.'
		});
	const seen = new Set<string>();
	for (const replica of replicas) {
		if (seen.has(replica.address))
			problems.push({
				line: line(replica),
				found: quote(replica.address),
				allowed: 'one address for each Booter',
				message: 'Two Booters have the same address.'
			});
		seen.add(replica.address);
	}
}

function unknownSection(name: string, line: number): ConfigProblem {
	const names = Object.keys(NETWORK_INI);
	return {
		line,
		found: quote(`[${name}]`),
		allowed: names.map((allowed) => `[${allowed}]`).join(', '),
		message: `There is no such section.${suggestion(name, names)}`
	};
}

function repeatedKey(entry: IniEntry, firstLine: number): ConfigProblem {
	return {
		line: entry.line,
		found: quote(entry.key),
		allowed: `one ${entry.key} in [${entry.section}]`,
		message: `This key is already at line ${firstLine}.`
	};
}

function wrongValue(entry: IniEntry, error: ValueError): ConfigProblem {
	const spec = (NETWORK_INI[entry.section as SectionName] as Record<string, KeySpec<unknown>>)[entry.key]!;
	return {
		line: entry.line,
		found: error.found,
		allowed: spec.allowed,
		message: `The value of ${entry.key} is wrong.`
	};
}

function suggestion(found: string, names: readonly string[]): string {
	const near = nearestName(found, names);
	return near === undefined ? '' : ` Did you mean ${near}?`;
}
