import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorWords, functionMeaning, stuckReason } from './words.ts';

type Messages = Record<string, unknown>;
const messages = (language: string): Messages =>
	JSON.parse(
		readFileSync(new URL(`../../../messages/${language}.json`, import.meta.url), 'utf8')
	) as Messages;

describe('the words', () => {
	it('exist in both languages, with the same places to fill', () => {
		const en = messages('en');
		const zh = messages('zh');
		expect(Object.keys(zh)).toEqual(Object.keys(en));
		const places = (message: unknown) => [...new Set(JSON.stringify(message).match(/\{\w+\}/g))].sort();
		for (const key of Object.keys(en)) expect([key, places(zh[key])]).toEqual([key, places(en[key])]);
	});

	it('never leave a code without a sentence', () => {
		expect(stuckReason({ reason: 'WaitingForTheMoon', missing: [], nextTimeoutMs: null })).toContain(
			'WaitingForTheMoon'
		);
		expect(errorWords(new Error('x'))).not.toBe('');
		expect(functionMeaning('unheardOf')).toBeNull();
	});
});
