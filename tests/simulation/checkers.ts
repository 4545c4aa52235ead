/** What must hold at every step of every run. A violation throws; its message is what a failing seed prints. */
import { checkBlockCertificate, checkOrderCertificate } from '#lib/consensus/certificates.ts';
import { membershipSignatures } from '#lib/consensus/membership/change.ts';
import { faultyBound } from '#lib/consensus/quorum.ts';
import { Kind } from '#lib/consensus/statement.ts';
import type { Chain, CommittedBlock } from '#lib/consensus/ordering/chain.ts';
import { readBalance, ACCOUNT_PREFIX } from '#lib/ledger/accounts.ts';
import { blockHash, decodeFinalBlock, decodeHeader, decodeProposal, splitHashes } from '#lib/ledger/block.ts';
import { merkleRoot } from '#lib/crypto/merkle.ts';
import { transactionCheck } from '#lib/ledger/transaction.ts';
import type { TabwaveNode } from '#lib/node/node.ts';
import { equalBytes, toHex } from '#lib/crypto/hex.ts';
import type { Suite, Verification } from '#lib/crypto/suite.ts';
import type {
	BlockCertificate,
	Evidence,
	FinalBlock,
	MembershipChange,
	Signed
} from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { MarketChecker } from './market-checker.ts';
import { bodyOf } from './wiretap.ts';

/** What a node has, as far as its votes promise it. */
export type Holder = Pick<TabwaveNode, 'pbft' | 'pool' | 'chain'>;

/**
 * What of a block all nodes hold alike. Signatures are not among it: those under the block may be another quorum's, and no id commits
 * to that of a transaction.
 */
const AGREED_PARTS = ['header', 'entry', 'receipts'] as const;

/** What was seen differs in signatures alone. */
type Agreed = { hash: string; seen: Uint8Array[] } & Record<(typeof AGREED_PARTS)[number], Uint8Array[]>;

export class Violation extends Error {
	override readonly name = 'Violation';
}

