/** The packets that links use for themselves and no node sees: ping, pong, acknowledgement and goodbye. */
import { create } from '@bufbuild/protobuf';
import { decodePacket, encodePacket } from '#lib/wire/codec.ts';
import { encodeFrame } from '#lib/wire/frame.ts';
import { PacketSchema } from '#lib/wire/gen/tabwave/v1/wire_pb.js';

export type ControlPacket =
	{ kind: 'ping' | 'pong'; id: number } | { kind: 'acknowledged'; bytes: number } | { kind: 'goodbye' };

export function encodePing(id: number): Uint8Array {
	return encodePacket(create(PacketSchema, { body: { case: 'ping', value: { id } } }));
}

export function encodePong(id: number): Uint8Array {
	return encodePacket(create(PacketSchema, { body: { case: 'pong', value: { id } } }));
}

/** @param bytes - received since they began; modulo 2^32 is what the other side hears */
export function encodeAcknowledged(bytes: number): Uint8Array {
	const value = { bytes: bytes >>> 0 };
	return encodePacket(create(PacketSchema, { body: { case: 'acknowledged', value } }));
}

/** A whole frame that says that this node's links end now. A new one each time: a sender may transfer it. */
export function goodbyeFrame(): Uint8Array<ArrayBuffer> {
	const packet = encodePacket(create(PacketSchema, { body: { case: 'goodbye', value: {} } }));
	return encodeFrame([packet])[0] as Uint8Array<ArrayBuffer>;
}

/**
 * @returns the control packet, or null for one that is the node's. Only the packets whose first tag is a control body's
 * are decoded, so that this costs nothing on the others.
 * @throws DecodeError for a malformed control packet
 */
export function readControlPacket(packet: Uint8Array): ControlPacket | null {
	if (packet.length > MAX_CONTROL_BYTES || !TAGS.has((packet[0]! << 8) | packet[1]!)) return null;
	const { body } = decodePacket(packet);
	switch (body.case) {
		case 'ping':
		case 'pong':
			return { kind: body.case, id: body.value.id };
		case 'acknowledged':
			return { kind: 'acknowledged', bytes: body.value.bytes };
		case 'goodbye':
			return { kind: 'goodbye' };
		default:
			return null;
	}
}

/** Tag and length, and a u32 with its tag. */
const MAX_CONTROL_BYTES = 16;

/** Goodbye, ping, pong and acknowledged, as their two tag bytes: the field's lowest four bits, wire type 2 and a continuation; the rest. */
const TAGS = new Set(
	[17, 18, 19, 90].map((field) => ((0x80 | ((field & 0x0f) << 3) | 2) << 8) | (field >> 4))
);
