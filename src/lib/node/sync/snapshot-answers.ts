/** What a node gives to who asks for a snapshot (R23): the checkpoints that it has passed, and the changes of members before them. */
import { create } from '@bufbuild/protobuf';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { joinHashes } from '../../ledger/block.ts';
import { epochKey } from '../../ledger/genesis.ts';
import type { LedgerStore } from '../../storage/ledger-store.ts';
import {
	SnapshotResponseSchema,
	type SnapshotRequest,
	type SnapshotResponse
} from '../../wire/gen/tabwave/v1/wire_pb.js';
import { MAX_SYNC_RESPONSE_BYTES } from '../../wire/limits.ts';

/** Empty where this node does not have what was asked for. */
export async function answerSnapshot(
	chain: Chain,
	store: LedgerStore,
	{ requestId, height, part }: SnapshotRequest
): Promise<SnapshotResponse> {
	const response = create(SnapshotResponseSchema, { requestId });
	const checkpoint = chain.checkpoints.find((one) => height === 0 || one.height === height);
	if (!checkpoint) return response;
	const { chunks } = checkpoint;
	response.height = checkpoint.height;
	switch (part.case) {
		case 'offer': {
			const block = await store.block(checkpoint.height);
			if (!block) break;
			response.blocks = [block];
			response.hashes = joinHashes(chunks.hashes);
			break;
		}
		case 'changesAbove':
			await giveChanges(response, chain, store, part.value);
			break;
		case 'chunk':
			if (part.value < chunks.hashes.length) response.chunk = chunks.chunk(part.value);
	}
	return response;
}

async function giveChanges(
	response: SnapshotResponse,
	chain: Chain,
	store: LedgerStore,
	above: number
): Promise<void> {
	const heights = heightsOfChanges(chain).filter((height) => height > above && height <= response.height);
	let bytes = 0;
	for (const height of heights) {
		const block = await store.block(height);
		// A node that began with a snapshot itself may not have them all yet.
		if (!block) {
			response.blocks = [];
			return;
		}
		bytes += block.length;
		if (response.blocks.length > 0 && bytes > MAX_SYNC_RESPONSE_BYTES) return;
		response.blocks.push(block);
	}
	response.complete = true;
}

/** The ledger keeps each epoch of each partition with the height at which it began. */
function heightsOfChanges({ topology, state }: Chain): number[] {
	const heights = new Set<number>();
	for (const { id, epoch: last } of topology.partitions())
		for (let epoch = 1; epoch <= last; epoch++) {
			const row = state.row(epochKey(id, epoch));
			if (row) heights.add(row.height);
		}
	return [...heights].filter((height) => height > 0).sort((a, b) => a - b);
}
