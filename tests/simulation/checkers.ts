/** What must hold at every step of every run. A violation throws; its message is what a failing seed prints. */
import { checkBlockCertificate, checkOrderCertificate } from '#lib/consensus/certificates.ts';
import { membershipSignatures } from '#lib/consensus/membership/change.ts';
import { Kind } from '#lib/consensus/statement.ts';
import type { Chain, CommittedBlock } from '#lib/consensus/ordering/chain.ts';
import { readBalance, ACCOUNT_PREFIX } from '#lib/ledger/accounts.ts';
import { decodeFinalBlock, decodeProposal, splitHashes } from '#lib/ledger/block.ts';
import type { TabwaveNode } from '#lib/node/node.ts';
import { toHex } from '#lib/crypto/hex.ts';
import type { Suite, Verification } from '#lib/crypto/suite.ts';
import type {
	BlockCertificate,
	Evidence,
	MembershipChange,
	Signed
} from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { bodyOf } from './wiretap.ts';

/** What a node has, as far as its votes promise it. */
export type Holder = Pick<TabwaveNode, 'pbft' | 'pool' | 'chain'>;

export class Violation extends Error {
	override readonly name = 'Violation';
}

export class Checkers {
	readonly #suite: Suite;
	readonly #liars: ReadonlySet<string>;
	/** Agreement: one hash a height, whoever commits it. */
	readonly #hashes = new Map<number, string>();
	readonly #states = new Map<number, string>();
	/** R2: one digest for each sender and slot. */
	readonly #votes = new Map<string, string>();
	/** R6: one certified block for each round. */
	readonly #certified = new Map<string, string>();
	/** R6: the view that each member has joined, by what it sent. */
	readonly #joined = new Map<string, number>();
	readonly #final = new Set<string>();
	readonly #looked = new WeakSet<Uint8Array>();
	readonly counts = {
		commits: 0,
		certificates: 0,
		votes: 0,
		rounds: 0,
		views: 0,
		states: 0,
		balances: 0,
		evidence: 0,
		changes: 0,
		bodies: 0
	};

	/** @param liars ids of members whose words say nothing about the others */
	constructor(suite: Suite, liars: ReadonlySet<string> = new Set()) {
		this.#suite = suite;
		this.#liars = liars;
	}

	/** A node says that a block is final. */
	async committed(who: string, chain: Chain, block: CommittedBlock): Promise<void> {
		this.counts.commits += 1;
		const hash = toHex(block.hash);
		const known = this.#hashes.get(block.height);
		if (known === undefined) this.#hashes.set(block.height, hash);
		else if (known !== hash)
			throw new Violation(
				`agreement: ${who} has ${hash.slice(0, 8)} at height ${block.height}, another node ${known.slice(0, 8)}`
			);
		for (const { id } of block.transactions) this.#final.add(id);
		await this.#certificates(who, chain, block);
	}

	/** Some node holds it in a final block. */
	isFinal(transactionId: string): boolean {
		return this.#final.has(transactionId);
	}

	/** A node whose memory was damaged on purpose: its sums are wrong until it stops (R17). */
	readonly damaged = new WeakSet<Chain>();

	/** The state behind a head: equal for equal heights, and with as much money as was ever credited. */
	state(who: string, chain: Chain): void {
		this.counts.states += 1;
		const { height, stateDigest } = chain.head;
		const digest = toHex(stateDigest);
		const known = this.#states.get(height);
		if (known === undefined) this.#states.set(height, digest);
		else if (known !== digest) throw new Violation(`state: ${who} differs at height ${height}`);
		if (this.damaged.has(chain)) return;
		let held = 0n;
		let admitted = 0n;
		for (const { key, value } of chain.state.rows()) {
			if (value && key.startsWith(ACCOUNT_PREFIX))
				held += readBalance(chain.state, key.slice(ACCOUNT_PREFIX.length));
			if (value && key.startsWith('admitted/')) admitted += chain.genesis.fields.initialBalance;
		}
		this.counts.balances += 1;
		if (held !== admitted)
			throw new Violation(`money: ${who} counts ${held} at height ${height}, ${admitted} were credited`);
	}

