/**
 * For tests: the members of one partition on a stage, with the driver's part played word for word: persist, sign, send, hand own
 * messages back, and check what comes before a core sees it. Messages are delivered in the order in which they were sent, so
 * that what is written down reads as a story.
 */
import { fromBinary } from '@bufbuild/protobuf';
import { toHex } from '../../crypto/hex.ts';
import type { Verification } from '../../crypto/suite.ts';
import { decodeProposal, splitHashes } from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { GENESIS_DEFAULTS } from '../../ledger/genesis.ts';
import type { Genesis, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import {
	LeaderChangeContentSchema,
	NewViewContentSchema,
	type LedgerProof
} from '../../wire/gen/tabwave/v1/view_change_pb.js';
import type { Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { checkBlockCertificate } from '../certificates.ts';
import { Pbft, type Demand, type PbftEffects } from '../pbft/pbft.ts';
import type { ViewContext } from '../pbft/validation/context.ts';
import { checkLeaderChange } from '../pbft/validation/leader-change.ts';
import { checkNewView } from '../pbft/validation/new-view.ts';
import { checkViewChange } from '../pbft/validation/view-change.ts';
import { Kind, signedCheck } from '../statement.ts';
import { receive, signedBy, TEST_CHAIN_ID, testSuite, type TestMember } from './members.ts';
import { ledgerProof, viewContext } from './view-messages.ts';

type Body = Packet['body'];

interface Delivery {
	from: string;
	to: string;
	body: Body;
}

/** Decides whether a message arrives. */
export type Reaches = (from: string, to: string, kind: string) => boolean;

export const STAGE_TICKS = {
	resendTicks: 10,
	commitToAllTicks: 40,
	gapTicks: 20,
	viewTimeoutTicks: 80,
	viewTimeoutCapTicks: 640
};

export class Stage {
	readonly members: TestMember[];
	readonly cores = new Map<string, Pbft>();
	readonly pools = new Map<string, Set<string>>();
	readonly disks = new Map<string, Map<string, Uint8Array>>();
	readonly lines: string[] = [];
	/** They look dead to the others. */
	readonly dead = new Set<string>();
	reaches: Reaches = () => true;
	/** Changes what a member sends: a liar's part. Null keeps it back. */
	tamper: ((from: string, body: Body) => Promise<Body | null>) | null = null;
	/** A member that goes down when a message of this kind is on its disk, and before it is sent. */
	crashBefore: { name: string; kind: string } | null = null;
	readonly #queue: Delivery[] = [];
	readonly #named = new Map<string, string>();
	#proof: LedgerProof | null = null;
	#lastRoundId = 0;
	/** Blocks that someone certified: round to block id, hex. */
	readonly #certified = new Map<number, string>();

	constructor(members: TestMember[]) {
		this.members = members;
		for (const { id } of members) {
			this.pools.set(id, new Set());
			this.disks.set(id, new Map());
			this.cores.set(id, this.#core(id));
		}
	}

	id(name: string): string {
		return this.members[Number(name.slice(1))]!.id;
	}

	name(id: string): string {
		return id === 'members' ? 'all' : `m${this.members.findIndex((member) => member.id === id)}`;
	}

	core(name: string): Pbft {
		return this.cores.get(this.id(name))!;
	}

	/** @param transaction one letter */
	async give(transaction: string, names: string[]): Promise<void> {
		for (const name of names) this.pools.get(this.id(name))!.add(transactionId(transaction));
		for (const name of names) await this.#take(this.id(name), this.core(name).pool());
		await this.settle();
	}

	async tick(count: number, names: string[]): Promise<void> {
		for (let i = 0; i < count; i++) {
			for (const name of names) {
				const demand: Demand = this.pools.get(this.id(name))!.size > 0 ? 'overdue' : 'none';
				await this.#take(this.id(name), this.core(name).tick(demand));
			}
			await this.settle();
		}
	}

	/** The program ends: its pool is gone, and what it had on disk stays. */
	kill(name: string): void {
		this.cores.delete(this.id(name));
		this.pools.get(this.id(name))!.clear();
		this.dead.add(this.id(name));
	}

	/** It runs again, with what it had on disk. */
	async start(name: string): Promise<void> {
		const id = this.id(name);
		const core = this.#core(id);
		this.cores.set(id, core);
		this.dead.delete(id);
		await this.#take(id, core.restore([...this.disks.get(id)!].map(([key, value]) => ({ key, value }))));
		await this.settle();
	}

	/** R10: everyone hears everyone's view, and answers a lower one. */
	async heartbeats(): Promise<void> {
		for (const [from, core] of this.cores)
			for (const [to, other] of this.cores) {
				const held = other.leaderChange;
				if (to === from || !held || (core.leaderChange?.view ?? 0) >= held.view) continue;
				this.lines.push(
					`${this.name(to)} answers ${this.name(from)} with the LEADER_CHANGE of v${held.view}`
				);
				this.#post(to, from, { case: 'leaderChange', value: held.leaderChange });
			}
		await this.settle();
	}

	/** A member sends a certificate that it holds. */
	async certificate(from: string, roundId: number, to: string): Promise<void> {
		const round = this.core(from)
			.rounds()
			.find((known) => known.roundId === roundId)!;
		await this.#send(this.id(from), [this.id(to)], { case: 'blockCertificate', value: round.certificate! });
		await this.settle();
	}

	/** The certified rounds up to here are final, and every member's ledger holds them. */
	async ledger(roundId: number, names: string[]): Promise<void> {
		if (roundId > this.#lastRoundId) {
			this.#lastRoundId = roundId;
			this.#proof = await ledgerProof(this.members, roundId);
		}
		for (const name of names) {
			for (const [round, digest] of this.#certified)
				if (round <= roundId)
					for (const transaction of this.blockName(digest).slice(1, -1))
						this.pools.get(this.id(name))!.delete(transactionId(transaction));
			await this.#take(this.id(name), this.core(name).ledger(roundId));
		}
		await this.settle();
	}

	/** A message of a member's key that its core never made. */
	async inject(
		from: string,
		statement: { kind: Kind; view: number; slot: number; digest: Uint8Array },
		payload: Uint8Array | undefined,
		to: string[]
	): Promise<void> {
		const member = this.members.find(({ id }) => id === this.id(from))!;
		const signed = await signedBy(member, { partition: 1, epoch: 1, attempt: 0, ...statement }, payload);
		if (payload && statement.kind === Kind.PRE_PREPARE) this.#learnBlock(payload, statement.digest);
		for (const name of to) {
			this.lines.push(`${from} ${this.describe({ case: 'signed', value: signed })} → ${name}`);
			this.#post(this.id(from), this.id(name), { case: 'signed', value: signed });
		}
		await this.settle();
	}

	/** Delivers until nothing is under way. */
	async settle(): Promise<void> {
		for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
			const core = this.cores.get(next.to);
			if (core && this.reaches(this.name(next.from), this.name(next.to), kindOf(next.body)))
				await this.#deliver(core, next);
		}
	}

	context(): ViewContext {
		return viewContext(this.members, this.#lastRoundId);
	}

	describe(body: Body): string {
		switch (body.case) {
			case 'signed':
				return this.#describeSigned(body.value);
			case 'newView':
				return this.#describeSigned(body.value.signed!);
			case 'leaderChange':
				return this.#describeSigned(body.value.signed!);
			case 'blockCertificate':
				return `CERTIFICATE v${body.value.view} r${body.value.roundId} ${this.blockName(toHex(body.value.blockId))}`;
			case 'bodyRequest':
				return `BODY_REQUEST [${splitHashes(body.value.transactionIds).map(transactionName).join('')}]`;
			case 'proposalRequest':
				return `PROPOSAL_REQUEST ${this.blockName(toHex(body.value.blockId))}`;
			case 'proposalResponse':
				return `PROPOSAL_RESPONSE`;
			default:
				return String(body.case);
		}
	}

	/** A block by its transactions, such as [ab]. */
	blockName(digest: string): string {
		return this.#named.get(digest) ?? '[?]';
	}

	#describeSigned(signed: Signed): string {
		const { view, slot, payload, digest } = signed;
		const kind = Kind[signed.kind];
		if (signed.kind === Kind.VIEW_CHANGE) return `${kind} v${view}`;
		if (signed.kind === Kind.PREPARE_REPORT) return `${kind} v${view} r${slot}`;
		if (signed.kind === Kind.NEW_VIEW) {
			const { prepared } = fromBinary(NewViewContentSchema, payload);
			const rounds = prepared.map(
				(round) => `r${round.roundId} v${round.view} ${this.blockName(toHex(round.blockId))}`
			);
			return `${kind} v${view} L${slot} {${rounds.join(', ')}}`;
		}
		if (signed.kind === Kind.LEADER_CHANGE) {
			const { choices } = fromBinary(LeaderChangeContentSchema, payload);
			const rounds = choices.map(
				({ roundId, blockId }) =>
					`r${roundId} ${blockId.length === 0 ? 'null' : this.blockName(toHex(blockId))}`
			);
			return `${kind} v${view} L${slot} {${rounds.join(', ')}}`;
		}
		return `${kind} v${view} r${slot} ${this.blockName(toHex(digest))}`;
	}

	async #take(id: string, effects: PbftEffects): Promise<void> {
		const name = this.name(id);
		const member = this.members.find((known) => known.id === id)!;
		const disk = this.disks.get(id)!;
		for (const { key, value } of effects.persist) {
			if (value) disk.set(key, value);
			else disk.delete(key);
		}
		const crash = this.crashBefore;
		if (crash?.name === name && effects.votes.some(({ statement }) => Kind[statement.kind] === crash.kind)) {
			this.lines.push(`${name} goes down before it sends ${crash.kind}`);
			this.crashBefore = null;
			this.kill(name);
			return;
		}
		if (effects.hasJoined) this.lines.push(`${name} joins v${this.cores.get(id)!.view}`);
		if (effects.begun) this.lines.push(`${name} begins v${effects.begun.signed!.view}`);
		for (const { roundId, certificate } of effects.certified) {
			this.#certified.set(roundId, toHex(certificate.blockId));
			this.lines.push(`${name} certifies r${roundId} ${this.blockName(toHex(certificate.blockId))}`);
		}
		for (const digest of effects.handUp) this.lines.push(`${name} hands up ${this.blockName(digest)}`);
		const own: Signed[] = [];
		for (const vote of effects.votes) {
			const signed = await signedBy(member, vote.statement, vote.payload);
			if (signed.kind === Kind.PRE_PREPARE) this.#learnBlock(signed.payload, signed.digest);
			own.push(signed);
			await this.#send(id, vote.to, vote.packet?.(signed) ?? { case: 'signed', value: signed });
		}
		for (const { to, packet } of effects.send) await this.#send(id, [to], packet);
		for (const signed of own) {
			const core = this.cores.get(id);
			if (core && signed.kind !== Kind.PREPARE_REPORT) await this.#take(id, core.message(receive(signed)));
		}
	}

	async #send(from: string, to: string[], packet: Body): Promise<void> {
		const body = this.tamper ? await this.tamper(this.name(from), packet) : packet;
		if (!body) return;
		const targets = to.map((target) => this.name(target)).join();
		this.lines.push(`${this.name(from)} ${this.describe(body)}${targets ? ` → ${targets}` : ''}`);
		for (const target of to)
			for (const peer of target === 'members' ? this.members.map(({ id }) => id) : [target])
				if (peer !== from) this.#post(from, peer, body);
	}

	#post(from: string, to: string, body: Body): void {
		this.#queue.push({ from, to, body });
	}

	async #deliver(core: Pbft, { from, to, body }: Delivery): Promise<void> {
		try {
			const effects = await this.#receive(core, to, from, body);
			if (effects) await this.#take(to, effects);
		} catch (error) {
			if (!(error instanceof LedgerError)) throw error;
			this.lines.push(`${this.name(to)} refuses ${kindOf(body)} of ${this.name(from)}: ${error.message}`);
		}
	}

	async #receive(core: Pbft, self: string, from: string, body: Body): Promise<PbftEffects | null> {
		const context = this.context();
		switch (body.case) {
			case 'signed': {
				const { value } = body;
				if (value.kind === Kind.PREPARE_REPORT) return null;
				await hold(
					value.kind === Kind.VIEW_CHANGE
						? checkViewChange(value, context)
						: [signedCheck(TEST_CHAIN_ID, value)]
				);
				return core.message(receive(value));
			}
			case 'blockCertificate':
				await hold(checkBlockCertificate(body.value, context.partition, TEST_CHAIN_ID));
				return core.certificate(body.value);
			case 'newView': {
				const { content, checks } = checkNewView(body.value, context)!;
				await hold(checks);
				const { view, sender } = body.value.signed!;
				return core.newView({ sender: toHex(sender), view, newView: body.value, content });
			}
			case 'leaderChange': {
				const { view, content, checks } = checkLeaderChange(body.value, context)!;
				await hold(checks);
				return core.leaderChanged({ view, leaderChange: body.value, content });
			}
			case 'proposalRequest': {
				const proposal = core.proposal(toHex(body.value.blockId));
				if (proposal)
					await this.#send(self, [from], {
						case: 'proposalResponse',
						value: { $typeName: 'tabwave.v1.ProposalResponse', proposal }
					});
				return null;
			}
			case 'proposalResponse':
				return core.proposed(body.value.proposal);
			case 'bodyRequest': {
				const asker = this.pools.get(from)!;
				const held = splitHashes(body.value.transactionIds)
					.map(toHex)
					.filter((id) => this.pools.get(self)!.has(id));
				for (const id of held) asker.add(id);
				if (held.length > 0 && this.cores.has(from)) await this.#take(from, this.cores.get(from)!.pool());
				return null;
			}
			default:
				return null;
		}
	}

	#core(self: string): Pbft {
		return new Pbft({
			chainId: TEST_CHAIN_ID,
			genesis: GENESIS_DEFAULTS as unknown as Genesis,
			partition: 1,
			epoch: 1,
			members: this.members.map(({ id }) => id),
			self,
			lastRoundId: this.#lastRoundId,
			pool: {
				has: (id) => this.pools.get(self)!.has(id),
				isComing: () => false,
				waiting: (limit, _bytes, except) =>
					[...this.pools.get(self)!].filter((id) => !except.has(id)).slice(0, limit)
			},
			looksAlive: (member) => !this.dead.has(member),
			isCatchingUp: () => false,
			ledgerProof: () => this.#proof,
			maxBodyBytes: 1_000_000,
			...STAGE_TICKS
		});
	}

	#learnBlock(payload: Uint8Array, digest: Uint8Array): void {
		const ids = splitHashes(decodeProposal(payload).transactionIds);
		this.#named.set(toHex(digest), `[${ids.map(transactionName).join('')}]`);
	}
}

/** A transaction of one letter. */
export function transactionId(name: string): string {
	return toHex(new Uint8Array(32).fill(name.charCodeAt(0)));
}

function transactionName(id: Uint8Array): string {
	return String.fromCharCode(id[0]!);
}

/** The name that a script gives a message. */
export function kindOf(body: Body): string {
	if (body.case === 'signed') return Kind[body.value.kind]!;
	if (body.case === 'blockCertificate') return 'CERTIFICATE';
	return body.case!.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

async function hold(checks: Verification[]): Promise<void> {
	for (const check of checks)
		if (!(await testSuite.verify(check)))
			throw new LedgerError('SignatureInvalid', 'a signature does not hold');
}
