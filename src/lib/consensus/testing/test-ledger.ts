/**
 * For tests: a network's ledger made by hand, without a driver. Every signature that a stranger would ask for is really made,
 * with the simulator's suite; {@link TestLedger.chain} is the chain of one honest node.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { taggedHash, ZERO_HASH } from '../../crypto/hash.ts';
import { SIMULATION_SUITE_NAME } from '../../crypto/simulation-suite.ts';
import type { Verification } from '../../crypto/suite.ts';
import { joinHashes, membershipChangeId, proposalId } from '../../ledger/block.ts';
import type { Contract } from '../../ledger/contract.ts';
import {
	encodeGenesis,
	GENESIS_DEFAULTS,
	readGenesis,
	type GenesisBlock,
	type GenesisFields
} from '../../ledger/genesis.ts';
import {
	signedTransaction,
	unsignedTransaction,
	type ParsedTransaction,
	type TransactionRequest
} from '../../ledger/transaction.ts';
import { transferArguments, transferContract } from '../../ledger/transfer.ts';
import {
	BlockCertificateSchema,
	InvitationSchema,
	JoinRequestSchema,
	OrderCertificateSchema,
	OrderContentSchema,
	OrderEntrySchema,
	ProposalSchema,
	SignedSchema,
	type MembershipChange,
	type OrderCertificate,
	type OrderContent,
	type OrderEntry,
	type PartitionVotes,
	type Signed,
	type SignedInvitation
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { commitStatement, orderStatement } from '../certificates.ts';
import {
	encodeMembershipChange,
	JOIN_VALID_HEIGHTS,
	nextMembers,
	type MembershipContext
} from '../membership/change.ts';
import { certifiedBodyOf, type CertifiedBody } from '../ordering/certified-block.ts';
import { Chain, type Commit, type EntryBody, type Execution } from '../ordering/chain.ts';
import { quorum } from '../quorum.ts';
import { Kind, payloadDigest, statementBytes, type Statement } from '../statement.ts';
import { testMembers, testSuite, type TestMember } from './members.ts';

export const TEST_START_MS = 1_700_000_000_000;

export class TestLedger {
	readonly genesis: GenesisBlock;
	readonly contracts: Contract[];
	readonly operator: TestMember;
	readonly booter: TestMember;
	readonly chain: Chain;
	/** Encoded final blocks; the first is of height 1. */
	readonly blocks: Uint8Array[] = [];
	readonly #members = new Map<string, TestMember>();
	#nonce = 0;

	constructor(genesis: GenesisBlock, contracts: Contract[], operator: TestMember, booter: TestMember) {
		this.genesis = genesis;
		this.contracts = contracts;
		this.operator = operator;
		this.booter = booter;
		this.chain = this.fresh();
	}

	/** A network with members, each partition's admitted in one entry. @param sizes members of each partition */
	static async found(
		sizes: number[],
		fields: Partial<GenesisFields> = {},
		contracts: Contract[] = [transferContract]
	): Promise<TestLedger> {
		const [operator, booter] = (await testMembers(2)) as [TestMember, TestMember];
		const genesis = encodeGenesis({
			...GENESIS_DEFAULTS,
			suite: SIMULATION_SUITE_NAME,
			createdMs: BigInt(TEST_START_MS),
			operator: operator.signer.publicKey,
			booters: [booter.signer.publicKey],
			contracts: contracts.map(({ name }) => name),
			partitions: sizes.map((_, i) => ({
				$typeName: 'tabwave.v1.PartitionGenesis',
				id: i + 1,
				maxMembers: 16
			})),
			...fields
		});
		const ledger = new TestLedger(readGenesis(genesis), contracts, operator, booter);
		for (const [i, size] of sizes.entries()) if (size > 0) await ledger.admit(i + 1, await testMembers(size));
		return ledger;
	}

	/** A chain of the same network that knows genesis alone. */
	fresh(): Chain {
		return new Chain(this.genesis, this.contracts);
	}

	get chainId(): Uint8Array {
		return this.genesis.chainId;
	}

	/** Present members, sorted by id. */
	members(partition: number): TestMember[] {
		return this.chain.topology.partition(partition)!.members.map((id) => this.#members.get(id)!);
	}

	async sign(member: TestMember, statement: Statement, payload?: Uint8Array): Promise<Signed> {
		const { publicKey } = member.signer;
		const signature = await member.signer.sign(statementBytes(this.chainId, statement, publicKey));
		return create(SignedSchema, { ...statement, sender: publicKey, signature, payload });
	}

	async join(
		member: TestMember,
		partition: number,
		fields: { nickname?: string; invitation?: SignedInvitation; slot?: number } = {}
	): Promise<Signed> {
		this.#members.set(member.id, member);
		const { nickname = `tab ${member.id.slice(0, 4)}`, invitation } = fields;
		const payload = toBinary(JoinRequestSchema, create(JoinRequestSchema, { nickname, invitation }));
		const slot = fields.slot ?? this.chain.head.height + JOIN_VALID_HEIGHTS / 2;
		return this.sign(
			member,
			{ ...NOWHERE, kind: Kind.JOIN, partition, slot, digest: payloadDigest(payload) },
			payload
		);
	}

	/** Signed by the operator; the nonce tells invitations apart. */
	async invitation(
		fields: Partial<{
			partition: number;
			expiresMs: bigint;
			uses: number;
			chainId: Uint8Array;
			nonce: Uint8Array;
		}> = {}
	): Promise<SignedInvitation> {
		const invitation = toBinary(
			InvitationSchema,
			create(InvitationSchema, {
				chainId: this.chainId,
				partition: 0,
				expiresMs: BigInt(TEST_START_MS + 1_000_000),
				uses: 1,
				nonce: Uint8Array.of(++this.#nonce),
				...fields
			})
		);
		const signature = await this.operator.signer.sign(taggedHash('invitation', invitation));
		return { $typeName: 'tabwave.v1.SignedInvitation', invitation, signature };
	}

	async leave(member: TestMember, partition: number): Promise<Signed> {
		const { epoch } = this.chain.topology.partition(partition)!;
		return this.sign(member, { ...NOWHERE, kind: Kind.LEAVE, partition, epoch, digest: ZERO_HASH });
	}

	/** `member` says that `silent` is. */
	async silence(
		member: TestMember,
		silent: TestMember,
		partition: number,
		slot = this.chain.head.height
	): Promise<Signed> {
		const { epoch } = this.chain.topology.partition(partition)!;
		const digest = silent.signer.publicKey;
		return this.sign(member, { ...NOWHERE, kind: Kind.SILENCE, partition, epoch, slot, digest });
	}

	/** The change that these proofs make of a partition. */
	change(
		partition: number,
		parts: Partial<Pick<MembershipChange, 'joins' | 'leaves' | 'evictions' | 'recovery'>>
	): MembershipChange {
		const view = this.chain.topology.partition(partition)!;
		const full = { joins: [], leaves: [], evictions: [], ...parts };
		return {
			$typeName: 'tabwave.v1.MembershipChange',
			partition,
			epoch: view.epoch + 1,
			members: nextMembers(full, view),
			...full
		};
	}

	async admit(partition: number, newcomers: TestMember[]): Promise<Commit> {
		const joins = await Promise.all(newcomers.map((member) => this.join(member, partition)));
		return this.commit(membershipEntry(this.change(partition, { joins })));
	}

	async transaction(from: TestMember, fields: Partial<TransactionRequest> = {}): Promise<ParsedTransaction> {
		const nonce = new Uint8Array(16);
		new DataView(nonce.buffer).setUint32(0, ++this.#nonce);
		const { body, message } = unsignedTransaction(from.signer.publicKey, {
			chainId: this.chainId,
			contract: 'transfer',
			function: 'transfer',
			arguments: transferArguments(this.operator.signer.publicKey, 1n),
			nonce,
			expiryHeight: this.chain.head.height + this.genesis.fields.expiryWindow,
			...fields
		});
		return this.chain.parse(signedTransaction(body, await from.signer.sign(message)));
	}

	/** A lower block with q Commits. */
	async certified(
		partition: number,
		transactions: ParsedTransaction[],
		fields: { roundId?: number; view?: number; epoch?: number; voters?: TestMember[] } = {}
	): Promise<CertifiedBody> {
		const {
			roundId = this.chain.topology.lastRoundId(partition) + 1,
			view = 0,
			epoch = this.chain.topology.partition(partition)!.epoch
		} = fields;
		const members = this.members(partition);
		const voters = fields.voters ?? members.slice(0, quorum(members.length));
		const proposal = toBinary(
			ProposalSchema,
			create(ProposalSchema, {
				chainId: this.chainId,
				partition,
				epoch,
				roundId,
				transactionIds: joinHashes(transactions.map(({ idBytes }) => idBytes))
			})
		);
		const certificate = create(BlockCertificateSchema, {
			partition,
			epoch,
			view,
			roundId,
			blockId: proposalId(proposal)
		});
		certificate.commits = await this.#votes(voters, commitStatement(certificate));
		return certifiedBodyOf(proposal, certificate, transactions);
	}

	/** Of the next block. */
	membershipContext(): MembershipContext {
		const { state, head } = this.chain;
		const { genesis, chainId } = this;
		return { state, genesis: genesis.fields, chainId, height: head.height + 1, timeMs: head.timeMs + 10 };
	}

	/** The next order, as an honest Booter would write it but for `fields`. */
	order(
		entries: EntryBody[],
		fields: Partial<Pick<OrderContent, 'height' | 'previousHash' | 'timeMs' | 'term' | 'attempt'>> = {}
	): { content: OrderContent; bytes: Uint8Array } {
		const { head } = this.chain;
		const content = create(OrderContentSchema, {
			height: head.height + 1,
			previousHash: head.hash,
			timeMs: BigInt(head.timeMs + 10),
			term: 1,
			attempt: 0,
			entries: entries.map(orderEntry),
			...fields
		});
		return { content, bytes: toBinary(OrderContentSchema, content) };
	}

	/** One partition's Signs or Dones. */
	async partitionVotes(
		kind: Kind,
		order: OrderCertificate,
		partition: number,
		voters = this.members(partition).slice(-quorum(this.members(partition).length))
	): Promise<PartitionVotes> {
		const { epoch } = this.chain.topology.partition(partition)!;
		const votes = await this.#votes(voters, orderStatement(kind, order, partition, epoch));
		return { $typeName: 'tabwave.v1.PartitionVotes', partition, epoch, votes };
	}

	/** An OrderCommit (`Kind.SIGN`) or a finality proof of what was executed, by every partition or by the operator. */
	async certificate(kind: Kind.SIGN | Kind.DONE, execution: Execution): Promise<OrderCertificate> {
		const { content, contentDigest, blockHashes } = execution;
		const { term, attempt, height } = content;
		const order = create(OrderCertificateSchema, { term, attempt, height, contentDigest, blockHashes });
		const active = this.chain.topology.active();
		for (const { id } of active) order.partitions.push(await this.partitionVotes(kind, order, id));
		if (active.length === 0) {
			const statement = orderStatement(Kind.OPERATOR, order, 0, 0);
			order.operatorSignature = (await this.sign(this.operator, statement)).signature;
		}
		return order;
	}

	execute(...entries: EntryBody[]): Execution {
		const { content, bytes } = this.order(entries);
		return this.chain.execute(content, bytes, entries);
	}

	/** Orders, executes and makes final. */
	async commit(...entries: EntryBody[]): Promise<Commit> {
		const execution = this.execute(...entries);
		const commit = this.chain.commit(execution, await this.certificate(Kind.DONE, execution));
		for (const { bytes } of commit.blocks) this.blocks.push(bytes);
		return commit;
	}

	/** A block of `count` transfers of one unit each becomes final. */
	async grow(partition = 1, count = 1): Promise<Commit> {
		const from = this.members(partition)[0]!;
		const transactions: ParsedTransaction[] = [];
		for (let i = 0; i < count; i++) transactions.push(await this.transaction(from));
		return this.commit({ kind: 'block', body: await this.certified(partition, transactions) });
	}

	async #votes(voters: TestMember[], statement: Statement) {
		return Promise.all(
			voters.map(async (voter) => {
				const { sender, signature } = await this.sign(voter, statement);
				return { $typeName: 'tabwave.v1.MemberSignature' as const, member: sender, signature };
			})
		);
	}
}

const NOWHERE = { epoch: 0, view: 0, attempt: 0, slot: 0 };

export function blockEntry(body: CertifiedBody): EntryBody {
	return { kind: 'block', body };
}

export function membershipEntry(change: MembershipChange): EntryBody {
	return { kind: 'membership', bytes: encodeMembershipChange(change), change };
}

/** Whether every signature of a list holds: what a driver asks its verifier. */
export async function hold(checks: Verification[]): Promise<boolean> {
	const verdicts = await Promise.all(checks.map((check) => testSuite.verify(check)));
	return verdicts.every(Boolean);
}

/** As the order names it. */
export function orderEntry(entry: EntryBody): OrderEntry {
	if (entry.kind === 'membership') {
		const { partition, epoch } = entry.change;
		const id = membershipChangeId(entry.bytes);
		return create(OrderEntrySchema, { partition, epoch, id, membershipChange: entry.bytes });
	}
	const { proposal, certificate, idBytes } = entry.body;
	const { partition, epoch, roundId } = proposal;
	return create(OrderEntrySchema, { partition, epoch, roundId, view: certificate.view, id: idBytes });
}
