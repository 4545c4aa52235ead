/** The network's description asks for a suite that this version does not have. */
export class UnknownSuiteError extends Error {
	override readonly name = 'UnknownSuiteError';

	constructor(suite: string, known: readonly string[]) {
		super(`unknown suite "${suite.slice(0, 80)}"; this version has ${known.join(', ')}`);
	}
}

/** A private key that is not one. The message never holds any part of it. */
export class SeedError extends Error {
	override readonly name = 'SeedError';
}
