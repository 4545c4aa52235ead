/** What holds of the contract's state at every height, looked at whole and without its indexes. */
import { MAX_CHANNELS_PER_AP } from '../access-point.ts';
import type { BidRecord } from '../contract/records.ts';
import type { TestChain } from './test-chain.ts';

/** What lies in the escrow of a bid. */
export function escrowOf({ status, price, commitment }: BidRecord): bigint {
	if (status === 'open') return price;
	return status === 'committed' ? commitment!.deposit : 0n;
}

/** A granted channel is held once, by whom the grant says, and goes back to whom it misses. @returns what is wrong */
export function grantFaults(chain: TestChain): string[] {
	const faults: string[] = [];
	const granted = new Map<string, number[]>();
	const lent = new Map<string, number[]>();
	for (const { ap, channel, grantorAp } of chain.grants()) {
		granted.set(ap, [...(granted.get(ap) ?? []), channel]);
		lent.set(grantorAp, [...(lent.get(grantorAp) ?? []), channel]);
	}
	const same = (a: readonly number[] = [], b: readonly number[] = []): boolean =>
		[...a].sort((x, y) => x - y).join() === [...b].sort((x, y) => x - y).join();
	for (const ap of chain.accessPoints()) {
		const { id, channels, grantedChannels = [], lentChannels = [] } = ap;
		if (!same(grantedChannels, granted.get(id)) || !same(lentChannels, lent.get(id)))
			faults.push(`${id} says of its grants what they do not say of it`);
		if (!grantedChannels.every((channel) => channels.includes(channel)))
			faults.push(`${id} has a grant for what it does not hold`);
		if (lentChannels.some((channel) => channels.includes(channel)))
			faults.push(`${id} holds what it has granted`);
		if (channels.length + lentChannels.length > MAX_CHANNELS_PER_AP)
			faults.push(`${id} has no place for what comes back`);
	}
	return faults;
}
