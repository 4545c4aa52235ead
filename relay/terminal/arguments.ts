/** What stands behind `npm start --`. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nearestName } from '../config/nearest.ts';
import { REPLICA_NAME } from '../config/network-ini.ts';
import { RelayStartError } from '../errors.ts';
import { MAX_HOURS, MAX_USES } from '../invitations.ts';
import { DATABASE_FORMS, parseDatabaseAddress } from '../storage/sql/database-address.ts';
import type { DatabaseAddress } from '../storage/sql/database-address.ts';
import type { ManagerSettings } from '#lib/spectrum/manager/settings.ts';
import type { TlsFiles } from '../tls/certificates.ts';

export const PROJECT_ROOT: string = projectRoot();

export interface RelayArguments {
	help: boolean;
	/** undefined: as network.ini says. */
	port?: number;
	host?: string;
	/** null: no file, all defaults. */
	configPath: string | null;
	dataDirectory: string;
	/** Name of this replica in [booters]. */
	replica?: string;
	/** undefined: http. */
	tls?: 'self-made' | TlsFiles;
	/** The built site. */
	siteDirectory: string;
	color: boolean;
}

export interface InviteArguments {
	help: boolean;
	dataDirectory: string;
	configPath: string | null;
	/** 0: any. */
	partition: number;
	uses: number;
	hours: number;
	/** Origin for the link; undefined: the relay's own. */
	url?: string;
	/** Name of the replica that the link leads to; undefined: any. */
	replica?: string;
	/** In place of a new one: the link or id of an invitation to take back. */
	revoke?: string;
}

export interface RecoverArguments {
	help: boolean;
	dataDirectory: string;
	partition: number;
	retire: boolean;
}

export interface HeadlessArguments {
	help: boolean;
	/** Origin of the relay. */
	relay: string;
	/** null: a file in the data directory. */
	database: DatabaseAddress | null;
	nickname: string;
	partition?: number;
	invitation?: string;
	settings: Partial<ManagerSettings>;
	dataDirectory: string;
}

const COMMON = {
	help: { type: 'boolean', short: 'h' },
	config: { type: 'string' },
	data: { type: 'string' },
	'no-color': { type: 'boolean' }
} as const;

/** @throws RelayStartError `BadArgument` */
export function readRelayArguments(args: string[], environment: NodeJS.ProcessEnv): RelayArguments {
	const values = read(args, {
		...COMMON,
		port: { type: 'string' },
		host: { type: 'string' },
		replica: { type: 'string' },
		tls: { type: 'boolean' },
		'tls-cert': { type: 'string' },
		'tls-key': { type: 'string' },
		site: { type: 'string' }
	});
	return {
		...common(values),
		...tlsOf(values.tls ?? false, values['tls-cert'], values['tls-key']),
		...(values.port === undefined ? {} : { port: whole('--port', values.port, 0, 65_535) }),
		...(values.host === undefined ? {} : { host: filled('--host', values.host) }),
		siteDirectory:
			values.site === undefined ? join(PROJECT_ROOT, 'build') : resolve(filled('--site', values.site)),
		color: !values['no-color'] && !environment.NO_COLOR && environment.TERM !== 'dumb'
	};
}

/** @throws RelayStartError `BadArgument` */
export function readInviteArguments(args: string[]): InviteArguments {
	const values = read(args, {
		...COMMON,
		partition: { type: 'string' },
		uses: { type: 'string' },
		hours: { type: 'string' },
		url: { type: 'string' },
		replica: { type: 'string' },
		revoke: { type: 'string' }
	});
	if (values.url !== undefined && !ORIGIN.test(values.url))
		throw bad('--url', values.url, 'an origin such as http://192.168.1.5:7070');
	return {
		...common(values),
		partition: whole('--partition', values.partition ?? '0', 0, 64),
		uses: whole('--uses', values.uses ?? '1', 1, MAX_USES),
		hours: whole('--hours', values.hours ?? '8', 1, MAX_HOURS),
		...(values.url === undefined ? {} : { url: values.url }),
		...(values.revoke === undefined ? {} : { revoke: filled('--revoke', values.revoke) })
	};
}

/** @throws RelayStartError `BadArgument` */
export function readRecoverArguments(args: string[]): RecoverArguments {
	const values = read(args, {
		...COMMON,
		partition: { type: 'string' },
		retire: { type: 'boolean' },
		replica: { type: 'string' }
	});
	const { help, dataDirectory } = common(values);
	return {
		help,
		dataDirectory,
		partition: help ? 0 : whole('--partition', values.partition ?? '', 1, 64),
		retire: values.retire ?? false
	};
}

