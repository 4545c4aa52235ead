/**
 * What others say before this node can judge it: of orders beyond the next one, and in an epoch that has not begun here. It is kept
 * unread, a little of each peer, and heard again when its height or epoch has come.
 */
import type { PartitionView } from '../../consensus/topology.ts';
import type { Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { EarlyEpochs } from './early-epochs.ts';
import { EarlyOrders, type EarlyOrder } from './early-orders.ts';
import type { Early } from './inputs.ts';

export interface EarlyWordsInit {
	/** Of this node's head. */
	height(): number;
	/** Of this node; undefined while it is no member. */
	partition(): PartitionView | undefined;
	isBooter(peer: string): boolean;
	/** What a peer says shows that it holds this height, and that this node lacks it. */
	behind(peer: string, height: number): void;
	/** Hears it as if it came now. */
	again(from: string, body: Packet['body']): void;
}

export class EarlyWords {
	readonly #init: EarlyWordsInit;
	readonly #orders = new EarlyOrders();
	readonly #epochs = new EarlyEpochs();

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
	take(order: EarlyOrder): void {
		if (!this.isBeyondNext(order.height)) {
			this.#init.again(order.from, order.body);
			return;
		}
		this.#orders.keep(order);
		this.#init.behind(order.from, order.height - 1);
	}

	/** The height has come that somebody spoke of before. */
	heightBegun(): void {
		for (const { from, body } of this.#orders.take(this.#init.height() + 1)) this.#init.again(from, body);
	}

	/** @returns whether the statement is of an epoch that has not begun, and is kept for it */
	keepsForNextEpoch(from: string, signed: Signed): boolean {
		if (!this.#isOfNextEpoch(signed)) return false;
		this.#epochs.keep({ from, signed });
		return true;
	}

	/** This node's partition begins its next epoch, or this node its first one. */
	epochBegun({ id, epoch }: PartitionView): void {
		for (const { from, signed } of this.#epochs.take(id, epoch))
			this.#init.again(from, { case: 'signed', value: signed });
	}

	/** Who is no member does not know yet of which partition it will be one. */
	#isOfNextEpoch({ partition, epoch }: Signed): boolean {
		const own = this.#init.partition();
		return own ? partition === own.id && epoch === own.epoch + 1 : partition !== 0;
	}
}
