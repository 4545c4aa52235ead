/**
 * The one way in which bytes become messages. protobuf-es alone is too lenient for bytes from strangers: it ignores wire
 * types, lets a submessage reach past its parent, merges repeated fields and has no bound on how many objects a few bytes
 * make. So structure.ts walks the bytes first; it skips contents and costs a small part of the decoding.
 */
import { fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { PacketSchema, type Packet } from './gen/tabwave/v1/wire_pb.js';
import { MAX_MESSAGE_DEPTH, MAX_PACKET_BYTES } from './limits.ts';
import { checkStructure } from './structure.ts';
import { DecodeError } from './decode-error.ts';

export { DecodeError, type DecodeErrorReason } from './decode-error.ts';

/** @throws EncodeError where the packet has no body or passes MAX_PACKET_BYTES */
export function encodePacket(packet: Packet): Uint8Array {
	if (packet.body.case === undefined) throw new EncodeError('a packet without a body cannot be sent');
	const bytes = toBinary(PacketSchema, packet, { writeUnknownFields: false });
	if (bytes.length > MAX_PACKET_BYTES)
		throw new EncodeError(
			`a ${packet.body.case} packet of ${bytes.length} bytes passes the bound of ${MAX_PACKET_BYTES}`
		);
	return bytes;
}

/** A Packet that certainly has a body. @throws DecodeError */
export function decodePacket(bytes: Uint8Array): Packet {
	const packet = decodeMessage(PacketSchema, bytes, MAX_PACKET_BYTES);
	if (packet.body.case === undefined)
		throw new DecodeError('packet-without-body', 'a packet has no body that this version knows');
	return packet;
}

/**
 * Decodes a message of any schema. Unknown fields are dropped, so that a newer version's messages can be read; who needs
 * the bytes that were signed or hashed keeps those, and never encodes again. Fields of type bytes are views into `bytes`.
 *
 * @param maxBytes - the bound for this kind of message, with its reason, is the caller's
 * @throws DecodeError
 */
export function decodeMessage<Schema extends DescMessage>(
	schema: Schema,
	bytes: Uint8Array,
	maxBytes: number
): MessageShape<Schema> {
	if (bytes.length > maxBytes)
		throw new DecodeError(
			'too-large',
			`${schema.name} of ${bytes.length} bytes passes the bound of ${maxBytes}`
		);
	checkStructure(schema, bytes);
	try {
		return fromBinary(schema, bytes, { readUnknownFields: false, recursionLimit: MAX_MESSAGE_DEPTH });
	} catch (error) {
		throw new DecodeError(
			'malformed',
			`${schema.name}: ${error instanceof Error ? error.message : String(error)}`,
			{
				cause: error
			}
		);
	}
}

export class EncodeError extends Error {
	override readonly name = 'EncodeError';
}
