/**
 * Reads an ini file line by line. The npm package `ini` gives values without their lines, and a refusal must name the
 * line; so the lines are ours, and what a value is (quotes, escapes, comments) is decided by `ini`.
 */
import { unsafe as decodeValue } from 'ini';
import type { ConfigProblem } from './config-error.ts';

/** A description of a network is a page of text; anything larger is not one. */
export const MAX_FILE_CHARACTERS = 64 * 1024;
export const MAX_LINES = 2000;

export interface IniEntry {
	section: string;
	key: string;
	value: string;
	line: number;
}

export interface IniSection {
	name: string;
	line: number;
}

export interface IniLines {
	sections: IniSection[];
	entries: IniEntry[];
	problems: ConfigProblem[];
}

export function readIniLines(text: string): IniLines {
	const result: IniLines = { sections: [], entries: [], problems: [] };
	if (text.length > MAX_FILE_CHARACTERS) {
		result.problems.push({
			line: 0,
			found: `${text.length} characters`,
			allowed: `at most ${MAX_FILE_CHARACTERS} characters`,
			message: 'The file is too long.'
		});
		return result;
	}
	// A byte order mark is what some editors put first.
	const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
	if (lines.length > MAX_LINES) {
		result.problems.push({
			line: MAX_LINES + 1,
			found: `${lines.length} lines`,
			allowed: `at most ${MAX_LINES} lines`,
			message: 'The file has too many lines.'
		});
		return result;
	}
	let section: string | null = null;
	for (const [index, raw] of lines.entries()) {
		const line = index + 1;
		const content = raw.trim();
		if (content === '' || content.startsWith(';') || content.startsWith('#')) continue;
		if (content.startsWith('[')) {
			const match = /^\[([^\]]*)\]\s*(?:[;#].*)?$/.exec(content);
			if (match) {
				section = match[1]!.trim();
				result.sections.push({ name: section, line });
			} else result.problems.push(unreadable(line, content, 'This section has no closing bracket.'));
			continue;
		}
		const equals = content.indexOf('=');
		if (equals < 1)
			result.problems.push(unreadable(line, content, 'This line is neither a section nor a key.'));
		else if (section === null)
			result.problems.push(unreadable(line, content, 'This key stands before the first section.'));
		else {
			const key = content.slice(0, equals).trim();
			result.entries.push({ section, key, value: String(decodeValue(content.slice(equals + 1))), line });
		}
	}
	return result;
}

/** For messages: quoted, in one line, and short. */
export function quote(text: string): string {
	const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
	return JSON.stringify(short);
}

function unreadable(line: number, content: string, message: string): ConfigProblem {
	return {
		line,
		found: quote(content),
		allowed: 'a [section], a key = value, or a comment after ; or #',
		message
	};
}
