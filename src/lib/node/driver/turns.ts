/**
 * The driver's loop: take what has come, step the cores, **persist, then send**. While one turn waits for the disk the next
 * one's inputs gather, so that a busy node writes and sends many steps at once.
 */
import type { Commit } from '../../consensus/ordering/chain.ts';
import type { Effects, Target, Vote } from '../../consensus/effects.ts';
import { create } from '@bufbuild/protobuf';
import { statementBytes } from '../../consensus/statement.ts';
import type { Signer } from '../../crypto/suite.ts';
import type { Network } from '../../network/network.ts';
import { StoreError, type LedgerStore, type StateRow, type StoreWrite } from '../../storage/ledger-store.ts';
import { encodePacket } from '../../wire/codec.ts';
import { SignedSchema, type Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { PacketSchema, type Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';

/** All that one turn's steps ask for, together. */
export interface Turn extends Effects {
	commits: Commit[];
}

export interface TurnsInit<Input> {
	chainId: Uint8Array;
	signer: Signer;
	store: LedgerStore;
	network: Network;
	/** Steps the cores. Pure but for the cores' own state. */
	step(inputs: Input[]): Turn;
	/** The members that the target `members` means. */
	members(): string[];
	/** Blocks reach the disk before they are told of, as votes always do: this host is the one that keeps them for the others. */
	keepsBlocks?: boolean;
	/** Own signed messages, durable now, come back as inputs. */
	own(signed: Signed[]): Input[];
	/** Blocks became final and durable. */
	committed(commits: Commit[]): void;
	/**
	 * The store is full: gives up what may be given up. @param bytes that a write of this turn may need
	 * @returns whether there is more room now
	 */
	makeRoom?(bytes: number): Promise<boolean>;
	/** The node cannot go on: an invariant broke, or the store is lost. */
	halt(error: Error): void;
}

/** Inputs that wait for their turn; beyond this the node is hopelessly behind and drops what comes. */
const MAX_WAITING_INPUTS = 50_000;

export class Turns<Input> {
	readonly #init: TurnsInit<Input>;
	#inputs: Input[] = [];
	#running: Promise<void> | null = null;
	#stopped = false;
	dropped = 0;

	constructor(init: TurnsInit<Input>) {
		this.#init = init;
	}

	/** Adds an input; a turn starts by itself. */
	add(...inputs: Input[]): void {
		if (this.#stopped) return;
		if (this.#inputs.length + inputs.length > MAX_WAITING_INPUTS) {
			this.dropped += inputs.length;
			return;
		}
		this.#inputs.push(...inputs);
		this.#running ??= this.#run();
	}

	/** Takes no more inputs and waits for the turn under way. */
	async stop(): Promise<void> {
		this.#stopped = true;
		this.#inputs = [];
		await this.#running;
	}

	async #run(): Promise<void> {
		// What comes in one task is one turn: a frame's packets are handed in one by one.
		await Promise.resolve();
		try {
			while (this.#inputs.length > 0) {
				const inputs = this.#inputs;
				this.#inputs = [];
				await this.#turn(inputs);
			}
		} catch (error) {
			this.#stopped = true;
			this.#init.halt(error as Error);
		} finally {
			this.#running = null;
		}
	}

	async #turn(inputs: Input[]): Promise<void> {
		const { committed } = this.#init;
		const turn = this.#init.step(inputs);
		const signed = await Promise.all(turn.votes.map((vote) => this.#sign(vote)));
		if (turn.persist.length > 0 || turn.commits.length > 0) {
			const state = new Map<string, StateRow>();
			for (const commit of turn.commits) for (const row of commit.state) state.set(row.key, row);
			const head = turn.commits.at(-1)?.head;
			await this.#write({
				votes: turn.persist,
				blocks: turn.commits.flatMap((commit) =>
					commit.blocks.map(({ height, hash, bytes }) => ({ height, hash, bytes }))
				),
				state: [...state.values()],
				...(head && { head }),
				durability: this.#isStrict(turn) ? 'strict' : 'relaxed'
			});
		}
		this.#send(turn, signed);
		if (turn.commits.length > 0) committed(turn.commits);
		if (!this.#stopped) this.#inputs.unshift(...this.#init.own(signed));
	}

	/** What cannot be stored is not sent: where nothing can be given up any more, the turn fails and the node stops. */
	async #write(write: StoreWrite): Promise<void> {
		const { store, makeRoom } = this.#init;
		for (;;) {
			try {
				return await store.write(write);
			} catch (error) {
				if (!(error instanceof StoreError) || error.reason !== 'full' || !makeRoom) throw error;
				if (!(await makeRoom(sizeOf(write)))) throw error;
			}
		}
	}

	/** R25: a vote must be on disk before it leaves; a block alone can be fetched again. */
	#isStrict({ persist, commits }: Turn): boolean {
		return (
			persist.some((record) => record.value !== null) ||
			(this.#init.keepsBlocks === true && commits.length > 0)
		);
	}

	async #sign(vote: Vote): Promise<Signed> {
		const { signer, chainId } = this.#init;
		const signature = await signer.sign(statementBytes(chainId, vote.statement, signer.publicKey));
		return create(SignedSchema, {
			...vote.statement,
			sender: signer.publicKey,
			signature,
			payload: vote.payload
		});
	}

	#send(turn: Turn, signed: Signed[]): void {
		const { network } = this.#init;
		const packets = new Map<string, Uint8Array[]>();
		const queue = (to: Target, encoded: Uint8Array): void => {
			for (const peer of to === 'members' ? this.#init.members() : [to]) {
				if (peer === network.self) continue;
				const list = packets.get(peer);
				if (list) list.push(encoded);
				else packets.set(peer, [encoded]);
			}
		};
		const encode = (body: Packet['body']): Uint8Array => encodePacket(create(PacketSchema, { body }));
		turn.votes.forEach((vote, i) => {
			if (vote.to.length === 0) return;
			const encoded = encode(vote.packet?.(signed[i]!) ?? { case: 'signed', value: signed[i]! });
			for (const to of vote.to) queue(to, encoded);
		});
		// The same packet to several peers is encoded once.
		const seen = new Map<object, Uint8Array>();
		for (const { to, packet } of turn.send) {
			let encoded = seen.get(packet.value as object);
			if (!encoded) {
				encoded = encode(packet);
				seen.set(packet.value as object, encoded);
			}
			queue(to, encoded);
		}
		for (const [peer, list] of packets) network.send(peer, list);
	}
}

/** About; keys and what the database adds are small beside it. */
function sizeOf({ votes = [], blocks = [], state = [] }: StoreWrite): number {
	let bytes = 0;
	for (const { value } of votes) bytes += value?.length ?? 0;
	for (const block of blocks) bytes += block.bytes.length;
	// Each row holds the version before as well.
	for (const { value, previous } of state) bytes += (value?.length ?? 0) + (previous?.value?.length ?? 0);
	return bytes;
}

export function emptyTurn(): Turn {
	return { persist: [], votes: [], send: [], commits: [] };
}

/** Adds a step's effects to its turn. */
export function addEffects(turn: Turn, effects: Effects & { commits?: Commit[] }): void {
	turn.persist.push(...effects.persist);
	turn.votes.push(...effects.votes);
	turn.send.push(...effects.send);
	if (effects.commits) turn.commits.push(...effects.commits);
}
