/**
 * What is said of orders beyond the next one, while this node lacks a block below: it is kept until block sync has fetched that block.
 * Who has come back to a busy chain would else drop each Next for want of the block before it, and follow by block sync alone,
 * without a vote, for as long as the chain is busy.
 */
import type { Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';

export interface EarlyOrder {
	/** A member of the own partition, or a Booter: others do not say such things. */
	from: string;
	/** Of the order; nothing of it is checked yet. */
	height: number;
	body: Packet['body'];
}

/** Of each peer, the last that came: an order is a Next, its OrderCommit and its proof, and the one after it has begun. */
const MAX_OF_PEER = 6;
/** A partition and the Booter's replicas. */
const MAX_PEERS = 64;

export class EarlyOrders {
	readonly #ofPeer = new Map<string, EarlyOrder[]>();

	keep(order: EarlyOrder): void {
		const kept = this.#ofPeer.get(order.from) ?? [];
		if (kept.length === 0 && this.#ofPeer.size >= MAX_PEERS) return;
		this.#ofPeer.set(order.from, [...kept, order].slice(-MAX_OF_PEER));
	}

	/** Those of this height, in the order in which each peer said them; lower ones are void. */
	take(height: number): EarlyOrder[] {
		const taken: EarlyOrder[] = [];
		for (const [peer, kept] of this.#ofPeer) {
			taken.push(...kept.filter((order) => order.height === height));
			const later = kept.filter((order) => order.height > height);
			if (later.length > 0) this.#ofPeer.set(peer, later);
			else this.#ofPeer.delete(peer);
		}
		return taken;
	}
}
