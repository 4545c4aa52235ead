/** A Booter that stalls, censors or says two things is complained of to all of them; the others decide what comes of it (R21). */
import { BooterWatch } from '../../consensus/ordering/booter-watch.ts';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { complaintStatement, encodeComplaint, type Grievance } from '../../consensus/ordering/complaint.ts';
import type { Voter } from '../../consensus/ordering/voter.ts';
import type { Statement } from '../../consensus/statement.ts';
import { fromHex } from '../../crypto/hex.ts';
import type { ActiveBooter } from '../peers/active-booter.ts';
import type { CertifiedBodies } from './certified-bodies.ts';
import { DECLARATION_REPEAT_MS } from './declarations.ts';

export interface BooterComplaintsInit {
	chain: Chain;
	self: string;
	booters: Pick<ActiveBooter, 'suspect'>;
	bodies: Pick<CertifiedBodies, 'of'>;
	voter: Pick<Voter, 'ordered' | 'state' | 'equivocation'>;
	/** How long the head may stand still while blocks wait, or a block wait while others pass it. */
	patienceMs: number;
	/** Signs it and says it to all replicas. */
	declare(statement: Statement, payload: Uint8Array): void;
	log(level: 'warning', message: string): void;
}

export class BooterComplaints {
	readonly #init: BooterComplaintsInit;
	readonly #watch: BooterWatch;

	constructor(init: BooterComplaintsInit) {
		this.#init = init;
		this.#watch = new BooterWatch({
			patienceMs: init.patienceMs,
			repeatMs: DECLARATION_REPEAT_MS,
			maxRoundsInFlight: init.chain.genesis.fields.maxRoundsInFlight
		});
	}

	/** What this node has against the active Booter. */
	get grievance(): Grievance | null {
		return this.#watch.grievance;
	}

	/** Only members complain, and whoever is behind cannot know. */
	look(nowMs: number): void {
		const { chain, self, booters, bodies, voter, declare, log } = this.#init;
		const partition = chain.topology.partitionOf(self);
		const { suspect } = booters;
		if (!partition || !suspect) return;
		const { booter, term } = suspect;
		const ordered = voter.ordered();
		const lastRoundId = chain.topology.lastRoundId(partition.id);
		const waiting = bodies
			.of(partition.id, partition.epoch)
			.find(({ id, proposal }) => proposal.roundId > lastRoundId && !ordered.has(id));
		const view = {
			booter,
			finalHeight: chain.head.height,
			activePartitions: chain.topology.active().length,
			isOrderOpen: voter.state() !== null,
			waiting: waiting?.certificate ?? null,
			equivocation: voter.equivocation
		};
		const grievance = this.#watch.look(view, nowMs);
		if (!grievance) return;
		const payload = encodeComplaint(grievance, fromHex(booter));
		const statement = complaintStatement(partition, term, view.finalHeight, payload);
		declare(statement, payload);
		log('warning', `complains of the Booter: ${grievance.name}`);
	}
}
