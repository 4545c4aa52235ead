/** The folder in which a relay keeps what must survive it: keys, genesis, and (see compose.ts) the ledger. */
import {
	chmodSync,
	closeSync,
	existsSync,
	fsyncSync,
	mkdirSync,
	openSync,
	readFileSync,
	renameSync,
	statSync,
	writeSync
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fromHex, toHex } from '#lib/crypto/hex.ts';
import type { Signer, Suite } from '#lib/crypto/suite.ts';
import { readGenesis } from '#lib/ledger/genesis.ts';
import type { GenesisBlock } from '#lib/ledger/genesis.ts';
import { RelayStartError } from './errors.ts';

export const OPERATOR_KEY_FILE = 'operator.key';
export const BOOTER_KEY_FILE = 'booter.key';
export const GENESIS_FILE = 'genesis.bin';
export const LEDGER_FILE = 'ledger.sqlite';
const JOIN_CODE_FILE = 'join-code';
const LAST_ORIGIN_FILE = 'last-address';
const LOCK_FILE = 'lock.sqlite';
/** Keys and genesis are short; a larger file is not one of ours. */
const MAX_SMALL_FILE_BYTES = 64 * 1024;
const SEED_BYTES = 32;

export interface DataDirectory {
	readonly path: string;
	/** Created at the first call, with mode 0600. */
	operator(suite: Suite): Promise<Signer>;
	booter(suite: Suite): Promise<Signer>;
	/** The booter key's 32 bytes: libp2p identifies the relay by the same key. */
	booterSeed(suite: Suite): Uint8Array;
	genesis(): GenesisBlock | null;
	writeGenesis(genesis: GenesisBlock): void;
	/** A short word that people type, kept over restarts; `make` is asked for a new one. */
	joinCode(make: () => string): string;
	/** Where the relay of this folder was last reached, for links that are made beside it. */
	lastOrigin(): string | null;
	writeLastOrigin(origin: string): void;
	/** Lets another relay use the folder. */
	release(): void;
}

/**
 * Creates the folder where there is none, and holds it for this process alone.
 * @throws RelayStartError `DataInUse`, `DataUnusable`
 */
export function openDataDirectory(path: string): DataDirectory {
	const release = holdFolder(path);
	return { ...folder(path), release };
}

/** Makes a folder where there is none, and holds it for this process alone. @returns what lets go of it */
export function holdFolder(path: string): () => void {
	makeFolder(path);
	return lock(path);
}

/** Without holding it, for commands that only read keys and genesis beside a running relay. */
export function peekDataDirectory(path: string): Omit<DataDirectory, 'release'> {
	return folder(path);
}

function folder(path: string): Omit<DataDirectory, 'release'> {
	const seed = (file: string, suite: Suite): Uint8Array => readOrCreateSeed(join(path, file), suite);
	return {
		path,
		operator: (suite) => suite.signer(seed(OPERATOR_KEY_FILE, suite)),
		booter: (suite) => suite.signer(seed(BOOTER_KEY_FILE, suite)),
		booterSeed: (suite) => seed(BOOTER_KEY_FILE, suite),
		genesis: () => {
			const bytes = readSmallFile(join(path, GENESIS_FILE));
			if (!bytes) return null;
			try {
				return readGenesis(bytes);
			} catch (cause) {
				throw unusable(join(path, GENESIS_FILE), cause);
			}
		},
		writeGenesis: (genesis) => writeDurably(join(path, GENESIS_FILE), genesis.bytes, 0o644),
		lastOrigin: () => readSmallFile(join(path, LAST_ORIGIN_FILE))?.toString('utf8').trim() || null,
		writeLastOrigin: (origin) =>
			writeDurably(join(path, LAST_ORIGIN_FILE), Buffer.from(`${origin}\n`), 0o644),
		joinCode: (make) => {
			const file = join(path, JOIN_CODE_FILE);
			const known = readSmallFile(file)?.toString('utf8').trim();
			if (known) return known;
			const code = make();
			writeDurably(file, Buffer.from(`${code}\n`), 0o600);
			return code;
		}
	};
}

function makeFolder(path: string): void {
	try {
		// Only the operator reads what is in it.
		mkdirSync(path, { recursive: true, mode: 0o700 });
	} catch (cause) {
		throw unusable(path, cause);
	}
}

/**
 * SQLite's file lock ends with the process however it ends, which a file with a process id in it does not; and it is
 * the same on every platform.
 */
function lock(path: string): () => void {
	let database: DatabaseSync | undefined;
	try {
		database = new DatabaseSync(join(path, LOCK_FILE));
		database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
		const held = database;
		return () => {
			if (held.isOpen) held.close();
		};
	} catch (cause) {
		database?.close();
		if (!/locked|busy/i.test(String(cause))) throw unusable(path, cause);
		throw new RelayStartError(
			'DataInUse',
			{
				en: `Another Tabwave relay is using the folder ${path}. Stop it first, or choose another folder with --data FOLDER.`,
				zh: `另一个 Tabwave 中继正在使用文件夹 ${path}。请先停止它，或用 --data 文件夹 另选一个。`
			},
			{ cause }
		);
	}
}

/** A key's 32 bytes. @throws RelayStartError `DataUnusable` */
export function readOrCreateSeed(file: string, suite: Suite): Uint8Array {
	const known = readSmallFile(file);
	if (!known) {
		const seed = suite.generateSeed();
		writeDurably(file, Buffer.from(`${toHex(seed)}\n`), 0o600);
		return seed;
	}
	try {
		keepToOwner(file);
		return fromHex(known.toString('utf8').trim(), SEED_BYTES);
	} catch {
		// The cause would show what is in the file, and that is a key.
		throw new RelayStartError('DataUnusable', {
			en: `${file} is not a key: 64 hex digits in one line are expected. Restore it from a copy; without it this chain has no operator.`,
			zh: `${file} 不是密钥：应为一行 64 位十六进制数字。请从备份恢复；没有它，这条链就没有管理员。`
		});
	}
}

/** A copy often has other permissions than what it was made of. */
export function keepToOwner(file: string): void {
	if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
}

/** @throws RelayStartError `DataUnusable` */
export function readSmallFile(file: string): Buffer | null {
	try {
		if (!existsSync(file)) return null;
		if (statSync(file).size > MAX_SMALL_FILE_BYTES) throw new Error('the file is too large');
		return readFileSync(file);
	} catch (cause) {
		throw unusable(file, cause);
	}
}

/** After a crash the file is there whole, or not at all. @throws RelayStartError `DataUnusable` */
export function writeDurably(file: string, bytes: Uint8Array, mode: number): void {
	const draft = `${file}.new`;
	try {
		const descriptor = openSync(draft, 'w', mode);
		try {
			writeSync(descriptor, bytes);
			fsyncSync(descriptor);
		} finally {
			closeSync(descriptor);
		}
		renameSync(draft, file);
	} catch (cause) {
		throw unusable(file, cause);
	}
}

function unusable(path: string, cause: unknown): RelayStartError {
	const reason = cause instanceof Error ? cause.message : String(cause);
	return new RelayStartError(
		'DataUnusable',
		{
			en: `${path} cannot be used: ${reason}. Mend its permissions or contents, or choose another folder with --data FOLDER.`,
			zh: `无法使用 ${path}：${reason}。请检查权限和内容，或用 --data 文件夹 另选一个。`
		},
		{ cause }
	);
}
