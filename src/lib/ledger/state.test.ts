import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { taggedHash, ZERO_HASH } from '../crypto/hash.ts';
import { toHex } from '../crypto/hex.ts';
import { InvariantError } from './errors.ts';
import { reasonOf } from './testing/transactions.ts';
import { nextStateDigest, Overlay, VersionedState, type StateWrite, type VersionedRow } from './state.ts';

fc.configureGlobal({ seed: 15 });

const v = (value: number): Uint8Array => Uint8Array.of(value);
const write = (key: string, value: number | null): StateWrite => ({
	key,
	value: value === null ? null : v(value)
});

function stateOf(...blocks: StateWrite[][]): VersionedState {
	const state = new VersionedState();
	blocks.forEach((writes, i) => state.apply(writes, i + 1));
	return state;
}

describe('an overlay', () => {
	const base = stateOf([write('a', 1), write('b', 2)]);

	it('shows its base where it has written nothing', () => {
		const overlay = new Overlay(base);
		expect(overlay.get('a')).toEqual(v(1));
		expect(overlay.get('nothing')).toBeUndefined();
		expect(overlay.writes()).toEqual([]);
	});

	it('shows its own writes and deletions, and leaves its base alone (R13)', () => {
		const overlay = new Overlay(base);
		overlay.set('a', v(9));
		overlay.delete('b');
		overlay.set('c', v(3));
		expect([overlay.get('a'), overlay.get('b'), overlay.get('c')]).toEqual([v(9), undefined, v(3)]);
		expect([base.get('a'), base.get('b'), base.get('c')]).toEqual([v(1), v(2), undefined]);
	});

	it('an empty value is a value, and a deletion of what was never there is still a write', () => {
		const overlay = new Overlay(base);
		overlay.set('a', new Uint8Array(0));
		overlay.delete('nothing');
		expect(overlay.get('a')).toEqual(new Uint8Array(0));
		expect(overlay.writes()).toEqual([
			{ key: 'a', value: new Uint8Array(0) },
			{ key: 'nothing', value: null }
		]);
	});

	it('gives its writes in order of key, the last of each, whatever the order they came in', () => {
		const overlay = new Overlay(base);
		for (const key of ['z', 'a/2', 'a', 'Z', 'a/10']) overlay.set(key, v(1));
		overlay.set('z', v(2));
		overlay.delete('a');
		expect(overlay.writes()).toEqual([
			write('Z', 1),
			write('a', null),
			write('a/10', 1),
			write('a/2', 1),
			write('z', 2)
		]);
	});

	it('takes in one that stands on it, and loses all of it by clear()', () => {
		const block = new Overlay(base);
		block.set('a', v(5));
		block.set('b', v(6));
		const call = new Overlay(block);
		expect(call.get('a')).toEqual(v(5));
		call.set('a', v(7));
		call.delete('b');
		block.absorb(call);
		expect(block.writes()).toEqual([write('a', 7), write('b', null)]);
		block.clear();
		expect(block.writes()).toEqual([]);
		expect(block.get('a')).toEqual(v(1));
	});
});

