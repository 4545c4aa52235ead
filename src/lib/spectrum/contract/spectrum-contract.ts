/**
 * The contract `spectrum`: access points, bids for their idle channels, and switches of channels between them. The rule that
 * keeps neighbours apart is in holders.ts. Transactions carry three of the seed's four kinds; the fourth, UpdateAPChannelInfo,
 * is the contract's own, as the event of every switch.
 */
import type { Contract } from '../../ledger/contract.ts';
import { issueAccessPoint } from './register.ts';
import { issueBid } from './bid.ts';
import { describeCall, describeEvent, describeState } from './describe.ts';
import { sweepExpired } from './expiry.ts';
import { HolderIndex } from './holders.ts';
import { MAX_CONFLICT_DISTANCE_PERCENT } from './limits.ts';
import { issueSwitch } from './switch.ts';

export const SPECTRUM_CONTRACT = 'spectrum';

export interface SpectrumParameters {
	/** Genesis: two holders of a channel conflict below this percentage of r1 + r2. 100 is r1 + r2, 0 switches the rule off. */
	conflictDistancePercent: number;
}

/** @throws RangeError where a parameter is no integer within its bounds */
export function spectrumContract({ conflictDistancePercent }: SpectrumParameters): Contract {
	if (
		!Number.isInteger(conflictDistancePercent) ||
		conflictDistancePercent < 0 ||
		conflictDistancePercent > MAX_CONFLICT_DISTANCE_PERCENT
	)
		throw new RangeError(
			`conflict distance must be 0 to ${MAX_CONFLICT_DISTANCE_PERCENT} percent, not ${conflictDistancePercent}`
		);
	const holders = new HolderIndex(conflictDistancePercent);
	return {
		name: SPECTRUM_CONTRACT,
		functions: {
			IssueAPChannelInfo: (context, args) => issueAccessPoint(context, args, holders),
			IssueBidingPriceInfo: (context, args) => issueBid(context, args),
			IssueChannelSwitchInfo: (context, args) => issueSwitch(context, args, holders)
		},
		beginBlock: sweepExpired,
		accountsNamed: () => [], // Arguments name access points; whose they are is in state, which this call does not see.
		describeState,
		describeCall,
		describeEvent
	};
}