	/** R24: what a node calls evidence, whose signatures it has checked. */
	evidence(who: string, offender: string, evidence: Evidence): void {
		this.counts.evidence += 1;
		if (!this.#liars.has(offender))
			throw new Violation(
				`R24: ${who} holds evidence against ${offender.slice(0, 8)}, who is honest: ${Kind[evidence.first!.kind]} in view ${evidence.first!.view}, slot ${evidence.first!.slot}`
			);
	}

	/** R2, R3, R6: looks at what leaves an honest node. */
	sent(who: string, packet: Uint8Array, node?: Holder): void {
		// One packet to several peers is one array.
		if (this.#looked.has(packet)) return;
		this.#looked.add(packet);
		const body = bodyOf(packet);
		if (body.case === 'signed') {
			this.#vote(who, body.value);
			if (node && !this.#liars.has(toHex(body.value.sender))) this.#bodies(who, body.value, node);
		} else if (body.case === 'newView' || body.case === 'leaderChange') this.#join(who, body.value.signed!);
		else if (body.case === 'blockCertificate') this.#certificate(who, body.value);
		else if (body.case === 'certifiedBlock') this.#certificate(who, body.value.certificate!);
	}

	/** R6: one NewView and one LeaderChange a view, and nothing in lower views any more. */
	#join(who: string, signed: Signed): void {
		const { partition, epoch, view } = signed;
		const sender = toHex(signed.sender);
		this.#once(who, [sender, signed.kind, partition, epoch, view].join('/'), signed);
		// A LeaderChange is handed on by others as well.
		if (signed.kind !== Kind.NEW_VIEW) return;
		const member = [sender, partition, epoch].join('/');
		this.#joined.set(member, Math.max(view, this.#joined.get(member) ?? 0));
	}

	#certificate(who: string, { partition, epoch, roundId, blockId }: BlockCertificate): void {
		this.counts.rounds += 1;
		const round = [partition, epoch, roundId].join('/');
		const digest = toHex(blockId);
		const before = this.#certified.get(round);
		if (before === undefined) this.#certified.set(round, digest);
		else if (before !== digest) throw new Violation(`R6: ${who} has another certified block for ${round}`);
	}

	#vote(who: string, signed: Signed): void {
		if (this.#liars.has(toHex(signed.sender))) return;
		if (signed.kind > Kind.COMMIT && signed.kind !== Kind.SIGN && signed.kind !== Kind.DONE) return;
		this.counts.votes += 1;
		const { partition, epoch, view } = signed;
		const joined = this.#joined.get([toHex(signed.sender), partition, epoch].join('/')) ?? 0;
		if (signed.kind <= Kind.COMMIT && view < joined)
			throw new Violation(`R6: ${who} has joined view ${joined} and votes in view ${view}`);
		const slot = [
			toHex(signed.sender),
			signed.kind,
			signed.partition,
			signed.epoch,
			signed.view,
			signed.attempt,
			signed.slot
		].join('/');
		this.#once(who, slot, signed);
	}

	#once(who: string, slot: string, signed: Signed): void {
		if (this.#liars.has(toHex(signed.sender))) return;
		const digest = toHex(signed.digest);
		const before = this.#votes.get(slot);
		if (before === undefined) {
			this.#votes.set(slot, digest);
			if (signed.kind === Kind.LEADER_CHANGE) this.counts.views += 1;
		} else if (before !== digest) throw new Violation(`R2: ${who} voted twice in ${slot}`);
	}

	async #certificates(who: string, chain: Chain, block: CommittedBlock): Promise<void> {
		const stored = decodeFinalBlock(block.bytes);
		const { genesis, chainId, topology } = chain;
		const active = topology.activeAt(stored.finality!.height - 1);
		const checks = checkOrderCertificate(
			Kind.DONE,
			stored.finality!,
			active,
			genesis.fields.operator,
			chainId
		);
		if (stored.certificate) {
			const members = topology.epoch(stored.certificate.partition, stored.certificate.epoch);
			checks.push(...checkBlockCertificate(stored.certificate, members, chainId));
		} else checks.push(...membershipSignatures(block.change!, genesis.fields.operator, chainId));
		if (block.change) this.#proofs(who, chain, block.change);
		this.counts.certificates += 1;
		if (!(await this.#hold(checks)))
			throw new Violation(
				`certificates: block ${block.height} of ${who} carries a signature that does not hold`
			);
	}

	/** R22: each who comes or goes has said so himself, or q others declare him silent, or he is proven to have lied. */
	#proofs(
		who: string,
		{ topology }: Chain,
		{ partition, epoch, members, joins, leaves, evictions, recovery, split }: MembershipChange
	): void {
		this.counts.changes += 1;
		const before = topology.epoch(partition, epoch - 1)?.members ?? [];
		// The operator's word is all the proof that there is: who remains, out of those who were members.
		if (recovery) {
			if (!members.every(({ id }) => before.includes(toHex(id))))
				throw new Violation(`R22: ${who} recovers partition ${partition} with who was no member`);
			return;
		}
		const expected = new Set(before);
		for (const { sender } of joins) expected.add(toHex(sender));
		for (const { sender } of leaves) expected.delete(toHex(sender));
		for (const { member, silences, evidence } of evictions) {
			const voters = new Set(silences.map(({ sender }) => toHex(sender)));
			const isProven = evidence !== undefined && this.#liars.has(toHex(member));
			const declared = [...voters].filter(
				(voter) => before.includes(voter) && voter !== toHex(member)
			).length;
			if (!isProven && 3 * declared <= 2 * (before.length - 1))
				throw new Violation(
					`R22: ${who} takes an eviction from partition ${partition} that ${declared} of ${before.length} members declare`
				);
			expected.delete(toHex(member));
		}
		// Who goes to the partition that a split begins stays a member.
		const after = [...members, ...(split?.members ?? [])];
		if (after.length !== expected.size || !after.every(({ id }) => expected.has(toHex(id))))
			throw new Violation(`R22: ${who} takes other members of partition ${partition} than were proven`);
	}

	/** R3: an honest member has every body of what it votes for, in its pool or in the ledger. */
	#bodies(who: string, signed: Signed, { pbft, pool, chain }: Holder): void {
		if (signed.kind !== Kind.PREPARE || signed.epoch !== pbft?.epoch) return;
		if (signed.slot <= chain.topology.lastRoundId(signed.partition)) return;
		const proposal = pbft.proposal(toHex(signed.digest));
		const ids = proposal ? splitHashes(decodeProposal(proposal).transactionIds).map(toHex) : null;
		this.counts.bodies += ids?.length ?? 0;
		const lacks = ids ? ids.find((id) => !pool.has(id) && !chain.recent.has(id)) : 'the proposal itself';
		if (lacks) throw new Violation(`R3: ${who} votes in round ${signed.slot} without ${lacks.slice(0, 19)}`);
	}

	async #hold(checks: Verification[]): Promise<boolean> {
		for (const check of checks) if (!(await this.#suite.verify(check))) return false;
		return checks.length > 0;
	}
}
