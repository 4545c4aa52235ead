import { create, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { reasonOf } from '../../ledger/testing/transactions.ts';
import { faultyBound, quorum } from '../quorum.ts';
import {
	RecoveryMode,
	RecoverySchema,
	type MembershipChange,
	type SignedRecovery
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { testMembers, type TestMember } from '../testing/members.ts';
import { hold, membershipEntry, TestLedger } from '../testing/test-ledger.ts';
import type { PartitionView } from '../topology.ts';
import { checkMembershipChange, membershipSignatures } from './change.ts';
import { checkLeftOut, checkRecovery, readRecovery, recoveryOf } from './recovery.ts';

const SILENCE_MS = 1000;
let ledger: TestLedger;
let members: TestMember[];

beforeEach(async () => {
	ledger = await TestLedger.found([4, 1], { recoverySilenceMs: BigInt(SILENCE_MS) });
	members = ledger.members(1);
});

async function recovery(
	fields: Partial<Parameters<typeof recoveryOf>[1]> & {
		partition?: number;
		epoch?: number;
		by?: TestMember;
	} = {}
): Promise<SignedRecovery> {
	const { partition = 1, by = ledger.operator, ...rest } = fields;
	const view = ledger.chain.topology.partition(partition)!;
	const { recovery: bytes, message } = recoveryOf(
		{ ...view, epoch: fields.epoch ?? view.epoch },
		{
			chainId: ledger.chainId,
			remaining: [],
			retire: false,
			silentSinceMs: ledger.membershipContext().timeMs - SILENCE_MS,
			automatic: true,
			...rest
		}
	);
	return {
		$typeName: 'tabwave.v1.SignedRecovery',
		recovery: bytes,
		signature: await by.signer.sign(message)
	};
}

const changeOf = (signed: SignedRecovery, partition = 1): MembershipChange =>
	ledger.change(partition, { recovery: signed });
const reason = (change: MembershipChange): string =>
	reasonOf(() => checkMembershipChange(change, ledger.membershipContext()));

describe('a recovery', () => {
	it('leaves those that remain, and holds with the operator’s signature alone', async () => {
		const change = changeOf(await recovery({ remaining: [members[2]!.id, members[1]!.id] }));
		expect(reason(change)).toBe('none');
		const check = (one: MembershipChange) =>
			hold(membershipSignatures(one, ledger.operator.signer.publicKey, ledger.chainId));
		expect(await check(change)).toBe(true);
		expect(await check(changeOf(await recovery({ by: members[0]! })))).toBe(false);
		await ledger.commit(membershipEntry(change));
		expect(ledger.members(1).map(({ id }) => id)).toEqual([members[1]!.id, members[2]!.id]);
		expect(reason(change)).toBe('MembershipInvalid');
	});

	it.each<[string, () => Parameters<typeof recovery>[0]]>([
		['of another network', () => ({ chainId: new Uint8Array(32) })],
		['of another epoch', () => ({ epoch: 2 })],
		['of another partition', () => ({ partition: 2 })],
		['in which a quorum remains', () => ({ remaining: members.slice(1).map(({ id }) => id) })],
		['in which a stranger remains', () => ({ remaining: [ledger.members(2)[0]!.id] })],
		['in which somebody remains twice', () => ({ remaining: [members[0]!.id, members[0]!.id] })],
		['before its time', () => ({ silentSinceMs: ledger.membershipContext().timeMs - SILENCE_MS + 1 })]
	])('is refused: %s', async (_what, fields) => {
		const signed = await recovery(fields());
		const change = { ...changeOf(await recovery()), recovery: signed };
		expect(reason(change)).toBe('RecoveryInvalid');
	});

	it('is of a partition that there is, and that has members to lose', async () => {
		const signed = await recovery();
		const view = ledger.chain.topology.partition(1)!;
		const { genesis, chainId } = ledger;
		const { timeMs } = ledger.membershipContext();
		const terms = { chainId, genesis: genesis.fields, timeMs };
		const reasonFor = (partition: PartitionView | undefined) =>
			reasonOf(() => checkRecovery(signed, partition, terms));
		expect(reasonFor(view)).toBe('none');
		expect(reasonFor(undefined)).toBe('RecoveryInvalid');
		expect(reasonFor({ ...view, members: [] })).toBe('RecoveryInvalid');
		const garbage = { ...signed, recovery: Uint8Array.of(0xff) };
		expect(reasonOf(() => readRecovery(garbage))).toBe('RecoveryInvalid');
	});

	it('that retires a partition keeps nobody in it', async () => {
		const { chainId, genesis } = ledger;
		const { timeMs } = ledger.membershipContext();
		const bytes = toBinary(
			RecoverySchema,
			create(RecoverySchema, {
				chainId,
				partition: 1,
				epoch: 1,
				retire: true,
				remaining: [members[0]!.signer.publicKey],
				silentSinceMs: BigInt(timeMs - SILENCE_MS)
			})
		);
		const signed = { ...(await recovery()), recovery: bytes };
		const view = ledger.chain.topology.partition(1);
		expect(reasonOf(() => checkRecovery(signed, view, { chainId, genesis: genesis.fields, timeMs }))).toBe(
			'RecoveryInvalid'
		);
	});

	it('by the relay itself is refused where the operator signs in person', async () => {
		ledger.genesis.fields.recoveryMode = RecoveryMode.MANUAL;
		expect(reason(changeOf(await recovery()))).toBe('RecoveryInvalid');
		expect(reason(changeOf(await recovery({ automatic: false })))).toBe('none');
	});

	it('stands alone in its entry', async () => {
		const [newcomer] = (await testMembers(1)) as [TestMember];
		const change = changeOf(await recovery());
		expect(reason({ ...change, joins: [await ledger.join(newcomer, 1)] })).toBe('MembershipInvalid');
	});

	it('may retire a partition: nobody joins it any more; the last one is never retired', async () => {
		await ledger.commit(
			membershipEntry(changeOf(await recovery({ retire: true, remaining: [members[0]!.id] })))
		);
		expect(ledger.chain.topology.partition(1)).toMatchObject({ members: [], maxMembers: 0 });
		const [newcomer] = (await testMembers(1)) as [TestMember];
		expect(reason(ledger.change(1, { joins: [await ledger.join(newcomer, 1)] }))).toBe('PartitionFull');
		const last = await recovery({ partition: 2, retire: true });
		expect(reason(changeOf(last, 2))).toBe('MembershipInvalid');
	});
});

describe('partitions that a ballot leaves out', () => {
	const left = (signed: SignedRecovery[]) => {
		const { genesis, chainId } = ledger;
		const { timeMs } = ledger.membershipContext();
		return checkLeftOut(signed, ledger.chain.topology.active(), { chainId, genesis: genesis.fields, timeMs });
	};

	it('are in ascending order, each once', async () => {
		ledger = await TestLedger.found([4, 1, 1, 1], { recoverySilenceMs: BigInt(SILENCE_MS) });
		const [one, two, three] = await Promise.all([1, 2, 3].map((partition) => recovery({ partition })));
		expect(left([one!, two!, three!])).toEqual([1, 2, 3]);
		expect(left([one!, three!])).toEqual([1, 3]);
		for (const wrong of [
			[two!, one!],
			[one!, one!],
			[one!, three!, two!],
			[one!, two!, two!]
		])
			expect(reasonOf(() => left(wrong))).toBe('RecoveryInvalid');
	});

	it('have a recovery each, in order, and somebody else is left', async () => {
		const [one, two] = [await recovery(), await recovery({ partition: 2 })];
		expect(left([one])).toEqual([1]);
		for (const signed of [
			[one, one],
			[two, one],
			[one, two]
		])
			expect(reasonOf(() => left(signed))).toBe('RecoveryInvalid');
	});
});

describe('the argument', () => {
	it('two finality proofs share enough partitions, for every number of them', () => {
		for (let m = 2; m <= 64; m++) {
			const shared = quorum(m) - 1 + quorum(m - 1) - (m - 1);
			// Of the b that may break their bound the lost one is one already.
			const otherBroken = Math.max(0, faultyBound(m) - 1);
			expect(shared).toBeGreaterThan(otherBroken);
		}
	});
});
