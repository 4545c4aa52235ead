/**
 * Access points as a table that any spreadsheet opens, and that comes back here as it was. Lists (channels) are separated by
 * spaces in one field; an empty field is assigned.
 */
import type { OwnAccessPoint } from '../access-point.ts';
import { MICRODEGREES, RowError, microdegrees, type DraftAccessPoint, type DraftFile } from './draft.ts';
import { readCsvRows } from './draft-rows.ts';
import { readTabwaveRow } from './tabwave-json.ts';

const INTEGERS = ['coverageRadiusM', 'antennaHeightCm', 'eirpMilliDbm', 'occupancyPpm'] as const;
const LISTS = ['channels', 'idleChannels'] as const;
const COLUMNS = ['id', 'name', 'latitude', 'longitude', 'band', ...INTEGERS, ...LISTS, 'assigned'] as const;
const REQUIRED = ['id', 'latitude', 'longitude'] as const;
type Column = (typeof COLUMNS)[number];

/** Stands for a list that is known and has nothing in it: an empty field is not known. */
const NOTHING = '-';

export function looksLikeTabwaveCsv(text: string): boolean {
	return (
		/^\ufeff?[^\n]*\bid\b[^\n]*\blatitude\b[^\n]*\blongitude\b/.test(text) && /^[^\n]*\bband\b/.test(text)
	);
}

/** @returns text that {@link readTabwaveCsv} reads back to the same access points */
export function exportCsv(accessPoints: readonly OwnAccessPoint[]): string {
	const rows = accessPoints.map((ap) => COLUMNS.map((column) => quoted(cell(ap, column))).join(','));
	return `${[COLUMNS.join(','), ...rows].join('\r\n')}\r\n`;
}

/** @throws ImportError `MissingColumn`, `MalformedCsv`, `TooManyRows` */
export function readTabwaveCsv(text: string): DraftFile {
	return readCsvRows(text, REQUIRED, readCells);
}

function cell(ap: OwnAccessPoint, column: Column): string {
	switch (column) {
		case 'latitude':
			return degrees(ap.latitudeMicrodegrees);
		case 'longitude':
			return degrees(ap.longitudeMicrodegrees);
		case 'channels':
		case 'idleChannels':
		case 'assigned':
			return ap[column].length === 0 ? NOTHING : ap[column].join(' ');
		default:
			return String(ap[column]);
	}
}

function quoted(text: string): string {
	return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function readCells(field: (column: Column) => string): DraftAccessPoint {
	const row: Record<string, unknown> = {
		id: field('id').trim(),
		name: field('name'),
		latitudeMicrodegrees: microdegrees(field('latitude'), 'latitude'),
		longitudeMicrodegrees: microdegrees(field('longitude'), 'longitude')
	};
	const band = field('band').trim();
	if (band !== '') row.band = band;
	for (const column of INTEGERS) {
		const text = field(column).trim();
		if (text !== '') row[column] = integer(text, column);
	}
	for (const column of LISTS) {
		const items = listOf(field(column));
		if (items) row[column] = items.map((item) => integer(item, column));
	}
	const assigned = listOf(field('assigned'));
	if (assigned) row.assigned = assigned;
	return readTabwaveRow(row);
}

function listOf(text: string): string[] | undefined {
	const trimmed = text.trim();
	if (trimmed === '') return undefined;
	return trimmed === NOTHING ? [] : trimmed.split(/\s+/);
}

function integer(text: string, what: string): number {
	if (!/^-?\d{1,15}$/.test(text)) throw new RowError(`${what} is no integer`);
	return Number(text);
}

function degrees(microdegreesOfArc: number): string {
	return (microdegreesOfArc / MICRODEGREES).toFixed(6);
}
