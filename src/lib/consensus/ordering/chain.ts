/**
 * The chain of one node: its head, its state, and the one place where a block is applied. Blocks are executed on
 * overlays (R13) and become state only with their finality proof.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ZERO_HASH } from '../../crypto/hash.ts';
import { equalBytes, toHex } from '../../crypto/hex.ts';
import {
	blockHash,
	contentDigest,
	decodeFinalBlock,
	decodeHeader,
	decodeMembershipChange,
	decodeProposal,
	encodeFinalBlock,
	encodeHeader,
	joinHashes,
	membershipChangeId,
	proposalId,
	splitHashes
} from '../../ledger/block.ts';
import type { Contract } from '../../ledger/contract.ts';
import { invariant, LedgerError } from '../../ledger/errors.ts';
import { partitionIds, roundKey, type GenesisBlock } from '../../ledger/genesis.ts';
import { RecentIds } from '../../ledger/recent-ids.ts';
import {
	executeBlock,
	transactionsRoot,
	type BlockExecution,
	type ContractRegistry
} from '../../ledger/runtime.ts';
import {
	nextStateDigest,
	Overlay,
	VersionedState,
	type StateReader,
	type StateValue,
	type StateWrite,
	type VersionedRow
} from '../../ledger/state.ts';
import { StateCut, type StateChunks } from '../../ledger/state-cut.ts';
import { parseTransaction, type ParsedTransaction } from '../../ledger/transaction.ts';
import type { Verification } from '../../crypto/suite.ts';
import { RoundStateSchema } from '../../wire/gen/tabwave/v1/contracts_pb.js';
import {
	ReceiptSchema,
	ReceiptStatus,
	type BlockHeader,
	type BlockCertificate,
	type FinalBlock,
	type MembershipChange,
	type OrderCertificate,
	type OrderContent,
	type OrderEntry,
	type Receipt
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { checkBlockCertificate, checkOrderCertificate } from '../certificates.ts';
import { applyMembershipChange, checkMembershipChange, membershipSignatures } from '../membership/change.ts';
import { Kind } from '../statement.ts';
import { Topology, topologyDigest } from '../topology.ts';
import { senderChecks, type CertifiedBody } from './certified-block.ts';
import { EntryError } from './entry-error.ts';

/** Two of them, so that who fetches one may finish while the next one comes. */
const MAX_CHECKPOINTS = 2;
const NONE = new Uint8Array(0);

/** The state that a final block left behind, by the root in its header. */
export interface Checkpoint {
	height: number;
	chunks: StateChunks;
}

/** A checkpoint that another node has given, checked in every part. */
export interface Snapshot {
	head: ChainHead;
	values: StateValue[];
	/** In the checkpoint's header. */
	root: Uint8Array;
	finality: OrderCertificate;
	/** Transactions of the blocks below, as far back as they may be repeated. */
	included: { id: string; expiryHeight: number; height: number; index: number }[];
}

export interface ChainHead {
	height: number;
	/** 32 bytes; the chain id at height 0. */
	hash: Uint8Array;
	stateDigest: Uint8Array;
	timeMs: number;
}

/** One entry of an order with what is needed to execute it. */
export type EntryBody =
	| { kind: 'block'; body: CertifiedBody }
	| { kind: 'membership'; bytes: Uint8Array; change: MembershipChange };

/** A block executed on an overlay, not final. */
export interface ExecutedBlock {
	height: number;
	header: BlockHeader;
	headerBytes: Uint8Array;
	hash: Uint8Array;
	entry: EntryBody;
	writes: StateWrite[];
	receipts: Receipt[];
	receiptBytes: Uint8Array[];
	included: BlockExecution['included'];
	/** Where its header has a root: the state that it leaves behind. */
	cut: StateCut | null;
}

/** An order executed on overlays (R15: it is dropped whole, and dropping it twice equals once). */
export interface Execution {
	content: OrderContent;
	contentDigest: Uint8Array;
	/** Hashes of the blocks it makes, joined. */
	blockHashes: Uint8Array;
	blocks: ExecutedBlock[];
}

