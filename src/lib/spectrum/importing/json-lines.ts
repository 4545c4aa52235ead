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
			lineOf(text, syntaxErrorOffset(text)),
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

function lineOf(text: string, offset: number): number {
	return text.slice(0, offset).split('\n').length;
}

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end';

const TOKEN =
	/[\s\ufeff]*(?:([{}[\]:,])|("[^"\\\n]*(?:\\.[^"\\\n]*)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y;

/** Where a text stops being JSON. Engines say it in words of their own, or not at all. */
function syntaxErrorOffset(text: string): number {
	const open: string[] = [];
	let expected: Expected = 'value';
	TOKEN.lastIndex = 0;
	for (;;) {
		const start = TOKEN.lastIndex;
		const token = TOKEN.exec(text);
		const at = token ? TOKEN.lastIndex - (token[1] ?? token[2] ?? token[3])!.length : skipSpace(text, start);
		if (!token) return at;
		const next = nextExpected(expected, token[1] ?? (token[2] ? 'string' : 'scalar'), open);
		if (next === undefined) return at;
		expected = next;
	}
}

function nextExpected(expected: Expected, token: string, open: string[]): Expected | undefined {
	const takesValue = expected === 'value' || expected === 'value or ]';
	if ((token === '{' || token === '[') && takesValue) {
		open.push(token);
		return token === '{' ? 'key or }' : 'value or ]';
	}
	if (token === 'string' && (expected === 'key' || expected === 'key or }')) return ':';
	if (token === 'string' || token === 'scalar') return takesValue ? ', or end' : undefined;
	if (token === ':') return expected === ':' ? 'value' : undefined;
	const last = open.at(-1);
	if (token === ',') return expected === ', or end' && last ? (last === '{' ? 'key' : 'value') : undefined;
	const closes = token === '}' ? last === '{' : last === '[';
	const mayEnd = expected === ', or end' || expected === (token === '}' ? 'key or }' : 'value or ]');
	if (!closes || !mayEnd) return undefined;
	open.pop();
	return ', or end';
}

function skipSpace(text: string, start: number): number {
	let i = start;
	while (i < text.length && /\s/.test(text[i]!)) i++;
	return i;
}
