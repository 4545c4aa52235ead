/** Why bytes are not a message. The reason is stable, for counting and for tests; the message is for people. */
export type DecodeErrorReason =
	| 'too-large'
	| 'too-many-fields'
	| 'too-deep'
	| 'malformed'
	| 'truncated'
	| 'wrong-wire-type'
	| 'field-repeated'
	| 'packet-without-body';

export class DecodeError extends Error {
	override readonly name = 'DecodeError';
	readonly reason: DecodeErrorReason;

	constructor(reason: DecodeErrorReason, message: string, options?: ErrorOptions) {
		super(message, options);
		this.reason = reason;
	}
}
