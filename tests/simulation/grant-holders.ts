/** Holders of grants: some keep them alive, some leave them to expire, some give them back; and some speak for what is not theirs. */
import type { Chain } from '#lib/consensus/ordering/chain.ts';
import { heartbeatArguments, relinquishArguments, type GrantName } from '#lib/spectrum/contract/arguments.ts';
import { decodeGrant } from '#lib/spectrum/contract/grants.ts';
import { grantKey } from '#lib/spectrum/contract/keys.ts';
import type { GrantRules } from '#lib/spectrum/contract/parameters.ts';
import type { AccessPointRecord, GrantRecord } from '#lib/spectrum/contract/records.ts';
import { marketCall, type Call } from './market-call.ts';
import { pick, seededRandom, type Random } from './random.ts';

const HOLDERS_SALT = 0x64a47;
/** Grants that somebody may speak for when they are over. */
const MAX_KNOWN = 40;

const FATES = ['kept', 'kept', 'neglected', 'given back'] as const;

export class GrantHolders {
	readonly #random: Random;
	readonly #rules: GrantRules;
	/** By bid: a channel that was granted twice may fare otherwise the second time. */
	readonly #fates = new Map<string, (typeof FATES)[number]>();
	#known: GrantName[] = [];

	constructor(seed: number, rules: GrantRules) {
		this.#random = seededRandom(seed ^ HOLDERS_SALT);
		this.#rules = rules;
	}

	/** What the owner of an access point does about its grants; null for nothing now. */
	next(own: AccessPointRecord, { head, state }: Chain): Call | null {
		const random = this.#random;
		const grants = (own.grantedChannels ?? []).flatMap((channel) => {
			const bytes = state.get(grantKey(own.id, channel));
			return bytes ? [decodeGrant(bytes)] : [];
		});
		const due = grants.filter(
			(grant) =>
				this.#fateOf(grant) === 'kept' &&
				2 * (grant.expiryHeight - head.height) <= this.#rules.heartbeatHeights
		);
		if (due.length > 0 && random() < 0.8) return heartbeat(due);
		const unwanted = grants.find((grant) => this.#fateOf(grant) === 'given back');
		if (unwanted && random() < 0.3) return relinquish(unwanted);
		// Of others, or over: both are refused.
		if (this.#known.length > 0 && random() < 0.1) {
			const known = pick(random, this.#known);
			return random() < 0.5 ? heartbeat([known]) : relinquish(known);
		}
		return null;
	}

	#fateOf({ ap, channel, bidId }: GrantRecord): (typeof FATES)[number] {
		const known = this.#fates.get(bidId);
		if (known) return known;
		const fate = pick(this.#random, FATES);
		this.#fates.set(bidId, fate);
		this.#known.push({ ap, channel });
		if (this.#known.length > MAX_KNOWN) this.#known.shift();
		return fate;
	}
}

function heartbeat(grants: readonly GrantName[]): Call {
	return marketCall('IssueGrantHeartbeatInfo', heartbeatArguments(grants));
}

function relinquish(grant: GrantName): Call {
	return marketCall('IssueGrantRelinquishInfo', relinquishArguments(grant));
}
