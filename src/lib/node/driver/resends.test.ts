import { describe, expect, it } from 'vitest';
import { Resends } from './resends.ts';

describe('what is sent again', () => {
	const one = { id: 1 };
	const two = { id: 2 };

	it('is due an interval after the first look, and then at twice the distance each time', () => {
		const resends = new Resends();
		const at = (nowMs: number): object[] => resends.due([one], 10, nowMs, 100);
		const dueMs = Array.from({ length: 1000 }, (_, ms) => ms).filter((ms) => at(ms).length > 0);
		expect(dueMs).toEqual([100, 200, 400, 800]);
	});

	it('is due at once where it has waited already, and from then on as ever', () => {
		const resends = new Resends();
		const at = (nowMs: number): object[] => resends.due([one], 10, nowMs, 100, 0);
		const dueMs = Array.from({ length: 1000 }, (_, ms) => ms).filter((ms) => at(ms).length > 0);
		expect(dueMs).toEqual([0, 100, 300, 700]);
	});

	it('is no more than the limit, and the others come with the next look', () => {
		const resends = new Resends();
		expect(resends.due([one, two], 1, 0, 100, 0)).toEqual([one]);
		expect(resends.due([one, two], 1, 1, 100, 0)).toEqual([two]);
	});

	it('is all new again after it was forgotten', () => {
		const resends = new Resends();
		resends.due([one], 1, 0, 100, 0);
		resends.forget();
		expect(resends.due([one], 1, 1, 100, 0)).toEqual([one]);
	});
});
