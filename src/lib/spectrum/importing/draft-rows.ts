/** Rows of any format, each by its own reader: one that cannot be read is left out, with the reason, and the others are kept. */
import { parseCsv } from './csv.ts';
import { RowError, type DraftAccessPoint, type DraftFile } from './draft.ts';
import { ImportError } from './import-error.ts';
import { elementLines } from './json-lines.ts';
import { MAX_IMPORT_ROWS } from './limits.ts';

/**
 * Features of a GeoJSON collection.
 * @param read throws RowError
 * @throws ImportError `TooManyRows`
 */
export function readFeatures(
	text: string,
	{ features }: { features: unknown[] },
	read: (feature: unknown) => DraftAccessPoint
): DraftFile {
	const lines = elementLines(text, 'features');
	if (features.length > MAX_IMPORT_ROWS)
		throw new ImportError(
			'TooManyRows',
			lines[MAX_IMPORT_ROWS] ?? 1,
			`at most ${MAX_IMPORT_ROWS} features are read`
		);
	const file: DraftFile = { rows: [], rejected: [] };
	features.forEach((feature, i) => {
		takeRow(file, lines[i] ?? 1, `feature ${i + 1}: `, () => read(feature));
	});
	return file;
}

/**
 * Lines of a CSV file with a header.
 * @param required columns that the header must have
 * @param read of a line whose fields it asks for by column; '' where there is none. Throws RowError
 * @throws ImportError `MissingColumn`, `MalformedCsv`, `TooManyRows`
 */
export function readCsvRows(
	text: string,
	required: readonly string[],
	read: (field: (column: string) => string) => DraftAccessPoint
): DraftFile {
	const [header, ...rows] = parseCsv(text, MAX_IMPORT_ROWS + 1);
	const names = header?.fields.map((name) => name.trim()) ?? [];
	for (const name of required)
		if (!names.includes(name)) throw new ImportError('MissingColumn', 1, `there is no column ${name}`);
	const file: DraftFile = { rows: [], rejected: [] };
	for (const { line, fields } of rows)
		takeRow(file, line, '', () => {
			if (fields.length !== names.length)
				throw new RowError(`it has ${fields.length} fields, the header has ${names.length}`);
			return read((column) => fields[names.indexOf(column)] ?? '');
		});
	return file;
}

function takeRow(file: DraftFile, line: number, what: string, read: () => DraftAccessPoint): void {
	try {
		file.rows.push({ line, draft: read() });
	} catch (error) {
		if (!(error instanceof RowError)) throw error;
		file.rejected.push({ line, reason: `${what}${error.message}` });
	}
}
