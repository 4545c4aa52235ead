/**
 * What a step of a core asks its driver to do. The driver's contract is **persist, then send**: everything in `persist` is
 * durable before anything else of the same step leaves (architecture.md).
 */
import type { Signed } from '../wire/gen/tabwave/v1/ledger_pb.js';
import type { Packet } from '../wire/gen/tabwave/v1/wire_pb.js';
import type { Statement } from './statement.ts';

/** A node's id in hex, or all other members of this node's partition. */
export type Target = 'members' | (string & {});

/** A value of null deletes. */
export interface Persist {
	key: string;
	value: Uint8Array | null;
}

/**
 * A message that this node is to sign. The driver signs it, and when it is durable sends it and hands it back to the core as
 * one more message: a core counts its own vote only then. Ed25519 is deterministic, so asking twice gives the same bytes.
 */
export interface Vote {
	statement: Statement;
	payload?: Uint8Array;
	to: Target[];
	/** How it travels; default: as a packet of its own. */
	packet?(signed: Signed): Packet['body'];
}

export interface Outgoing {
	to: Target;
	packet: Packet['body'];
}

export interface Effects {
	persist: Persist[];
	votes: Vote[];
	send: Outgoing[];
}

/** A signed message whose signature holds, with the hex forms that every step compares. */
export interface Received {
	signed: Signed;
	sender: string;
	digest: string;
}

export function noEffects(): Effects {
	return { persist: [], votes: [], send: [] };
}

/** Zero-padded, so that the keys of vote records sort as numbers. */
export function padded(value: number): string {
	return String(value).padStart(10, '0');
}