export class Checkers {
	readonly #suite: Suite;
	readonly #liars: ReadonlySet<string>;
	readonly #conquered: ReadonlySet<number>;
	/** Agreement: one block a height, whoever commits it. */
	readonly #blocks = new Map<number, Agreed>();
	readonly #states = new Map<number, string>();
	readonly market: MarketChecker;
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
		snapshots: 0,
		roots: 0,
		rows: 0,
		certificates: 0,
		senders: 0,
		votes: 0,
		rounds: 0,
		views: 0,
		states: 0,
		balances: 0,
		evidence: 0,
		changes: 0,
		silenced: 0,
		proven: 0,
		bodies: 0
	};

	/**
	 * @param liars ids of members whose words say nothing about the others
	 * @param conquered partitions of which all members are liars: what they certify is bound by nothing
	 * @param market the second book of channels and bids
	 */
	constructor(
		suite: Suite,
		liars: ReadonlySet<string> = new Set(),
		conquered: ReadonlySet<number> = new Set(),
		market = new MarketChecker()
	) {
		this.market = market;
		this.#suite = suite;
		this.#liars = liars;
		this.#conquered = conquered;
	}

	/** A node says that a block is final. */
	async committed(who: string, chain: Chain, block: CommittedBlock): Promise<void> {
		this.counts.commits += 1;
		// The same bytes hold the same signatures, and were checked with whoever came first.
		const known = this.#blocks.get(block.height);
		if (known?.hash === toHex(block.hash) && known.seen.some((bytes) => equalBytes(bytes, block.bytes)))
			return;
		const stored = decodeFinalBlock(block.bytes);
		this.#agree(who, block, stored);
		await this.#certificates(who, chain, block, stored);
		await this.#senders(who, chain, block);
		this.#blocks.get(block.height)!.seen.push(block.bytes);
	}

	/** Hash and bytes are those of whoever was first; of the first, the roots are computed again. */
	#agree(who: string, block: CommittedBlock, stored: FinalBlock): void {
		const { height } = block;
		const known = this.#blocks.get(height);
		if (known) {
			const hash = toHex(block.hash);
			if (known.hash !== hash)
				throw new Violation(
					`agreement: ${who} has ${hash.slice(0, 8)} at height ${height}, another node ${known.hash.slice(0, 8)}`
				);
			for (const part of AGREED_PARTS)
				if (!sameBytes(known[part], [stored[part]].flat()))
					throw new Violation(`bytes: the ${part} of block ${height} are others at ${who} than elsewhere`);
			return;
		}
		const [header, entry] = [[stored.header], [stored.entry]];
		this.#blocks.set(height, {
			hash: toHex(block.hash),
			seen: [],
			header,
			entry,
			receipts: stored.receipts
		});
		for (const { id } of block.transactions) this.#final.add(id);
		const { transactionsRoot, receiptsRoot } = decodeHeader(stored.header);
		const ids = block.transactions.map(({ idBytes }) => idBytes);
		this.counts.roots += 1;
		if (
			!equalBytes(blockHash(stored.header), block.hash) ||
			!equalBytes(transactionsRoot, merkleRoot(ids)) ||
			!equalBytes(receiptsRoot, merkleRoot(stored.receipts))
		)
			throw new Violation(`bytes: block ${height} of ${who} holds other leaves than its header's roots`);
		this.#trade(who, this.market.committed(block));
	}

	#trade(who: string, wrong: string | null): void {
		if (wrong) throw new Violation(`market: by ${who}, ${wrong}`);
	}

	/** Some node holds it in a final block. */
	isFinal(transactionId: string): boolean {
		return this.#final.has(transactionId);
	}

	/** A node whose memory was damaged on purpose: its sums are wrong until it stops (R17). */
	readonly damaged = new WeakSet<Chain>();

	/** The state behind a head: its digest is equal for equal heights, and whoever is first at one counts money and channels. */
	state(who: string, chain: Chain): void {
		this.counts.states += 1;
		const { height, stateDigest } = chain.head;
		const digest = toHex(stateDigest);
		const known = this.#states.get(height);
		if (known === digest || this.damaged.has(chain)) return;
		if (known !== undefined) throw new Violation(`state: ${who} differs at height ${height}`);
		this.#states.set(height, digest);
		this.balances(who, chain);
		this.#trade(who, this.market.state(chain));
	}

	/** Who has come to rest at one height holds the same rows, byte for byte. */
	rows(nodes: readonly { name: string; chain: Chain }[]): void {
		const [first, ...others] = nodes
			.filter(({ chain }) => !this.damaged.has(chain))
			.map(({ name, chain }) => ({ name, height: chain.head.height, rows: valuesOf(chain) }));
		for (const { name, height, rows } of others) {
			if (height !== first!.height) continue;
			this.counts.rows += rows.size;
			const differs = [...rows].some(([key, value]) => {
				const expected = first!.rows.get(key);
				return !expected || !equalBytes(expected, value);
			});
			if (differs || rows.size !== first!.rows.size)
				throw new Violation(`state: at height ${height} ${name} holds other rows than ${first!.name}`);
		}
	}

	/** As much money as was ever credited. */
	balances(who: string, chain: Chain): void {
		const { height } = chain.head;
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
		if (this.#conquered.has(partition)) return;
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

	async #certificates(who: string, chain: Chain, block: CommittedBlock, stored: FinalBlock): Promise<void> {
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

	/** Nobody's money moves without his signature, even where a whole partition would have it so. */
	async #senders(who: string, { topology }: Chain, { height, transactions }: CommittedBlock): Promise<void> {
		// Below that a certificate holds an honest member who has checked them, and what others store is not checked again.
		if (faultyBound(topology.activeAt(height - 1).length) === 0) return;
		this.counts.senders += transactions.length;
		if (transactions.length > 0 && !(await this.#hold(transactions.map(transactionCheck))))
			throw new Violation(`validity: block ${height} of ${who} moves what its sender has not signed for`);
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
			if (isProven) this.counts.proven += 1;
			else this.counts.silenced += 1;
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

function sameBytes(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
	return one.length === other.length && one.every((bytes, i) => equalBytes(bytes, other[i]!));
}

function valuesOf({ state }: Chain): Map<string, Uint8Array> {
	const values = new Map<string, Uint8Array>();
	for (const { key, value } of state.rows()) if (value) values.set(key, value);
	return values;
}
