/** An access point as a file tells it. What the file does not tell is absent, and assigned later (assign.ts). */
import type { Band } from '../radio/bands.ts';

export interface DraftAccessPoint {
	id: string;
	name: string;
	latitudeMicrodegrees: number;
	longitudeMicrodegrees: number;
	coverageRadiusM?: number;
	antennaHeightCm?: number;
	eirpMilliDbm?: number;
	band?: Band;
	channels?: number[];
	idleChannels?: number[];
	occupancyPpm?: number;
	/** Only guides what is assigned. */
	indoor?: boolean;
	/** Columns that were assigned before, in a file that Tabwave wrote. */
	assigned?: string[];
}

export interface DraftRow {
	line: number;
	draft: DraftAccessPoint;
}

export interface Rejection {
	/** Line of the file, from 1. */
	line: number;
	reason: string;
}

/** What a reader of one format makes of a file. */
export interface DraftFile {
	rows: DraftRow[];
	rejected: Rejection[];
}

/** Why one row is left out. */
export class RowError extends Error {
	override readonly name = 'RowError';
}

/** In a degree. */
export const MICRODEGREES = 1_000_000;

/** Degrees as a file writes them, in micro-degrees. @throws RowError */
export function microdegrees(value: unknown, what: string): number {
	const degrees = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
	if (typeof degrees !== 'number' || !Number.isFinite(degrees) || Math.abs(degrees) > 360)
		throw new RowError(`the ${what} is no number of degrees`);
	return Math.round(degrees * MICRODEGREES);
}

/** A name that the contract takes: no control or direction characters, bounded, never empty. */
export function cleanName(parts: unknown[], fallback: string, maxLength: number): string {
	const words = parts.filter((part): part is string => typeof part === 'string').join(', ');
	const clean = words
		.replace(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]+/gu, ' ')
		.trim()
		.slice(0, maxLength)
		// A cut may leave half of a character.
		.replace(/[\ud800-\udbff]$/, '')
		.trim();
	return clean || fallback;
}
