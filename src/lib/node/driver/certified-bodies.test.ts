import { beforeEach, describe, expect, it } from 'vitest';
import type { CertifiedBody } from '../../consensus/ordering/certified-block.ts';
import { CertifiedBodies } from './certified-bodies.ts';

function body(id: string, roundId: number, view = 0, partition = 1, epoch = 1): CertifiedBody {
	return { id, certificate: { view }, proposal: { partition, epoch, roundId } } as CertifiedBody;
}

let bodies: CertifiedBodies;

beforeEach(() => {
	bodies = new CertifiedBodies();
});

describe('certified blocks that wait', () => {
	it('are known by id and view', () => {
		const [first, again] = [body('a', 1, 0), body('a', 1, 2)];
		bodies.add(first);
		expect(bodies.has(first)).toBe(true);
		expect(bodies.has(again)).toBe(false);
		bodies.add(again);
		expect(bodies.get('a', 0)).toBe(first);
		expect(bodies.get('a', 2)).toBe(again);
		expect(bodies.get('a', 1)).toBeUndefined();
		expect(bodies.byId('a')).toBe(first);
		expect(bodies.byId('b')).toBeUndefined();
	});

	it('of a partition come in order of round, one of each block', () => {
		for (const one of [
			body('b', 2),
			body('a', 1),
			body('a', 1, 3),
			body('c', 3, 0, 2),
			body('d', 4, 0, 1, 2)
		])
			bodies.add(one);
		expect(bodies.of(1, 1).map(({ id }) => id)).toEqual(['a', 'b']);
	});

	it('R9: are void up to the round that the ledger holds, in all views, and with their epoch', () => {
		for (const one of [body('a', 1), body('a', 1, 3), body('b', 2), body('c', 2, 0, 2)]) bodies.add(one);
		bodies.forgetThrough(1, 1, 1);
		expect(bodies.of(1, 1).map(({ id }) => id)).toEqual(['b']);
		bodies.forgetThrough(1, 2, 0);
		expect(bodies.of(1, 1)).toEqual([]);
		expect(bodies.of(2, 1).map(({ id }) => id)).toEqual(['c']);
	});

	it('are bounded: the oldest one goes, and can be fetched', () => {
		for (let i = 0; i < 513; i++) bodies.add(body(`block ${i}`, i));
		expect(bodies.byId('block 0')).toBeUndefined();
		expect(bodies.byId('block 1')).toBeDefined();
	});
});
