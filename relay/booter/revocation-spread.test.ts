import { describe, expect, it } from 'vitest';
import { MAX_REVOKED_KNOWN, RevocationSpread } from './revocation-spread.ts';

const id = (n: number): string => n.toString(16).padStart(64, '0');

/** Replicas that say their hash to each other, as heartbeats do. */
class Cluster {
	readonly known: Set<string>[];
	readonly spreads: RevocationSpread[];
	/** Lists that were said. */
	said = 0;
	#nowMs = 0;

	constructor(...ids: number[][]) {
		this.known = ids.map((own) => new Set(own.map(id)));
		this.spreads = this.known.map(
			(known) =>
				new RevocationSpread({
					has: () => false,
					ids: () => [...known].sort(),
					add: (ids) => {
						const before = known.size;
						for (const one of ids) known.add(one);
						return known.size - before;
					}
				})
		);
	}

	/** @param isLinked whether two of them hear each other */
	heartbeats(isLinked: (a: number, b: number) => boolean = () => true, afterMs = 500): void {
		this.#nowMs += afterMs;
		for (const [from, spread] of this.spreads.entries())
			for (const [to, other] of this.spreads.entries()) {
				if (from === to || !isLinked(from, to)) continue;
				const answer = other.heard(`replica ${from}`, spread.hash, this.#nowMs);
				if (!answer) continue;
				this.said++;
				spread.told(answer);
			}
	}
}

describe('revoked invitations among replicas', () => {
	it('are known to all after two heartbeats, whoever was asked, and then nothing is said any more', () => {
		const cluster = new Cluster([1], [], [2, 3]);
		for (let i = 0; i < 2; i++) cluster.heartbeats(undefined, 2000);
		const all = new Set([1, 2, 3].map(id));
		expect(cluster.known).toEqual([all, all, all]);
		const { said } = cluster;
		for (let i = 0; i < 10; i++) cluster.heartbeats();
		expect(cluster.said).toBe(said);
	});

	it('pass on through those that hear both sides', () => {
		const cluster = new Cluster([1], [], [2]);
		for (let i = 0; i < 3; i++) cluster.heartbeats((a, b) => Math.abs(a - b) === 1, 2000);
		expect(cluster.known[0]).toEqual(new Set([id(1), id(2)]));
	});

	it('are not said with each heartbeat to one that cannot keep them, nor where nobody says what it knows', () => {
		const [deaf, knowing] = new Cluster([], [1]).spreads as [RevocationSpread, RevocationSpread];
		let said = 0;
		for (let ms = 0; ms < 10_000; ms += 500) said += knowing.heard('deaf', deaf.hash, ms) ? 1 : 0;
		expect(said).toBe(5);
		expect(knowing.heard('another', new Uint8Array(0), 0)).toBeNull();
		expect(deaf.heard('knowing', knowing.hash, 0)).toBeNull();
	});

	it('are ids, and not too many', () => {
		const [spread] = new Cluster([]).spreads as [RevocationSpread];
		for (const bytes of [0, 31, 33, 32 * (MAX_REVOKED_KNOWN + 1)])
			expect(() => spread.told(new Uint8Array(bytes))).toThrow(/revoked invitations are/);
		expect(spread.told(new Uint8Array(32))).toBe(1);
	});
});
