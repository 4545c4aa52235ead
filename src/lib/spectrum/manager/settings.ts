/** When a manager acts: a node's own choice within what the contract allows. */
import { MAX_AMOUNT } from '../../ledger/accounts.ts';
import { BUY_AT_PPM, MAX_OCCUPANCY_PPM, SELLER_CAP_PPM, SELL_AT_PPM } from '../access-point.ts';
import { MINIMUM_GAIN } from './limits.ts';

export interface ManagerSettings {
	/** An access point that is busy for this share of the time, or more, looks for a channel. */
	buyAtPpm: number;
	/** One that is busy for this share, or less, gives idle channels away. */
	sellAtPpm: number;
	/** It refuses to give one away that would make it busier than this. */
	sellerCapPpm: number;
	/** What a trade must be worth more than it costs (hysteresis), in the ledger's unit. */
	minimumGain: bigint;
}

export const DEFAULT_SETTINGS: ManagerSettings = {
	buyAtPpm: BUY_AT_PPM,
	sellAtPpm: SELL_AT_PPM,
	sellerCapPpm: SELLER_CAP_PPM,
	minimumGain: MINIMUM_GAIN
};

/** Why settings cannot be; the words are for who reads them. */
export type SettingsReason =
	/** No whole number of parts per million. */
	| 'NotAShare'
	/** It sells at half of what it buys at, or more: channels would go back and forth. */
	| 'BackAndForth'
	/** Above what the contract lets a seller reach. */
	| 'AboveContract'
	/** No amount of money. */
	| 'NotAnAmount';

export interface SettingsProblem {
	field: keyof ManagerSettings;
	reason: SettingsReason;
}

export class ManagerSettingsError extends Error {
	override readonly name = 'ManagerSettings';
	readonly problem: SettingsProblem;

	constructor(problem: SettingsProblem, message: string) {
		super(message);
		this.problem = problem;
	}
}

/**
 * What is wrong with them first; null where they can be. Who has just bought must not sell, and who has just sold must not buy: a
 * channel more halves the occupancy of one with one channel, a channel less doubles that of one with two, and no other changes so much.
 */
export function problemOf({
	buyAtPpm,
	sellAtPpm,
	sellerCapPpm,
	minimumGain
}: ManagerSettings): SettingsProblem | null {
	const shares: [keyof ManagerSettings, number][] = [
		['buyAtPpm', buyAtPpm],
		['sellAtPpm', sellAtPpm],
		['sellerCapPpm', sellerCapPpm]
	];
	for (const [field, value] of shares)
		if (!Number.isSafeInteger(value) || value < 0 || value > MAX_OCCUPANCY_PPM)
			return { field, reason: 'NotAShare' };
	if (2 * sellAtPpm >= buyAtPpm) return { field: 'sellAtPpm', reason: 'BackAndForth' };
	if (sellerCapPpm > SELLER_CAP_PPM) return { field: 'sellerCapPpm', reason: 'AboveContract' };
	if (typeof minimumGain !== 'bigint' || minimumGain < 0n || minimumGain > MAX_AMOUNT)
		return { field: 'minimumGain', reason: 'NotAnAmount' };
	return null;
}

/** With the defaults for what is not given. @throws ManagerSettingsError */
export function checkedSettings(
	part: Partial<ManagerSettings> = {},
	base: ManagerSettings = DEFAULT_SETTINGS
): ManagerSettings {
	const settings = { ...base, ...part };
	const problem = problemOf(settings);
	if (!problem) return settings;
	const { field, reason } = problem;
	const found = String(settings[field]).slice(0, 40);
	const messages: Record<SettingsReason, string> = {
		NotAShare: `${field} is a whole number from 0 to ${MAX_OCCUPANCY_PPM}, not ${found}`,
		BackAndForth: `sellAtPpm is below half of buyAtPpm, or channels would go back and forth: ${found} and ${settings.buyAtPpm}`,
		AboveContract: `the contract lets no seller pass ${SELLER_CAP_PPM}, not ${found}`,
		NotAnAmount: `${field} is a whole amount of 0 or more, not ${found}`
	};
	throw new ManagerSettingsError(problem, messages[reason]);
}
