import { describe, expect, it } from 'vitest';
import { fromHex } from '../../../crypto/hex.ts';
import type { CertifiedBody } from '../certified-block.ts';
import { WantedBodies } from './wanted-bodies.ts';

const A = 'aa'.repeat(32);
const B = 'bb'.repeat(32);
const body = (id: string, view: number) => ({ id, certificate: { view } }) as CertifiedBody;

describe('bodies that an order names', () => {
	it('are asked for once, and missing until they come in the view that the order names', () => {
		const wanted = new WantedBodies();
		expect([wanted.want(A, 1), wanted.want(B, 0), wanted.want(A, 1)]).toEqual([true, true, false]);
		wanted.arrived(body(A, 2));
		wanted.arrived(body('cc'.repeat(32), 0));
		expect(wanted.missing()).toEqual([
			{ id: fromHex(A), view: 1 },
			{ id: fromHex(B), view: 0 }
		]);
		expect(wanted.get(A, 1)).toBeUndefined();
		const came = body(A, 1);
		wanted.arrived(came);
		expect([wanted.get(A, 1), wanted.get(A, 2), wanted.get('cc'.repeat(32), 0)]).toEqual([
			came,
			undefined,
			undefined
		]);
		expect(wanted.missing()).toEqual([{ id: fromHex(B), view: 0 }]);
		// Another order may name the same block by another certificate.
		expect(wanted.want(A, 2)).toBe(true);
		expect(wanted.get(A, 2)).toBeUndefined();
	});

	it('that are at hand are not asked for, and are forgotten with the height', () => {
		const wanted = new WantedBodies();
		const held = body(A, 1);
		wanted.keep(held);
		expect([wanted.want(A, 1), wanted.missing(), wanted.get(A, 1)]).toEqual([false, [], held]);
		wanted.want(B, 0);
		wanted.clear();
		expect([wanted.missing(), wanted.get(A, 1)]).toEqual([[], undefined]);
	});
});
