import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { InstallSnapshotSchema } from '../../wire/gen/tabwave/v1/raft_pb.js';
import { SnapshotAssembly } from './snapshot-assembly.ts';
import { bytesOf, textOf } from './testing/cluster.ts';

const TEXT = 'abcdefgh';

const piece = (offset: number, bytes: number, index = 5, term = 2) =>
	create(InstallSnapshotSchema, {
		index,
		term,
		configuration: { voters: [Uint8Array.of(1)] },
		totalBytes: TEXT.length,
		offset,
		data: bytesOf(TEXT.slice(offset, offset + bytes))
	});

describe('a snapshot in pieces', () => {
	it('is whole with the last one', () => {
		const assembly = new SnapshotAssembly();
		expect(assembly.add(piece(0, 3))).toBeNull();
		expect(assembly.add(piece(3, 3))).toBeNull();
		expect(assembly.receivedBytes).toBe(6);
		const snapshot = assembly.add(piece(6, 2))!;
		expect(textOf(snapshot.data)).toBe(TEXT);
		expect([snapshot.index, snapshot.term, snapshot.configuration.voters]).toEqual([5, 2, ['01']]);
		expect(assembly.receivedBytes).toBe(0);
	});

	it('takes no piece twice and none before its turn', () => {
		const assembly = new SnapshotAssembly();
		assembly.add(piece(3, 3));
		expect(assembly.receivedBytes).toBe(0);
		assembly.add(piece(0, 3));
		assembly.add(piece(0, 3));
		assembly.add(piece(6, 2));
		expect(assembly.receivedBytes).toBe(3);
		assembly.add(piece(3, 3));
		expect(textOf(assembly.add(piece(6, 2))!.data)).toBe(TEXT);
	});

	it('begins anew with another snapshot, or another leader', () => {
		const assembly = new SnapshotAssembly();
		assembly.add(piece(0, 4));
		assembly.add(piece(0, 2, 6));
		expect(assembly.receivedBytes).toBe(2);
		assembly.add(piece(0, 2, 6, 3));
		expect(assembly.receivedBytes).toBe(2);
		assembly.clear();
		expect(assembly.receivedBytes).toBe(0);
		expect(assembly.add(piece(2, 2, 6, 3))).toBeNull();
		expect(assembly.receivedBytes).toBe(0);
	});

	it('may be of nothing', () => {
		const nothing = create(InstallSnapshotSchema, { index: 1, term: 1, configuration: {} });
		expect(new SnapshotAssembly().add(nothing)?.data).toEqual(new Uint8Array(0));
	});
});
