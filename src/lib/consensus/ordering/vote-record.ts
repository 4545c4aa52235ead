/**
 * What a member has promised and voted at the height above its head, in the record that is durable before anything of it
 * leaves (R2, R11, R14): the ballot joined, one Sign and one Done in it, and the lock.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { equalBytes } from '../../crypto/hex.ts';
import { invariant } from '../../ledger/errors.ts';
import type { CertifiedBlock } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { OrderVoteRecordSchema, type OrderVoteRecord } from '../../wire/gen/tabwave/v1/storage_pb.js';
import { padded, type Persist } from '../effects.ts';
import { compareBallots, type Ballot } from './ballot.ts';
import type { Lock } from './lock.ts';

const PREFIX = 'order/';

export function orderRecordKey(height: number): string {
	return `${PREFIX}${padded(height)}`;
}

export class VoteRecord {
	#record: OrderVoteRecord | null = null;
	/** The height that the record is of. */
	#height = 0;
	/** Records of heights that became final without this node's knowing. */
	#stale: string[] = [];

	/** Takes up what an earlier run has left. @param height the one above the head */
	restore(records: { key: string; value: Uint8Array }[], height: number): void {
		this.#height = height;
		const own = orderRecordKey(height);
		for (const { key, value } of records) {
			if (!key.startsWith(PREFIX)) continue;
			if (key === own) this.#record = fromBinary(OrderVoteRecordSchema, value);
			else this.#stale.push(key);
		}
	}

	/** The highest ballot that this member has joined at a height. */
	joined(height: number): Ballot | null {
		return this.#at(height);
	}

	/** A Sign was given in the ballot joined. */
	hasSigned(height: number): boolean {
		return (this.#at(height)?.signedDigest.length ?? 0) > 0;
	}

	lock(height: number): Lock | null {
		const record = this.#at(height);
		return record?.lock ? { orderCommit: record.lock, content: record.lockContent } : null;
	}

	/** What the lock orders, in its order; changes of members are in the content itself. */
	lockedBlocks(height: number): CertifiedBlock[] {
		return this.#at(height)?.lockBlocks ?? [];
	}

	/** R14: from now on no part in lower ballots. The lock stays. */
	join(height: number, ballot: Ballot): Persist[] {
		const record = this.#at(height);
		if (record) {
			const order = compareBallots(ballot, record);
			invariant(order >= 0, 'R14', 'a member takes no part in a ballot below the one that it has joined');
			if (order === 0) return [];
		}
		return this.#write(height, { ...lockIn(record), ...ballot });
	}

	/**
	 * R11: one Sign in a ballot; the same one may be given again.
	 * @returns null where another was given
	 */
	sign(height: number, ballot: Ballot, digest: Uint8Array): Persist[] | null {
		const joining = this.join(height, ballot);
		const record = this.#at(height)!;
		const { signedDigest, doneDigest } = record;
		if (signedDigest.length > 0) return equalBytes(signedDigest, digest) ? joining : null;
		return this.#write(height, { ...lockIn(record), ...ballot, signedDigest: digest, doneDigest });
	}

	/**
	 * The second vote, and the lock that goes before it: both in one record.
	 * @param blocks what the lock orders
	 */
	done(height: number, ballot: Ballot, digest: Uint8Array, lock: Lock, blocks: CertifiedBlock[]): Persist[] {
		const record = this.#at(height);
		invariant(
			record && compareBallots(record, ballot) === 0 && equalBytes(record.signedDigest, digest),
			'R11',
			'a Done repeats the Sign of its ballot'
		);
		if (record.doneDigest.length > 0) return [];
		return this.#write(height, {
			...ballot,
			signedDigest: digest,
			doneDigest: digest,
			lock: lock.orderCommit,
			lockContent: lock.content,
			lockBlocks: blocks
		});
	}

	/** Votes of heights that are final are no longer needed. */
	forget(finalHeight: number): Persist[] {
		const persist = this.#stale.splice(0).map((key): Persist => ({ key, value: null }));
		if (this.#record && this.#height <= finalHeight) {
			persist.push({ key: orderRecordKey(this.#height), value: null });
			this.#record = null;
		}
		return persist;
	}

	#at(height: number): OrderVoteRecord | null {
		return this.#height === height ? this.#record : null;
	}

	#write(height: number, fields: Partial<Omit<OrderVoteRecord, '$typeName' | '$unknown'>>): Persist[] {
		invariant(
			!this.#record || this.#height === height,
			'R14',
			'votes are of the height above the head alone'
		);
		this.#record = create(OrderVoteRecordSchema, fields);
		this.#height = height;
		return [{ key: orderRecordKey(height), value: toBinary(OrderVoteRecordSchema, this.#record) }];
	}
}

function lockIn(record: OrderVoteRecord | null): Partial<OrderVoteRecord> {
	return record ? { lock: record.lock, lockContent: record.lockContent, lockBlocks: record.lockBlocks } : {};
}
