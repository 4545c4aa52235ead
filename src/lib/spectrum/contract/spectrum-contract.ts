/**
 * The contract `spectrum`: access points, bids for their idle channels, and switches of channels between them. The rule that
 * keeps neighbours apart is in holders.ts. Transactions carry three of the seed's four kinds; the fourth, UpdateAPChannelInfo,
 * is the contract's own, as the event of every switch. Two options of genesis add their own: bids that are sealed until nobody
 * can adapt to them (commit.ts, reveal.ts), and channels that are held as grants (grants.ts).
 */
import type { CallContext, Contract } from '../../ledger/contract.ts';
import { issueAccessPoint } from './register.ts';
import { issueBid } from './bid.ts';
import { issueCommitment, issueRound } from './commit.ts';
import { describeCall, describeEvent, describeState } from './describe.ts';
import { sweepExpired } from './expiry.ts';
import { issueHeartbeat, issueRelinquish, sweepGrants } from './grants.ts';
import { HolderIndex } from './holders.ts';
import { checkParameters, type SpectrumParameters } from './parameters.ts';
import { revealBid } from './reveal.ts';
import { issueSwitch } from './switch.ts';

export const SPECTRUM_CONTRACT = 'spectrum';

/** @throws RangeError where a parameter is no integer within its bounds */
export function spectrumContract(parameters: SpectrumParameters): Contract {
	checkParameters(parameters);
	const { conflictDistancePercent, sealedBids, grants } = parameters;
	const holders = new HolderIndex(conflictDistancePercent);
	return {
		name: SPECTRUM_CONTRACT,
		functions: {
			IssueAPChannelInfo: (context, args) => issueAccessPoint(context, args, holders),
			IssueBidingPriceInfo: sealedBids
				? (context, args) => revealBid(context, args, sealedBids)
				: (context, args) => issueBid(context, args),
			IssueChannelSwitchInfo: (context, args) => issueSwitch(context, args, holders, grants),
			...(sealedBids && {
				IssueBidingCommitInfo: (context: CallContext, args: Uint8Array) =>
					issueCommitment(context, args, sealedBids),
				IssueBidingRoundInfo: (context: CallContext, args: Uint8Array) =>
					issueRound(context, args, sealedBids)
			}),
			...(grants && {
				IssueGrantHeartbeatInfo: (context: CallContext, args: Uint8Array) =>
					issueHeartbeat(context, args, grants),
				IssueGrantRelinquishInfo: (context: CallContext, args: Uint8Array) =>
					issueRelinquish(context, args, holders)
			})
		},
		beginBlock(context) {
			sweepExpired(context);
			if (grants) sweepGrants(context, holders);
		},
		accountsNamed: () => [], // Arguments name access points; whose they are is in state, which this call does not see.
		describeState,
		describeCall,
		describeEvent
	};
}
