import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../crypto/hex.ts';
import {
	chunkHash,
	MAX_STATE_CHUNK_BYTES,
	MAX_STATE_CHUNKS,
	readChunk,
	splitChunkHashes,
	STATE_CHUNK_BYTES,
	StateCut,
	stateRoot
} from './state-cut.ts';
import type { StateValue } from './state.ts';
import { StateChunkSchema, StateEntrySchema } from '../wire/gen/tabwave/v1/ledger_pb.js';
import { joinHashes } from './block.ts';
import { reasonOf } from './testing/transactions.ts';

fc.configureGlobal({ seed: 80 });

const value = (key: string, bytes: number, height = 1): StateValue => ({
	key,
	value: new Uint8Array(bytes).fill(key.length),
	height
});

const readBack = (cut: StateCut): StateValue[] => cut.hashes.flatMap((_, i) => readChunk(cut.chunk(i)));

describe('a state that is cut', () => {
	it('comes back in order of key, whatever the order was in which it was written', () => {
		const values = fc.uniqueArray(
			fc.record({
				key: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
				value: fc.uint8Array({ maxLength: 3000 }),
				height: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
			}),
			{ selector: ({ key }) => key, maxLength: 200 }
		);
		fc.assert(
			fc.property(values, fc.integer(), (all, turn) => {
				const cut = new StateCut(all);
				const sorted = [...all].sort((a, b) => (a.key < b.key ? -1 : 1));
				expect(readBack(cut)).toEqual(sorted);
				cut.hashes.forEach((_, i) => {
					const entries = readChunk(cut.chunk(i)).map((entry) => create(StateEntrySchema, entry));
					expect(cut.chunk(i)).toEqual(toBinary(StateChunkSchema, create(StateChunkSchema, { entries })));
				});
				const turned = [...all.slice(turn % (all.length + 1)), ...all.slice(0, turn % (all.length + 1))];
				expect(toHex(new StateCut(turned).root)).toBe(toHex(cut.root));
			}),
			{ numRuns: 50 }
		);
	});

	it('has another root for each value, height and key that differs', () => {
		const rows = [value('a', 3), value('b', 3)];
		const changed = [
			rows,
			[rows[0]!],
			[value('a', 3), value('c', 3)],
			[value('a', 3, 2), value('b', 3)],
			[value('a', 4), value('b', 3)]
		];
		expect(new Set(changed.map((some) => toHex(new StateCut(some).root))).size).toBe(changed.length);
	});

	it('has chunks of bounded size, each with its own hash, and of few values as well', () => {
		const large = [1, 2, 3].map((i) => value(`key ${i}`, 60_000));
		const cut = new StateCut(large);
		expect(cut.hashes).toHaveLength(2);
		const small = new StateCut(Array.from({ length: 10_000 }, (_, i) => value(`k${i}`, 1)));
		expect(small.hashes).toHaveLength(3);
		for (const one of [cut, small])
			one.hashes.forEach((hash, i) => {
				const chunk = one.chunk(i);
				expect(chunk.length).toBeLessThanOrEqual(MAX_STATE_CHUNK_BYTES);
				expect(toHex(chunkHash(chunk))).toBe(toHex(hash));
			});
		expect(toHex(stateRoot(cut.hashes))).toBe(toHex(cut.root));
		expect(STATE_CHUNK_BYTES).toBeLessThan(MAX_STATE_CHUNK_BYTES);
	});
});

describe('from a stranger', () => {
	it('hashes are whole, and no more than a state has', () => {
		const { hashes } = new StateCut([value('a', 1)]);
		expect(splitChunkHashes(joinHashes(hashes))).toEqual(hashes);
		for (const length of [0, 31, 33, 32 * (MAX_STATE_CHUNKS + 1)])
			expect(reasonOf(() => splitChunkHashes(new Uint8Array(length)))).toBe('SnapshotInvalid');
	});

	it('a chunk that is none is refused by name', () => {
		expect(reasonOf(() => readChunk(new Uint8Array(9).fill(0xff)))).toBe('SnapshotInvalid');
		expect(reasonOf(() => readChunk(new Uint8Array(MAX_STATE_CHUNK_BYTES + 1)))).toBe('SnapshotInvalid');
	});
});
