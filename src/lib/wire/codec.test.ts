/// <reference types="vite/client" />
import { create, equals, toBinary, type DescFile, type DescMessage, type Message } from '@bufbuild/protobuf';
import { DescriptorProtoSchema, StructSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
	DecodeError,
	EncodeError,
	decodeMessage,
	decodePacket,
	encodePacket,
	type DecodeErrorReason
} from './codec.ts';
import { FinalBlockSchema, TransactionBodySchema } from './gen/tabwave/v1/ledger_pb.js';
import {
	NextSchema,
	PacketSchema,
	PingSchema,
	SyncResponseSchema,
	type Packet
} from './gen/tabwave/v1/wire_pb.js';
import { MAX_MESSAGE_DEPTH, MAX_MESSAGE_FIELDS, MAX_PACKET_BYTES } from './limits.ts';
import { anyMessage } from './message-arbitrary.ts';

fc.configureGlobal({ seed: 20261 });

/** Every message of every schema file, so that one that the structure check cannot hold is found when it is added. */
const schemas = Object.values(
	// The client API's schema travels as JSON inside one origin, and never as bytes from a stranger.
	import.meta.glob<Record<string, { kind: string }>>(['./gen/**/*_pb.js', '!./gen/**/api_pb.js'], {
		eager: true
	})
)
	.flatMap((module) => Object.values(module).filter((one): one is DescFile => one.kind === 'file'))
	.flatMap((file) => file.messages);

const packets = anyMessage(PacketSchema) as fc.Arbitrary<Packet>;

describe('packets', () => {
	it('of every kind come back equal', () => {
		const kinds = new Set<string | undefined>();
		fc.assert(
			fc.property(packets, (packet) => {
				kinds.add(packet.body.case);
				expect(equals(PacketSchema, decodePacket(encodePacket(packet)), packet)).toBe(true);
			}),
			{ numRuns: 3000 }
		);
		expect(kinds.size).toBe(PacketSchema.fields.length);
	});

	it('without a body are refused both ways', () => {
		expect(() => encodePacket(create(PacketSchema))).toThrow(EncodeError);
		expect(reasonOf(() => decodePacket(new Uint8Array(0)))).toBe('packet-without-body');
	});

	it('of a newer version, with a body that is unknown here, are refused', () => {
		// Field 100, of length 1.
		expect(reasonOf(() => decodePacket(Uint8Array.of(0xa2, 0x06, 1, 0)))).toBe('packet-without-body');
	});

	it('past the bound are refused both ways', () => {
		const large = create(PacketSchema, {
			body: { case: 'syncResponse', value: { blocks: [new Uint8Array(MAX_PACKET_BYTES)] } }
		});
		expect(() => encodePacket(large)).toThrow(EncodeError);
		expect(reasonOf(() => decodePacket(toBinary(PacketSchema, large)))).toBe('too-large');
	});
});

describe('a message of any schema', () => {
	it.each(schemas.map((schema) => [schema.typeName, schema] as const))(
		'%s comes back equal',
		(_name, schema) => {
			fc.assert(
				fc.property(anyMessage(schema), (message) => {
					const bytes = toBinary(schema, message);
					expect(equals(schema, decodeMessage(schema, bytes, bytes.length), message)).toBe(true);
				}),
				{ numRuns: 50 }
			);
		}
	);

	it('is refused one byte past its bound', () => {
		const bytes = toBinary(PingSchema, create(PingSchema, { id: 300 }));
		expect(decodeMessage(PingSchema, bytes, bytes.length).id).toBe(300);
		expect(reasonOf(() => decodeMessage(PingSchema, bytes, bytes.length - 1))).toBe('too-large');
	});

	it('loses fields that are unknown here, and says nothing of them when it is encoded again', () => {
		const known = toBinary(PingSchema, create(PingSchema, { id: 7 }));
		const unknown = [0x52, 2, 9, 9, 0x58, 0x81, 1, 0x65, 1, 2, 3, 4, 0x69, 1, 2, 3, 4, 5, 6, 7, 8];
		const message = decodeMessage(PingSchema, Uint8Array.of(...unknown, ...known, ...unknown), 100);
		expect(message.$unknown).toBeUndefined();
		expect(toBinary(PingSchema, message)).toEqual(known);
	});

	it('may pack its repeated numbers or not', () => {
		const numbers = DescriptorProtoSchema.file.messages.find((message) => message.name === 'SourceCodeInfo')!;
		const location = numbers.nestedMessages[0]!;
		const packed = decodeMessage(location, Uint8Array.of(0x0a, 3, 1, 0x80, 1), 100);
		const single = decodeMessage(location, Uint8Array.of(0x08, 1, 0x08, 0x80, 1), 100);
		expect(equals(location, packed, single)).toBe(true);
	});
});

