/** CBRS radios (CBSDs) as the Wireless Innovation Forum's deployment models list them, one a line. */
import { MAX_NAME_LENGTH } from '../access-point.ts';
import { parseCsv } from './csv.ts';
import { RowError, cleanName, microdegrees, type DraftAccessPoint, type DraftFile } from './draft.ts';
import { ImportError } from './import-error.ts';
import { MAX_IMPORT_ROWS } from './limits.ts';

const REQUIRED = ['cbsdId', 'latitude', 'longitude'] as const;
/** A CBRS channel is 10 MHz: 10 dB above the power in one. */
const MILLI_DB_PER_CHANNEL = 10_000;

export function looksLikeCbrs(text: string): boolean {
	return /^\ufeff?[^\n]*\bcbsdId\b/.test(text);
}

/** @throws ImportError `MissingColumn`, `MalformedCsv`, `TooManyRows` */
export function readCbrsRadios(text: string): DraftFile {
	const [header, ...rows] = parseCsv(text, MAX_IMPORT_ROWS + 1);
	const names = header?.fields.map((name) => name.trim()) ?? [];
	for (const name of REQUIRED)
		if (!names.includes(name)) throw new ImportError('MissingColumn', 1, `there is no column ${name}`);
	const file: DraftFile = { rows: [], rejected: [] };
	for (const { line, fields } of rows) {
		try {
			if (fields.length !== names.length)
				throw new RowError(`it has ${fields.length} fields, the header has ${names.length}`);
			file.rows.push({ line, draft: readRadio((name) => fields[names.indexOf(name)]?.trim() ?? '') });
		} catch (error) {
			if (!(error instanceof RowError)) throw error;
			file.rejected.push({ line, reason: error.message });
		}
	}
	return file;
}

function readRadio(field: (name: string) => string): DraftAccessPoint {
	const id = field('cbsdId');
	const heightM = optionalNumber(field('heightM'), 'heightM');
	const dbmPerMhz = optionalNumber(field('maxEirpDbmPerMHz'), 'maxEirpDbmPerMHz');
	return {
		id,
		name: cleanName([id], 'CBSD', MAX_NAME_LENGTH),
		latitudeMicrodegrees: microdegrees(field('latitude'), 'latitude'),
		longitudeMicrodegrees: microdegrees(field('longitude'), 'longitude'),
		band: 'CBRS',
		...(heightM !== undefined && { antennaHeightCm: Math.round(heightM * 100) }),
		...(dbmPerMhz !== undefined && { eirpMilliDbm: Math.round(dbmPerMhz * 1000) + MILLI_DB_PER_CHANNEL }),
		indoor: /^true$/i.test(field('indoor'))
	};
}

function optionalNumber(text: string, what: string): number | undefined {
	if (text === '') return undefined;
	const value = Number(text);
	if (!Number.isFinite(value)) throw new RowError(`${what} is no number`);
	return value;
}
