import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { DEFAULT_MANAGER_SETTINGS, managerSettingsProblem } from '#lib/node/study/study.ts';
import { readFields, showFields, type ManagerFields } from './manager-fields.ts';

fc.configureGlobal({ seed: 11 });

describe('settings as a person writes them', () => {
	it('come back as they were shown', () => {
		expect(showFields(DEFAULT_MANAGER_SETTINGS)).toEqual({
			buyAtPpm: '80',
			sellAtPpm: '20',
			sellerCapPpm: '80',
			minimumGain: '50'
		});
		const ppm = fc.integer({ min: 0, max: 1_000_000 });
		fc.assert(
			fc.property(ppm, ppm, ppm, fc.bigInt({ min: 0n, max: 10n ** 18n }), (buy, sell, cap, minimumGain) => {
				const settings = { buyAtPpm: buy, sellAtPpm: sell, sellerCapPpm: cap, minimumGain };
				expect(readFields(showFields(settings))).toEqual(settings);
			})
		);
	});

	it.each<[Partial<ManagerFields>, string]>([
		[{ buyAtPpm: '' }, 'buyAtPpm NotAShare'],
		[{ buyAtPpm: '1e2' }, 'buyAtPpm NotAShare'],
		[{ buyAtPpm: '101' }, 'buyAtPpm NotAShare'],
		[{ sellAtPpm: '-1' }, 'sellAtPpm NotAShare'],
		[{ sellAtPpm: '40' }, 'sellAtPpm BackAndForth'],
		[{ buyAtPpm: '40' }, 'sellAtPpm BackAndForth'],
		[{ sellerCapPpm: '80,1' }, 'sellerCapPpm AboveContract'],
		[{ minimumGain: '0.5' }, 'minimumGain NotAnAmount'],
		[{ minimumGain: 'all' }, 'minimumGain NotAnAmount']
	])('%o is wrong: %s', (part, wrong) => {
		const problem = managerSettingsProblem(readFields({ ...showFields(DEFAULT_MANAGER_SETTINGS), ...part }));
		expect(problem && `${problem.field} ${problem.reason}`).toBe(wrong);
	});

	it('may have a comma, a percent sign and room around', () => {
		const fields = { ...showFields(DEFAULT_MANAGER_SETTINGS), sellAtPpm: ' 12,5 % ', minimumGain: ' 7 ' };
		expect(readFields(fields)).toMatchObject({ sellAtPpm: 125_000, minimumGain: 7n });
	});
});
