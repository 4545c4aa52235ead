/**
 * What others say before this node can judge it. It is kept unread, a little of each peer, and heard again when its time has come:
 *
 * - Of orders beyond the next one, while this node lacks a block below: until block sync has fetched that block. Who has come back to a busy
 *   chain would else drop each Next for want of the block before it, and follow by block sync alone, without a vote, for as long as the
 *   chain is busy.
 * - In an epoch that has not begun here: whoever has the change of members first goes on at once, and its first round overtakes the proof on
 *   its way to the others. Dropped, it would cost a resending with each change.
 */
import { create } from '@bufbuild/protobuf';
import type { PartitionView } from '../../consensus/topology.ts';
import { encodePacket } from '../../wire/codec.ts';
import type { Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { PacketSchema, type Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { EarlyKeeper, type EarlyPacket } from './early-keeper.ts';
import type { Early, EarlyOrder } from './inputs.ts';

/** A partition and the Booter's replicas. */
const MAX_PEERS = 64;
/** An order is a Next, its OrderCommit and its proof, and the one after it has begun. */
const MAX_ORDERS_OF_PEER = 6;
/** Each replica's Next may justify itself with the Statuses of all partitions, and come from each replica. */
const MAX_ORDER_BYTES = 8 * 1024 * 1024;
/** What one neighbour says of the first rounds of an epoch, and of one order. */
const MAX_STATEMENTS_OF_PEER = 16;
/** A PrePrepare holds a proposal. */
const MAX_STATEMENT_BYTES = 1024 * 1024;

export interface EarlyWordsInit {
	/** Of this node's head. */
	height(): number;
	/** Of this node; undefined while it is no member. */
	partition(): PartitionView | undefined;
	isBooter(peer: string): boolean;
	/** What a peer says shows that it holds this height, and that this node lacks it. */
	behind(peer: string, height: number): void;
	/** Hears it as if it came now. */
	again(from: string, packet: Uint8Array): void;
}

export class EarlyWords {
	readonly #init: EarlyWordsInit;
	/** By height. */
	readonly #orders = new EarlyKeeper<number>({
		ofPeer: MAX_ORDERS_OF_PEER,
		peers: MAX_PEERS,
		bytes: MAX_ORDER_BYTES
	});
	readonly #statements = new EarlyKeeper<Pick<Signed, 'partition' | 'epoch'>>({
		ofPeer: MAX_STATEMENTS_OF_PEER,
		peers: MAX_PEERS,
		bytes: MAX_STATEMENT_BYTES
	});

	constructor(init: EarlyWordsInit) {
		this.#init = init;
	}

	isBeyondNext(height: number): boolean {
		return height > this.#init.height() + 1;
	}

	/** Of an order beyond the next one: null from who has nothing to say of orders. Who is no member yet does not know of whom it will be one. */
	order(from: string, height: number, body: Packet['body']): Early | null {
		const partition = this.#init.partition();
		const isKnown = !partition || partition.members.includes(from) || this.#init.isBooter(from);
		return isKnown ? { type: 'early', order: { from, height, body } } : null;
	}

	/** All that its peer said before has been taken, and a block below it is still missing: that one is fetched without patience. */
	take({ from, height, body }: EarlyOrder): void {
		const packet = encoded(body);
		if (!this.isBeyondNext(height)) {
			this.#init.again(from, packet);
			return;
		}
		this.#orders.keep({ from, place: height, packet });
		this.#init.behind(from, height - 1);
	}

	/** The height has come that somebody spoke of before; what was said of lower ones is void. */
	heightBegun(): void {
		const next = this.#init.height() + 1;
		this.#hear(this.#orders.take((height) => (height === next ? 'now' : height > next ? 'later' : 'void')));
	}

	/** @returns whether the statement is of an epoch that has not begun, and is kept for it */
	keepsForNextEpoch(from: string, signed: Signed): boolean {
		if (!this.#isOfNextEpoch(signed)) return false;
		const { partition, epoch } = signed;
		this.#statements.keep({
			from,
			place: { partition, epoch },
			packet: encoded({ case: 'signed', value: signed })
		});
		return true;
	}

	/** This node's partition begins its next epoch, or this node its first one; what was said in any other is void. */
	epochBegun({ id, epoch }: PartitionView): void {
		this.#hear(
			this.#statements.take((place) => (place.partition === id && place.epoch === epoch ? 'now' : 'void'))
		);
	}

	#hear(packets: EarlyPacket<unknown>[]): void {
		for (const { from, packet } of packets) this.#init.again(from, packet);
	}

	/** Who is no member does not know yet of which partition it will be one. */
	#isOfNextEpoch({ partition, epoch }: Signed): boolean {
		const own = this.#init.partition();
		return own ? partition === own.id && epoch === own.epoch + 1 : partition !== 0;
	}
}

function encoded(body: Packet['body']): Uint8Array {
	return encodePacket(create(PacketSchema, { body }));
}
