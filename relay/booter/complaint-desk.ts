/** R21: what members have against an active Booter, this one or another replica, and what a replica makes of it when enough say so. */
import type { Chain } from '#lib/consensus/ordering/chain.ts';
import { checkComplaint, readComplaint } from '#lib/consensus/ordering/complaint.ts';
import { Complaints, type ComplaintSummary } from '#lib/consensus/ordering/booter/complaints.ts';
import { toHex } from '#lib/crypto/hex.ts';
import type { Clock } from '#lib/node/clock.ts';
import { votersOf } from '#lib/node/intake/order-checks.ts';
import type { Verifier } from '#lib/node/intake/verifier.ts';
import type { Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { hold } from './booter-checks.ts';

/** Members repeat a complaint while it lasts; this is three times as long. */
const COMPLAINT_LIFETIME_MS = 15_000;

export interface ComplaintDeskInit {
	chain: Chain;
	verifier: Verifier;
	clock: Pick<Clock, 'now'>;
	/** Enough members complain: a reason for an election. */
	upheld(summary: ComplaintSummary): void;
	log(level: 'warning', message: string): void;
}

export class ComplaintDesk {
	readonly #init: ComplaintDeskInit;
	readonly #complaints = new Complaints(COMPLAINT_LIFETIME_MS);

	constructor(init: ComplaintDeskInit) {
		this.#init = init;
	}

	/** Null where too few complain. */
	against(booter: string, term: number): ComplaintSummary | null {
		const { chain, clock } = this.#init;
		return this.#complaints.against(booter, term, chain.topology.active(), clock.now());
	}

	/** @throws LedgerError for what is no complaint of a member */
	async take(signed: Signed): Promise<null> {
		const { chain, verifier, clock, upheld, log } = this.#init;
		const { maxRoundsInFlight } = chain.genesis.fields;
		const checks = checkComplaint(signed, votersOf(chain), maxRoundsInFlight);
		await hold(verifier, checks, 'a complaint');
		this.#complaints.add(signed, clock.now());
		const { name, booter } = readComplaint(signed.payload);
		log('warning', `${toHex(signed.sender).slice(0, 8)} complains of a Booter: ${name}`);
		const summary = this.against(toHex(booter), signed.view);
		if (summary) upheld(summary);
		return null;
	}
}
