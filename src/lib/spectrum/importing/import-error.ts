/** A file that cannot be read at all. A single bad row is not an error: it is reported beside what was accepted. */

export type ImportErrorReason =
	| 'EmptyFile'
	| 'FileTooLarge'
	| 'TooManyRows'
	| 'UnknownFormat'
	| 'MalformedJson'
	| 'MalformedCsv'
	| 'MissingColumn';

export class ImportError extends Error {
	override readonly name = 'ImportError';
	/** Stable. */
	readonly reason: ImportErrorReason;
	/** Line of the file, from 1. */
	readonly line: number;

	constructor(reason: ImportErrorReason, line: number, message: string) {
		super(`line ${line}: ${message}`);
		this.reason = reason;
		this.line = line;
	}
}