export interface CommittedBlock {
	height: number;
	hash: Uint8Array;
	header: BlockHeader;
	kind: 'block' | 'membership';
	change: MembershipChange | null;
	transactions: ParsedTransaction[];
	receipts: Receipt[];
	/** FinalBlock, encoded. */
	bytes: Uint8Array;
}

/** What has to reach the disk in one transaction. */
export interface Commit {
	blocks: CommittedBlock[];
	state: VersionedRow[];
	head: ChainHead;
}

/** Where blocks that are checked, and not final in this chain yet, have brought it to: the next one is checked on top of them. */
export interface Tip {
	head: ChainHead;
	state: Overlay;
	topology: Topology;
	/** Of the transactions that they hold. */
	ids: Set<string>;
}

/** A block from another node, whose form holds. What it says is believed where its signatures hold as well. */
export interface CheckedBlock {
	checks: Verification[];
	finality: OrderCertificate;
	/** As this node executes it; or, where that is not the block, the rule that its signatures would show to be broken. */
	outcome: { executed: ExecutedBlock } | { broken: 'R17' | 'R23'; message: string };
}

export class Chain {
	readonly genesis: GenesisBlock;
	readonly contracts: ContractRegistry;
	readonly state: VersionedState;
	readonly topology: Topology;
	readonly recent = new RecentIds();
	/** R15: rows that a crash had left above the head, as they are now; the store has to take them over. */
	readonly repaired: VersionedRow[];
	/** The newest ones that this node has passed since it started, the last one first. */
	#checkpoints: Checkpoint[] = [];
	#head: ChainHead;
	#provenHeight: number;

	/** @param stored what the ledger store holds; absent for a new node */
	constructor(
		genesis: GenesisBlock,
		contracts: Contract[],
		stored?: { head: ChainHead; state: VersionedRow[] }
	) {
		this.genesis = genesis;
		this.contracts = new Map(
			genesis.fields.contracts.map((name) => {
				const contract = contracts.find((known) => known.name === name);
				if (!contract)
					throw new LedgerError(
						'UnknownContract',
						`this program has no contract "${name}", which the network runs`
					);
				return [name, contract];
			})
		);
		this.state = new VersionedState(stored?.state);
		if (!stored) this.state.apply(genesis.writes, 0);
		this.#head = stored?.head ?? {
			height: 0,
			hash: genesis.chainId,
			stateDigest: genesis.stateDigest,
			timeMs: genesis.timeMs
		};
		this.repaired = this.state.repair(this.#head.height);
		this.#provenHeight = this.#head.height;
		this.topology = new Topology(this.state, partitionIds(genesis.fields));
	}

	get head(): ChainHead {
		return this.#head;
	}

	/**
	 * The last height that the proof of the head's block makes final. An order is final whole: a node that took only the first
	 * of its blocks from a peer has to fetch the others, and votes on nothing in their place.
	 */
	get provenHeight(): number {
		return this.#provenHeight;
	}

	get chainId(): Uint8Array {
		return this.genesis.chainId;
	}

	get checkpoints(): readonly Checkpoint[] {
		return this.#checkpoints;
	}

	/** Of an earlier run; the root over its chunks is that of the final block. */
	keepCheckpoint(checkpoint: Checkpoint): void {
		this.#checkpoints = [checkpoint, ...this.#checkpoints].slice(0, MAX_CHECKPOINTS);
	}

