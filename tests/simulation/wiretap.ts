/** Hands on a simulated network: what is sent may be looked at, changed, lost or added to. */
import { create } from '@bufbuild/protobuf';
import { decodePacket, encodePacket } from '#lib/wire/codec.ts';
import { PacketSchema, type Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import type { SimulatedHub } from './simulated-network.ts';

export interface Sent {
	from: string;
	to: string;
	bytes: Uint8Array;
	body: Packet['body'];
}

/** @returns what is sent in its place: itself, nothing, or other packets */
export type Tap = (sent: Sent) => Uint8Array[];

const taps = new WeakMap<SimulatedHub, Set<Tap>>();
const senders = new WeakMap<SimulatedHub, SimulatedHub['send']>();

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
	const send = senders.get(hub) ?? hub.send.bind(hub);
	send(from, to, [encodePacket(create(PacketSchema, { body }))]);
}

function install(hub: SimulatedHub, listening: Set<Tap>): void {
	const send = hub.send.bind(hub);
	senders.set(hub, send);
	hub.send = (from, to, packets) => {
		let current = packets;
		for (const listen of listening)
			current = current.flatMap((bytes) => listen({ from, to, bytes, body: decodePacket(bytes).body }));
		if (current.length > 0) send(from, to, current);
	};
}
