/** R6: who asks for which view. A later request of a member replaces its earlier one; it never falls. */
import { faultyBound, quorum } from '../quorum.ts';

export class ViewRequests {
	readonly #members: string[];
	readonly #highest = new Map<string, number>();

	constructor(members: string[]) {
		this.#members = members;
	}

	/** @returns whether this is news */
	add(member: string, view: number): boolean {
		if (view <= this.of(member)) return false;
		this.#highest.set(member, view);
		return true;
	}

	/** The highest view that a member asked for; 0 where it asked for none. */
	of(member: string): number {
		return this.#highest.get(member) ?? 0;
	}

	/** The members that ask for this view or a higher one. */
	supporters(view: number): string[] {
		return this.#members.filter((member) => this.of(member) >= view);
	}

	/**
	 * R6: the (f+1)-th highest view asked for, never the maximum: f liars alone move nobody.
	 * @returns 0 where fewer than f+1 ask
	 */
	get joinView(): number {
		return this.#nth(faultyBound(this.#members.length) + 1);
	}

	/** The highest view that q members ask for, or for a higher one. */
	get quorumView(): number {
		return this.#nth(quorum(this.#members.length));
	}

	#nth(n: number): number {
		return [...this.#highest.values()].sort((a, b) => b - a)[n - 1] ?? 0;
	}
}
