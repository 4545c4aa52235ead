import { create } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { InvariantError, LedgerError } from '../../ledger/errors.ts';
import { encodePacket } from '../../wire/codec.ts';
import { PacketSchema, type Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { Inbox } from './inbox.ts';

type Verdict = number | null | Error;

let delivered: string[];
let rejected: [string, Error][];
/** Checks under way, by the id of their ping. */
let waiting: Map<number, (verdict: Verdict) => void>;
let inbox: Inbox<string>;

beforeEach(() => {
	delivered = [];
	rejected = [];
	waiting = new Map();
	inbox = new Inbox<string>({
		check: (from, packet) =>
			new Promise((resolve, reject) =>
				waiting.set(idOf(packet), (verdict) => {
					if (verdict instanceof Error) reject(verdict);
					else resolve(verdict === null ? null : `${from}${verdict}`);
				})
			),
		deliver: (input) => delivered.push(input),
		rejected: (from, error) => rejected.push([from, error])
	});
});

const ping = (id: number): Uint8Array =>
	encodePacket(create(PacketSchema, { body: { case: 'ping', value: { id } } }));
const idOf = ({ body }: Packet): number => (body.case === 'ping' ? body.value.id : -1);

async function finish(id: number, verdict: Verdict = id): Promise<void> {
	waiting.get(id)!(verdict);
	await new Promise((resolve) => setImmediate(resolve));
}

describe('packets of one peer', () => {
	it('are all checked at once, and handed on in the order in which they came', async () => {
		inbox.receive('a', [ping(1), ping(2)]);
		inbox.receive('a', [ping(3)]);
		expect([...waiting.keys()]).toEqual([1, 2, 3]);
		await finish(3);
		await finish(2);
		expect(delivered).toEqual([]);
		await finish(1);
		expect(delivered).toEqual(['a1', 'a2', 'a3']);
	});

	it('do not wait for another peer’s', async () => {
		inbox.receive('a', [ping(1)]);
		inbox.receive('b', [ping(2)]);
		await finish(2);
		expect(delivered).toEqual(['b2']);
		await finish(1);
		expect(delivered).toEqual(['b2', 'a1']);
	});

	it('that do not hold are left out, and hold up nobody', async () => {
		inbox.receive('a', [ping(1), ping(2), ping(3)]);
		await finish(1, new LedgerError('SignatureInvalid', 'the signature of a vote does not hold'));
		await finish(2, null);
		await finish(3);
		expect(delivered).toEqual(['a3']);
		expect(rejected.map(([from, { message }]) => [from, message])).toEqual([
			['a', 'the signature of a vote does not hold']
		]);
	});

	it('keep their order when the link goes and comes back while they are checked', async () => {
		inbox.receive('a', [ping(1)]);
		inbox.forget('a');
		inbox.receive('a', [ping(2)]);
		await finish(2);
		expect(delivered).toEqual([]);
		await finish(1);
		expect(delivered).toEqual(['a1', 'a2']);
		inbox.forget('a');
		inbox.receive('a', [ping(3)]);
		await finish(3);
		expect(delivered.at(-1)).toBe('a3');
	});

	it('beyond what is checked at once are cut short and counted, until there is room', async () => {
		inbox.receive(
			'a',
			Array.from({ length: 4096 + 3 }, (_, i) => ping(i + 1))
		);
		expect(waiting.size).toBe(4096);
		expect(inbox.refused).toEqual(new Map([['Overrun', 3]]));
		// Another peer has its own room.
		inbox.receive('b', [ping(9001)]);
		expect(waiting.has(9001)).toBe(true);
		await finish(1);
		inbox.receive('a', [ping(9002)]);
		expect(waiting.has(9002)).toBe(true);
	});
});

describe('what is refused is counted by the name of its reason', () => {
	it('bytes that are no packet cost no check', () => {
		inbox.receive('a', [Uint8Array.of(0xff), new Uint8Array(0), ping(1)]);
		expect([...inbox.refused]).toEqual([
			['truncated', 1],
			['packet-without-body', 1]
		]);
		expect([...waiting.keys()]).toEqual([1]);
		expect(rejected.map(([from, { name }]) => [from, name])).toEqual([
			['a', 'DecodeError'],
			['a', 'DecodeError']
		]);
	});

	it.each<[string, unknown, string]>([
		['a rule that it breaks', new LedgerError('NotMember', 'a vote of who is no member'), 'NotMember'],
		['a state held impossible', new InvariantError('R2', 'fixed length'), 'InvariantError'],
		['a fault of this program', new TypeError('x is undefined'), 'TypeError'],
		['something that is no error', 'text', 'Error']
	])(
		'%s, at once or later: it neither stops the node nor silences the peer',
		async (_what, thrown, reason) => {
			const strict = new Inbox<string>({
				check: (_from, packet) => {
					if (idOf(packet) === 1) throw thrown;
					return idOf(packet) === 2 ? Promise.reject(thrown as Error) : 'fine';
				},
				deliver: (input) => delivered.push(input),
				rejected: (from, error) => rejected.push([from, error])
			});
			strict.receive('a', [ping(1), ping(2), ping(3)]);
			await new Promise((resolve) => setImmediate(resolve));
			expect([...strict.refused]).toEqual([[reason, 2]]);
			expect(rejected).toHaveLength(2);
			expect(rejected.every(([, error]) => error instanceof LedgerError)).toBe(true);
			expect(delivered).toEqual(['fine']);
		}
	);

	it('a packet that asks for nothing is no refusal, and leaves nothing behind', () => {
		const quiet = new Inbox<string>({
			check: () => null,
			deliver: (input) => delivered.push(input),
			rejected: (from, error) => rejected.push([from, error])
		});
		for (let i = 0; i < 5000; i++) quiet.receive('a', [ping(i)]);
		expect(quiet.refused.size).toBe(0);
		expect(delivered).toEqual([]);
	});
});
