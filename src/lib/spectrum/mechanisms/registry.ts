/** The mechanisms by name. */
import { greedyMechanism } from './greedy.ts';
import { mcAfeeMechanism } from './mcafee.ts';
import type { Mechanism } from './mechanism.ts';
import { seedMechanism } from './seed.ts';
import { trustMechanism } from './trust.ts';
import { veritasMechanism } from './veritas.ts';

const MECHANISMS: readonly Mechanism[] = [
	greedyMechanism,
	seedMechanism,
	mcAfeeMechanism,
	veritasMechanism,
	trustMechanism
];

export const DEFAULT_MECHANISM = greedyMechanism.name;

export function mechanismNames(): string[] {
	return MECHANISMS.map((mechanism) => mechanism.name);
}

/** @throws UnknownMechanismError */
export function mechanismNamed(name: string): Mechanism {
	const mechanism = MECHANISMS.find((known) => known.name === name);
	if (!mechanism)
		throw new UnknownMechanismError(
			`there is no mechanism ${name.slice(0, 40)}; known are ${mechanismNames().join(', ')}`
		);
	return mechanism;
}

export class UnknownMechanismError extends Error {
	override readonly name = 'UnknownMechanism';
}
