/**
 * `npm run recover`: the operator lets a partition that has lost its quorum go on without its lost members, or end (R22). The
 * command leaves a file in the data directory, and the relay that runs there signs with the operator's key when the silence is
 * over. Whoever can write that file can read the key beside it, so that a signature on it would prove nothing more.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_PARTITIONS } from '#lib/ledger/genesis.ts';
import type { RecoveryWish } from './booter/recovery-watch.ts';
import { peekDataDirectory } from './data-directory.ts';
import { RelayStartError } from './errors.ts';
import type { RecoverArguments } from './terminal/arguments.ts';

/** How often a running relay looks. */
export const WISH_CHECK_MS = 1000;

const FILE = /^recover-(\d{1,2})\.(recover|retire)$/;

/** @throws RelayStartError `NoChainYet`, `BadArgument`, `DataUnusable` */
export function askForRecovery({ dataDirectory, partition, retire }: RecoverArguments): void {
	const genesis = peekDataDirectory(dataDirectory).genesis();
	if (!genesis)
		throw new RelayStartError('NoChainYet', {
			en: `There is no chain in ${dataDirectory} yet: nothing has been lost.`,
			zh: `${dataDirectory} 中还没有链：没有可恢复的内容。`
		});
	const last = Math.max(genesis.fields.partitions.length, genesis.fields.maxPartitions);
	if (partition < 1 || partition > last)
		throw new RelayStartError('BadArgument', {
			en: `--partition is wrong. Found: ${partition}. Allowed: 1 to ${last}.`,
			zh: `--partition 的值不对：${partition}。允许：1 到 ${last}。`
		});
	const file = join(dataDirectory, `recover-${partition}.${retire ? 'retire' : 'recover'}`);
	try {
		// By a rename, so that the relay never sees half of it. It is empty: its name says all.
		writeFileSync(`${file}.new`, '', { mode: 0o600 });
		renameSync(`${file}.new`, file);
	} catch (cause) {
		throw new RelayStartError(
			'DataUnusable',
			{
				en: `${file} cannot be written: ${(cause as Error).message}. Run this as the one who runs the relay.`,
				zh: `无法写入 ${file}：${(cause as Error).message}。请以运行中继的用户身份执行。`
			},
			{ cause }
		);
	}
}

/** What the operator has asked for since the last look; each is taken once. */
export function takeRecoveryWishes(dataDirectory: string): RecoveryWish[] {
	if (!existsSync(dataDirectory)) return [];
	return readdirSync(dataDirectory).flatMap((name) => {
		const [, id, what] = FILE.exec(name) ?? [];
		if (id === undefined) return [];
		const file = join(dataDirectory, name);
		const isEmpty = readFileSync(file).length === 0;
		rmSync(file);
		const partition = Number(id);
		if (!isEmpty || partition < 1 || partition > MAX_PARTITIONS) return [];
		return [{ partition, retire: what === 'retire' }];
	});
}
