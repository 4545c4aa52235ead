/** CBRS radios (CBSDs) as the Wireless Innovation Forum's deployment models list them, one a line. */
import { MAX_NAME_LENGTH } from '../access-point.ts';
import { RowError, cleanName, microdegrees, type DraftAccessPoint, type DraftFile } from './draft.ts';
import { readCsvRows } from './draft-rows.ts';

const REQUIRED = ['cbsdId', 'latitude', 'longitude'] as const;
/** A CBRS channel is 10 MHz: 10 dB above the power in one. */
const MILLI_DB_PER_CHANNEL = 10_000;

export function looksLikeCbrs(text: string): boolean {
	return /^\ufeff?[^\n]*\bcbsdId\b/.test(text);
}

/** @throws ImportError `MissingColumn`, `MalformedCsv`, `TooManyRows` */
export function readCbrsRadios(text: string): DraftFile {
	return readCsvRows(text, REQUIRED, (field) => readRadio((name) => field(name).trim()));
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
