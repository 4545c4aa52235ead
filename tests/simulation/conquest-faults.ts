/**
 * Partitions of which every member is under the adversary, one row each: beyond f in the partition, and at most b of them. With their
 * quorums they can certify and vote whatever their keys can sign. The others must agree all the same, and go on.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { commitStatement, orderStatement } from '#lib/consensus/certificates.ts';
import { statusStatement } from '#lib/consensus/ordering/status.ts';
import { Kind, statementBytes, type Statement } from '#lib/consensus/statement.ts';
import type { PartitionView } from '#lib/consensus/topology.ts';
import { toHex } from '#lib/crypto/hex.ts';
import { joinHashes, proposalId } from '#lib/ledger/block.ts';
import { signedTransaction } from '#lib/ledger/transaction.ts';
import {
	BlockCertificateSchema,
	CertifiedBlockSchema,
	MemberSignatureSchema,
	PartitionVotesSchema,
	ProposalSchema,
	type CertifiedBlock,
	type MemberSignature,
	type Proposal,
	type Signed
} from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { PartitionStatusSchema, type Packet, type PartitionVote } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import type { End, Fault } from './faults.ts';
import { again, payment } from './liar.ts';
import { pick, type Random } from './random.ts';
import { encoded, tap } from './wiretap.ts';
import type { World } from './world.ts';

/** Long enough for several heights. */
const MIN_MS = 1000;
const MAX_MS = 8000;

/** Certified blocks that do not hold, one after another. */
const OFFER_MS = 700;

type Lying = (world: World, random: Random, partition: number) => End | null;

function row(weight: number, lie: Lying): Fault {
	return {
		weight,
		minMs: MIN_MS,
		maxMs: MAX_MS,
		begin: (world, random) => {
			const partition = world.conquer(random);
			return partition === null ? null : lie(world, random, partition);
		}
	};
}

export const CONQUEST_FAULTS = {
	/** R11, R14: whatever anybody votes for, it votes for too, in every ballot, twice, and with no lock to show. */
	'a whole partition votes for everything': row(5, voteForEverything),
	/** R9: two blocks of one round, each with a certificate that holds; who is told of which is chance. */
	'a whole partition certifies two blocks': row(4, (world, random, partition) =>
		tap(world.hub, ({ from, to, bytes, body }) => {
			if (lies.has(bytes) || body.case !== 'certifiedBlock' || !isTheirs(world, partition, from))
				return [bytes];
			if (body.value.certificate?.partition !== partition || random() < 0.4) return [bytes];
			void certifyOtherwise(world, random, body.value).then((value) => {
				if (value) say(world, from, to, { case: 'certifiedBlock', value });
			});
			return random() < 0.5 ? [bytes] : [];
		})
	),
	/** What is in them no honest member would have let through: other people's money, the same twice, rounds and epochs out of place. */
	'a whole partition certifies what does not hold': row(3, (world, random, partition) =>
		again(world, OFFER_MS, () => void offer(world, random, partition))
	),
	'a whole partition is silent': row(2, (world, random, partition) => {
		const deaf = random() < 0.5 ? null : new Set(world.tabs.filter(() => random() < 0.5).map(({ id }) => id));
		return tap(world.hub, ({ from, to, bytes }) =>
			isTheirs(world, partition, from) && (!deaf || deaf.has(to)) ? [] : [bytes]
		);
	})
} satisfies Record<string, Fault>;

function isTheirs(world: World, partition: number, id: string): boolean {
	return viewOf(world, partition)?.members.includes(id) ?? false;
}

/** As the Booter has it. */
function viewOf(world: World, partition: number): PartitionView | undefined {
	const view = world.booter!.node.chain.topology.partition(partition);
	return view && view.members.length > 0 ? view : undefined;
}

/** Says it as one of them. Other taps hear of it: a Booter that lies as well takes what it can get. */
function say(world: World, from: string, to: string, body: Packet['body']): void {
	const bytes = encoded(body);
	lies.add(bytes);
	world.hub.send(from, to, [bytes]);
}

const lies = new WeakSet<Uint8Array>();

/** All of a partition's members sign the same. */
async function signedByAll(
	world: World,
	{ members }: PartitionView,
	statement: Statement
): Promise<MemberSignature[]> {
	const { chainId } = world.booter!.node.chain;
	const signers = world.tabs.filter(({ id }) => members.includes(id)).map(({ signer }) => signer);
	return Promise.all(
		signers.map(async (signer) =>
			create(MemberSignatureSchema, {
				member: signer.publicKey,
				signature: await signer.sign(statementBytes(chainId, statement, signer.publicKey))
			})
		)
	);
}

