/**
 * For tests: one member's core of the lower tier, step by step. Its driver has checked what it is handed, so nothing is signed
 * here; what the others say is made up as a test needs it.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { fromHex, toHex } from '../../crypto/hex.ts';
import { decodeProposal, joinHashes, proposalId, splitHashes } from '../../ledger/block.ts';
import { GENESIS_DEFAULTS } from '../../ledger/genesis.ts';
import {
	BlockCertificateSchema,
	ProposalSchema,
	SignedSchema,
	type BlockCertificate,
	type Genesis
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import {
	LeaderChangeContentSchema,
	LeaderChangeSchema,
	RoundChoiceSchema
} from '../../wire/gen/tabwave/v1/view_change_pb.js';
import type { Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import type { Received } from '../effects.ts';
import { noPbftEffects } from '../pbft/pbft-effects.ts';
import { Pbft, type HeldLeaderChange, type PbftEffects, type PbftInit } from '../pbft/pbft.ts';
import { Kind } from '../statement.ts';
import { TEST_CHAIN_ID } from './members.ts';
import { STAGE_TICKS, transactionId } from './stage.ts';

export interface Block {
	blockId: Uint8Array;
	proposal: Uint8Array;
}

export interface OneMemberOptions {
	members?: number;
	/** Its place among the members. */
	self?: number;
	lastRoundId?: number;
	maxTransactionsPerBlock?: number;
	maxRoundsInFlight?: number;
	disk?: Map<string, Uint8Array>;
}

export class OneMember {
	readonly members: string[];
	readonly self: string;
	readonly pool = new Set<string>();
	/** Bodies that are being checked. */
	readonly coming = new Set<string>();
	readonly disk: Map<string, Uint8Array>;
	readonly core: Pbft;

	constructor(options: OneMemberOptions = {}) {
		const { members = 4, self = 0, lastRoundId = 0, disk = new Map<string, Uint8Array>() } = options;
		const { maxTransactionsPerBlock, maxRoundsInFlight } = { ...GENESIS_DEFAULTS, ...options };
		this.members = Array.from({ length: members }, (_, i) => String(i).repeat(64));
		this.self = this.members[self]!;
		this.disk = disk;
		const init: PbftInit = {
			chainId: TEST_CHAIN_ID,
			genesis: { ...GENESIS_DEFAULTS, maxTransactionsPerBlock, maxRoundsInFlight } as unknown as Genesis,
			partition: 1,
			epoch: 1,
			members: this.members,
			self: this.self,
			lastRoundId,
			pool: {
				has: (id) => this.pool.has(id),
				isComing: (id) => this.coming.has(id),
				waiting: (limit, _bytes, except) => [...this.pool].filter((id) => !except.has(id)).slice(0, limit)
			},
			looksAlive: () => true,
			isCatchingUp: () => false,
			ledgerProof: () => null,
			maxBodyBytes: 1_000_000,
			...STAGE_TICKS
		};
		this.core = new Pbft(init);
	}

	/** @param transactions one letter each */
	give(transactions: string): PbftEffects {
		for (const transaction of transactions) this.pool.add(transactionId(transaction));
		return this.write(this.core.pool());
	}

	/** The effects of all ticks together. */
	tick(count = 1, demand: 'none' | 'overdue' = 'none'): PbftEffects {
		return together(Array.from({ length: count }, () => this.write(this.core.tick(demand))));
	}

	/** @param from the sender's place among the members, or above them that of a stranger */
	hear(from: number, kind: Kind, roundId: number, block: Block, view = this.core.view): PbftEffects {
		const payload = kind === Kind.PRE_PREPARE ? block.proposal : new Uint8Array(0);
		const statement = { kind, partition: 1, epoch: 1, view, attempt: 0, slot: roundId };
		return this.write(
			this.core.message(said(String(from).repeat(64), { ...statement, digest: block.blockId }, payload))
		);
	}

	/** What its driver does with own votes: signs them and hands them back. */
	sign(effects: PbftEffects): PbftEffects {
		return together(
			effects.votes
				.filter(({ statement }) => statement.kind !== Kind.PREPARE_REPORT)
				.map(({ statement, payload }) =>
					this.write(this.core.message(said(this.self, statement, payload ?? new Uint8Array(0))))
				)
		);
	}