describe('versioned state (R15)', () => {
	it('keeps with each key its height and the version before, and no more', () => {
		const state = stateOf([write('a', 1)], [write('a', 2)], [write('b', 9)], [write('a', 3)]);
		expect(state.row('a')).toEqual({ value: v(3), height: 4, previous: { value: v(2), height: 2 } });
		expect(state.row('b')).toEqual({ value: v(9), height: 3, previous: null });
		expect(state.row('c')).toBeUndefined();
		expect(state.size).toBe(2);
	});

	it('says which rows to store with the block', () => {
		const state = stateOf([write('a', 1)]);
		expect(state.apply([write('a', 2), write('b', 3)], 2)).toEqual([
			{ key: 'a', value: v(2), height: 2, previous: { value: v(1), height: 1 } },
			{ key: 'b', value: v(3), height: 2, previous: null }
		]);
	});

	it('lists rows by the start of their key', () => {
		const state = stateOf([write('ap/1', 1), write('ap/2', 2), write('bid/1', 3)]);
		expect([...state.rows('ap/')].map(({ key }) => key)).toEqual(['ap/1', 'ap/2']);
		expect([...state.rows()]).toHaveLength(3);
		expect([...state.rows('ap/')][0]).toEqual({ key: 'ap/1', value: v(1), height: 1, previous: null });
	});

	it('refuses to write a key twice at one height, or below it: blocks are applied once and in order', () => {
		const state = stateOf([], [write('a', 1)]);
		expect(() => state.apply([write('a', 2)], 2)).toThrow(InvariantError);
		expect(() => state.apply([write('a', 2)], 1)).toThrow(/^R15/);
		expect(() => state.apply([write('b', 1), write('b', 2)], 3)).toThrow(/^R15/);
	});

	describe('undo', () => {
		it('brings back the version before, and takes away what was new', () => {
			const state = stateOf([write('a', 1), write('b', 2)], [write('a', 9), write('b', null), write('c', 3)]);
			expect(state.undo(['a', 'b', 'c'], 2)).toEqual([
				{ key: 'a', value: v(1), height: 1, previous: null },
				{ key: 'b', value: v(2), height: 1, previous: null },
				{ key: 'c', value: null, height: 0, previous: null }
			]);
			expect(['a', 'b', 'c'].map((key) => state.get(key))).toEqual([v(1), v(2), undefined]);
			expect(state.size).toBe(2);
		});

		it('twice equals once', () => {
			const state = stateOf([write('a', 1)], [write('a', 2), write('b', 1)]);
			state.undo(['a', 'b'], 2);
			const once = [...state.rows()];
			expect(state.undo(['a', 'b'], 2)).toEqual([]);
			expect([...state.rows()]).toEqual(once);
		});

		it('leaves keys that the height did not write', () => {
			const state = stateOf([write('a', 1)], [write('b', 2)]);
			expect(state.undo(['a', 'unheard-of'], 2)).toEqual([]);
			expect(state.get('a')).toEqual(v(1));
		});

		it('lets another block of the same height take the place', () => {
			const state = stateOf([write('a', 1)], [write('a', 2)]);
			state.undo(['a'], 2);
			state.apply([write('a', 3)], 2);
			expect(state.row('a')).toEqual({ value: v(3), height: 2, previous: { value: v(1), height: 1 } });
		});
	});

	describe('a deleted key', () => {
		it('keeps its row while undo may ask for it, then is gone from memory and disk', () => {
			const state = stateOf([write('a', 1), write('b', 1)], [write('a', null)]);
			expect(state.get('a')).toBeUndefined();
			expect(state.row('a')).toEqual({ value: null, height: 2, previous: { value: v(1), height: 1 } });
			expect(state.apply([write('b', 2)], 3).map(({ key }) => key)).toEqual(['b']);
			expect(state.size).toBe(2);
			expect(state.apply([write('b', 3)], 4)).toEqual([
				{ key: 'a', value: null, height: 2, previous: null },
				{ key: 'b', value: v(3), height: 4, previous: { value: v(2), height: 3 } }
			]);
			expect(state.row('a')).toBeUndefined();
			expect(state.size).toBe(1);
		});

		it('that is written again stays', () => {
			const state = stateOf([write('a', 1)], [write('a', null)], [write('a', 5)], [], []);
			expect(state.row('a')).toEqual({ value: v(5), height: 3, previous: { value: null, height: 2 } });
			expect(state.apply([], 6)).toEqual([]);
			expect(state.get('a')).toEqual(v(5));
		});

		it('that is written again in the very block that buries it is stored once, with its value', () => {
			const state = stateOf([write('a', 1)], [write('a', null)], []);
			expect(state.apply([write('a', 7)], 4)).toEqual([{ key: 'a', value: v(7), height: 4, previous: null }]);
			expect(state.get('a')).toEqual(v(7));
		});

		it('that is deleted again is buried by its last deletion', () => {
			const state = stateOf([write('a', 1)], [write('a', null)], [write('a', 2)], [write('a', null)]);
			state.apply([], 5);
			expect(state.size).toBe(1);
			expect(state.apply([], 6)).toEqual([{ key: 'a', value: null, height: 4, previous: null }]);
			expect(state.size).toBe(0);
		});

		it('is buried after a restart too', () => {
			const before = stateOf([write('a', 1), write('b', 1)], [write('b', null)], [write('a', null)]);
			const state = new VersionedState(before.rows());
			expect(state.get('a')).toBeUndefined();
			expect(state.apply([], 4).map(({ key }) => key)).toEqual(['b']);
			expect(state.apply([], 5).map(({ key }) => key)).toEqual(['a']);
			expect(state.size).toBe(0);
		});

		it('that undo brought back is not buried', () => {
			const state = stateOf([write('a', 1)], [write('a', null)]);
			state.undo(['a'], 2);
			state.apply([], 2);
			state.apply([], 3);
			expect(state.apply([], 4)).toEqual([]);
			expect(state.get('a')).toEqual(v(1));
		});
	});

	it('after a crash between state and head is brought back below the head, once or twice alike', () => {
		const before = stateOf([write('kept', 1), write('changed', 1), write('deleted', 1)]);
		const rows = [...before.rows()];
		const torn = before.apply([write('changed', 2), write('deleted', null), write('new', 2)], 2);
		const state = new VersionedState([...rows.filter(({ key }) => key === 'kept'), ...torn]);
		expect(state.repair(2)).toEqual([]);
		// The rows as the store has to take them over; the one that is gone among them.
		expect(state.repair(1).sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual([
			{ key: 'changed', value: v(1), height: 1, previous: null },
			{ key: 'deleted', value: v(1), height: 1, previous: null },
			{ key: 'new', value: null, height: 0, previous: null }
		]);
		expect([...state.rows()].map(({ key }) => key).sort()).toEqual(['changed', 'deleted', 'kept']);
		expect(state.repair(1)).toEqual([]);
		// And the block is applied again.
		expect(state.apply([write('changed', 2)], 2)).toMatchObject([{ previous: { height: 1 } }]);
	});

	it('of which two blocks are above the head cannot be brought back, and is refused by name', () => {
		const state = stateOf([write('a', 1)], [write('a', 2)], [write('a', 3), write('b', 3)]);
		expect(reasonOf(() => state.repair(1))).toBe('StateTorn');
		const one = stateOf([write('a', 1)], [write('a', 2)], [write('b', 3)]);
		expect(one.repair(2).map(({ key }) => key)).toEqual(['b']);
	});

	it('has another version after every change, whichever way it goes', () => {
		const state = new VersionedState();
		const versions = [state.version];
		state.apply([write('a', 1)], 1);
		versions.push(state.version);
		state.undo(['a'], 1);
		versions.push(state.version);
		state.apply([write('a', 2)], 1);
		versions.push(state.version);
		expect(new Set(versions).size).toBe(4);
	});

	it('over any history, with undo and restarts, equals a plain map and what a store holds', () => {
		const keys = fc.constantFrom('a', 'b', 'c', 'd');
		const block = fc.record({
			writes: fc.dictionary(keys, fc.option(fc.nat({ max: 9 }), { nil: null }), {
				maxKeys: 4,
				noNullPrototype: true
			}),
			then: fc.constantFrom('go on', 'go on', 'undo', 'restart')
		});
		fc.assert(
			fc.property(fc.array(block, { maxLength: 30 }), (blocks) => {
				let state = new VersionedState();
				const store = new Map<string, VersionedRow>();
				const keep = (rows: VersionedRow[]): void => {
					for (const row of rows) {
						if (row.value === null && row.previous === null) store.delete(row.key);
						else store.set(row.key, row);
					}
				};
				let model = new Map<string, number>();
				let height = 0;
				for (const { writes, then } of blocks) {
					const before = new Map(model);
					height += 1;
					keep(
						state.apply(
							Object.entries(writes).map(([key, value]) => write(key, value)),
							height
						)
					);
					for (const [key, value] of Object.entries(writes)) {
						if (value === null) model.delete(key);
						else model.set(key, value);
					}
					if (then === 'undo') {
						keep(state.undo(Object.keys(writes), height));
						model = before;
						height -= 1;
					}
					if (then === 'restart') state = new VersionedState(store.values());
					for (const key of ['a', 'b', 'c', 'd']) {
						const expected = model.has(key) ? v(model.get(key)!) : undefined;
						expect(state.get(key)).toEqual(expected);
						expect(store.get(key)?.value ?? undefined).toEqual(expected);
					}
				}
				// Undo reaches one version back, so two quiet heights later nothing is left of what was deleted.
				for (let quiet = 1; quiet <= 2; quiet++) keep(state.apply([], height + quiet));
				expect(state.size).toBe(model.size);
				expect(store.size).toBe(model.size);
			}),
			{ numRuns: 500 }
		);
	});
});

describe('the state digest', () => {
	const digest = (writes: StateWrite[], previous = ZERO_HASH): string =>
		toHex(nextStateDigest(previous, writes));

	it('is the hash of the digest before and, for each write, both lengths, key and value; a deletion has no length', () => {
		const layout = [
			...ZERO_HASH,
			...[0, 0, 0, 2, 0, 0, 0, 1, 97, 98, 7], // ab = 7
			...[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 99] // c is deleted
		];
		expect(digest([write('ab', 7), write('c', null)])).toBe(
			toHex(taggedHash('state', Uint8Array.from(layout)))
		);
	});

	it('differs with the digest before, each key, each value, their order and number', () => {
		const writes = [write('a', 1), write('b', 2)];
		const others: [string, StateWrite[], Uint8Array?][] = [
			['as it is', writes],
			['another digest before', writes, new Uint8Array(32).fill(1)],
			['another key', [write('a', 1), write('c', 2)]],
			['another value', [write('a', 1), write('b', 3)]],
			['a deletion', [write('a', 1), write('b', null)]],
			['an empty value', [write('a', 1), { key: 'b', value: new Uint8Array(0) }]],
			['another order', [...writes].reverse()],
			['one less', writes.slice(1)],
			['none', []],
			[
				'the border between key and value moved',
				[{ key: 'a\u0001', value: new Uint8Array(0) }, write('b', 2)]
			],
			['two writes in one', [{ key: 'a', value: Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 98, 2) }]]
		];
		expect(new Set(others.map(([, list, previous]) => digest(list, previous))).size).toBe(others.length);
	});

	it('commits to the bytes of a key in UTF-8, not to its length in UTF-16', () => {
		expect(digest([write('é', 1)])).not.toBe(digest([write('e', 1)]));
		expect(digest([write('键', 1)])).not.toBe(digest([write('锁', 1)]));
	});

	it('chains: equal digests after two blocks mean equal blocks', () => {
		const one = nextStateDigest(ZERO_HASH, [write('a', 1)]);
		const both = nextStateDigest(one, [write('b', 2)]);
		expect(toHex(both)).not.toBe(digest([write('a', 1), write('b', 2)]));
		expect(both).toHaveLength(32);
	});
});