describe('the decoder refuses', () => {
	it.each<[string, DescMessage, number[], DecodeErrorReason]>([
		['a field that ends early', PingSchema, [0x08], 'truncated'],
		['a number that ends early', PingSchema, [0x08, 0x80], 'truncated'],
		['bytes that end early', TransactionBodySchema, [0x0a, 5, 1, 2], 'truncated'],
		['an unknown fixed field that ends early', PingSchema, [0x65, 1, 2, 3], 'truncated'],
		['a submessage that reaches past its parent', NextSchema, [0x12, 3, 0x32, 2, 0x08, 1], 'truncated'],
		['field number 0', PingSchema, [0x00, 1], 'malformed'],
		['a tag that is padded', PingSchema, [0x88, 0x00, 1], 'malformed'],
		['a tag past 32 bits', PingSchema, [0xff, 0xff, 0xff, 0xff, 0x1f, 1], 'malformed'],
		['a length that is padded', TransactionBodySchema, [0x0a, 0x81, 0x00, 1], 'malformed'],
		['a number of eleven bytes', PingSchema, [0x08, ...Array<number>(10).fill(0x80), 1], 'malformed'],
		['a number where bytes belong', TransactionBodySchema, [0x08, 1], 'wrong-wire-type'],
		['bytes where a number belongs', PingSchema, [0x0a, 1, 1], 'wrong-wire-type'],
		['a group', PingSchema, [0x53, 0x54], 'wrong-wire-type'],
		['a singular field that is there twice', PingSchema, [0x08, 1, 0x08, 1], 'field-repeated'],
		['a packet with two bodies', PacketSchema, [0x8a, 1, 0, 0x92, 1, 0], 'field-repeated'],
		['a packet with the same body twice', PacketSchema, [0x8a, 1, 0, 0x8a, 1, 0], 'field-repeated'],
		['text that is not UTF-8', TransactionBodySchema, [0x1a, 2, 0xc3, 0x28], 'malformed']
	])('%s', (_name, schema, bytes, reason) => {
		expect(reasonOf(() => decodeMessage(schema, Uint8Array.from(bytes), 100))).toBe(reason);
	});

	it('more fields than the bound, at one depth or over several', () => {
		const empty = (count: number, tag: number) =>
			Uint8Array.from({ length: 2 * count }, (_, i) => (i % 2 ? 0 : tag));
		const schema = SyncResponseSchema;
		expect(decodeMessage(schema, empty(MAX_MESSAGE_FIELDS, 0x1a), MAX_PACKET_BYTES).blocks).toHaveLength(
			MAX_MESSAGE_FIELDS
		);
		expect(reasonOf(() => decodeMessage(schema, empty(MAX_MESSAGE_FIELDS + 1, 0x1a), MAX_PACKET_BYTES))).toBe(
			'too-many-fields'
		);
		const certificate = empty(MAX_MESSAGE_FIELDS, 0x32);
		const block = Uint8Array.of(0x2a, 0x80, 0x80, 0x04, ...certificate);
		expect(certificate.length).toBe(0x10000);
		expect(reasonOf(() => decodeMessage(FinalBlockSchema, block, MAX_PACKET_BYTES))).toBe('too-many-fields');
	});

	it('more packed numbers than the bound', () => {
		const location = DescriptorProtoSchema.file.messages.find((one) => one.name === 'SourceCodeInfo')!
			.nestedMessages[0]!;
		const bytes = Uint8Array.of(0x0a, 0x80, 0x80, 0x02, ...new Uint8Array(0x8000));
		expect(reasonOf(() => decodeMessage(location, bytes, MAX_PACKET_BYTES))).toBe('too-many-fields');
	});

	it('a message nested deeper than the bound', () => {
		expect(reasonOf(() => decodeMessage(DescriptorProtoSchema, nested(MAX_MESSAGE_DEPTH - 1), 1000))).toBe(
			'none'
		);
		expect(reasonOf(() => decodeMessage(DescriptorProtoSchema, nested(MAX_MESSAGE_DEPTH), 1000))).toBe(
			'too-deep'
		);
	});

	it('a schema with maps, which have no order', () => {
		expect(() => decodeMessage(StructSchema, new Uint8Array(0), 10)).toThrow(RangeError);
	});
});

