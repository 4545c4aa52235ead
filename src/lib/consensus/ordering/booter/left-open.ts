/**
 * What an earlier leader of the cluster left open at the height above the head (R20), and the bodies of orders that are not of this Booter's
 * own choosing now: what the log has may be locked, and a lock's content is proposed again word for word (R14).
 */
import { toHex } from '../../../crypto/hex.ts';
import type { CertifiedBlock, OrderContent, OrderEntry } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Ballot } from '../ballot.ts';
import type { CertifiedBody } from '../certified-block.ts';
import type { EntryBody } from '../chain.ts';
import { membershipBody } from './entries.ts';
import type { LoggedBallot } from './open-ballot.ts';
import type { OrderChoice } from './order-choice.ts';
import { WantedBodies } from './wanted-bodies.ts';

/** The ballot that an earlier leader had open. */
export interface Recorded {
	content: OrderContent;
	contentBytes: Uint8Array;
	hasOrderCommit: boolean;
}

export interface LeftOpenInit {
	/** Blocks that wait for their turn may be those of an order as well. */
	choice: Pick<OrderChoice, 'certified' | 'block'>;
	/** A block of the log, whose signatures its proposer has checked; null where it is not whole. */
	readBlock(block: CertifiedBlock): CertifiedBody | null;
}

export class LeftOpen {
	readonly #init: LeftOpenInit;
	readonly #wanted = new WantedBodies();
	#logged: LoggedBallot | null = null;
	#recorded: Recorded | null = null;

	constructor(init: LeftOpenInit) {
		this.#init = init;
	}

	/** What the log has, as of the last entry that this Booter was told of. */
	logged(ballot: LoggedBallot | null): void {
		this.#logged = ballot;
	}

	/** The log has an order above this height. */
	isAbove(height: number): boolean {
		return this.#logged !== null && this.#logged.content.height > height;
	}

	/** An order of the log is to be taken up. */
	get isRecorded(): boolean {
		return this.#recorded !== null;
	}

	/**
	 * The height above the head is another one, or another leader's: what the log has open there is taken up by who leads.
	 * @returns the last ballot that the log knows of; null where it has none of this height or above
	 */
	begin(height: number, isLeading: boolean): Ballot | null {
		this.#recorded = null;
		this.#wanted.clear();
		const logged = this.#logged;
		if (!isLeading || !logged || logged.content.height < height) return null;
		if (logged.content.height > height) return logged.ballot;
		for (const body of logged.blocks.map((block) => this.#init.readBlock(block)))
			if (body) {
				this.#init.choice.certified(body);
				this.#wanted.keep(body);
			}
		const { content, contentBytes, hasOrderCommit } = logged;
		this.#recorded = { content, contentBytes, hasOrderCommit };
		return logged.ballot;
	}

	/** What was open, once; null where nothing was. */
	take(): Recorded | null {
		const recorded = this.#recorded;
		this.#recorded = null;
		return recorded;
	}

	/** The block that an entry names, with the certificate that it names; null where it is not here. */
	bodyOf(entry: OrderEntry): EntryBody | null {
		if (entry.membershipChange.length > 0) return membershipBody(entry.membershipChange);
		const body = this.body(toHex(entry.id), entry.view);
		return body ? { kind: 'block', body } : null;
	}

	body(id: string, view: number): CertifiedBody | undefined {
		const queued = this.#init.choice.block(id);
		return queued?.certificate.view === view ? queued : this.#wanted.get(id, view);
	}

	/** R12: a lock names a block that is not here. @returns whether nobody has been asked for it yet */
	want({ id, view }: Pick<OrderEntry, 'id' | 'view'>): boolean {
		return this.#wanted.want(toHex(id), view);
	}

	/** A block came, wanted or not. */
	arrived(body: CertifiedBody): void {
		this.#wanted.arrived(body);
	}

	/** Blocks that were asked for and have not come. */
	missing(): { id: Uint8Array; view: number }[] {
		return this.#wanted.missing();
	}
}
