/**
 * What a member remembers of the others' statements, to notice where one contradicts itself (R24). Memory is bounded for each
 * member by itself: who floods makes this node forget only what the flooder said.
 */
import { equalBytes, toHex } from '../../crypto/hex.ts';
import type { Evidence, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { LockReference } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { compareBallots } from '../ordering/ballot.ts';
import { decodeLockProof, lockReference } from '../ordering/lock.ts';
import { Kind } from '../statement.ts';
import { doubleVote, hiddenLock, ONCE, withoutPayload } from './evidence.ts';

/** Statements of one member: two windows of 64 rounds have 384 votes, and few members use as much. */
export const MAX_REMEMBERED = 512;
/** Dones and Statuses of one member that are held against each other: a height has few ballots. */
const MAX_BALLOTS = 16;

interface Remembered {
	/** The first statement in each place. */
	places: Map<string, Signed>;
	dones: Signed[];
	statuses: { signed: Signed; lock: LockReference | undefined }[];
}

export class EvidenceWatch {
	readonly #members = new Map<string, Remembered>();

	/** Another epoch: of who is no member any more, nothing is remembered. */
	enter(members: readonly string[]): void {
		this.#members.clear();
		for (const member of members) this.#members.set(member, { places: new Map(), dones: [], statuses: [] });
	}

	/**
	 * A statement of a member whose signature holds.
	 * @returns the evidence that it makes with what is remembered
	 */
	see(signed: Signed): Evidence | null {
		const of = this.#members.get(toHex(signed.sender));
		if (!of || !ONCE.includes(signed.kind)) return null;
		const place = placeOf(signed);
		const before = of.places.get(place);
		if (before) return equalBytes(before.digest, signed.digest) ? null : doubleVote(before, signed);
		of.places.set(place, withoutPayload(signed));
		if (of.places.size > MAX_REMEMBERED) of.places.delete(of.places.keys().next().value!);
		if (signed.kind === Kind.DONE) return seeDone(of, signed);
		return signed.kind === Kind.STATUS ? seeStatus(of, signed) : null;
	}

	/** What a member is remembered to have said as `kind` in a statement's place. */
	said(member: string, kind: Kind, place: Signed): Signed | undefined {
		return this.#members.get(member)?.places.get(placeOf({ ...place, kind }));
	}

	/** Whether a statement would be evidence if its signature held: all others cost no check. */
	contradicts(signed: Signed): boolean {
		const before = this.said(toHex(signed.sender), signed.kind, signed);
		return before !== undefined && !equalBytes(before.digest, signed.digest);
	}

	/** Whether a member is remembered to have said just this. */
	remembers(signed: Signed): boolean {
		const before = this.said(toHex(signed.sender), signed.kind, signed);
		return before !== undefined && equalBytes(before.digest, signed.digest);
	}
}

function seeDone(of: Remembered, done: Signed): Evidence | null {
	keep(of.dones, withoutPayload(done));
	const liar = of.statuses.find((status) => hides(done, status.signed, status.lock));
	return liar ? hiddenLock(done, liar.signed, liar.lock) : null;
}

function seeStatus(of: Remembered, signed: Signed): Evidence | null {
	// Its digest was held against its payload when it came.
	const proof = decodeLockProof(signed.payload);
	const lock = proof?.orderCommit && lockReference(proof.orderCommit);
	keep(of.statuses, { signed: withoutPayload(signed), lock });
	const done = of.dones.find((one) => hides(one, signed, lock));
	return done ? hiddenLock(done, signed, lock) : null;
}

function hides(done: Signed, status: Signed, lock: LockReference | undefined): boolean {
	const ballot = { term: done.view, attempt: done.attempt };
	return (
		done.slot === status.slot &&
		compareBallots({ term: status.view, attempt: status.attempt }, ballot) > 0 &&
		(!lock || compareBallots(lock, ballot) < 0)
	);
}

function keep<T>(list: T[], one: T): void {
	list.push(one);
	if (list.length > MAX_BALLOTS) list.shift();
}

function placeOf({ kind, partition, epoch, view, attempt, slot }: Omit<Signed, '$typeName'>): string {
	return `${kind}/${partition}/${epoch}/${view}/${attempt}/${slot}`;
}
