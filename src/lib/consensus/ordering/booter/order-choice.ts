/** What comes next: of the certified blocks and of those who want to come or go, as many as make one order, without what was refused. */
import { LedgerError } from '../../../ledger/errors.ts';
import type { Evidence, Signed } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import { MembershipRequests } from '../../membership/requests.ts';
import type { CertifiedBody } from '../certified-block.ts';
import type { Chain, EntryBody } from '../chain.ts';
import { BlockQueue } from './block-queue.ts';
import { entryId } from './entries.ts';

export interface OrderChoiceInit {
	chain: Chain;
	/** Ticks for which requests to join or leave are gathered before they become an entry. */
	gatherTicks: number;
	/** R9: ticks for which a gap in a partition's rounds is waited for. */
	gapTicks: number;
	/** After which what had no answer is sent again. */
	resendTicks: number;
}

export class OrderChoice {
	readonly #init: OrderChoiceInit;
	readonly #queue: BlockQueue;
	#requests = new MembershipRequests();
	/** Blocks of the next order at most, after an order whose results differed. */
	#limit = Infinity;
	/** When the first of the waiting requests came. */
	#gatherFromTick = -Infinity;

	constructor(init: OrderChoiceInit) {
		const { chain, gapTicks, resendTicks } = init;
		this.#init = init;
		this.#queue = new BlockQueue({
			topology: chain.topology,
			maxBlocksPerOrder: chain.genesis.fields.maxBlocksPerNext,
			gapTicks,
			resendTicks
		});
	}

	/** Who wants to come or go. */
	get requests(): MembershipRequests {
		return this.#requests;
	}

	/** A block waits that the ledger has not passed. */
	get isWaiting(): boolean {
		return this.#queue.isWaiting;
	}

	/** Blocks that wait, by partition. */
	counts(): { partition: number; blocks: number }[] {
		return this.#queue.counts();
	}

	/** A certified block whose signatures hold. @returns whether it is new and may come next */
	certified(body: CertifiedBody): boolean {
		return this.#queue.add(body);
	}

	/** A block that waits. */
	block(id: string): CertifiedBody | undefined {
		return this.#queue.get(id);
	}

	/** A join, leave or declaration of silence whose signature holds. */
	request(signed: Signed, tick: number): void {
		this.#gather(tick);
		this.#requests.add(signed);
	}

	/** R24: evidence whose signatures hold. */
	evidence(offender: string, evidence: Evidence, tick: number): void {
		this.#gather(tick);
		this.#requests.addEvidence(offender, evidence);
	}

	/** Another height: all blocks may be tried together again. */
	begin(): void {
		this.#limit = Infinity;
	}

	/** Another leads: who wants to join or leave asks that one. */
	stepDown(): void {
		this.#requests = new MembershipRequests();
	}

	/**
	 * What waits for the ledger, as entries of one order; null where nothing does.
	 * @param timeMs of its first block
	 * @param isWhole R22: without some partitions nothing is chosen but their recovery
	 */
	choose(tick: number, timeMs: number, isWhole: boolean): EntryBody[] | null {
		const { head, topology, genesis, state, chainId } = this.#init.chain;
		const blocks = isWhole ? this.#queue.choose(head.height, tick, this.#limit) : [];
		const entries: EntryBody[] = blocks.map((body) => ({ kind: 'block', body }));
		// A block's time is its place in the list after the order's; the change comes last.
		const context = {
			state,
			genesis: genesis.fields,
			chainId,
			height: head.height + 1 + blocks.length,
			timeMs: timeMs + blocks.length
		};
		this.#requests.prune(topology);
		if (!isWhole) {
			const recovery = this.#requests.nextRecovery(topology, context);
			return recovery && [{ kind: 'membership', ...recovery }];
		}
		const isFull = entries.length >= this.#limit;
		const change = this.#isGathering(tick) || isFull ? null : this.#requests.next(topology, context);
		if (change) entries.push({ kind: 'membership', ...change });
		return entries.length > 0 ? entries : null;
	}

	/** @returns whether the order holds it */
	drop(id: string, bodies: EntryBody[], error: LedgerError): boolean {
		const body = bodies.find((one) => entryId(one) === id);
		if (!body) return false;
		if (body.kind === 'block') this.#queue.refuse(id);
		else this.#requests.drop(body.change, error);
		return true;
	}

	/** Which block's result differs nobody says: half of the list is tried, and at last one alone, which is put off. */
	narrow(bodies: EntryBody[], tick: number): boolean {
		const [body] = bodies;
		if (!body) return false;
		if (bodies.length > 1) {
			this.#limit = Math.ceil(bodies.length / 2);
			return true;
		}
		this.#limit = Infinity;
		if (body.kind === 'block') this.#queue.putOff(body.body.id, tick);
		else {
			const error = new LedgerError('OrderRefused', 'its results differ from member to member');
			this.#requests.drop(body.change, error);
		}
		return true;
	}

	#gather(tick: number): void {
		if (this.#requests.isEmpty) this.#gatherFromTick = tick;
	}

	/**
	 * A class joins within seconds, and each entry costs all its members new links: requests that come close together share
	 * one. The first member of all has nobody to wait for.
	 */
	#isGathering(tick: number): boolean {
		const { chain, gatherTicks } = this.#init;
		return tick - this.#gatherFromTick < gatherTicks && chain.topology.active().length > 0;
	}
}
