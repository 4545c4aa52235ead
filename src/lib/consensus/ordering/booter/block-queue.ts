/** Certified blocks that wait at the Booter, and which of them come next: partitions in turn, rounds in order (R9). */
import type { Topology } from '../../topology.ts';
import type { CertifiedBody } from '../certified-block.ts';

export interface BlockQueueInit {
	topology: Topology;
	/** Of one order, a place for a change of members included. */
	maxBlocksPerOrder: number;
	/** R9: ticks for which a gap in a partition's rounds is waited for. */
	gapTicks: number;
	/** After which what had no answer is sent again. */
	resendTicks: number;
}

/** Certified blocks of one partition that wait: as many as it may have in flight. */
const MAX_WAITING_BLOCKS_PER_PARTITION = 256;
/** Bodies of one order together: two orders fit a second on a slow link, and one is far below a frame. */
const MAX_ORDER_BODY_BYTES = 1_000_000;
/** Blocks that voters refused; the oldest is forgotten, and may be tried again. */
const MAX_REFUSED_BLOCKS = 256;
/** A block that was put off waits for so many resends, and twice as long each time, up to 2⁶ times. */
const PUT_OFF_RESENDS = 10;
const MAX_PUT_OFF_DOUBLINGS = 6;

export class BlockQueue {
	readonly #init: BlockQueueInit;
	/** By partition, in order of round. */
	readonly #waiting = new Map<number, CertifiedBody[]>();
	readonly #gapSince = new Map<number, number>();
	readonly #refused = new Set<string>();
	/** Of those that wait, by id: how often they were put off, and until when. */
	readonly #putOff = new Map<string, { times: number; untilTick: number }>();

	constructor(init: BlockQueueInit) {
		this.#init = init;
	}

	/** @returns whether it is new and may come next */
	add(body: CertifiedBody): boolean {
		const { partition, roundId } = body.proposal;
		// A Booter that does not lead chooses none, and must not keep what has passed.
		const list = this.#current(partition);
		if (!this.#isCurrent(body) || this.#refused.has(body.id)) return false;
		if (list.length >= MAX_WAITING_BLOCKS_PER_PARTITION) return false;
		if (list.some((other) => other.proposal.roundId === roundId)) return false;
		list.push(body);
		list.sort((a, b) => a.proposal.roundId - b.proposal.roundId);
		return true;
	}

	/** A block that voters refused does not come again. */
	refuse(id: string): void {
		this.#refused.add(id);
		if (this.#refused.size > MAX_REFUSED_BLOCKS) this.#refused.delete(this.#refused.values().next().value!);
		for (const list of this.#waiting.values()) {
			const at = list.findIndex((body) => body.id === id);
			if (at >= 0) list.splice(at, 1);
		}
		this.#putOff.delete(id);
	}

	/**
	 * A block whose results differ, and nobody says why: members may have seen two contents, which are one again by now. If it never
	 * has one result it costs less and less.
	 */
	putOff(id: string, tick: number): void {
		const times = this.#putOff.get(id)?.times ?? 0;
		const ticks = PUT_OFF_RESENDS * this.#init.resendTicks * 2 ** Math.min(times, MAX_PUT_OFF_DOUBLINGS);
		this.#putOff.set(id, { times: times + 1, untilTick: tick + ticks });
	}

	get(id: string): CertifiedBody | undefined {
		for (const list of this.#waiting.values()) {
			const found = list.find((body) => body.id === id);
			if (found) return found;
		}
		return undefined;
	}

	/** Something waits that the ledger has not passed. */
	get isWaiting(): boolean {
		return [...this.#waiting.values()].some((list) => list.some((body) => this.#isCurrent(body)));
	}

	/** Blocks that wait, by partition. */
	counts(): { partition: number; blocks: number }[] {
		return [...this.#waiting].map(([partition, list]) => ({ partition, blocks: list.length }));
	}

	/**
	 * Blocks for the next order, within the bounds of an order. They stay in the queue until the ledger has passed them.
	 * @param height of the head: who comes first moves on with it, so that no partition is always last
	 * @param limit blocks at most
	 */
	choose(height: number, tick: number, limit: number): CertifiedBody[] {
		const { topology, maxBlocksPerOrder } = this.#init;
		const chosen: CertifiedBody[] = [];
		let bodyBytes = 0;
		const queues = topology.active().map(({ id }) => {
			const list = this.#current(id).filter((body) => tick >= (this.#putOff.get(body.id)?.untilTick ?? 0));
			return this.#withoutGap(id, topology.lastRoundId(id), list, tick);
		});
		// One place stays free for a change of members.
		const most = Math.min(limit, Math.max(1, maxBlocksPerOrder - 1));
		for (let depth = 0; queues.some((queue) => queue.length > depth); depth++)
			for (let i = 0; i < queues.length; i++) {
				const body = queues[(i + height) % queues.length]![depth];
				if (!body) continue;
				const isFull = chosen.length >= most;
				if (isFull || (chosen.length > 0 && bodyBytes + body.bodyBytes > MAX_ORDER_BODY_BYTES)) return chosen;
				chosen.push(body);
				bodyBytes += body.bodyBytes;
			}
		return chosen;
	}

	/** R9: rounds up to the first gap; a gap is waited for a bounded time, then given up. */
	#withoutGap(partition: number, lastRoundId: number, list: CertifiedBody[], tick: number): CertifiedBody[] {
		let end = 0;
		while (end < list.length && list[end]!.proposal.roundId === lastRoundId + 1 + end) end += 1;
		if (end > 0 || list.length === 0) {
			this.#gapSince.delete(partition);
			return list.slice(0, end);
		}
		const since = this.#gapSince.get(partition) ?? tick;
		this.#gapSince.set(partition, since);
		return tick - since < this.#init.gapTicks ? [] : list.slice(0, 1);
	}

	/** Those of a partition that the ledger has not passed. */
	#current(partition: number): CertifiedBody[] {
		const list = (this.#waiting.get(partition) ?? []).filter((body) => {
			const isCurrent = this.#isCurrent(body);
			if (!isCurrent) this.#putOff.delete(body.id);
			return isCurrent;
		});
		this.#waiting.set(partition, list);
		return list;
	}

	#isCurrent(body: CertifiedBody): boolean {
		const { topology } = this.#init;
		const { partition, epoch, roundId } = body.proposal;
		return topology.partition(partition)?.epoch === epoch && roundId > topology.lastRoundId(partition);
	}
}
