/** JSON.parse says nothing of lines; a person who mends a file needs them. */
import { ImportError } from './import-error.ts';

/** @throws ImportError `MalformedJson` */
export function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		const message = error instanceof Error ? error.message : String(error);
		throw new ImportError(
			'MalformedJson',
			lineOfSyntaxError(text, message),
			`this is no JSON: ${message.slice(0, 200)}`
		);
	}
}

/** Line on which each element of the array `"key": […]` of the outermost object begins, in a text that is JSON. */
export function elementLines(text: string, key: string): number[] {
	const lines: number[] = [];
	let line = 1;
	let depth = 0;
	let lastString = '';
	let inArray = false;
	let awaitsElement = false;
	for (let i = 0; i < text.length; i++) {
		const character = text[i]!;
		if (character === '\n') line++;
		if (/\s/.test(character)) continue;
		if (inArray && awaitsElement && depth === 2 && character !== ']') {
			lines.push(line);
			awaitsElement = false;
		}
		if (character === '"') {
			const start = i + 1;
			i = endOfString(text, start);
			if (depth === 1) lastString = text.slice(start, i);
		} else if (character === '[' || character === '{') {
			depth++;
			if (depth === 2 && character === '[' && lastString === key) inArray = awaitsElement = true;
		} else if (character === ']' || character === '}') {
			depth--;
			if (depth === 1) inArray = false;
		} else if (character === ',' && depth === 2) awaitsElement = inArray;
	}
	return lines;
}

function endOfString(text: string, start: number): number {
	let i = start;
	while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
	return i;
}

/** Engines put the place into the message, each in its own words; where one does not, the first line is named. */
function lineOfSyntaxError(text: string, message: string): number {
	const line = /line (\d+)/.exec(message);
	if (line) return Number(line[1]);
	const position = /position (\d+)/.exec(message);
	if (position) return text.slice(0, Number(position[1])).split('\n').length;
	return /end of (JSON )?(input|data)|Unterminated/i.test(message) ? text.split('\n').length : 1;
}
