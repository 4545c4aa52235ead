/** How a program of this folder ends where it cannot begin or go on. */
import { ApiError } from '#lib/node/api.ts';
import { ManagerSettingsError } from '#lib/spectrum/manager/settings.ts';
import { StoreError } from '#lib/storage/ledger-store.ts';
import { ConfigError } from '../config/config-error.ts';
import { RelayStartError } from '../errors.ts';
import { DatabaseError } from '../storage/sql/database-error.ts';
import { WORDS } from './words.ts';

/** A start that is refused, as against a crash. */
const EXIT_REFUSED = 2;
/** Refused by name, with words that say what to do: of the network, a database, or a manager's settings. */
const REFUSALS = [ApiError, DatabaseError, ManagerSettingsError];

/** Says why, and ends the process: with 2 where something was refused by name, with 1 otherwise. */
export function endWith(error: unknown): void {
	const { words, isRefused } = explain(error);
	// The channel to the script that started this program would keep it alive.
	process.stderr.write(`\n${words}\n\n`, () => process.exit(isRefused ? EXIT_REFUSED : 1));
}

function explain(error: unknown): { words: string; isRefused: boolean } {
	const refused = (words: string, name: string) => ({ words: `${words}\n(${name})`, isRefused: true });
	if (error instanceof RelayStartError) return refused(`${error.words.en}\n${error.words.zh}`, error.name);
	if (error instanceof ConfigError)
		return refused(`${WORDS.badConfig('network.ini')}\n${error.message}`, error.name);
	if (error instanceof StoreError) return refused(error.message, `${error.name} ${error.reason}`);
	if (REFUSALS.some((kind) => error instanceof kind)) {
		const { message, name } = error as Error;
		return refused(message, name);
	}
	const found = error instanceof Error ? (error.stack ?? error.message) : String(error);
	return { words: `${WORDS.unexpected}\n${found}`, isRefused: false };
}
