/**
 * The state at a checkpoint, cut into chunks of bounded size: their hashes make the root that the header commits to, so that each
 * chunk can be checked by itself, whoever sends it.
 */
import { HASH_BYTES, taggedHash } from '../crypto/hash.ts';
import { decodeMessage } from '../wire/codec.ts';
import { StateChunkSchema } from '../wire/gen/tabwave/v1/ledger_pb.js';
import { joinHashes } from './block.ts';
import { LedgerError } from './errors.ts';
import { MAX_STATE_KEY_LENGTH } from './runtime.ts';
import type { StateValue } from './state.ts';

/** Keys and values of one chunk; the largest value (64 KB) fits. Small beside a block, so that votes pass between two of them. */
export const STATE_CHUNK_BYTES = 131_072;
/** Each is a message of three fields, of which the codec allows 32,768 in all. */
const MAX_CHUNK_ENTRIES = 4096;
/** Of one encoded: what an entry adds to its key and value is at most 20 bytes. */
export const MAX_STATE_CHUNK_BYTES = 2 * STATE_CHUNK_BYTES;
/** 512 MB: no tab holds more. */
export const MAX_STATE_CHUNKS = 4096;

/** What a checkpoint is asked for. */
export interface StateChunks {
	/** Of each chunk, 32 bytes. */
	readonly hashes: Uint8Array[];
	/** @returns an encoded StateChunk */
	chunk(index: number): Uint8Array;
}

export class StateCut implements StateChunks {
	readonly hashes: Uint8Array[] = [];
	readonly root: Uint8Array;
	readonly #values: StateValue[];
	/** Of each chunk, its first value. */
	readonly #starts: number[] = [];

	constructor(values: Iterable<StateValue>) {
		this.#values = [...values].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
		let bytes = Infinity;
		this.#values.forEach(({ key, value }, i) => {
			bytes += key.length + value.length;
			if (bytes <= STATE_CHUNK_BYTES && i - this.#starts.at(-1)! < MAX_CHUNK_ENTRIES) return;
			this.#starts.push(i);
			bytes = key.length + value.length;
		});
		for (let i = 0; i < this.#starts.length; i++) this.hashes.push(chunkHash(this.chunk(i)));
		this.root = stateRoot(this.hashes);
	}

	chunk(index: number): Uint8Array {
		return encodeChunk(this.#values.slice(this.#starts[index], this.#starts[index + 1]));
	}
}

/**
 * An encoded StateChunk, byte for byte as protobuf-es writes it, in a third of the time: a node stands still while it cuts its state.
 * @param values no more than a chunk holds
 */
export function encodeChunk(values: readonly StateValue[]): Uint8Array {
	let at = 0;
	for (const { key, value, height } of values) {
		const { written: keyBytes } = utf8.encodeInto(key, keyBuffer);
		const length =
			fieldSize(keyBytes) +
			(height > 0 ? 1 + varintSize(height) : 0) +
			(value.length > 0 ? fieldSize(value.length) : 0);
		at = putVarint(putVarint(at, ENTRY_TAG), length);
		at = putBytes(at, KEY_TAG, keyBuffer.subarray(0, keyBytes));
		if (height > 0) at = putVarint(putVarint(at, HEIGHT_TAG), height);
		if (value.length > 0) at = putBytes(at, VALUE_TAG, value);
	}
	return buffer.slice(0, at);
}

/** Field numbers and wire types of StateChunk and StateEntry. */
const ENTRY_TAG = 0x0a;
const KEY_TAG = 0x0a;
const HEIGHT_TAG = 0x10;
const VALUE_TAG = 0x1a;

const utf8 = new TextEncoder();
/** Each character of a key is three bytes at most. */
const keyBuffer = new Uint8Array(3 * MAX_STATE_KEY_LENGTH);
const buffer = new Uint8Array(MAX_STATE_CHUNK_BYTES);

function putBytes(at: number, tag: number, bytes: Uint8Array): number {
	const start = putVarint(putVarint(at, tag), bytes.length);
	buffer.set(bytes, start);
	return start + bytes.length;
}

function putVarint(at: number, value: number): number {
	let rest = value;
	for (; rest > 0x7f; rest >>>= 7) buffer[at++] = (rest & 0x7f) | 0x80;
	buffer[at++] = rest;
	return at;
}

function varintSize(value: number): number {
	return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** Of bytes with their tag and their length. */
function fieldSize(length: number): number {
	return 1 + varintSize(length) + length;
}

export function chunkHash(chunk: Uint8Array): Uint8Array {
	return taggedHash('state-chunk', chunk);
}

/** @param hashes of the chunks, in their order */
export function stateRoot(hashes: Uint8Array[]): Uint8Array {
	return taggedHash('state-root', joinHashes(hashes));
}

/** @throws LedgerError `SnapshotInvalid` */
export function splitChunkHashes(bytes: Uint8Array): Uint8Array[] {
	if (bytes.length === 0 || bytes.length % HASH_BYTES !== 0 || bytes.length > MAX_STATE_CHUNKS * HASH_BYTES)
		throw new LedgerError('SnapshotInvalid', `${bytes.length} bytes are not the hashes of a state's chunks`);
	return Array.from({ length: bytes.length / HASH_BYTES }, (_, i) =>
		bytes.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES)
	);
}

/** @throws LedgerError `SnapshotInvalid`; whose hash is the right one was written by this program, or by one that reads otherwise */
export function readChunk(bytes: Uint8Array): StateValue[] {
	try {
		return decodeMessage(StateChunkSchema, bytes, MAX_STATE_CHUNK_BYTES).entries.map(
			({ key, value, height }) => ({ key, value: value.slice(), height })
		);
	} catch (cause) {
		throw new LedgerError('SnapshotInvalid', `not part of a state: ${(cause as Error).message}`);
	}
}