/** @throws RelayStartError `BadArgument` */
export function readHeadlessArguments(args: string[]): HeadlessArguments {
	const values = read(args, {
		help: { type: 'boolean', short: 'h' },
		relay: { type: 'string' },
		database: { type: 'string' },
		nickname: { type: 'string' },
		partition: { type: 'string' },
		invitation: { type: 'string' },
		'buy-at': { type: 'string' },
		'sell-at': { type: 'string' },
		'least-gain': { type: 'string' },
		data: { type: 'string' }
	});
	const help = values.help ?? false;
	const relay = (values.relay ?? '').replace(/\/$/, '');
	if (!help && !ORIGIN.test(relay)) throw bad('--relay', relay, 'an origin such as http://192.168.1.5:7070');
	const database = values.database === undefined ? null : parseDatabaseAddress(values.database);
	// Not what was found: a password may be in it.
	if (values.database !== undefined && !database) throw bad('--database', '…', DATABASE_FORMS);
	return {
		help,
		relay,
		database,
		nickname: filled('--nickname', values.nickname ?? 'headless'),
		...(values.partition === undefined ? {} : { partition: whole('--partition', values.partition, 1, 64) }),
		...(values.invitation === undefined ? {} : { invitation: filled('--invitation', values.invitation) }),
		settings: {
			...(values['buy-at'] === undefined ? {} : { buyAtPpm: percent('--buy-at', values['buy-at']) }),
			...(values['sell-at'] === undefined ? {} : { sellAtPpm: percent('--sell-at', values['sell-at']) }),
			...(values['least-gain'] === undefined
				? {}
				: { minimumGain: BigInt(whole('--least-gain', values['least-gain'], 0, 999_999)) })
		},
		dataDirectory:
			values.data === undefined
				? join(PROJECT_ROOT, 'data', 'headless')
				: resolve(filled('--data', values.data))
	};
}

/** Of the time. @returns parts per million */
function percent(name: string, text: string): number {
	return whole(name, text, 0, 100) * 10_000;
}

const ORIGIN = /^https?:\/\/[^/\s]+$/;

function tlsOf(isWanted: boolean, cert?: string, key?: string): Pick<RelayArguments, 'tls'> {
	if (cert === undefined && key === undefined) return isWanted ? { tls: 'self-made' } : {};
	if (cert === undefined || key === undefined)
		throw bad(
			cert === undefined ? '--tls-cert' : '--tls-key',
			'',
			'a PEM file; --tls-cert and --tls-key go together'
		);
	return {
		tls: { cert: resolve(filled('--tls-cert', cert)), key: resolve(filled('--tls-key', key)) }
	};
}

type Options = Record<string, { type: 'string' | 'boolean'; short?: string }>;

function read<const O extends Options>(args: string[], options: O) {
	try {
		return parseArgs({ args, options, strict: true, allowPositionals: false }).values as {
			[K in keyof O]?: O[K]['type'] extends 'boolean' ? boolean : string;
		};
	} catch (cause) {
		const unknown = args.find((arg) => arg.startsWith('--') && !(arg.slice(2).split('=', 1)[0]! in options));
		const names = Object.keys(options).map((name) => `--${name}`);
		const near = unknown === undefined ? undefined : nearestName(unknown.split('=', 1)[0]!, names);
		const hint = { en: near ? ` Did you mean ${near}?` : '', zh: near ? `是不是 ${near}？` : '' };
		const what = unknown ?? (cause instanceof Error ? cause.message.split('\n', 1)[0]! : String(cause));
		throw new RelayStartError(
			'BadArgument',
			{
				en: `I do not understand this argument: ${what}.${hint.en} Allowed: ${names.join(', ')}.`,
				zh: `无法识别的参数：${what}。${hint.zh}可用参数：${names.join('、')}。`
			},
			{ cause }
		);
	}
}

function common(values: { help?: boolean; config?: string; data?: string; replica?: string }) {
	const standard = join(PROJECT_ROOT, 'network.ini');
	const configPath = values.config === undefined ? standard : resolve(filled('--config', values.config));
	const { replica } = values;
	if (replica !== undefined && !REPLICA_NAME.test(replica))
		throw bad('--replica', replica, 'a name in [booters] of network.ini');
	// Replicas of one machine share neither ledger nor votes.
	const standardData = join(PROJECT_ROOT, 'data', replica ?? '');
	return {
		help: values.help ?? false,
		...(replica === undefined ? {} : { replica }),
		// Without --config the file may be absent; one that was named must be there.
		configPath: values.config !== undefined || existsSync(configPath) ? configPath : null,
		dataDirectory: values.data === undefined ? standardData : resolve(filled('--data', values.data))
	};
}

function whole(name: string, text: string, min: number, max: number): number {
	const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
	if (!(value >= min && value <= max)) throw bad(name, text, `a whole number from ${min} to ${max}`);
	return value;
}

function filled(name: string, text: string): string {
	if (text.trim() === '') throw bad(name, text, 'something');
	return text;
}

function bad(name: string, found: string, allowed: string): RelayStartError {
	return new RelayStartError('BadArgument', {
		en: `${name} is wrong. Found: ${JSON.stringify(found)}. Allowed: ${allowed}.`,
		zh: `${name} 的值不对：${JSON.stringify(found)}。允许：${allowed}。`
	});
}

/** From here upwards: the built relay lies elsewhere in the project than its sources. */
function projectRoot(): string {
	let folder = dirname(fileURLToPath(import.meta.url));
	while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
	return folder;
}
