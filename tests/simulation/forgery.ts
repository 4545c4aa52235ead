/** Certificates that were never earned: too few signatures, the same one twice, strangers', another epoch's, or none that hold. */
import type { BlockCertificate, MemberSignature } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import type { End } from './faults.ts';
import { speakAs } from './liar.ts';
import { pick, type Random } from './random.ts';
import { encoded } from './wiretap.ts';
import type { Tab, World } from './world.ts';

type Forge = (votes: MemberSignature[]) => MemberSignature[];

/** Whatever certificates the liar passes on are forged ones, most of the time. */
export function forgeCertificates(world: World, random: Random, liar: Tab): End {
	const strangers = world.tabs.filter(({ partition }) => partition !== liar.partition);
	const forgeries: Forge[] = [
		(votes) => votes.slice(1),
		(votes) => votes.slice(0, 1),
		(votes) => [...votes.slice(1), votes.at(-1)!],
		(votes) => [...votes, votes[0]!],
		(votes) => votes.map((vote) => ({ ...vote, signature: flipped(vote.signature) })),
		(votes) => [
			{ ...votes[0]!, member: pick(random, strangers.length > 0 ? strangers : world.tabs).signer.publicKey },
			...votes.slice(1)
		],
		() => []
	];
	return speakAs(world, liar, ({ bytes, body }) => {
		if (random() < 0.3) return [bytes];
		const lie = forged(body, pick(random, forgeries), random);
		return [lie ? encoded(lie) : bytes];
	});
}

/** @returns null where the packet is no answer to who catches up */
export function falseSnapshot(body: Packet['body'], random: Random): Packet['body'] | null {
	if (body.case === 'syncResponse' && body.value.blocks.length > 0)
		return { ...body, value: { ...body.value, blocks: body.value.blocks.map(flippedEnd) } };
	if (body.case !== 'snapshotResponse') return null;
	const { value } = body;
	if (value.chunk.length > 0) return { ...body, value: { ...value, chunk: flippedEnd(value.chunk) } };
	if (value.hashes.length > 0)
		return {
			...body,
			value: pick(random, [
				{ ...value, hashes: flippedEnd(value.hashes) },
				{ ...value, blocks: value.blocks.map(flippedEnd) },
				{ ...value, height: value.height + 1 }
			])
		};
	return {
		...body,
		value: pick(random, [
			{ ...value, blocks: value.blocks.slice(1) },
			{ ...value, blocks: value.blocks.slice(0, -1) },
			{ ...value, blocks: value.blocks.map(flippedEnd) },
			{ ...value, complete: false }
		])
	};
}

/** With one bit of its last byte turned: of a block that is in its finality proof. */
function flippedEnd(bytes: Uint8Array): Uint8Array {
	return bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));
}

/** @returns null where the packet carries no certificate */
function forged(body: Packet['body'], forge: Forge, random: Random): Packet['body'] | null {
	const safely: Forge = (votes) => (votes.length > 0 ? forge(votes) : votes);
	const block = (certificate: BlockCertificate): BlockCertificate =>
		random() < 0.2
			? { ...certificate, ...pick(random, OTHER_PLACES)(certificate) }
			: { ...certificate, commits: safely(certificate.commits) };
	switch (body.case) {
		case 'blockCertificate':
			return { case: body.case, value: block(body.value) };
		case 'certifiedBlock':
			return { case: body.case, value: { ...body.value, certificate: block(body.value.certificate!) } };
		case 'orderCommit':
		case 'finality': {
			const partitions = body.value.partitions.map((one) => ({ ...one, votes: safely(one.votes) }));
			const fewer = random() < 0.3 ? partitions.slice(1) : partitions;
			return { case: body.case, value: { ...body.value, partitions: fewer } };
		}
		case 'partitionVote': {
			const votes = { ...body.value.votes!, votes: safely(body.value.votes!.votes) };
			return { case: body.case, value: { ...body.value, votes } };
		}
		case 'partitionStatus': {
			const statuses = body.value.statuses!;
			const groups = statuses.groups.map((group) => ({ ...group, members: safely(group.members) }));
			const lock = random() < 0.5 ? undefined : body.value.lock;
			return { case: body.case, value: { ...body.value, lock, statuses: { ...statuses, groups } } };
		}
		case 'newView':
		case 'leaderChange': {
			const certificates = body.value.certificates.map((one) => ({
				...one,
				prepares: safely(one.prepares)
			}));
			return body.case === 'newView'
				? { case: body.case, value: { ...body.value, certificates } }
				: { case: body.case, value: { ...body.value, certificates } };
		}
		default:
			return null;
	}
}

/** The same signatures under another name of what they are about. */
const OTHER_PLACES: ((certificate: BlockCertificate) => Partial<BlockCertificate>)[] = [
	({ view }) => ({ view: view + 1 }),
	({ roundId }) => ({ roundId: roundId + 1 }),
	({ epoch }) => ({ epoch: Math.max(0, epoch - 1) }),
	({ partition }) => ({ partition: partition + 1 }),
	({ blockId }) => ({ blockId: flipped(blockId) })
];

/** The same bytes but for one bit. */
export function flipped(bytes: Uint8Array): Uint8Array {
	return bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
}
