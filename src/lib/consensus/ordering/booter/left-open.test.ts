import { create, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import {
	OrderContentSchema,
	type CertifiedBlock,
	type OrderEntry
} from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import { encodeMembershipChange } from '../../membership/change.ts';
import { TestLedger } from '../../testing/test-ledger.ts';
import { toCertifiedBlock, type CertifiedBody } from '../certified-block.ts';
import { toEntry } from './entries.ts';
import { LeftOpen } from './left-open.ts';
import type { LoggedBallot } from './open-ballot.ts';

const BALLOT = { term: 2, attempt: 3 };
const HEIGHT = 5;
let ledger: TestLedger;
let body: CertifiedBody;
/** Blocks that wait for their turn. */
let queue: Map<string, CertifiedBody>;
/** The log's block is whole. */
let isWhole: boolean;
let left: LeftOpen;
let logged: LoggedBallot;

beforeEach(async () => {
	ledger = await TestLedger.found([1]);
	body = await ledger.certified(1, [await ledger.transaction(ledger.members(1)[0]!)], { view: 4 });
	queue = new Map();
	isWhole = true;
	left = new LeftOpen({
		choice: { certified: (one) => queue.set(one.id, one).size > 0, block: (id) => queue.get(id) },
		readBlock: (_block: CertifiedBlock) => (isWhole ? body : null)
	});
	const content = create(OrderContentSchema, { height: HEIGHT, entries: [toEntry({ kind: 'block', body })] });
	const contentBytes = toBinary(OrderContentSchema, content);
	logged = { ballot: BALLOT, content, contentBytes, blocks: [toCertifiedBlock(body)], hasOrderCommit: true };
	left.logged(logged);
});

const entry = (): OrderEntry => logged.content.entries[0]!;

describe('R20: what the log has', () => {
	it('is taken up by who leads at its height, once', () => {
		expect(left.begin(HEIGHT, true)).toEqual(BALLOT);
		expect([left.isRecorded, left.isAbove(HEIGHT), left.isAbove(HEIGHT - 1)]).toEqual([true, false, true]);
		const { content, contentBytes } = logged;
		expect(left.take()).toEqual({ content, contentBytes, hasOrderCommit: true });
		expect([left.isRecorded, left.take()]).toEqual([false, null]);
		expect(queue.get(body.id)).toBe(body);
	});

	it('is a bound for ballots alone where the chain is behind it', () => {
		expect(left.begin(HEIGHT - 1, true)).toEqual(BALLOT);
		expect([left.isRecorded, queue.size]).toEqual([false, 0]);
	});

	it.each([
		['of a height that is final', () => left.begin(HEIGHT + 1, true)],
		['of another leader', () => left.begin(HEIGHT, false)],
		['of an empty log', () => (left.logged(null), left.begin(HEIGHT, true))]
	])('is nothing: %s', (_what, begin) => {
		expect([begin(), left.isRecorded, queue.size]).toEqual([null, false, 0]);
	});

	it('is forgotten with its bodies at another height', () => {
		left.begin(HEIGHT, true);
		queue.clear();
		expect(left.body(body.id, 4)).toBe(body);
		left.begin(HEIGHT + 1, true);
		expect([left.isRecorded, left.body(body.id, 4)]).toEqual([false, undefined]);
	});
});

describe('R12: a block that an order names', () => {
	it('is one that waits, or came because it was asked for, with the certificate that is named', () => {
		expect(left.bodyOf(entry())).toBeNull();
		expect([left.want(entry()), left.want(entry())]).toEqual([true, false]);
		expect(left.missing()).toEqual([{ id: body.idBytes, view: 4 }]);
		left.arrived({ ...body, certificate: { ...body.certificate, view: 5 } });
		expect(left.bodyOf(entry())).toBeNull();
		left.arrived(body);
		expect(left.bodyOf(entry())).toEqual({ kind: 'block', body });
		expect(left.missing()).toEqual([]);
		const waiting = { ...body };
		queue.set(body.id, waiting);
		expect(left.body(body.id, 4)).toBe(waiting);
		queue.set(body.id, { ...body, certificate: { ...body.certificate, view: 9 } });
		expect(left.body(body.id, 4)).toBe(body);
	});

	it('is asked for where the log did not hold it whole', () => {
		isWhole = false;
		left.begin(HEIGHT, true);
		expect([left.isRecorded, left.bodyOf(entry()), queue.size]).toEqual([true, null, 0]);
	});

	it('is its own body if it is a change of members', async () => {
		const change = ledger.change(1, { leaves: [await ledger.leave(ledger.members(1)[0]!, 1)] });
		const bytes = encodeMembershipChange(change);
		const named = toEntry({ kind: 'membership', bytes, change }) as OrderEntry;
		expect(left.bodyOf(named)).toMatchObject({
			kind: 'membership',
			bytes,
			change: { partition: 1, epoch: 2 }
		});
	});
});
