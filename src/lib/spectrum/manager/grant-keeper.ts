/** Keeps the own grants alive that are needed, and gives back those that are not. */
import { heartbeatArguments, relinquishArguments } from '../contract/arguments.ts';
import type { GrantRules } from '../contract/parameters.ts';
import type { AccessPointRecord } from '../contract/records.ts';
import type { MarketState } from '../market-state.ts';
import { heartbeatsDue, unneededGrant } from './grants.ts';
import { RETRY_MS } from './limits.ts';
import type { Due, Now } from './round-player.ts';

export class GrantKeeper {
	readonly #state: MarketState;
	readonly #rules: GrantRules;
	/** After a refusal: the state here is behind, or was. */
	#notBeforeMs = 0;

	constructor(state: MarketState, rules: GrantRules) {
		this.#state = state;
		this.#rules = rules;
	}

	/** @param own - access points of this node on the chain */
	due({ height, nowMs, intents }: Now, own: readonly AccessPointRecord[]): Due[] {
		if (nowMs < this.#notBeforeMs) return [];
		const moving = new Set<string>();
		const busy = new Set<string>();
		for (const intent of intents)
			if (intent.kind === 'heartbeat')
				for (const { ap, channel } of intent.grants) moving.add(`${ap}/${channel}`);
			// One at a time: what is left decides about the next.
			else if (intent.kind === 'relinquish') busy.add(intent.ap);
		const due: Due[] = [];
		const returned = new Set<string>();
		for (const record of own) {
			const channel = busy.has(record.id) ? undefined : unneededGrant(record);
			if (channel === undefined) continue;
			const name = { ap: record.id, channel };
			returned.add(`${record.id}/${channel}`);
			due.push({ intent: { kind: 'relinquish', ...name }, args: relinquishArguments(name) });
		}
		const ids = new Set(own.map(({ id }) => id));
		const kept = [...this.#state.grants].filter(
			([key, { ap }]) => ids.has(ap) && !moving.has(key) && !returned.has(key)
		);
		const batches = heartbeatsDue(
			kept.map(([, grant]) => grant),
			height,
			this.#rules
		);
		for (const grants of batches)
			due.push({ intent: { kind: 'heartbeat', grants }, args: heartbeatArguments(grants) });
		return due;
	}

	/** @param error - the receipt's code, null where the transaction is lost: it is made again at once */
	failed(error: string | null, nowMs: number): void {
		if (error !== null) this.#notBeforeMs = nowMs + RETRY_MS;
	}
}
