/** Tabwave's own file of access points: all fields of an AP database row, as JSON. What is absent is assigned. */
import { MAX_NAME_LENGTH, type OwnAccessPoint } from '../access-point.ts';
import { isBand } from '../radio/bands.ts';
import { RowError, cleanName, type DraftAccessPoint, type DraftFile } from './draft.ts';
import { ImportError } from './import-error.ts';
import { elementLines } from './json-lines.ts';
import { MAX_IMPORT_ROWS } from './limits.ts';

const FORMAT = 'tabwave-access-points';
const VERSION = 1;

export function isTabwaveFile(value: unknown): value is { version: unknown; accessPoints: unknown[] } {
	const file = value as { format?: unknown; accessPoints?: unknown } | null;
	return (
		typeof file === 'object' && file !== null && file.format === FORMAT && Array.isArray(file.accessPoints)
	);
}

/** @returns text that {@link readTabwaveFile} reads back to the same access points */
export function exportAccessPoints(accessPoints: readonly OwnAccessPoint[]): string {
	const rows = accessPoints.map(
		({ issued: _issued, updatedHeight: _updatedHeight, ...row }) => `\t\t${JSON.stringify(row)}`
	);
	return `{\n\t"format": "${FORMAT}",\n\t"version": ${VERSION},\n\t"accessPoints": [\n${rows.join(',\n')}\n\t]\n}\n`;
}

/** @throws ImportError `UnknownFormat`, `TooManyRows` */
export function readTabwaveFile(
	text: string,
	parsed: { version: unknown; accessPoints: unknown[] }
): DraftFile {
	if (parsed.version !== VERSION)
		throw new ImportError(
			'UnknownFormat',
			1,
			`version ${String(parsed.version).slice(0, 20)}; this program reads ${VERSION}`
		);
	const lines = elementLines(text, 'accessPoints');
	if (parsed.accessPoints.length > MAX_IMPORT_ROWS)
		throw new ImportError(
			'TooManyRows',
			lines[MAX_IMPORT_ROWS] ?? 1,
			`at most ${MAX_IMPORT_ROWS} rows are read`
		);
	const file: DraftFile = { rows: [], rejected: [] };
	parsed.accessPoints.forEach((row, i) => {
		const line = lines[i] ?? 1;
		try {
			file.rows.push({ line, draft: readTabwaveRow(row) });
		} catch (error) {
			if (!(error instanceof RowError)) throw error;
			file.rejected.push({ line, reason: error.message });
		}
	});
	return file;
}

/** One access point under the names of an AP database row. @throws RowError */
export function readTabwaveRow(value: unknown): DraftAccessPoint {
	if (typeof value !== 'object' || value === null) throw new RowError('it is no object');
	const row = value as Record<string, unknown>;
	if (typeof row.id !== 'string') throw new RowError('its id is no text');
	if (row.band !== undefined && !isBand(row.band)) throw new RowError('its band is none that is known');
	const draft: DraftAccessPoint = {
		id: row.id,
		name: cleanName([row.name], row.id, MAX_NAME_LENGTH),
		latitudeMicrodegrees: integer(row.latitudeMicrodegrees, 'latitudeMicrodegrees'),
		longitudeMicrodegrees: integer(row.longitudeMicrodegrees, 'longitudeMicrodegrees')
	};
	if (row.band !== undefined) draft.band = row.band;
	for (const field of ['coverageRadiusM', 'antennaHeightCm', 'eirpMilliDbm', 'occupancyPpm'] as const)
		if (row[field] !== undefined) draft[field] = integer(row[field], field);
	for (const field of ['channels', 'idleChannels'] as const)
		if (row[field] !== undefined) draft[field] = list(row[field], field).map((item) => integer(item, field));
	if (draft.channels !== undefined && draft.band === undefined)
		throw new RowError('it names channels and no band that they are in');
	if (draft.idleChannels !== undefined && draft.channels === undefined)
		throw new RowError('it names idle channels and not what it holds');
	if (row.assigned !== undefined) draft.assigned = list(row.assigned, 'assigned').map(String);
	return draft;
}

function integer(value: unknown, what: string): number {
	if (!Number.isSafeInteger(value)) throw new RowError(`${what} is no integer`);
	return value as number;
}

function list(value: unknown, what: string): unknown[] {
	if (!Array.isArray(value) || value.length > 64) throw new RowError(`${what} is no short list`);
	return value;
}
