/**
 * From packets to inputs: decode within bounds, check signatures in parallel, and hand the results on in the order in which
 * they came from each peer (architecture.md). What does not hold is dropped and counted, and the peer is named in the log.
 */
import { LedgerError } from '../../ledger/errors.ts';
import { DecodeError, decodePacket } from '../../wire/codec.ts';
import type { Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';

/** Packets of one peer whose checks are under way; a peer that sends faster than this node checks is cut short. */
const MAX_PENDING_PER_PEER = 4096;

export interface InboxInit<Input> {
	/**
	 * Checks one packet. Synchronous up to its first wait, so that checks of many packets run at once.
	 * @returns the input, or null where the packet asks for nothing
	 * @throws LedgerError where the packet provably breaks a rule
	 */
	check(from: string, packet: Packet): Promise<Input | null> | Input | null;
	deliver(input: Input): void;
	rejected(from: string, error: Error): void;
}

export class Inbox<Input> {
	readonly #init: InboxInit<Input>;
	readonly #peers = new Map<string, { pending: number; last: Promise<void> }>();
	/** Packets that were refused, by the name of the reason. */
	readonly refused = new Map<string, number>();

	constructor(init: InboxInit<Input>) {
		this.#init = init;
	}

	receive(from: string, packets: Uint8Array[]): void {
		let peer = this.#peers.get(from);
		if (!peer) this.#peers.set(from, (peer = { pending: 0, last: Promise.resolve() }));
		for (const bytes of packets) {
			if (peer.pending >= MAX_PENDING_PER_PEER) {
				this.#count('Overrun');
				continue;
			}
			this.#queue(from, peer, bytes);
		}
	}

	/** Forgets a peer whose link is down, unless its packets are still under way: their order holds beyond a new link. */
	forget(from: string): void {
		if (this.#peers.get(from)?.pending === 0) this.#peers.delete(from);
	}

	#queue(from: string, peer: { pending: number; last: Promise<void> }, bytes: Uint8Array): void {
		let checked: Promise<Input | null> | Input | null;
		try {
			checked = this.#init.check(from, decodePacket(bytes));
		} catch (error) {
			this.#reject(from, error);
			return;
		}
		if (checked === null) return;
		peer.pending += 1;
		// Errors are caught here at once: a rejection must not wait unhandled for its turn.
		const outcome = Promise.resolve(checked).catch((error: unknown) => {
			this.#reject(from, error);
			return null;
		});
		peer.last = peer.last.then(async () => {
			const input = await outcome;
			peer.pending -= 1;
			if (input !== null) this.#init.deliver(input);
		});
	}

	/** Whatever a stranger's bytes may bring about is refused with its name; it neither stops the node nor silences the peer. */
	#reject(from: string, error: unknown): void {
		const { name, message } = error instanceof Error ? error : new Error(String(error));
		const refusal =
			error instanceof LedgerError || error instanceof DecodeError ? error : new LedgerError(name, message);
		this.#count(refusal.reason);
		this.#init.rejected(from, refusal);
	}

	#count(reason: string): void {
		this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
	}
}
