/** The Booter's driver, spoken to as tabs and strangers speak to it: over the network, packet by packet. */
import { create, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { Kind, payloadDigest, statementBytes, type Statement } from '#lib/consensus/statement.ts';
import { testSuite } from '#lib/consensus/testing/members.ts';
import { ZERO_HASH } from '#lib/crypto/hash.ts';
import { fromHex, toHex } from '#lib/crypto/hex.ts';
import type { Signer } from '#lib/crypto/suite.ts';
import { decodeFinalBlock, decodeHeader } from '#lib/ledger/block.ts';
import { readGenesis } from '#lib/ledger/genesis.ts';
import type { MemoryNetwork } from '#lib/network/memory-network.ts';
import { decodePacket, encodePacket } from '#lib/wire/codec.ts';
import { JoinRequestSchema, SignedSchema, type Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { PacketSchema, type Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { TestNetwork, type TestTab } from './testing/test-network.ts';

let network: TestNetwork;

/** Who speaks to the Booter by hand. */
interface Caller {
	signer: Signer;
	link: MemoryNetwork;
	/** Since the last call of `take`. */
	take(): Packet['body'][];
}

beforeEach(async () => {
	network = await TestNetwork.start([3, 3]);
});

async function caller(): Promise<Caller> {
	const signer = await testSuite.signer(testSuite.generateSeed());
	const link = network.hub.network(toHex(signer.publicKey));
	const received: Packet['body'][] = [];
	await link.start({
		packets: (_from, packets) => received.push(...packets.map((packet) => decodePacket(packet).body)),
		link: () => {},
		violation: () => {}
	});
	link.setPeers([network.booterId]);
	await network.run(100);
	return { signer, link, take: () => received.splice(0) };
}

async function send({ link }: Caller, body: Packet['body']): Promise<void> {
	link.send(network.booterId, [encodePacket(create(PacketSchema, { body }))]);
	await network.run(100);
}

async function ask(who: Caller, body: Packet['body'], expected: Packet['body']['case']) {
	who.take();
	await send(who, body);
	return who.take().find((answer) => answer.case === expected);
}

const assignment = (partition: number): Packet['body'] => ({
	case: 'assignmentRequest',
	value: { $typeName: 'tabwave.v1.AssignmentRequest', partition }
});
const sync = (fromHeight: number): Packet['body'] => ({
	case: 'syncRequest',
	value: { $typeName: 'tabwave.v1.SyncRequest', requestId: 5, fromHeight, maxBlocks: 20 }
});

async function signedBy(signer: Signer, fields: Partial<Statement>, payload?: Uint8Array): Promise<Signed> {
	const { chainId } = readGenesis(network.genesis);
	const statement: Statement = {
		kind: Kind.JOIN,
		partition: 1,
		epoch: 0,
		view: 0,
		attempt: 0,
		slot: network.booter!.chain.head.height + 10,
		digest: payload ? payloadDigest(payload) : ZERO_HASH,
		...fields
	};
	const signature = await signer.sign(statementBytes(chainId, statement, signer.publicKey));
	return create(SignedSchema, { ...statement, sender: signer.publicKey, signature, payload });
}

const joinPayload = (nickname = 'Eve'): Uint8Array =>
	toBinary(JoinRequestSchema, create(JoinRequestSchema, { nickname }));
const asPacket = (value: Signed): Packet['body'] => ({ case: 'signed', value });

/** The reason of the refusal that comes back, or `none`. */
async function refusalOf(who: Caller, signed: Signed): Promise<string> {
	const answer = await ask(who, asPacket(signed), 'refusal');
	return answer?.case === 'refusal' ? answer.value.name : 'none';
}

describe('the Booter', () => {
	it('greets who links to it with its head, and says it again and again', async () => {
		const tab = await caller();
		const beats = tab.take();
		expect(beats[0]).toMatchObject({ case: 'heartbeat', value: { partition: 0, finalHeight: 0 } });
		await network.member();
		await network.run(network.timing.heartbeatMs);
		expect(tab.take().at(-1)).toMatchObject({
			case: 'heartbeat',
			value: { finalHeight: 1, headHash: network.booter!.chain.head.hash }
		});
	});

	it('assigns who asks, and says where the chain stands', async () => {
		const tab = await caller();
		expect(await ask(tab, assignment(0), 'assignment')).toMatchObject({
			value: { partition: 1, finalHeight: 0 }
		});
		expect(await ask(tab, assignment(2), 'assignment')).toMatchObject({ value: { partition: 2 } });
		expect(await ask(tab, assignment(9), 'refusal')).toMatchObject({
			value: { name: 'PartitionFull', message: 'partition 9 is full or does not exist' }
		});
	});

	it('hands out every final block, so that a network whose tabs have all gone resumes', async () => {
		const member = await network.member();
		await network.settle(member.api.account.transfer('11'.repeat(32), 1));
		const head = network.booter!.chain.head.height;
		await member.stop();
		const tab = await caller();
		const answer = await ask(tab, sync(1), 'syncResponse');
		const blocks = answer?.case === 'syncResponse' ? answer.value.blocks : [];
		expect(blocks.map((bytes) => decodeHeader(decodeFinalBlock(bytes).header).height)).toEqual(
			Array.from({ length: head }, (_, i) => i + 1)
		);
	});

	it('goes on where it was after a restart', async () => {
		const member = await network.member();
		await network.settle(member.api.account.transfer('11'.repeat(32), 1));
		const { head } = network.booter!.chain;
		await network.stopBooter();
		const waiting = member.api.account.transfer('11'.repeat(32), 1);
		await network.run(500);
		await network.startBooter();
		expect(network.booter!.chain.head).toEqual(head);
		expect((await network.settle(waiting)).height).toBe(head.height + 1);
	});

	it('stops when its disk is lost, and says so', async () => {
		await network.member();
		const tab = await caller();
		network.booterStore.deleteUnderneath();
		await send(tab, sync(1));
		expect(network.halted).toHaveLength(1);
		expect(network.halted[0]!.name).toBe('StoreError');
	});
});

describe('a request to join', () => {
	it('is admitted where it holds', async () => {
		const tab = await caller();
		expect(await refusalOf(tab, await signedBy(tab.signer, {}, joinPayload()))).toBe('none');
		await network.until(() => network.booter!.chain.head.height === 1);
		const { topology } = network.booter!.chain;
		expect(topology.partition(1)!.members).toEqual([tab.link.self]);
		expect(topology.partition(1)!.nicknames.get(tab.link.self)).toBe('Eve');
	});

	it.each<[string, Partial<Statement>, Uint8Array | undefined, string]>([
		['to a partition that does not exist', { partition: 7 }, joinPayload(), 'MembershipInvalid'],
		['with a name that is none', {}, joinPayload(' '), 'MembershipInvalid'],
		['for heights that have passed', { slot: 0 }, joinPayload(), 'MembershipInvalid'],
		['without a payload', {}, undefined, 'MembershipInvalid'],
		['whose payload is another', { digest: ZERO_HASH }, joinPayload(), 'MembershipInvalid']
	])('%s is refused, and the caller is told', async (_what, fields, payload, reason) => {
		const tab = await caller();
		expect(await refusalOf(tab, await signedBy(tab.signer, fields, payload))).toBe(reason);
	});

	it('with another’s signature is refused', async () => {
		const [tab, other] = [await caller(), await caller()];
		const signed = await signedBy(tab.signer, {}, joinPayload());
		const { signature } = await signedBy(other.signer, {}, joinPayload());
		expect(await refusalOf(tab, { ...signed, signature })).toBe('InvitationInvalid');
		expect(network.booter!.chain.head.height).toBe(0);
	});

	it('to a partition that is full is refused', async () => {
		for (let i = 0; i < 3; i++) await network.member(1);
		const tab = await caller();
		expect(await refusalOf(tab, await signedBy(tab.signer, {}, joinPayload()))).toBe('PartitionFull');
	});

	it('of who is a member already asks for nothing', async () => {
		const member = await network.member();
		const tab = await caller();
		const signed = await signedBy(member.signer, { partition: 2 }, joinPayload());
		expect(await refusalOf(tab, signed)).toBe('none');
		await network.run(2000);
		expect(network.booter!.chain.head.height).toBe(1);
	});

	it('of no form, or of another kind, reaches nobody', async () => {
		const tab = await caller();
		const signed = await signedBy(tab.signer, {}, joinPayload());
		for (const broken of [
			{ ...signed, sender: signed.sender.subarray(1) },
			{ ...signed, signature: signed.signature.subarray(1) },
			await signedBy(tab.signer, { kind: Kind.PREPARE })
		])
			expect(await refusalOf(tab, broken)).toBe('none');
		await network.run(2000);
		expect(network.booter!.chain.head.height).toBe(0);
	});
});

describe('members that leave or fall silent', () => {
	let members: TestTab[];

	beforeEach(async () => {
		members = [];
		for (let i = 0; i < 3; i++) members.push(await network.member(1));
	});

	const size = (): number => network.booter!.chain.topology.partition(1)!.members.length;
	const epoch = (): number => network.booter!.chain.topology.partition(1)!.epoch;

	it('a closed tab is evicted after the grace, and not before', async () => {
		await network.run(network.timing.evictionGraceMs);
		await members[2]!.stop();
		await network.run(network.timing.evictionGraceMs - 2000);
		expect(size()).toBe(3);
		await network.until(() => size() === 2);
		const head = network.booter!.chain.topology.partition(1)!;
		expect(head.members).not.toContain(members[2]!.id);
	});

	it('a member whose word the Booter hears is not evicted, whatever the others declare', async () => {
		await network.run(1000);
		const tab = await caller();
		const height = network.booter!.chain.head.height;
		for (const member of members.slice(0, 2))
			await send(
				tab,
				asPacket(
					await signedBy(member.signer, {
						kind: Kind.SILENCE,
						epoch: epoch(),
						slot: height,
						digest: fromHex(members[2]!.id)
					})
				)
			);
		await network.run(2000);
		expect(size()).toBe(3);
	});

	it('a leave that another has written does not count', async () => {
		const tab = await caller();
		const forged = await signedBy(tab.signer, { kind: Kind.LEAVE, epoch: epoch(), slot: 0 });
		forged.sender = members[0]!.signer.publicKey;
		expect(await refusalOf(tab, forged)).toBe('SignatureInvalid');
		const stranger = await signedBy(tab.signer, { kind: Kind.LEAVE, epoch: epoch(), slot: 0 });
		expect(await refusalOf(tab, stranger)).toBe('none');
		await network.run(2000);
		expect(size()).toBe(3);
	});

	it('a leave counts, whoever carries it', async () => {
		const tab = await caller();
		const { signer } = members[1]!;
		await send(tab, asPacket(await signedBy(signer, { kind: Kind.LEAVE, epoch: epoch(), slot: 0 })));
		await network.until(() => size() === 2);
	});
});

describe('votes and blocks that do not hold', () => {
	it('are refused by name where a member sends them, are not read where a stranger does, and change nothing', async () => {
		const member = await network.member(1);
		const tab = { signer: member.signer, link: member.network, take: () => [] };
		const stranger = await caller();
		const height = network.booter!.chain.head.height;
		const vote = {
			$typeName: 'tabwave.v1.PartitionVote' as const,
			kind: Kind.SIGN,
			term: 1,
			attempt: 0,
			height: height + 1,
			contentDigest: new Uint8Array(32),
			blockHashes: new Uint8Array(32),
			votes: { $typeName: 'tabwave.v1.PartitionVotes' as const, partition: 1, epoch: 1, votes: [] }
		};
		const logged = async (body: Packet['body'], from: Caller = tab): Promise<string> => {
			network.log.length = 0;
			await send(from, body);
			return network.log.join('\n');
		};
		expect(await logged({ case: 'partitionVote', value: { ...vote, kind: Kind.PREPARE } }, stranger)).toBe(
			''
		);
		expect(await logged({ case: 'partitionVote', value: { ...vote, kind: Kind.PREPARE } })).toContain(
			'a partition votes Sign or Done'
		);
		expect(await logged({ case: 'partitionVote', value: { ...vote, votes: undefined } })).toContain(
			'holds votes'
		);
		expect(await logged({ case: 'partitionVote', value: vote })).toContain('0 of 1 members; 1 are needed');
		expect(await logged({ case: 'partitionVote', value: { ...vote, height } })).toBe('');
		const { proposal, certificate } = { proposal: new Uint8Array(3), certificate: undefined };
		expect(
			await logged({
				case: 'certifiedBlock',
				value: { $typeName: 'tabwave.v1.CertifiedBlock', proposal, certificate, transactions: [] }
			})
		).toContain('a certified block has a certificate');
		expect((await network.settle(member.api.account.transfer('11'.repeat(32), 1))).height).toBe(height + 1);
	});

	it('a block that nobody has is asked for in vain', async () => {
		const tab = await caller();
		const value = { $typeName: 'tabwave.v1.CertifiedBlockRequest' as const, blockId: ZERO_HASH, view: 0 };
		expect(await ask(tab, { case: 'certifiedBlockRequest', value }, 'certifiedBlock')).toBeUndefined();
	});
});
