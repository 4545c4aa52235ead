import { describe, expect, it } from 'vitest';
import { invariant, InvariantError, LedgerError } from './errors.ts';

describe('the errors of the ledger', () => {
	it('have names that no bundler changes, a reason for programs and a sentence for people', () => {
		const error = new LedgerError('BlockMalformed', 'not a block');
		expect(error).toBeInstanceOf(Error);
		expect({ name: error.name, reason: error.reason, message: error.message }).toEqual({
			name: 'LedgerError',
			reason: 'BlockMalformed',
			message: 'not a block'
		});
	});

	it('an impossible state names its rule, and a possible one passes', () => {
		expect(() => invariant(true, 'R15', 'never said')).not.toThrow();
		for (const nothing of [false, 0, '', null, undefined])
			expect(() => invariant(nothing, 'R15', 'a key was written twice')).toThrow(
				expect.objectContaining({
					name: 'InvariantError',
					rule: 'R15',
					message: 'R15: a key was written twice'
				})
			);
		expect(new InvariantError('R1', 'x')).not.toBeInstanceOf(LedgerError);
	});
});
