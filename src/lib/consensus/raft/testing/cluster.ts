/** For tests: replicas with disks in memory and letters that lie where they are until they are delivered or lost. */
import { create } from '@bufbuild/protobuf';
import { decodePacket, encodePacket } from '../../../wire/codec.ts';
import { PacketSchema } from '../../../wire/gen/tabwave/v1/wire_pb.js';
import { checkRaftMessage, type RaftMessage } from '../messages.ts';
import { Raft, type Membership, type RaftEffects, type RaftInit } from '../raft.ts';

export interface Letter {
	from: string;
	to: string;
	message: RaftMessage;
}

/** A state machine that remembers all that it was told. */
export interface TestReplica {
	raft: Raft;
	disk: Map<string, Uint8Array>;
	/** Data of the entries that were applied, in order. */
	applied: string[];
}

export type ClusterOptions = Partial<Omit<RaftInit, 'self' | 'records' | 'bootstrap'>>;

export class Cluster {
	readonly replicas = new Map<string, TestReplica>();
	/** In the order in which they were sent. */
	letters: Letter[] = [];
	readonly #options: ClusterOptions;
	/** Sees each step's effects when they are carried out. */
	readonly #watch: (id: string, effects: RaftEffects) => void;

	constructor(options: ClusterOptions = {}, watch: (id: string, effects: RaftEffects) => void = () => {}) {
		this.#options = options;
		this.#watch = watch;
	}

	/** @param bootstrap null for a replica that waits for a leader to write to it */
	start(id: string, bootstrap: Membership | null, disk = new Map<string, Uint8Array>()): TestReplica {
		const records = [...disk].map(([key, value]) => ({ key, value }));
		const raft = new Raft({
			self: id,
			records,
			bootstrap,
			electionTicks: 3,
			heartbeatTicks: 1,
			stallTicks: 6,
			// Nobody's timeout is longer than another's: who campaigns is for the test to say.
			random: () => 0,
			...this.#options
		});
		const replica = { raft, disk, applied: [] };
		this.replicas.set(id, replica);
		this.carryOut(id, raft.start());
		return replica;
	}

	raft(id: string): Raft {
		return this.replicas.get(id)!.raft;
	}

	/** Does what a driver does: persist, then send, and deliver. */
	carryOut(id: string, effects: RaftEffects): void {
		const replica = this.replicas.get(id)!;
		for (const { key, value } of effects.persist) {
			if (value) replica.disk.set(key, value);
			else replica.disk.delete(key);
		}
		for (const { to, packet } of effects.send)
			if (packet.case === 'raft') this.letters.push({ from: id, to, message: packet.value });
		if (effects.restored) replica.applied = splitMachine(effects.restored.data);
		for (const { data } of effects.committed) if (data.length > 0) replica.applied.push(textOf(data));
		this.#watch(id, effects);
	}

	/** Hands over what lies there for `to` now, from anybody or from `from`; what the answers bring lies there then. */
	deliver(to: string, from?: readonly string[], before: (letter: Letter) => void = () => {}): number {
		const mine = this.#take(to, from);
		for (const letter of mine) {
			before(letter);
			this.carryOut(to, this.raft(to).message(letter.from, overTheWire(letter.message)));
		}
		return mine.length;
	}

	/** Delivers among the replicas named until nothing lies there. */
	settle(ids: readonly string[] = [...this.replicas.keys()], before?: (letter: Letter) => void): void {
		let delivered: number;
		do {
			delivered = 0;
			for (const id of [...ids].sort()) delivered += this.deliver(id, ids, before);
		} while (delivered > 0);
	}

	/** @returns the letters to `to` that are lost */
	drop(to: string, from?: readonly string[]): Letter[] {
		return this.#take(to, from);
	}

	/** A crash, and a start from the disk. */
	restart(id: string): TestReplica {
		return this.start(id, null, this.replicas.get(id)!.disk);
	}

	snapshot(id: string): void {
		const { raft, applied } = this.replicas.get(id)!;
		this.carryOut(id, raft.snapshot(raft.deliveredIndex, bytesOf(applied.join('\n'))));
	}

	#take(to: string, from?: readonly string[]): Letter[] {
		const isMine = (letter: Letter): boolean => letter.to === to && (!from || from.includes(letter.from));
		const mine = this.letters.filter(isMine);
		this.letters = this.letters.filter((letter) => !isMine(letter));
		return mine;
	}
}

/** As bytes, as a link brings it, and checked as a driver does. */
export function overTheWire(message: RaftMessage): RaftMessage {
	const packet = decodePacket(encodePacket(create(PacketSchema, { body: { case: 'raft', value: message } })));
	if (packet.body.case !== 'raft') throw new Error(`a packet came back as ${packet.body.case}`);
	checkRaftMessage(packet.body.value);
	return packet.body.value;
}

export function bytesOf(text: string): Uint8Array {
	return new TextEncoder().encode(text);
}

export function textOf(bytes: Uint8Array): string {
	return new TextDecoder().decode(bytes);
}

/** What a machine of {@link Cluster.snapshot} was. */
export function splitMachine(data: Uint8Array): string[] {
	return data.length === 0 ? [] : textOf(data).split('\n');
}