	certify(roundId: number, { blockId }: Block, view = this.core.view): PbftEffects {
		return this.write(this.core.certificate(certificateOf(roundId, blockId, view)));
	}

	/** @param blocks what is chosen from the round after `lastRoundId` on; null for a null round */
	begin(view: number, lastRoundId: number, blocks: (Block | null)[]): PbftEffects {
		return this.write(this.core.leaderChanged(leaderChangeOf(this.members, view, lastRoundId, blocks)));
	}

	/** Does what the driver does first. */
	write(effects: PbftEffects): PbftEffects {
		for (const { key, value } of effects.persist) {
			if (value) this.disk.set(key, value);
			else this.disk.delete(key);
		}
		return effects;
	}

	/** It runs again with what it had on disk. */
	restart(options: OneMemberOptions = {}): { again: OneMember; effects: PbftEffects } {
		const self = this.members.indexOf(this.self);
		const again = new OneMember({ ...options, members: this.members.length, self, disk: new Map(this.disk) });
		const records = [...this.disk].map(([key, value]) => ({ key, value }));
		return { again, effects: again.write(again.core.restore(records)) };
	}
}

/** A block of partition 1. @param transactions one letter each */
export function blockOf(roundId: number, transactions: string): Block {
	const proposal = toBinary(
		ProposalSchema,
		create(ProposalSchema, {
			chainId: TEST_CHAIN_ID,
			partition: 1,
			epoch: 1,
			roundId,
			transactionIds: joinHashes([...transactions].map((letter) => fromHex(transactionId(letter))))
		})
	);
	return { proposal, blockId: proposalId(proposal) };
}

/** The PrePrepares of a step, such as "1:ab". */
export function offers({ votes }: PbftEffects): string[] {
	return votes
		.filter(({ statement }) => statement.kind === Kind.PRE_PREPARE)
		.map(({ statement, payload }) => {
			const ids = splitHashes(decodeProposal(payload!).transactionIds);
			return `${statement.slot}:${ids.map((id) => String.fromCharCode(id[0]!)).join('')}`;
		});
}

/** The votes of a step, such as "PREPARE 1". */
export function votes(effects: PbftEffects): string[] {
	return effects.votes.map(({ statement }) => `${Kind[statement.kind]} ${statement.slot}`);
}

/** The packets of a step that are no votes. */
export function sent<Case extends Packet['body']['case']>(effects: PbftEffects, kind: Case) {
	return effects.send.filter(({ packet }) => packet.case === kind);
}

export function certificateOf(roundId: number, blockId: Uint8Array, view: number): BlockCertificate {
	return create(BlockCertificateSchema, { partition: 1, epoch: 1, view, roundId, blockId });
}

function leaderChangeOf(
	members: string[],
	view: number,
	lastRoundId: number,
	blocks: (Block | null)[]
): HeldLeaderChange {
	const choices = blocks.map((block, i) =>
		create(RoundChoiceSchema, { roundId: lastRoundId + 1 + i, blockId: block?.blockId })
	);
	const content = create(LeaderChangeContentSchema, { lastRoundId, choices });
	const signed = create(SignedSchema, {
		kind: Kind.LEADER_CHANGE,
		partition: 1,
		epoch: 1,
		view,
		slot: lastRoundId,
		sender: fromHex(members[view % members.length]!),
		signature: new Uint8Array(64).fill(1),
		payload: toBinary(LeaderChangeContentSchema, content)
	});
	return { view, content, leaderChange: create(LeaderChangeSchema, { signed }) };
}

function said(
	sender: string,
	statement: Parameters<typeof create<typeof SignedSchema>>[1] & { digest: Uint8Array },
	payload: Uint8Array
): Received {
	const signature = new Uint8Array(64).fill(1);
	const signed = create(SignedSchema, { ...statement, sender: fromHex(sender), signature, payload });
	return { signed, sender, digest: toHex(statement.digest) };
}

/** Several steps as one. */
export function together(steps: PbftEffects[]): PbftEffects {
	const all = noPbftEffects();
	for (const step of steps) {
		all.persist.push(...step.persist);
		all.votes.push(...step.votes);
		all.send.push(...step.send);
		all.certified.push(...step.certified);
		all.handUp.push(...step.handUp);
		all.hasProgressed ||= step.hasProgressed;
		all.hasJoined ||= step.hasJoined;
		all.begun = step.begun ?? all.begun;
	}
	return all;
}
