/** When a manager acts: a node's own choice within what the contract allows. */
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

export class ManagerSettingsError extends Error {
	override readonly name = 'ManagerSettings';
}

/**
 * With the defaults for what is not given. Who has just bought must not sell, and who has just sold must not buy: a channel more
 * halves the occupancy of one with one channel, a channel less doubles that of one with two, and no other changes so much.
 * @throws ManagerSettingsError
 */
export function checkedSettings(part: Partial<ManagerSettings> = {}): ManagerSettings {
	const settings = { ...DEFAULT_SETTINGS, ...part };
	const { buyAtPpm, sellAtPpm, sellerCapPpm, minimumGain } = settings;
	for (const [name, value] of Object.entries({ buyAtPpm, sellAtPpm, sellerCapPpm }))
		if (!Number.isSafeInteger(value) || value < 0 || value > MAX_OCCUPANCY_PPM)
			throw new ManagerSettingsError(
				`${name} is a whole number from 0 to ${MAX_OCCUPANCY_PPM}, not ${value}`
			);
	if (2 * sellAtPpm >= buyAtPpm)
		throw new ManagerSettingsError(
			`sellAtPpm is below half of buyAtPpm, or channels would go back and forth: ${sellAtPpm} and ${buyAtPpm}`
		);
	if (sellerCapPpm > SELLER_CAP_PPM)
		throw new ManagerSettingsError(`the contract lets no seller pass ${SELLER_CAP_PPM}, not ${sellerCapPpm}`);
	if (minimumGain < 0n) throw new ManagerSettingsError('the least gain is 0 or more');
	return settings;
}