function voteForEverything(world: World, random: Random, id: number): End {
	const said = new Set<string>();
	/** What its own programs say of locks is held back: only the lie is heard. */
	const isMute = random() < 0.5;
	return tap(world.hub, ({ from, to, bytes, body }) => {
		if (lies.has(bytes)) return [bytes];
		if (body.case === 'partitionVote' && body.value.votes?.partition !== id) {
			const { term, attempt, height, contentDigest, blockHashes } = body.value;
			const what = [to, term, attempt, height, toHex(contentDigest), toHex(blockHashes)].join('/');
			if (!said.has(what)) {
				said.add(what);
				// Done comes with Sign: they wait for no OrderCommit.
				for (const kind of [Kind.SIGN, Kind.DONE] as const) void voteAs(world, id, to, kind, body.value);
			}
		} else if (body.case === 'signed' && body.value.kind === Kind.STATUS_REQUEST && isTheirs(world, id, to))
			void showNoLock(world, id, from, body.value);
		const isStatus =
			body.case === 'partitionStatus' || (body.case === 'signed' && body.value.kind === Kind.STATUS);
		return isMute && isStatus && isTheirs(world, id, from) ? [] : [bytes];
	});
}

async function voteAs(
	world: World,
	id: number,
	to: string,
	kind: Kind.SIGN | Kind.DONE,
	other: PartitionVote
): Promise<void> {
	const partition = viewOf(world, id);
	if (!partition) return;
	const { epoch, members } = partition;
	const votes = await signedByAll(world, partition, orderStatement(kind, other, id, epoch));
	const value = { ...other, kind, votes: create(PartitionVotesSchema, { partition: id, epoch, votes }) };
	say(world, members[0]!, to, { case: 'partitionVote', value });
}

async function showNoLock(
	world: World,
	id: number,
	to: string,
	{ view: term, attempt, slot: height }: Signed
): Promise<void> {
	const partition = viewOf(world, id);
	if (!partition) return;
	const { epoch } = partition;
	const statement = statusStatement({ term, attempt }, height, partition, undefined);
	const members = await signedByAll(world, partition, statement);
	const statuses = { partition: id, epoch, groups: [{ members }] };
	const value = create(PartitionStatusSchema, { term, attempt, height, statuses });
	say(world, partition.members[0]!, to, { case: 'partitionStatus', value });
}

/** A block with a certificate that holds, whatever is in it. */
async function certify(
	world: World,
	partition: PartitionView,
	fields: Partial<Proposal> & Pick<Proposal, 'roundId'>,
	transactions: Uint8Array[],
	view: number
): Promise<CertifiedBlock> {
	const { chain } = world.booter!.node;
	const ids = transactions.map((bytes) => chain.parse(bytes).idBytes);
	const place = { chainId: chain.chainId, partition: partition.id, epoch: partition.epoch };
	const proposal = toBinary(
		ProposalSchema,
		create(ProposalSchema, { ...place, transactionIds: joinHashes(ids), ...fields })
	);
	const { partition: id, epoch } = place;
	const blockId = proposalId(proposal);
	const named = { partition: id, epoch, view, roundId: fields.roundId, blockId, commits: [] };
	const certificate = create(BlockCertificateSchema, named);
	certificate.commits = await signedByAll(world, partition, commitStatement(certificate));
	return create(CertifiedBlockSchema, { proposal, certificate, transactions });
}

/** The same round with fewer transactions, or in another order, or with one that pays somebody else. */
async function certifyOtherwise(
	world: World,
	random: Random,
	{ certificate, transactions }: CertifiedBlock
): Promise<CertifiedBlock | null> {
	const { partition: id, epoch, roundId, view } = certificate!;
	const partition = viewOf(world, id);
	if (partition?.epoch !== epoch) return null;
	const others =
		transactions.length > 1
			? pick(random, [[...transactions].reverse(), transactions.slice(1)])
			: [await paid(world, random, partition)];
	return certify(world, partition, { roundId }, others, view + Math.floor(random() * 2));
}

async function paid(world: World, random: Random, { members }: PartitionView): Promise<Uint8Array> {
	const chosen = pick(random, members);
	const from = world.tabs.find(({ id }) => id === chosen)!;
	const { body, message } = payment(world, random, from.signer.publicKey, pick(random, world.tabs));
	return signedTransaction(body, await from.signer.sign(message));
}

/** To the Booter, or to a tab of another partition. */
async function offer(world: World, random: Random, id: number): Promise<void> {
	const partition = viewOf(world, id);
	if (!partition) return;
	const { topology } = world.booter!.node.chain;
	const roundId = topology.lastRoundId(id) + 1 + Math.floor(random() * 3);
	const thief = world.tabs.find((tab) => partition.members.includes(tab.id))!;
	const { body, message } = payment(world, random, pick(random, world.tabs).signer.publicKey, thief);
	const stolen = signedTransaction(body, await thief.signer.sign(message));
	const own = await paid(world, random, partition);
	const [fields, transactions] = pick(random, [
		[{ roundId }, [stolen]],
		[{ roundId }, [own, stolen]],
		[{ roundId }, [own, own]],
		[{ roundId: Math.max(0, roundId - 3) }, [own]],
		[{ roundId: roundId + 500 }, [own]],
		[{ roundId, epoch: partition.epoch + 1 }, [own]],
		[{ roundId, partition: (id % world.options.partitions.length) + 1 }, [own]],
		[{ roundId, transactionIds: new Uint8Array(32) }, [own]]
	] as [Partial<Proposal> & { roundId: number }, Uint8Array[]][]);
	const value = await certify(world, partition, fields, transactions, Math.floor(random() * 3));
	const to = random() < 0.8 ? world.booterId : pick(random, world.tabs).id;
	say(world, pick(random, partition.members), to, { case: 'certifiedBlock', value });
}
