import { beforeEach, describe, expect, it } from 'vitest';
import { readRecovery } from '#lib/consensus/membership/recovery.ts';
import { MembershipRequests } from '#lib/consensus/membership/requests.ts';
import type { TestMember } from '#lib/consensus/testing/members.ts';
import { TestLedger } from '#lib/consensus/testing/test-ledger.ts';
import { toHex } from '#lib/crypto/hex.ts';
import { RecoveryMode, type SignedRecovery } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { Recoveries } from './recoveries.ts';

const SILENCE_MS = 60_000;
/** Looks come more often than this host could be away. */
const STEP_MS = 5000;
let ledger: TestLedger;
let members: TestMember[];
let heard: Set<string>;
let requests: MembershipRequests;
let isLeading: boolean;
let signed: SignedRecovery[];
let again: number[];
let nowMs: number;
let recoveries: Recoveries;

beforeEach(async () => {
	ledger = await TestLedger.found([4, 4], {
		recoveryMode: RecoveryMode.MANUAL,
		recoverySilenceMs: BigInt(SILENCE_MS)
	});
	members = ledger.members(1);
	heard = new Set([...members, ...ledger.members(2)].map(({ id }) => id));
	requests = new MembershipRequests();
	[isLeading, signed, again, nowMs] = [true, [], [], 1000];
	recoveries = new Recoveries({
		chain: ledger.chain,
		operator: ledger.operator.signer,
		requests: () => requests,
		isLeading: () => isLeading,
		isHeard: (member) => heard.has(member),
		recover: (recovery) => {
			signed.push(recovery);
			requests.addRecovery(recovery);
		},
		heardAgain: (partition) => {
			again.push(partition);
			requests.dropRecovery(partition);
		},
		log: () => {}
	});
});

async function pass(ms: number): Promise<void> {
	for (const endMs = nowMs + ms; nowMs <= endMs; nowMs += STEP_MS) await recoveries.look(nowMs);
}

const lost = () => recoveries.lost.map(({ partition }) => partition.id);
const losesTwo = () => members.slice(0, 2).forEach(({ id }) => heard.delete(id));

describe('a partition that has lost its quorum', () => {
	it('is seen, and recovered with those that remain when the operator has asked and the silence is over', async () => {
		losesTwo();
		await pass(STEP_MS);
		expect([lost(), signed]).toEqual([[1], []]);
		recoveries.wish({ partition: 1, retire: false });
		expect(recoveries.asked).toMatchObject([{ partition: 1, retire: false }]);
		await pass(SILENCE_MS);
		expect(signed).toHaveLength(1);
		const { partition, epoch, remaining } = readRecovery(signed[0]!);
		expect([partition, epoch]).toEqual([1, 1]);
		expect(remaining.map(toHex)).toEqual(members.slice(2).map(({ id }) => id));
	});

	it('is not recovered by a replica that does not lead', async () => {
		isLeading = false;
		losesTwo();
		await pass(STEP_MS);
		recoveries.wish({ partition: 1, retire: false });
		await pass(SILENCE_MS);
		expect([lost(), signed]).toEqual([[1], []]);
	});

	it('signs for itself again when a quorum is back', async () => {
		losesTwo();
		await pass(STEP_MS);
		recoveries.wish({ partition: 1, retire: true });
		await pass(SILENCE_MS);
		expect(readRecovery(signed[0]!).retire).toBe(true);
		heard.add(members[0]!.id);
		await pass(STEP_MS);
		expect([lost(), again, recoveries.asked]).toEqual([[], [1], []]);
	});
});

describe('what another replica was asked for', () => {
	it('is wished here too, of partitions that there are, and not said back', async () => {
		losesTwo();
		await pass(STEP_MS);
		recoveries.wishedElsewhere([1, 99].map((partition) => ({ partition, retire: false })));
		expect(recoveries.asked).toEqual([]);
		await pass(SILENCE_MS);
		expect(signed.map((one) => readRecovery(one).partition)).toEqual([1]);
	});
});
