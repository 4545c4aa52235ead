/** Where channels are held as grants: which to keep alive, which to give back, and what may be sold beside them. */
import { occupancyAfterSelling } from '../access-point.ts';
import { MAX_GRANTS_PER_HEARTBEAT } from '../contract/limits.ts';
import type { GrantRules } from '../contract/parameters.ts';
import type { AccessPointRecord, GrantRecord } from '../contract/records.ts';

/**
 * A channel is given back where its access point stays at or below this without it. Far from what makes it a buyer (BUY_AT_PPM), so
 * that it does not give back today what it buys tomorrow.
 */
export const RELINQUISH_AT_PPM = 500_000;

/**
 * Own grants to keep alive now, a transaction each: once one has lived half of its time, all that have lived a quarter of it are
 * renewed with it. Each transaction moves the heights on that grants are counted in; taken one by one, many grants would keep the
 * chain busy with nothing but themselves.
 * @param grants - own ones that are not on their way
 */
export function heartbeatsDue(
	grants: Iterable<GrantRecord>,
	height: number,
	{ heartbeatHeights }: GrantRules
): GrantRecord[][] {
	const left = ({ expiryHeight }: GrantRecord): number => expiryHeight - height;
	const alive = [...grants].filter((grant) => left(grant) > 0);
	if (!alive.some((grant) => left(grant) <= heartbeatHeights / 2)) return [];
	const renewed = alive
		.filter((grant) => left(grant) <= (heartbeatHeights * 3) / 4)
		.sort((a, b) => a.expiryHeight - b.expiryHeight);
	const batches: GrantRecord[][] = [];
	for (let i = 0; i < renewed.length; i += MAX_GRANTS_PER_HEARTBEAT)
		batches.push(renewed.slice(i, i + MAX_GRANTS_PER_HEARTBEAT));
	return batches;
}

/** A granted channel that this access point can do without, or undefined. The last channel goes only where nobody uses it. */
export function unneededGrant({
	channels,
	grantedChannels,
	idleChannels,
	occupancyPpm
}: AccessPointRecord): number | undefined {
	if (!grantedChannels) return undefined;
	const isUnneeded =
		channels.length > 1
			? occupancyAfterSelling(occupancyPpm, channels.length) <= RELINQUISH_AT_PPM
			: occupancyPpm === 0;
	if (!isUnneeded) return undefined;
	// One that stands idle goes first.
	return grantedChannels.find((channel) => idleChannels.includes(channel)) ?? grantedChannels.at(-1);
}

/** The access point as a seller: what it holds by grants is not idle, and one channel of its own stays. */
export function asSeller(record: AccessPointRecord): AccessPointRecord {
	const { channels, idleChannels, grantedChannels } = record;
	if (!grantedChannels) return record;
	const own = idleChannels.filter((channel) => !grantedChannels.includes(channel));
	return { ...record, idleChannels: own.slice(0, Math.max(0, channels.length - grantedChannels.length - 1)) };
}
