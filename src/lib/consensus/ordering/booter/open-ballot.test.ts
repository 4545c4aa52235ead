import { create, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { ZERO_HASH } from '../../../crypto/hash.ts';
import {
	CertifiedBlockSchema,
	OrderCertificateSchema,
	OrderContentSchema
} from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import { BallotRecordSchema, BooterEntrySchema } from '../../../wire/gen/tabwave/v1/storage_pb.js';
import { MAX_ENTRY_BYTES } from '../../raft/limits.ts';
import { ballotEntry, encodeEntry, OpenBallot } from './open-ballot.ts';

let open: OpenBallot;

beforeEach(() => {
	open = new OpenBallot();
});

function content(height: number): Uint8Array {
	const entry = { id: ZERO_HASH, partition: 1 };
	const fields = { height, previousHash: ZERO_HASH, timeMs: 1n, entries: [entry] };
	return toBinary(OrderContentSchema, create(OrderContentSchema, fields));
}

const ballot = (term: number, attempt: number, height: number, bodyBytes = 10): Uint8Array =>
	ballotEntry(
		create(BallotRecordSchema, {
			term,
			attempt,
			content: content(height),
			blocks: [create(CertifiedBlockSchema, { proposal: new Uint8Array(bodyBytes) })]
		})
	);
const orderCommit = (term: number, attempt: number, height: number): Uint8Array =>
	encodeEntry({ case: 'orderCommit', value: create(OrderCertificateSchema, { term, attempt, height }) });
const standing = () =>
	open.logged && [
		open.logged.ballot,
		open.height,
		open.logged.blocks.length,
		open.logged.hasOrderCommit ? 'committed' : 'open'
	];

describe('R20: what the log has open', () => {
	it('is nothing at first, and then the last ballot that was opened', () => {
		expect([open.logged, open.height]).toEqual([null, 0]);
		expect(open.apply(ballot(1, 0, 5))?.body.case).toBe('ballot');
		expect(standing()).toEqual([{ term: 1, attempt: 0 }, 5, 1, 'open']);
		open.apply(ballot(2, 1, 5));
		expect(standing()).toEqual([{ term: 2, attempt: 1 }, 5, 1, 'open']);
		open.apply(ballot(2, 0, 6));
		expect(standing()).toEqual([{ term: 2, attempt: 0 }, 6, 1, 'open']);
	});

	it('is signed once its own OrderCommit is there, and not by another’s', () => {
		open.apply(ballot(1, 2, 5));
		for (const other of [orderCommit(1, 1, 5), orderCommit(2, 2, 5), orderCommit(1, 2, 4)]) {
			open.apply(other);
			expect(standing()).toEqual([{ term: 1, attempt: 2 }, 5, 1, 'open']);
		}
		expect(open.apply(orderCommit(1, 2, 5))?.body.case).toBe('orderCommit');
		expect(standing()).toEqual([{ term: 1, attempt: 2 }, 5, 1, 'committed']);
		open.apply(ballot(2, 0, 5));
		expect(standing()).toEqual([{ term: 2, attempt: 0 }, 5, 1, 'open']);
	});

	it('is the same behind a snapshot, whose bytes are equal for equal states', () => {
		open.apply(ballot(1, 0, 5));
		const before = open.snapshot();
		open.apply(orderCommit(1, 0, 5));
		expect(open.snapshot()).not.toEqual(before);
		const other = new OpenBallot();
		other.restore(open.snapshot());
		expect(other.logged).toEqual(open.logged);
		expect(other.snapshot()).toEqual(open.snapshot());
		other.restore(new OpenBallot().snapshot());
		expect(other.logged).toBeNull();
	});

	it('leaves out the blocks where they do not fit an entry: whoever votes on them holds them', () => {
		open.apply(ballot(1, 0, 5, MAX_ENTRY_BYTES - 1000));
		expect(standing()).toEqual([{ term: 1, attempt: 0 }, 5, 1, 'open']);
		const large = ballot(1, 1, 5, MAX_ENTRY_BYTES);
		expect(large.length).toBeLessThan(1000);
		open.apply(large);
		expect(standing()).toEqual([{ term: 1, attempt: 1 }, 5, 0, 'open']);
	});

	it.each([
		['no message', Uint8Array.of(255)],
		['an order that is none', encodeEntry({ case: 'ballot', value: create(BallotRecordSchema, { term: 1 }) })]
	])('does not change with an entry that is %s', (_what, data) => {
		open.apply(ballot(1, 0, 5));
		const before = open.snapshot();
		expect(open.apply(data)).toBeNull();
		expect(open.snapshot()).toEqual(before);
	});

	it('does not change with an entry of a later version, which says nothing to this one', () => {
		open.apply(ballot(1, 0, 5));
		const before = open.snapshot();
		open.apply(toBinary(BooterEntrySchema, create(BooterEntrySchema)));
		expect(open.snapshot()).toEqual(before);
	});
});
