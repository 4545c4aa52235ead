/** Hands on a simulated network: what is sent may be looked at, changed, lost or added to. */
import { create } from '@bufbuild/protobuf';
import { decodePacket, encodePacket } from '#lib/wire/codec.ts';
import { PacketSchema, type Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import type { SimulatedHub } from './simulated-network.ts';

export interface Sent {
	from: string;
	to: string;
	bytes: Uint8Array;
	/** Without a case where the bytes cannot be read. */
	body: Packet['body'];
}

/** @returns what is sent in its place: itself, nothing, or other packets */
export type Tap = (sent: Sent) => Uint8Array[];

const taps = new WeakMap<SimulatedHub, Set<Tap>>();
const senders = new WeakMap<SimulatedHub, SimulatedHub['send']>();
/** One packet to several peers is one array, and is read once: who looks at it does so within one turn of its sender. */
const RECENT = 32;
const recent: { bytes: Uint8Array; body: Packet['body'] }[] = [];
let next = 0;

export function bodyOf(bytes: Uint8Array): Packet['body'] {
	const known = recent.find((one) => one.bytes === bytes);
	if (known) return known.body;
	let body: Packet['body'];
	try {
		({ body } = decodePacket(bytes));
	} catch {
		body = { case: undefined };
	}
	recent[next++ % RECENT] = { bytes, body };
	return body;
}

/** Begins to listen. @returns what ends it */
export function tap(hub: SimulatedHub, listen: Tap): () => void {
	let listening = taps.get(hub);
	if (!listening) {
		taps.set(hub, (listening = new Set()));
		install(hub, listening);
	}
	listening.add(listen);
	return () => listening.delete(listen);
}

/** Sends past all taps, as if `from` had. */
export function inject(hub: SimulatedHub, from: string, to: string, body: Packet['body']): void {
	injectBytes(hub, from, to, encoded(body));
}

export function injectBytes(hub: SimulatedHub, from: string, to: string, bytes: Uint8Array): void {
	const send = senders.get(hub) ?? hub.send.bind(hub);
	send(from, to, [bytes]);
}

export function encoded(body: Packet['body']): Uint8Array {
	return encodePacket(create(PacketSchema, { body }));
}

function install(hub: SimulatedHub, listening: Set<Tap>): void {
	const send = hub.send.bind(hub);
	senders.set(hub, send);
	hub.send = (from, to, packets) => {
		let current = packets;
		for (const listen of listening)
			current = current.flatMap((bytes) => listen({ from, to, bytes, body: bodyOf(bytes) }));
		if (current.length > 0) send(from, to, current);
	};
}
