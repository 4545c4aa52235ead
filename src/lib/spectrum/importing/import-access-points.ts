/** Reads a file of access points. Bad files are refused with a named error, bad rows are left out and reported. */
import { Refused } from '../../ledger/contract.ts';
import { MIN_COVERAGE_RADIUS_M, type OwnAccessPoint } from '../access-point.ts';
import { checkedAccessPoint } from '../contract/arguments.ts';
import { accessPointBodyToWire, type AccessPoint } from '../contract/records.ts';
import { BANDS } from '../radio/bands.ts';
import { assignMissing } from './assign.ts';
import { looksLikeCbrs, readCbrsRadios } from './cbrs-csv.ts';
import type { DraftFile, DraftRow, Rejection } from './draft.ts';
import { ImportError } from './import-error.ts';
import { parseJson } from './json-lines.ts';
import { MAX_IMPORT_LENGTH, MAX_REPORTED_REJECTIONS } from './limits.ts';
import { isFeatureCollection, readNycHotspots } from './nyc-geojson.ts';
import { looksLikeTabwaveCsv, readTabwaveCsv } from './tabwave-csv.ts';
import { isTabwaveGeoJson, readTabwaveGeoJson } from './tabwave-geojson.ts';
import { isTabwaveFile, readTabwaveFile } from './tabwave-json.ts';

export type ImportFormat =
	'nyc-wifi-geojson' | 'cbrs-csv' | 'tabwave-json' | 'tabwave-geojson' | 'tabwave-csv';

export interface ImportOptions {
	/** Same file, same seed: same access points. */
	seed: number;
	/** Of the chain's genesis; 100 where it is not known. */
	conflictDistancePercent?: number;
}

export interface ImportResult {
	format: ImportFormat;
	/** In order of the file, not issued. */
	accessPoints: OwnAccessPoint[];
	/** In order of the file, at most MAX_REPORTED_REJECTIONS. */
	rejected: Rejection[];
	rejectedCount: number;
	/** Columns that the seeded rule filled in for at least one access point, sorted. */
	assigned: string[];
}

/** @throws ImportError with a stable `reason` and a line */
export function importAccessPoints(
	text: string,
	fileName: string | undefined,
	options: ImportOptions
): ImportResult {
	if (text.length > MAX_IMPORT_LENGTH)
		throw new ImportError(
			'FileTooLarge',
			1,
			`the file has ${text.length} characters, at most ${MAX_IMPORT_LENGTH} are read`
		);
	if (text.trim() === '') throw new ImportError('EmptyFile', 1, 'the file is empty');
	const { format, file } = readDrafts(text, fileName);
	const rejected = [...file.rejected];
	// Out of bounds is left out before the seeded rule looks for neighbours: a radius of a planet has too many.
	const rows = withoutDuplicates(file.rows, rejected).filter((row) =>
		isAcceptable({ ...PLACEHOLDERS, ...row.draft, assigned: [] }, row, rejected)
	);
	const assigned = assignMissing(
		rows.map((row) => row.draft),
		{ seed: options.seed, conflictDistancePercent: options.conflictDistancePercent ?? 100 }
	);
	const accessPoints = assigned.filter((accessPoint, i) => isAcceptable(accessPoint, rows[i]!, rejected));
	rejected.sort((a, b) => a.line - b.line);
	return {
		format,
		accessPoints,
		rejected: rejected.slice(0, MAX_REPORTED_REJECTIONS),
		rejectedCount: rejected.length,
		assigned: [...new Set(accessPoints.flatMap((accessPoint) => accessPoint.assigned))].sort()
	};
}

/** The index-th of `of` parts: every tab that imports the same file with the same seed takes another one. */
export function shareOf<T>(items: readonly T[], share: { index: number; of: number }): T[] {
	return items.filter((_, i) => i % share.of === share.index);
}

/** Stand in for what is not assigned yet. */
const PLACEHOLDERS = {
	coverageRadiusM: MIN_COVERAGE_RADIUS_M,
	antennaHeightCm: 0,
	eirpMilliDbm: 0,
	band: BANDS[0]!,
	channels: [],
	idleChannels: [],
	occupancyPpm: 0
};

function readDrafts(text: string, fileName: string | undefined): { format: ImportFormat; file: DraftFile } {
	if (/^\ufeff?\s*[{[]/.test(text)) {
		const parsed = parseJson(text.replace(/^\ufeff/, ''));
		if (isTabwaveFile(parsed)) return { format: 'tabwave-json', file: readTabwaveFile(text, parsed) };
		if (isFeatureCollection(parsed) && isTabwaveGeoJson(parsed))
			return { format: 'tabwave-geojson', file: readTabwaveGeoJson(text, parsed) };
		if (isFeatureCollection(parsed))
			return { format: 'nyc-wifi-geojson', file: readNycHotspots(text, parsed) };
		throw new ImportError(
			'UnknownFormat',
			1,
			'this JSON is neither a GeoJSON FeatureCollection nor a file of Tabwave'
		);
	}
	if (looksLikeTabwaveCsv(text)) return { format: 'tabwave-csv', file: readTabwaveCsv(text) };
	if (looksLikeCbrs(text) || /\.csv$/i.test(fileName ?? ''))
		return { format: 'cbrs-csv', file: readCbrsRadios(text) };
	throw new ImportError(
		'UnknownFormat',
		1,
		'expected GeoJSON of hotspots, CSV of CBRS radios or a file of Tabwave'
	);
}

function withoutDuplicates(rows: DraftRow[], rejected: Rejection[]): DraftRow[] {
	const lineOf = new Map<string, number>();
	return rows.filter(({ line, draft }) => {
		const earlier = lineOf.get(draft.id);
		if (earlier !== undefined)
			rejected.push({ line, reason: `the id ${draft.id} is on line ${earlier} already` });
		else lineOf.set(draft.id, line);
		return earlier === undefined;
	});
}

/** The contract's own checks, so that what is accepted here is not refused there for its form. */
function isAcceptable(accessPoint: AccessPoint, row: DraftRow, rejected: Rejection[]): boolean {
	try {
		checkedAccessPoint(accessPointBodyToWire(accessPoint));
		return true;
	} catch (error) {
		if (!(error instanceof Refused)) throw error;
		rejected.push({ line: row.line, reason: error.message });
		return false;
	}
}
