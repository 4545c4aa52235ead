/** A token bucket for each address: bursts are fine, a steady flood is refused. */

/** Addresses that are remembered at once. Beyond it the one that was seen longest ago is forgotten, with a full bucket. */
export const MAX_ADDRESSES = 10_000;

export interface RateLimit {
	/** @returns 0 where the request may pass, else the seconds (rounded up) until the next one may */
	take(address: string, nowMs: number): number;
}

/** @param burst - as many may come at once */
export function rateLimit(perMinute: number, burst: number = perMinute): RateLimit {
	const perMs = perMinute / 60_000;
	const buckets = new Map<string, { tokens: number; atMs: number }>();
	return {
		take(address, nowMs) {
			const known = buckets.get(address);
			const tokens = known ? Math.min(burst, known.tokens + (nowMs - known.atMs) * perMs) : burst;
			// Taken out and put back: a Map keeps the order of insertion, so the first is the one seen longest ago.
			buckets.delete(address);
			if (buckets.size >= MAX_ADDRESSES) buckets.delete(buckets.keys().next().value!);
			const passes = tokens >= 1;
			buckets.set(address, { tokens: passes ? tokens - 1 : tokens, atMs: nowMs });
			return passes ? 0 : Math.ceil((1 - tokens) / perMs / 1000);
		}
	};
}
