/** What one step of a replica asks its driver to do, while it is gathered. */
import { noEffects, type Effects, type Persist } from '../effects.ts';
import type { Entry, LogPlace, Snapshot } from './log.ts';
import { raftMessage, type MessageBody } from './messages.ts';

/** Why a wish of the driver was not granted. */
export type Refusal =
	| 'NotLeader'
	| 'NotVoter'
	| 'TransferUnderWay'
	| 'EntryTooLarge'
	| 'UncommittedFull'
	| 'LogFull'
	| 'ChangeUnderWay'
	| 'MembershipInvalid';

export interface RaftEffects extends Effects {
	/** A snapshot that takes the state machine's place; before `committed`. */
	restored: Snapshot | null;
	/** Entries of all types, in order, without gaps. */
	committed: Entry[];
	/** Where the proposal of this call is in the log. */
	proposed: LogPlace | null;
	/** Why the wish of this call was not granted. */
	refusal: Refusal | null;
}

export class Outbox {
	effects: RaftEffects = newEffects();

	get persist(): Persist[] {
		return this.effects.persist;
	}

	send(to: string, term: number, body: MessageBody): void {
		this.effects.send.push({ to, packet: { case: 'raft', value: raftMessage(term, body) } });
	}

	/** Begins the next step. */
	clear(): void {
		this.effects = newEffects();
	}
}

function newEffects(): RaftEffects {
	return { ...noEffects(), restored: null, committed: [], proposed: null, refusal: null };
}
