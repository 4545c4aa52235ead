/** What a node declares of members without any core asking for it (R22): that it wants to join or leave, and who has fallen silent. */
import { create, toBinary } from '@bufbuild/protobuf';
import { JOIN_VALID_HEIGHTS } from '../../consensus/membership/change.ts';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { Kind, payloadDigest, type Statement } from '../../consensus/statement.ts';
import { ZERO_HASH } from '../../crypto/hash.ts';
import { fromHex } from '../../crypto/hex.ts';
import { JoinRequestSchema, type SignedInvitation } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Peers } from '../peers/peers.ts';

/** What is declared, of a silent member or of the Booter, is declared again while it lasts. */
export const DECLARATION_REPEAT_MS = 5000;

export interface DeclarationsInit {
	chain: Chain;
	self: string;
	peers: Pick<Peers, 'get'>;
	/** Silence after which a member is declared silent. */
	evictionGraceMs: number;
	/** Signs it and says it to the Booter. */
	declare(statement: Statement, payload?: Uint8Array): void;
}

export class Declarations {
	readonly #init: DeclarationsInit;
	/** When each member was last declared silent. */
	readonly #silencedAt = new Map<string, number>();
	#memberSinceMs = 0;

	constructor(init: DeclarationsInit) {
		this.#init = init;
	}

	/** Another epoch: silence counts from here. */
	epochBegun(nowMs: number): void {
		this.#silencedAt.clear();
		this.#memberSinceMs = nowMs;
	}

	/** Asks to be admitted; the ledger answers, or a refusal. */
	join(partition: number, nickname: string, invitation?: SignedInvitation): void {
		const { chain, declare } = this.#init;
		const payload = toBinary(JoinRequestSchema, create(JoinRequestSchema, { nickname, invitation }));
		const slot = chain.head.height + JOIN_VALID_HEIGHTS / 2;
		declare(
			{ kind: Kind.JOIN, partition, epoch: 0, view: 0, attempt: 0, slot, digest: payloadDigest(payload) },
			payload
		);
	}

	/** Asks to be let go; who is no member has nothing to leave. */
	leave(): void {
		const { chain, self, declare } = this.#init;
		const partition = chain.topology.partitionOf(self);
		if (partition)
			declare({
				kind: Kind.LEAVE,
				partition: partition.id,
				epoch: partition.epoch,
				view: 0,
				attempt: 0,
				slot: 0,
				digest: ZERO_HASH
			});
	}

	/** A member that has been silent beyond the grace is declared so, to the Booter, which gathers q declarations. */
	silences(nowMs: number): void {
		const { chain, self, peers, evictionGraceMs, declare } = this.#init;
		const partition = chain.topology.partitionOf(self);
		if (!partition || nowMs - this.#memberSinceMs < evictionGraceMs) return;
		for (const member of partition.members) {
			const lastHeardMs = peers.get(member)?.lastHeardMs ?? this.#memberSinceMs;
			if (member === self || nowMs - lastHeardMs < evictionGraceMs) continue;
			if (nowMs - (this.#silencedAt.get(member) ?? 0) < DECLARATION_REPEAT_MS) continue;
			this.#silencedAt.set(member, nowMs);
			declare({
				kind: Kind.SILENCE,
				partition: partition.id,
				epoch: partition.epoch,
				view: 0,
				attempt: 0,
				slot: chain.head.height,
				digest: fromHex(member)
			});
		}
	}
}
