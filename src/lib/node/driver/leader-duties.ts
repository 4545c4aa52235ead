/**
 * What the leader of a partition owes the Booter: its LeaderChange, by which the Booter believes that it leads, and every block that is
 * certified and not ordered. It also hands its own members what other partitions certified.
 */
import { toCertifiedBlock, type CertifiedBody } from '../../consensus/ordering/certified-block.ts';
import type { Voter } from '../../consensus/ordering/voter.ts';
import type { Pbft } from '../../consensus/pbft/pbft.ts';
import type { LeaderChange } from '../../wire/gen/tabwave/v1/view_change_pb.js';
import type { Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import type { ActiveBooter } from '../peers/active-booter.ts';
import type { CertifiedBodies } from './certified-bodies.ts';
import { Resends } from './resends.ts';
import type { Turn } from './turns.ts';

/** A certified block that is not ordered after this is handed up again. */
export const CERTIFIED_RESEND_MS = 2000;

export interface LeaderDutiesInit {
	booters: Pick<ActiveBooter, 'targets'>;
	bodies: Pick<CertifiedBodies, 'of' | 'byId'>;
	/** Blocks that the open order holds, by id. */
	ordered: Voter['ordered'];
	/** Of genesis. */
	maxBlocksPerNext: number;
	/** This node's rounds; null while it is no member. */
	lower(): Pbft | null;
	send(to: string, packet: Packet['body']): void;
}

export class LeaderDuties {
	readonly #init: LeaderDutiesInit;
	readonly #resends = new Resends();

	constructor(init: LeaderDutiesInit) {
		this.#init = init;
	}

	/** R6: its new leader reports itself. */
	viewBegun(turn: Turn, leaderChange: LeaderChange): void {
		if (this.#leading) report(turn, leaderChange, this.#init.booters.targets);
	}

	/** R9: blocks of this leader's rounds, in the order of these. */
	certified(turn: Turn, ids: readonly string[]): void {
		for (const id of ids) {
			const body = this.#init.bodies.byId(id);
			if (body) handUp(turn, [body], this.#init.booters.targets);
		}
	}

	/** The leader hands on what other partitions certified; who asked a member for it does not. */
	handAround(turn: Turn, body: CertifiedBody): void {
		const pbft = this.#leading;
		if (pbft && body.proposal.partition !== pbft.partition)
			turn.send.push({ to: 'members', packet: { case: 'certifiedBlock', value: toCertifiedBlock(body) } });
	}

	/** R21: another replica of the Booter is active. It lacks what was handed to the one before, and may not know who leads here. */
	booterActive(turn: Turn, booter: string): void {
		const pbft = this.#leading;
		if (!pbft) return;
		if (pbft.leaderChange) report(turn, pbft.leaderChange.leaderChange, [booter]);
		handUp(turn, this.#init.bodies.of(pbft.partition, pbft.epoch), [booter]);
	}

	/** A Booter that was away lacks what is certified and not final. */
	linkUp(turn: Turn, peer: string): void {
		const pbft = this.#leading;
		if (pbft && this.#init.booters.targets.includes(peer))
			handUp(turn, this.#init.bodies.of(pbft.partition, pbft.epoch), [peer]);
	}

	/** A leader hands up again what is certified and not ordered: the first time may have been lost. */
	resend(nowMs: number): void {
		const pbft = this.#leading;
		if (!pbft) return;
		const { booters, bodies, maxBlocksPerNext, send } = this.#init;
		const ordered = this.#init.ordered();
		const waiting = bodies.of(pbft.partition, pbft.epoch).filter(({ id }) => !ordered.has(id));
		for (const body of this.#resends.due(waiting, maxBlocksPerNext, nowMs, CERTIFIED_RESEND_MS))
			for (const booter of booters.targets)
				send(booter, { case: 'certifiedBlock', value: toCertifiedBlock(body) });
	}

	/** The rounds that this node leads; null where it leads none. */
	get #leading(): Pbft | null {
		const pbft = this.#init.lower();
		return pbft?.isLeader ? pbft : null;
	}
}

function report(turn: Turn, leaderChange: LeaderChange, to: readonly string[]): void {
	const packet = { case: 'leaderChange', value: leaderChange } as const;
	for (const booter of to) turn.send.push({ to: booter, packet });
}

function handUp(turn: Turn, bodies: readonly CertifiedBody[], to: readonly string[]): void {
	for (const body of bodies) {
		const packet = { case: 'certifiedBlock', value: toCertifiedBlock(body) } as const;
		for (const booter of to) turn.send.push({ to: booter, packet });
	}
}
