/** network.ini.example and the table of keys in the README are made from the keys themselves, and tests compare them. */
import { NETWORK_INI, SECTION_ABOUT } from './keys.ts';
import type { SectionName } from './keys.ts';
import type { KeySpec } from './values.ts';

export interface KeyDescription {
	section: SectionName;
	key: string;
	/** As written in the file; empty: none. */
	fallback: string;
	allowed: string;
	about: string;
}

/** Every key, in the order of the file. */
export function describeKeys(): KeyDescription[] {
	return sectionNames().flatMap((section) =>
		Object.entries<KeySpec<unknown>>(NETWORK_INI[section]).map(([key, spec]) => ({
			section,
			key,
			fallback: spec.written,
			allowed: spec.allowed,
			about: spec.about
		}))
	);
}

/** A network.ini with every key at its default, as a comment: taken as it is, it changes nothing. */
export function renderExampleIni(): string {
	const lines = [
		'; A Tabwave network. Copy this file to network.ini, remove the ; before a key and change its value.',
		'; What stands here is the default. npm start reads network.ini where there is one.'
	];
	for (const section of sectionNames()) {
		lines.push('', `; ${SECTION_ABOUT[section]}`, `[${section}]`);
		for (const entry of describeKeys().filter((candidate) => candidate.section === section))
			lines.push(
				`; ${entry.about}`,
				`; Allowed: ${entry.allowed}.`,
				`;${entry.key} = ${entry.fallback}`.trimEnd()
			);
	}
	return `${lines.join('\n')}\n`;
}

/** The same as a Markdown table. */
export function renderKeyTable(): string {
	const cell = (text: string): string => text.replaceAll('|', '\\|');
	const rows = describeKeys().map(
		(entry) =>
			`| ${entry.section} | \`${entry.key}\` | ${entry.fallback === '' ? '' : `\`${cell(entry.fallback)}\``} | ${cell(entry.allowed)} | ${cell(entry.about)} |`
	);
	return ['| section | key | default | allowed | what it does |', '|---|---|---|---|---|', ...rows, ''].join(
		'\n'
	);
}

function sectionNames(): SectionName[] {
	return Object.keys(NETWORK_INI) as SectionName[];
}
