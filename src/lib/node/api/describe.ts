/** Blocks, transactions and receipts as the client API shows them: hex, plain numbers, and contracts' own words. */
import { leftOut } from '../../consensus/certificates.ts';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { quorum } from '../../consensus/quorum.ts';
import type { PartitionView } from '../../consensus/topology.ts';
import { toHex } from '../../crypto/hex.ts';
import { merkleProof, verifyMerkleProof } from '../../crypto/merkle.ts';
import {
	blockHash,
	decodeFinalBlock,
	decodeHeader,
	decodeMembershipChange,
	decodeReceipt,
	isHeaderOnly
} from '../../ledger/block.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import {
	ReceiptStatus,
	type BlockHeader,
	type FinalBlock,
	type MemberSignature,
	type Receipt
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { LinkStatus } from '../../network/network.ts';
import type {
	BlockInfo,
	ReceiptInfo,
	ReplicaLink,
	TransactionInfo,
	TransactionSummary,
	Vote
} from '../api.ts';
import { membershipInfo } from './describe-membership.ts';

export type StatusWord = TransactionSummary['status'];

/** A stored block, read. */
export interface ReadBlock {
	block: FinalBlock;
	header: BlockHeader;
	hash: Uint8Array;
	transactions: ParsedTransaction[];
	receipts: Receipt[];
	sizeBytes: number;
}

export function readBlock(chain: Pick<Chain, 'parse'>, bytes: Uint8Array): ReadBlock {
	const block = decodeFinalBlock(bytes);
	return {
		block,
		header: decodeHeader(block.header),
		hash: blockHash(block.header),
		transactions: block.transactions.map((transaction) => chain.parse(transaction)),
		receipts: block.receipts.map(decodeReceipt),
		sizeBytes: bytes.length
	};
}

export function statusWord(status: ReceiptStatus | undefined): StatusWord {
	if (status === ReceiptStatus.OK) return 'ok';
	return status === ReceiptStatus.SKIPPED ? 'skipped' : 'failed';
}

export function blockInfo(chain: Chain, read: ReadBlock): BlockInfo {
	const { block, header } = read;
	const finality = block.finality!;
	const change = block.certificate ? null : decodeMembershipChange(block.entry);
	const members = chain.topology.epoch(header.partition, header.epoch);
	return {
		height: header.height,
		hash: toHex(read.hash),
		previousHash: toHex(header.previousHash),
		kind: block.certificate ? 'block' : 'membership',
		partition: header.partition,
		epoch: header.epoch,
		view: header.view,
		roundId: header.roundId,
		lowerBlockId: toHex(header.lowerBlockId),
		transactionsRoot: toHex(header.transactionsRoot),
		receiptsRoot: toHex(header.receiptsRoot),
		stateDigest: toHex(header.stateDigest),
		time: Number(header.timeMs),
		ballot: { term: header.term, attempt: header.attempt },
		isHeaderOnly: isHeaderOnly(block),
		transactions: read.transactions.map((transaction, index) =>
			summary(transaction, index, read.receipts[index])
		),
		membership: change && membershipInfo(change, chain.topology, header.height),
		certificate: block.certificate
			? { view: block.certificate.view, ...voteShares(block.certificate.commits, members) }
			: null,
		finality: {
			ballot: { term: finality.term, attempt: finality.attempt },
			byOperator: finality.partitions.length === 0,
			without: [...leftOut(finality)],
			partitions: finality.partitions.map(({ partition, epoch, votes }) => ({
				partition,
				epoch,
				...voteShares(votes, chain.topology.epoch(partition, epoch))
			}))
		},
		sizeBytes: read.sizeBytes
	};
}

export function transactionInfo(
	chain: Chain,
	transaction: ParsedTransaction,
	read: ReadBlock | null,
	index: number
): TransactionInfo {
	const contract = chain.contracts.get(transaction.body.contract);
	const receipt = read?.receipts[index];
	return {
		...summary(transaction, index, receipt),
		state: read ? 'final' : 'pending',
		arguments:
			contract?.describeCall?.(transaction.body.function, transaction.body.arguments) ??
			toHex(transaction.body.arguments),
		nonce: toHex(transaction.body.nonce),
		expiryHeight: transaction.body.expiryHeight,
		height: read?.header.height ?? null,
		blockHash: read ? toHex(read.hash) : null,
		time: read ? Number(read.header.timeMs) : null,
		receipt: read && receipt ? receiptInfo(chain, receipt, read.header.height, index, read.hash) : null,
		proof: read && proofOf(read, index)
	};
}

export function receiptInfo(
	chain: Chain,
	receipt: Receipt,
	height: number,
	index: number,
	hash: Uint8Array
): ReceiptInfo {
	return {
		transactionId: toHex(receipt.transactionId),
		status: statusWord(receipt.status),
		error: receipt.error || null,
		message: receipt.message || null,
		events: receipt.events.map((event) => ({
			contract: event.contract,
			kind: event.kind,
			data: chain.contracts.get(event.contract)?.describeEvent?.(event.kind, event.data) ?? toHex(event.data)
		})),
		height,
		index,
		blockHash: toHex(hash)
	};
}

/** Of genesis' replicas and no others, each at its best link. @param names - as the operator calls them, by id */
export function replicaLinks(
	booters: readonly string[],
	links: readonly LinkStatus[],
	names: ReadonlyMap<string, string>
): ReplicaLink[] {
	return booters.map((id) => {
		const link = links.find(({ peer, path }) => peer === id && path !== 'down');
		return {
			id,
			name: names.get(id) ?? '',
			path: link ? 'direct' : 'down',
			rttMs: link?.rttMs ?? null
		};
	});
}

function summary(
	transaction: ParsedTransaction,
	index: number,
	receipt: Receipt | undefined
): TransactionSummary {
	return {
		id: transaction.id,
		index,
		sender: transaction.sender,
		contract: transaction.body.contract,
		function: transaction.body.function,
		status: receipt ? statusWord(receipt.status) : 'ok'
	};
}

function proofOf(read: ReadBlock, index: number): TransactionInfo['proof'] {
	const ids = read.transactions.map((transaction) => transaction.idBytes);
	const path = merkleProof(ids, index);
	return {
		root: toHex(read.header.transactionsRoot),
		path: path.map(({ hash, side }) => ({ hash: toHex(hash), side })),
		valid: verifyMerkleProof(read.header.transactionsRoot, ids[index]!, path)
	};
}

function voteShares(votes: MemberSignature[], members: PartitionView | undefined) {
	return {
		votes: votes.map(({ member, signature }): Vote => {
			const id = toHex(member);
			return { member: id, nickname: members?.nicknames.get(id) ?? '', signature: toHex(signature) };
		}),
		quorum: members ? quorum(members.members.length) : 0,
		members: members?.members.length ?? 0
	};
}
