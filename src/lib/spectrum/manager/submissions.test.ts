import { expect, it } from 'vitest';
import { MAX_PENDING, PENDING_PATIENCE_MS, TRANSACTION_WINDOW } from './limits.ts';
import { Submissions, type Intent } from './submissions.ts';

const ISSUE: Intent = { kind: 'issue', ap: 'a' };

it('holds an intent until its outcome', () => {
	const submissions = new Submissions();
	expect(submissions.add(ISSUE, 10, 0)).toEqual({ key: 'issue/a', expiryHeight: 10 + TRANSACTION_WINDOW });
	expect(submissions.has('issue/a')).toBe(true);
	expect(submissions.close('issue/a')).toEqual(ISSUE);
	expect(submissions.close('issue/a')).toBeUndefined();
});

it('gives up what can no longer be included', () => {
	const submissions = new Submissions();
	submissions.add(ISSUE, 10, 0);
	expect(submissions.expire(10 + TRANSACTION_WINDOW, 1)).toEqual([]);
	expect(submissions.expire(11 + TRANSACTION_WINDOW, 1)).toEqual([ISSUE]);
});

it('gives up what waited too long, where no block is made', () => {
	const submissions = new Submissions();
	submissions.add(ISSUE, 10, 0);
	expect(submissions.expire(10, PENDING_PATIENCE_MS - 1)).toEqual([]);
	expect(submissions.expire(10, PENDING_PATIENCE_MS)).toEqual([ISSUE]);
});

it('is full at its bound', () => {
	const submissions = new Submissions();
	for (let i = 0; i < MAX_PENDING; i++) {
		expect(submissions.isFull).toBe(false);
		submissions.add({ kind: 'issue', ap: `ap-${i}` }, 1, 0);
	}
	expect(submissions.isFull).toBe(true);
});
