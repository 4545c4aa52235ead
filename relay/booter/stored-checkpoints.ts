/**
 * The newest checkpoint on the relay's disk, beside the votes: tabs that come after a restart of the relay have nobody else to ask for
 * a snapshot, and the next checkpoint may be long in coming.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Chain, Commit } from '#lib/consensus/ordering/chain.ts';
import { joinHashes, splitHashes } from '#lib/ledger/block.ts';
import type { VoteRecord } from '#lib/storage/ledger-store.ts';
import { CheckpointRecordSchema } from '#lib/wire/gen/tabwave/v1/storage_pb.js';

const KEY = 'checkpoint';

export class StoredCheckpoints {
	readonly #chain: Chain;
	/** Of the one that is stored. */
	#height = 0;
	#chunks = 0;

	/** Gives the chain back what an earlier run stored. @param records what the store held */
	constructor(chain: Chain, records: { key: string; value: Uint8Array }[]) {
		this.#chain = chain;
		const record = records.find(({ key }) => key === KEY);
		if (!record) return;
		const { height, hashes } = fromBinary(CheckpointRecordSchema, record.value);
		const chunkHashes = splitHashes(hashes);
		this.#height = height;
		this.#chunks = chunkHashes.length;
		const byKey = new Map(records.map(({ key, value }) => [key, value]));
		const chunks = chunkHashes.map((_, i) => byKey.get(chunkKey(i)));
		// It is written whole or not at all; one that lost a part is of no use, and the next one replaces it.
		if (height > chain.head.height || chunks.includes(undefined)) return;
		chain.keepCheckpoint({ height, chunks: { hashes: chunkHashes, chunk: (i) => chunks[i]! } });
	}

	/** What has to be stored with these commits. */
	of(commits: Commit[]): VoteRecord[] {
		const newest = this.#chain.checkpoints[0];
		if (commits.length === 0 || !newest || newest.height <= this.#height) return [];
		const { height, chunks } = newest;
		const { hashes } = chunks;
		const record = create(CheckpointRecordSchema, { height, hashes: joinHashes(hashes) });
		const records: VoteRecord[] = [{ key: KEY, value: toBinary(CheckpointRecordSchema, record) }];
		hashes.forEach((_, i) => records.push({ key: chunkKey(i), value: chunks.chunk(i) }));
		for (let i = hashes.length; i < this.#chunks; i++) records.push({ key: chunkKey(i), value: null });
		this.#height = height;
		this.#chunks = hashes.length;
		return records;
	}
}

function chunkKey(index: number): string {
	return `${KEY}/${index}`;
}
