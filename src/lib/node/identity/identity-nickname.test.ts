import fc from 'fast-check';
import { expect, it } from 'vitest';
import { suggestNickname } from './identity-nickname.ts';

fc.configureGlobal({ seed: 7 });

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

it('suggests short names in the words of the locale', () => {
	fc.assert(
		fc.property(fraction, fraction, (a, b) => {
			let turn = 0;
			const next = () => (turn++ % 2 ? a : b);
			expect(suggestNickname('en-GB', next)).toMatch(/^[A-Z][a-z]+ [A-Z][a-z]+$/);
			for (const locale of ['zh', 'zh-CN', 'zh-Hant-TW'])
				expect(suggestNickname(locale, next)).toMatch(/^..的..$/);
		})
	);
});

it('reaches every word, and gives 256 names in each language', () => {
	for (const locale of ['zh', 'en']) {
		const names = new Set<string>();
		for (let a = 0; a < 16; a++)
			for (let b = 0; b < 16; b++) {
				const values = [a / 16, b / 16];
				names.add(suggestNickname(locale, () => values.shift()!));
			}
		expect(names.size).toBe(256);
	}
});
