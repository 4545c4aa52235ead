/** Something that claims to be part of a ledger and is not. `reason` is stable, the message is for a person. */
export class LedgerError extends Error {
	override readonly name = 'LedgerError';
	readonly reason: string;
	constructor(reason: string, message: string) {
		super(message);
		this.reason = reason;
	}
}

/**
 * An assertion of the core: a state it holds impossible. The node that meets one stops and says which rule broke
 * (architecture.md); it never carries on.
 */
export class InvariantError extends Error {
	override readonly name = 'InvariantError';
	readonly rule: string;
	constructor(rule: string, message: string) {
		super(`${rule}: ${message}`);
		this.rule = rule;
	}
}

/** @throws InvariantError naming the rule */
export function invariant(condition: unknown, rule: string, message: string): asserts condition {
	if (!condition) throw new InvariantError(rule, message);
}
