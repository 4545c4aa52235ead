/** What genesis decides of this contract. */
import {
	BID_COMMIT_HEIGHTS,
	BID_REVEAL_HEIGHTS,
	GRANT_HEARTBEAT_HEIGHTS,
	MAX_BID_DEPOSIT
} from '../../ledger/genesis.ts';
import type { Genesis } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { MAX_CONFLICT_DISTANCE_PERCENT } from './limits.ts';

export interface SpectrumParameters {
	/** Two holders of a channel conflict below this percentage of r1 + r2. 100 is r1 + r2, 0 switches the rule off. */
	conflictDistancePercent: number;
	/** Bids are committed to before they are revealed; absent: they are open. */
	sealedBids?: SealedBidRules;
	/** Channels that were switched are held as grants; absent: for good. */
	grants?: GrantRules;
}

export interface SealedBidRules {
	/** Commitments of one round are made in so many heights, at least 2 (see standsUntil). */
	commitHeights: number;
	/** In so many heights after them they can be revealed. */
	revealHeights: number;
	/** Lost where a commitment is not revealed. */
	deposit: bigint;
}

export interface GrantRules {
	/** A grant without a heartbeat ends after so many heights. */
	heartbeatHeights: number;
}

export function spectrumParameters(
	genesis: Pick<
		Genesis,
		| 'conflictDistancePercent'
		| 'bidCommitHeights'
		| 'bidRevealHeights'
		| 'bidDeposit'
		| 'grantHeartbeatHeights'
	>
): SpectrumParameters {
	return {
		conflictDistancePercent: genesis.conflictDistancePercent,
		...(genesis.bidCommitHeights > 0 && {
			sealedBids: {
				commitHeights: genesis.bidCommitHeights,
				revealHeights: genesis.bidRevealHeights,
				deposit: genesis.bidDeposit
			}
		}),
		...(genesis.grantHeartbeatHeights > 0 && {
			grants: { heartbeatHeights: genesis.grantHeartbeatHeights }
		})
	};
}

/** @throws RangeError where a parameter is no integer within its bounds */
export function checkParameters({ conflictDistancePercent, sealedBids, grants }: SpectrumParameters): void {
	checkRange('conflict distance in percent', conflictDistancePercent, [0, MAX_CONFLICT_DISTANCE_PERCENT]);
	if (sealedBids) {
		checkRange('heights of commitments', sealedBids.commitHeights, BID_COMMIT_HEIGHTS);
		checkRange('heights of reveals', sealedBids.revealHeights, BID_REVEAL_HEIGHTS);
		checkRange('deposit', Number(sealedBids.deposit), [1, Number(MAX_BID_DEPOSIT)]);
	}
	if (grants) checkRange('heights of a grant', grants.heartbeatHeights, GRANT_HEARTBEAT_HEIGHTS);
}

function checkRange(what: string, value: number, [low, high]: readonly [number, number]): void {
	if (!Number.isInteger(value) || value < low || value > high)
		throw new RangeError(`${what} must be a whole number from ${low} to ${high}, not ${value}`);
}