	/**
	 * R23: goes on from a checkpoint, without the blocks below it.
	 * @returns the rows and the head; the rows that it has no more are among them
	 */
	jump({ head, values, root, finality, included }: Snapshot): Commit {
		invariant(head.height > this.#head.height, 'R23', 'a chain only moves forward');
		const cut = new StateCut(values);
		invariant(
			equalBytes(cut.root, root),
			'R17',
			`this node cuts the state of block ${head.height} otherwise`
		);
		const state = this.state.replace(values);
		this.recent.clear();
		for (const { id, expiryHeight, height, index } of included)
			if (expiryHeight > head.height) this.recent.add(id, expiryHeight, height, index);
		this.#head = head;
		this.#proven(finality);
		this.#checkpoints = [];
		this.keepCheckpoint({ height: head.height, chunks: cut });
		return { blocks: [], state, head };
	}

	/** Fills the remembered ids from stored blocks after a restart; in order, the last `expiryWindow` of them are enough. */
	remember(finalBlock: Uint8Array): void {
		const block = decodeFinalBlock(finalBlock);
		const { height } = decodeHeader(block.header);
		if (block.finality) this.#proven(block.finality);
		block.receipts.forEach((bytes, index) => {
			const transaction = block.transactions[index];
			if (!transaction || fromBinary(ReceiptSchema, bytes).status === ReceiptStatus.SKIPPED) return;
			const { id, body } = this.parse(transaction);
			if (body.expiryHeight > this.#head.height) this.recent.add(id, body.expiryHeight, height, index);
		});
	}

	/** Rows of the genesis state, for a new store. */
	genesisRows(): VersionedRow[] {
		return [...this.state.rows()];
	}

	/**
	 * Executes an order on overlays.
	 * @param bodies one for each entry of the order
	 * @throws LedgerError where the order is one that no honest member votes for; EntryError where one of its entries is why
	 */
	execute(content: OrderContent, contentBytes: Uint8Array, bodies: EntryBody[]): Execution {
		if (content.height !== this.#head.height + 1)
			throw new LedgerError(
				'OrderInvalid',
				`the order is for height ${content.height}, this chain stands at ${this.#head.height}`
			);
		if (content.height <= this.#provenHeight)
			throw new LedgerError('OrderInvalid', `height ${content.height} is inside an order that is final`);
		if (!equalBytes(content.previousHash, this.#head.hash))
			throw new LedgerError('OrderInvalid', 'the order follows another block');
		if (content.entries.length > this.genesis.fields.maxBlocksPerNext)
			throw new LedgerError('OrderInvalid', 'the order is too long');
		const blocks: ExecutedBlock[] = [];
		const earlierIds = new Set<string>();
		let base: StateReader = this.state;
		let previous = this.#head;
		content.entries.forEach((entry, i) => {
			const body = bodies[i];
			invariant(body, 'R12', 'an order is executed only with all its bodies');
			// The voters of a list are those of its first height: a change of members ends it.
			if (body.kind === 'membership' && i < content.entries.length - 1)
				throw new LedgerError('OrderInvalid', 'a change of members is the last entry of its order');
			const timeMs = Number(content.timeMs) + i;
			const fixed = { ...placeOf(entry), term: content.term, attempt: content.attempt };
			const executed = attributed(entry.id, () => {
				const id = body.kind === 'block' ? body.body.idBytes : membershipChangeId(body.bytes);
				if (!equalBytes(id, entry.id))
					throw new LedgerError('OrderInvalid', 'an entry of the order has another id than its body');
				return this.#executeOne(body, fixed, previous, timeMs, base, earlierIds);
			});
			blocks.push(executed.block);
			for (const item of executed.block.included) earlierIds.add(item.id);
			base = executed.overlay;
			previous = headOf(executed.block);
		});
		return {
			content,
			contentDigest: contentDigest(contentBytes),
			blockHashes: joinHashes(blocks.map((block) => block.hash)),
			blocks
		};
	}

	/** Makes an executed order final. The proof's signatures were checked before. */
	commit(execution: Execution, finality: OrderCertificate): Commit {
		const first = execution.blocks[0];
		invariant(
			first && first.height === this.#head.height + 1,
			'R13',
			'blocks become final in order of height'
		);
		invariant(
			finality.height === first.height && equalBytes(finality.blockHashes, execution.blockHashes),
			'R17',
			`the network made other blocks of heights ${first.height}… than this node did: it stops here`
		);
		return this.#commitBlocks(execution.blocks, finality);
	}

	/** Where this chain stands, to check several blocks from there before the first is made final. */
	tip(): Tip {
		const state = new Overlay(this.state);
		const topology = new Topology(state, partitionIds(this.genesis.fields));
		return { head: this.#head, state, topology, ids: new Set() };
	}

	/**
	 * Checks a block from another node, all but its signatures, and executes it.
	 * @param tip moves on by a block that has this node's own result; other blocks leave it where it is
	 * @throws LedgerError: the block is provably not the one above the tip, whoever signed it
	 */
	check(block: FinalBlock, tip = this.tip()): CheckedBlock {
		const { head } = tip;
		const header = decodeHeader(block.header);
		if (header.height !== head.height + 1)
			throw new LedgerError('BlockInvalid', `block ${header.height} does not follow ${head.height}`);
		const checks = checkFinality(block, header, tip.topology, this.genesis);
		const finality = block.finality!;
		const broken = (rule: 'R17' | 'R23', message: string): CheckedBlock => ({
			checks,
			finality,
			outcome: { broken: rule, message }
		});
		if (!equalBytes(header.previousHash, head.hash))
			return broken(
				'R23',
				`a final block ${header.height} follows another block ${head.height} than this node's`
			);
		const entry = this.#entryOf(block, header, tip.topology, checks);
		let executed: ExecutedBlock;
		let overlay: Overlay;
		try {
			const timeMs = Number(header.timeMs);
			({ block: executed, overlay } = this.#executeOne(entry, header, head, timeMs, tip.state, tip.ids));
		} catch (error) {
			if (!(error instanceof LedgerError)) throw error;
			return broken('R17', `block ${header.height} is final and this node refuses it: ${error.message}`);
		}
		if (!equalBytes(executed.hash, blockHash(block.header)))
			return broken('R17', `block ${header.height} is final with another result than this node's own`);
		if (
			executed.receiptBytes.length !== block.receipts.length ||
			!executed.receiptBytes.every((receipt, i) => equalBytes(receipt, block.receipts[i]!))
		)
			throw new LedgerError('BlockInvalid', `block ${header.height} carries other receipts than its header`);
		tip.state.absorb(overlay);
		tip.head = headOf(executed);
		for (const { id } of executed.included) tip.ids.add(id);
		return { checks, finality, outcome: { executed } };
	}

	/** Makes a checked block final. */
	commitChecked(executed: ExecutedBlock, finality: OrderCertificate): Commit {
		invariant(executed.height === this.#head.height + 1, 'R13', 'blocks become final in order of height');
		return this.#commitBlocks([executed], finality);
	}

	/** @throws LedgerError as parseTransaction */
	parse(bytes: Uint8Array): ParsedTransaction {
		return parseTransaction(bytes, this.chainId, this.genesis.fields.maxTransactionBytes);
	}

	#entryOf(block: FinalBlock, header: BlockHeader, topology: Topology, checks: Verification[]): EntryBody {
		if (!block.certificate) {
			if (!equalBytes(membershipChangeId(block.entry), header.lowerBlockId))
				throw new LedgerError('BlockInvalid', `block ${header.height} carries another change of members`);
			const change = decodeMembershipChange(block.entry);
			checks.push(...membershipSignatures(change, this.genesis.fields.operator, this.chainId));
			return { kind: 'membership', bytes: block.entry, change };
		}
		const idBytes = proposalId(block.entry);
		if (!equalBytes(idBytes, header.lowerBlockId))
			throw new LedgerError('BlockInvalid', `block ${header.height} carries another proposal`);
		const transactions = block.transactions.map((bytes) => this.parse(bytes));
		const body: CertifiedBody = {
			id: toHex(idBytes),
			idBytes,
			proposal: decodeProposal(block.entry),
			proposalBytes: block.entry,
			certificate: block.certificate,
			transactions,
			bodyBytes: transactions.reduce((sum, transaction) => sum + transaction.bytes.length, 0)
		};
		const ids = splitHashes(body.proposal.transactionIds);
		if (
			ids.length !== transactions.length ||
			!transactions.every((transaction, i) => equalBytes(transaction.idBytes, ids[i]!))
		)
			throw new LedgerError(
				'BlockInvalid',
				`block ${header.height} carries other transactions than its proposal names`
			);
		// That the proposal is of the header's partition, epoch and round its execution shows.
		const { certificate } = body;
		if (
			!equalBytes(certificate.blockId, idBytes) ||
			certificate.view !== header.view ||
			certificate.roundId !== header.roundId
		)
			throw new LedgerError('BlockInvalid', `block ${header.height} carries another block's certificate`);
		checks.push(
			...checkBlockCertificate(certificate, topology.epoch(header.partition, header.epoch), this.chainId),
			...senderChecks(transactions, topology)
		);
		return { kind: 'block', body };
	}

	#executeOne(
		entry: EntryBody,
		fixed: Pick<BlockHeader, 'partition' | 'epoch' | 'view' | 'roundId' | 'term' | 'attempt'>,
		previous: ChainHead,
		timeMs: number,
		base: StateReader,
		earlierIds: ReadonlySet<string>
	): { block: ExecutedBlock; overlay: Overlay } {
		const height = previous.height + 1;
		if (timeMs <= previous.timeMs) throw new LedgerError('OrderInvalid', 'block time does not move forward');
		const overlay = new Overlay(base, height);
		let receipts: Receipt[] = [];
		let receiptBytes: Uint8Array[] = [];
		let receiptsRoot = ZERO_HASH;
		let root = ZERO_HASH;
		let included: BlockExecution['included'] = [];
		let lowerBlockId: Uint8Array;
		if (entry.kind === 'membership') {
			const context = this.#membershipContext(base, height, timeMs);
			checkMembershipChange(entry.change, context);
			if (
				entry.change.partition !== fixed.partition ||
				entry.change.epoch !== fixed.epoch ||
				fixed.roundId !== 0 ||
				fixed.view !== 0
			)
				throw new LedgerError('OrderInvalid', 'an entry of the order does not match its change of members');
			applyMembershipChange(entry.change, overlay, context);
			lowerBlockId = membershipChangeId(entry.bytes);
		} else {
			const { body } = entry;
			this.#checkLowerBlock(body, fixed, base);
			overlay.set(
				roundKey(fixed.partition),
				toBinary(
					RoundStateSchema,
					create(RoundStateSchema, { epoch: fixed.epoch, lastRoundId: fixed.roundId })
				)
			);
			({ receipts, receiptBytes, receiptsRoot, included } = executeBlock(
				{
					height,
					timeMs,
					lowerBlockId: body.idBytes,
					transactions: body.transactions,
					expiryWindow: this.genesis.fields.expiryWindow,
					isKnown: (id) => this.recent.has(id) || earlierIds.has(id)
				},
				overlay,
				this.contracts
			));
			root = transactionsRoot(body.transactions);
			lowerBlockId = body.idBytes;
		}
		const writes = overlay.writes();
		const { checkpointInterval } = this.genesis.fields;
		const hasCheckpoints = checkpointInterval > 0;
		const cut = hasCheckpoints && height % checkpointInterval === 0 ? new StateCut(overlay.values()) : null;
		const headerBytes = encodeHeader({
			height,
			previousHash: previous.hash,
			partition: fixed.partition,
			epoch: fixed.epoch,
			view: fixed.view,
			roundId: fixed.roundId,
			lowerBlockId,
			transactionsRoot: root,
			receiptsRoot,
			stateDigest: nextStateDigest(previous.stateDigest, writes),
			timeMs: BigInt(timeMs),
			term: fixed.term,
			attempt: fixed.attempt,
			stateRoot: cut?.root ?? NONE,
			topologyDigest:
				hasCheckpoints && entry.kind === 'membership'
					? topologyDigest(base, partitionIds(this.genesis.fields))
					: NONE
		});
		const block = {
			height,
			header: decodeHeader(headerBytes),
			headerBytes,
			hash: blockHash(headerBytes),
			entry,
			writes,
			receipts,
			receiptBytes,
			included,
			cut
		};
		return { block, overlay };
	}

	/** R9: of its partition's present epoch, and of a round above all that the ledger holds. */
	#checkLowerBlock(
		body: CertifiedBody,
		fixed: Pick<BlockHeader, 'partition' | 'epoch' | 'view' | 'roundId'>,
		base: StateReader
	): void {
		const { proposal, certificate } = body;
		if (
			proposal.partition !== fixed.partition ||
			proposal.epoch !== fixed.epoch ||
			proposal.roundId !== fixed.roundId ||
			certificate.view !== fixed.view
		)
			throw new LedgerError('OrderInvalid', 'an entry of the order does not match its block');
		const topology = new Topology(base, partitionIds(this.genesis.fields));
		const partition = topology.partition(proposal.partition);
		if (partition?.epoch !== proposal.epoch)
			throw new LedgerError(
				'EpochPassed',
				`partition ${proposal.partition} is in epoch ${partition?.epoch}, the block is of ${proposal.epoch}`
			);
		const last = topology.lastRoundId(proposal.partition);
		if (proposal.roundId <= last)
			throw new LedgerError(
				'RoundPassed',
				`the ledger holds round ${last} of partition ${proposal.partition}, the block is of ${proposal.roundId}`
			);
		if (body.transactions.length > this.genesis.fields.maxTransactionsPerBlock)
			throw new LedgerError('OrderInvalid', 'a block is too large');
	}

	#proven(finality: OrderCertificate): void {
		const last = finality.height + splitHashes(finality.blockHashes).length - 1;
		this.#provenHeight = Math.max(this.#provenHeight, last);
	}

	#commitBlocks(blocks: ExecutedBlock[], finality: OrderCertificate): Commit {
		const rows = new Map<string, VersionedRow>();
		const committed = blocks.map((block) => {
			for (const row of this.state.apply(block.writes, block.height)) rows.set(row.key, row);
			for (const { id, expiryHeight, index } of block.included)
				this.recent.add(id, expiryHeight, block.height, index);
			if (block.cut) this.keepCheckpoint({ height: block.height, chunks: block.cut });
			return toCommitted(block, finality);
		});
		this.#head = headOf(blocks.at(-1)!);
		this.#proven(finality);
		this.recent.prune(this.#head.height);
		return { blocks: committed, state: [...rows.values()], head: this.#head };
	}

	#membershipContext(state: StateReader, height: number, timeMs: number) {
		return { state, genesis: this.genesis.fields, chainId: this.chainId, height, timeMs };
	}
}

/**
 * Checks a stored or received block's finality proof, all but its signatures.
 * @param topology as it was below the block, or with the epochs of that time
 * @throws LedgerError
 */
export function checkFinality(
	block: Pick<FinalBlock, 'header' | 'finality'>,
	header: BlockHeader,
	topology: Topology,
	genesis: GenesisBlock
): Verification[] {
	const { finality } = block;
	if (!finality) throw new LedgerError('BlockInvalid', `block ${header.height} has no finality proof`);
	const hashes = splitHashes(finality.blockHashes);
	const own = hashes[header.height - finality.height];
	if (!own || !equalBytes(own, blockHash(block.header)))
		throw new LedgerError('BlockInvalid', `the finality proof of block ${header.height} names another block`);
	return checkOrderCertificate(
		Kind.DONE,
		finality,
		topology.activeAt(finality.height - 1),
		genesis.fields.operator,
		genesis.chainId
	);
}

function headOf({ height, hash, header }: ExecutedBlock): ChainHead {
	return { height, hash, stateDigest: header.stateDigest, timeMs: Number(header.timeMs) };
}

function placeOf({ partition, epoch, view, roundId }: OrderEntry) {
	return { partition, epoch, view, roundId };
}

/** Says of which entry an error is. */
function attributed<T>(entry: Uint8Array, execute: () => T): T {
	try {
		return execute();
	} catch (error) {
		if (error instanceof LedgerError) throw new EntryError(entry, error);
		throw error;
	}
}

function toCommitted(block: ExecutedBlock, finality: OrderCertificate): CommittedBlock {
	const isBlock = block.entry.kind === 'block';
	const transactions = block.entry.kind === 'block' ? block.entry.body.transactions : [];
	const certificate: BlockCertificate | undefined =
		block.entry.kind === 'block' ? block.entry.body.certificate : undefined;
	return {
		height: block.height,
		hash: block.hash,
		header: block.header,
		kind: isBlock ? 'block' : 'membership',
		change: block.entry.kind === 'membership' ? block.entry.change : null,
		transactions,
		receipts: block.receipts,
		bytes: encodeFinalBlock({
			header: block.headerBytes,
			entry: block.entry.kind === 'block' ? block.entry.body.proposalBytes : block.entry.bytes,
			transactions: transactions.map((transaction) => transaction.bytes),
			receipts: block.receiptBytes,
			certificate,
			finality
		})
	};
}
