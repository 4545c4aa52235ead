/**
 * Signature checks, and a memory of those that held: a vote that came alone comes again inside certificates, and n members
 * check each transaction n times in all, not more (quality.md).
 */
import { taggedHash } from '../../crypto/hash.ts';
import { toHex } from '../../crypto/hex.ts';
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../../crypto/strict.ts';
import type { Suite, Verification } from '../../crypto/suite.ts';

/** Votes of some hundred rounds; 100 bytes each. */
const MAX_REMEMBERED = 8192;

export class Verifier {
	readonly #suite: Suite;
	/** Two generations: when the young one is full it becomes the old one, and the old one is forgotten. */
	#young = new Set<string>();
	#old = new Set<string>();
	/** Checks that were made, for benchmarks. */
	checks = 0;

	constructor(suite: Suite) {
		this.#suite = suite;
	}

	/** For what comes once, such as a transaction. */
	verify(check: Verification): Promise<boolean> {
		this.checks += 1;
		return this.#suite.verify(check);
	}

	/** For what comes again, such as a vote. */
	async verifyOnce(check: Verification): Promise<boolean> {
		// The parts are remembered one behind the other: only fixed lengths keep the borders between them where they were.
		if (check.publicKey.length !== PUBLIC_KEY_BYTES || check.signature.length !== SIGNATURE_BYTES)
			return this.verify(check);
		const key = toHex(taggedHash('verified', check.publicKey, check.signature, check.message));
		if (this.#young.has(key) || this.#old.has(key)) return true;
		if (!(await this.verify(check))) return false;
		this.#remember(key);
		return true;
	}

	async verifyAll(checks: Verification[]): Promise<boolean> {
		return (await Promise.all(checks.map((check) => this.verifyOnce(check)))).every(Boolean);
	}

	#remember(key: string): void {
		if (this.#young.size >= MAX_REMEMBERED) {
			this.#old = this.#young;
			this.#young = new Set();
		}
		this.#young.add(key);
	}
}
