/** Why the relay does not start, in words of both languages. */

export interface Words {
	en: string;
	zh: string;
}

/** Stable names of what keeps the relay from starting. */
export type RelayStartErrorName =
	| 'BadArgument'
	| 'UnknownReplica'
	| 'ReplicaNotNamed'
	| 'ClusterUnusable'
	| 'PortTaken'
	| 'PortForbidden'
	| 'HostNotAvailable'
	| 'TlsUnusable'
	| 'BuildMissing'
	| 'DataInUse'
	| 'DataUnusable'
	| 'ChainMismatch'
	| 'NoChainYet'
	| 'RelayNotReached';

export class RelayStartError extends Error {
	readonly words: Words;
	constructor(name: RelayStartErrorName, words: Words, options?: ErrorOptions) {
		super(words.en, options);
		this.name = name;
		this.words = words;
	}
}
