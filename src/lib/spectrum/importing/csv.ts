/** Comma-separated values of RFC 4180: quoted fields, doubled quotes, line breaks inside quotes, CRLF or LF. */
import { ImportError } from './import-error.ts';

export interface CsvRow {
	line: number;
	fields: string[];
}

/** Empty lines are left out. @throws ImportError `MalformedCsv`, `TooManyRows` */
export function parseCsv(text: string, maxRows: number): CsvRow[] {
	const rows: CsvRow[] = [];
	let line = 1;
	let i = text.startsWith('\ufeff') ? 1 : 0;
	while (i < text.length) {
		const row: CsvRow = { line, fields: [] };
		for (;;) {
			const field = text[i] === '"' ? quotedField(text, i, line) : plainField(text, i);
			row.fields.push(field.value);
			line += field.breaks;
			i = field.end;
			if (text[i] !== ',') break;
			i++;
		}
		if (text[i] === '\r') i++;
		if (text[i] === '\n') {
			i++;
			line++;
		} else if (i < text.length)
			throw new ImportError(
				'MalformedCsv',
				line,
				'a quoted field is followed by something else than a comma'
			);
		if (row.fields.length > 1 || row.fields[0]!.trim() !== '') rows.push(row);
		if (rows.length > maxRows)
			throw new ImportError('TooManyRows', row.line, `at most ${maxRows} rows are read`);
	}
	return rows;
}

interface Field {
	value: string;
	end: number;
	breaks: number;
}

const FIELD_END = /[,\r\n]|$/g;

function plainField(text: string, start: number): Field {
	FIELD_END.lastIndex = start;
	const end = FIELD_END.exec(text)!.index;
	return { value: text.slice(start, end), end, breaks: 0 };
}

function quotedField(text: string, start: number, line: number): Field {
	let end = start + 1;
	for (;;) {
		end = text.indexOf('"', end);
		if (end < 0) throw new ImportError('MalformedCsv', line, 'a quoted field has no end');
		if (text[end + 1] !== '"') break;
		end += 2;
	}
	const raw = text.slice(start + 1, end);
	return { value: raw.replaceAll('""', '"'), end: end + 1, breaks: raw.split('\n').length - 1 };
}
