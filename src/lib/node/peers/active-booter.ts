/**
 * Which of the Booter's replicas is active, as a tab knows it. It decides to whom a tab turns, and nothing else: whose ballot
 * counts the ballots decide (R11, R14). The active one says so itself, with its term, in every heartbeat; another's word for it
 * is hearsay, and good until somebody speaks for himself.
 */
import { toHex } from '../../crypto/hex.ts';
import type { Heartbeat } from '../../wire/gen/tabwave/v1/wire_pb.js';

export interface KnownBooter {
	/** Lower-case hex. */
	booter: string;
	term: number;
}

export class ActiveBooter {
	/** Ids of all replicas, of genesis. */
	readonly booters: readonly string[];
	readonly #looksAlive: (booter: string) => boolean;
	/** Whom each replica named last; empty for nobody. */
	readonly #named = new Map<string, string>();
	#known: (KnownBooter & { isHearsay: boolean }) | null = null;

	/** @param looksAlive linked, and heard of lately */
	constructor(booters: readonly string[], looksAlive: (booter: string) => boolean) {
		this.booters = booters;
		this.#looksAlive = looksAlive;
	}

	isBooter(peer: string): boolean {
		return this.booters.includes(peer);
	}

	/** Null where nobody is known to be active, or who was has fallen silent. */
	get current(): KnownBooter | null {
		return this.#known && this.#looksAlive(this.#known.booter) ? this.#known : null;
	}

	/** Who was active last, if only by hearsay: of whom to complain, since its silence may be what is wrong. */
	get suspect(): KnownBooter | null {
		return this.#known;
	}

	/** Whom other replicas name as the active one, and whom this tab does not reach. */
	get unreached(): string | null {
		if (this.current) return null;
		const heard = this.booters.filter((booter) => this.#looksAlive(booter));
		return heard.map((booter) => this.#named.get(booter)).find((active) => active) ?? null;
	}

	/** Replicas of which nothing is heard. */
	get silent(): string[] {
		return this.booters.filter((booter) => !this.#looksAlive(booter));
	}

	/** Whom to turn to: the active one, or all of them where none is known. */
	get targets(): readonly string[] {
		const { current } = this;
		return current ? [current.booter] : this.booters;
	}

	/** @returns whether another is active than before */
	heartbeat(from: string, { booterTerm: term, activeBooter }: Words): boolean {
		const active = toHex(activeBooter);
		this.#named.set(from, this.isBooter(active) ? active : '');
		if (active === from) return this.#claim({ booter: from, term, isHearsay: false });
		// It gave way; or who told of another knows of none any more.
		const isOver = this.#known && (this.#known.booter === from || this.#known.isHearsay);
		if (isOver && term >= this.#known!.term) this.#known = null;
		return this.isBooter(active) && this.#claim({ booter: active, term, isHearsay: true });
	}

	/** A Booter asked for votes; its signature holds. @returns whether another is active than before */
	asked(booter: string, term: number): boolean {
		return this.#claim({ booter, term, isHearsay: false });
	}

	#claim(claim: KnownBooter & { isHearsay: boolean }): boolean {
		const before = this.current && this.#known;
		// The highest term wins, among those of whom something is heard: one that nobody can reach must not hold a tab up.
		const isNews =
			!before ||
			(before.isHearsay && !claim.isHearsay) ||
			(claim.term > before.term && before.isHearsay === claim.isHearsay);
		if (!isNews) return false;
		const isSame = this.#known?.booter === claim.booter && this.#known.term === claim.term;
		this.#known = claim;
		return !isSame;
	}
}

type Words = Pick<Heartbeat, 'booterTerm' | 'activeBooter'>;
