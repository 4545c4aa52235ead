/** For tests: members with keys of the simulator's suite, and votes signed by them. */
import { create } from '@bufbuild/protobuf';
import { toHex } from '../../crypto/hex.ts';
import { simulationSuite } from '../../crypto/simulation-suite.ts';
import type { Signer } from '../../crypto/suite.ts';
import { SignedSchema, type MemberSignature, type Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Received } from '../effects.ts';
import { statementBytes, type Statement } from '../statement.ts';
import type { PartitionView } from '../topology.ts';

export const TEST_CHAIN_ID = new Uint8Array(32).fill(7);

export interface TestMember {
	id: string;
	signer: Signer;
}

let drawn = 0;
/** Any sequence does: keys differ, and every run has the same. */
export const testSuite = simulationSuite(() => ((drawn++ * 7919) % 104_729) / 104_729);

/** Sorted by id, as a partition's members are. */
export async function testMembers(count: number): Promise<TestMember[]> {
	const members: TestMember[] = [];
	for (let i = 0; i < count; i++) {
		const signer = await testSuite.signer(testSuite.generateSeed());
		members.push({ id: toHex(signer.publicKey), signer });
	}
	return members.sort((a, b) => (a.id < b.id ? -1 : 1));
}

export function partitionOf(members: TestMember[], id = 1, epoch = 1): PartitionView {
	return {
		id,
		epoch,
		members: members.map((member) => member.id),
		nicknames: new Map(),
		maxMembers: 16,
		sinceHeight: 1
	};
}

export async function signedBy(
	member: TestMember,
	statement: Statement,
	payload?: Uint8Array
): Promise<Signed> {
	const { publicKey } = member.signer;
	const signature = await member.signer.sign(statementBytes(TEST_CHAIN_ID, statement, publicKey));
	return create(SignedSchema, { ...statement, sender: publicKey, signature, payload });
}

export async function voteOf(member: TestMember, statement: Statement): Promise<MemberSignature> {
	const { sender, signature } = await signedBy(member, statement);
	return { $typeName: 'tabwave.v1.MemberSignature', member: sender, signature };
}

export function receive(signed: Signed): Received {
	return { signed, sender: toHex(signed.sender), digest: toHex(signed.digest) };
}