describe('our schema', () => {
	it('is less deep than the bound', () => {
		const depthOf = (schema: DescMessage): number =>
			1 + Math.max(0, ...schema.fields.map((field) => (field.message ? depthOf(field.message) : 0)));
		for (const schema of schemas) expect(depthOf(schema)).toBeLessThan(MAX_MESSAGE_DEPTH);
		expect(schemas.length).toBeGreaterThan(50);
	});
});

describe('bytes from anybody', () => {
	it('give a packet or a DecodeError: mutated packets', () => {
		const changes = fc.array(
			fc.tuple(
				fc.nat(),
				fc.nat({ max: 255 }),
				fc.constantFrom('set', 'set', 'set', 'insert', 'remove', 'end')
			),
			{
				minLength: 1,
				maxLength: 3
			}
		);
		const count = { decoded: 0, refused: 0 };
		fc.assert(
			fc.property(packets, changes, (packet, list) => {
				let bytes = [...encodePacket(packet)];
				for (const [place, value, kind] of list) {
					const at = place % (bytes.length + 1);
					if (kind === 'set') bytes[at] = value;
					else if (kind === 'end') bytes = bytes.slice(0, at);
					else bytes.splice(at, kind === 'remove' ? 1 : 0, ...(kind === 'insert' ? [value] : []));
				}
				judge(Uint8Array.from(bytes), count);
			}),
			{ numRuns: 20_000 }
		);
		expect(count.decoded).toBeGreaterThan(1000);
		expect(count.refused).toBeGreaterThan(10_000);
	});

	it('give a packet or a DecodeError: random bytes', () => {
		const count = { decoded: 0, refused: 0 };
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => judge(bytes, count)),
			{ numRuns: 20_000 }
		);
		expect(count.refused).toBeGreaterThan(2000);
	});

	it('give a packet or a DecodeError: each prefix of a packet', () => {
		const count = { decoded: 0, refused: 0 };
		fc.assert(
			fc.property(packets, (packet) => {
				const bytes = encodePacket(packet);
				const step = Math.max(1, Math.floor(bytes.length / 20));
				for (let end = 0; end < bytes.length; end += step) judge(bytes.subarray(0, end), count);
			}),
			{ numRuns: 500 }
		);
		expect(count.refused).toBeGreaterThan(1000);
	});
});

/** What decodes must be sound: it encodes, and decodes to the same. */
function judge(bytes: Uint8Array, count: { decoded: number; refused: number }): void {
	let packet: Packet;
	try {
		packet = decodePacket(bytes);
	} catch (error) {
		expect(error).toBeInstanceOf(DecodeError);
		count.refused++;
		return;
	}
	count.decoded++;
	expect(equals(PacketSchema, decodePacket(encodePacket(packet)), packet)).toBe(true);
}

function reasonOf(run: () => Message | Packet): DecodeErrorReason | 'none' {
	try {
		run();
		return 'none';
	} catch (error) {
		if (!(error instanceof DecodeError)) throw error;
		return error.reason;
	}
}

/** A DescriptorProto with `levels` more inside one another, by its field nested_type = 3. */
function nested(levels: number): Uint8Array {
	let bytes: number[] = [];
	for (let i = 0; i < levels; i++) bytes = [0x1a, bytes.length, ...bytes];
	return Uint8Array.from(bytes);
}
