import { create, toBinary } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it } from 'vitest';
import { LedgerError } from '../../ledger/errors.ts';
import { DecodeError } from '../../wire/codec.ts';
import type { Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { OrderRefusalSchema, type PartitionRefusal } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { Kind, payloadDigest } from '../statement.ts';
import {
	partitionOf,
	signedBy,
	TEST_CHAIN_ID,
	testMembers,
	testSuite,
	type TestMember
} from '../testing/members.ts';
import {
	checkPartitionRefusal,
	checkRefuse,
	encodeRefusal,
	readRefusal,
	refuseStatement,
	type Refused
} from './refusal.ts';

const BALLOT = { term: 2, attempt: 1 };
const REASON: Refused = {
	name: 'RoundPassed',
	message: 'the ledger holds it',
	entry: new Uint8Array(32).fill(3)
};
let members: TestMember[];
let others: TestMember[];

beforeAll(async () => {
	members = await testMembers(4);
	others = await testMembers(4);
});

async function refuse(member = members[0]!, refused = REASON, epoch = 1): Promise<Signed> {
	const payload = encodeRefusal(refused, { term: 3, attempt: 0 });
	return signedBy(member, refuseStatement(BALLOT, 9, { id: 1, epoch }, payload), payload);
}

/** In words that no honest member writes. */
async function refuseWith(words: { name?: string; message?: string }): Promise<Signed> {
	const payload = toBinary(OrderRefusalSchema, create(OrderRefusalSchema, words));
	return signedBy(members[0]!, refuseStatement(BALLOT, 9, { id: 1, epoch: 1 }, payload), payload);
}

async function verdict(run: () => ReturnType<typeof checkRefuse>): Promise<string> {
	try {
		for (const check of run()) if (!(await testSuite.verify(check))) return 'SignatureInvalid';
		return 'holds';
	} catch (error) {
		if (error instanceof LedgerError) return error.reason;
		if (error instanceof DecodeError) return 'DecodeError';
		throw error;
	}
}

describe("a member's refusal", () => {
	const check = (signed: Signed) => verdict(() => checkRefuse(signed, partitionOf(members), TEST_CHAIN_ID));

	it('says why, of which entry, and which ballot the member has joined', async () => {
		const signed = await refuse();
		expect(await check(signed)).toBe('holds');
		expect(readRefusal(signed)).toMatchObject({
			name: 'RoundPassed',
			entry: REASON.entry,
			term: 3,
			attempt: 0
		});
	});

	it('is cut to a length that a person reads', async () => {
		const signed = await refuse(members[0]!, {
			name: 'N'.repeat(500),
			message: 'm'.repeat(5000),
			entry: null
		});
		expect(await check(signed)).toBe('holds');
		const { name, message } = readRefusal(signed);
		expect([name.length, message.length]).toEqual([64, 400]);
	});

	it.each<[string, string, () => Promise<Signed>]>([
		['of who is no member', 'NotMember', async () => refuse(others[0]!)],
		['of another epoch', 'NotMember', async () => refuse(members[0]!, REASON, 2)],
		['of another partition', 'NotMember', async () => ({ ...(await refuse()), partition: 2 })],
		[
			'with half a signature',
			'RefusalInvalid',
			async () => ({ ...(await refuse()), signature: REASON.entry! })
		],
		['with a name that is none', 'RefusalInvalid', async () => refuseWith({ name: 'N'.repeat(65) })],
		['with a sermon', 'RefusalInvalid', async () => refuseWith({ message: 'm'.repeat(401) })],
		[
			'with other words than were signed',
			'RefusalInvalid',
			async () => ({ ...(await refuse()), payload: encodeRefusal({ ...REASON, name: 'Other' }, null) })
		],
		['of another ballot', 'SignatureInvalid', async () => ({ ...(await refuse()), view: 9 })],
		['that is a Sign', 'RefusalInvalid', async () => ({ ...(await refuse()), kind: Kind.SIGN })],
		[
			'that names half an entry',
			'RefusalInvalid',
			async () => refuse(members[0]!, { ...REASON, entry: new Uint8Array(16) })
		],
		[
			'with a payload that is none',
			'DecodeError',
			async () => {
				const payload = Uint8Array.of(255, 255, 255);
				const statement = {
					...refuseStatement(BALLOT, 9, { id: 1, epoch: 1 }, payload),
					digest: payloadDigest(payload)
				};
				return signedBy(members[0]!, statement, payload);
			}
		],
		[
			'that is longer than any refusal',
			'DecodeError',
			async () => {
				const payload = new Uint8Array(4000);
				return signedBy(members[0]!, refuseStatement(BALLOT, 9, { id: 1, epoch: 1 }, payload), payload);
			}
		]
	])('is refused itself: %s', async (_what, reason, make) => {
		expect(await check(await make())).toBe(reason);
	});

	it('is refused where its partition has no vote', async () => {
		const signed = await refuse();
		expect(await verdict(() => checkRefuse(signed, undefined, TEST_CHAIN_ID))).toBe('NotMember');
	});
});

describe("a partition's refusals", () => {
	const carried = (refusals: Signed[], partition = 1, epoch = 1): PartitionRefusal => ({
		$typeName: 'tabwave.v1.PartitionRefusal',
		partition,
		epoch,
		refusals
	});
	const check = (refusal: PartitionRefusal) =>
		verdict(() => checkPartitionRefusal(refusal, partitionOf(members), TEST_CHAIN_ID));
	const sign = (member: TestMember): Promise<Signed> =>
		signedBy(member, {
			kind: Kind.SIGN,
			partition: 1,
			epoch: 1,
			view: 2,
			attempt: 1,
			slot: 9,
			digest: new Uint8Array(32).fill(1)
		});

	it('are Refuses and Signs, each by a member, each once', async () => {
		expect(await check(carried([await refuse(), await sign(members[1]!)]))).toBe('holds');
	});

	it.each<[string, string, () => Promise<PartitionRefusal>]>([
		['one member twice', 'RefusalInvalid', async () => carried([await refuse(), await sign(members[0]!)])],
		['a Sign of who is no member', 'NotMember', async () => carried([await sign(others[0]!)])],
		['a Refuse of who is no member', 'NotMember', async () => carried([await refuse(others[0]!)])],
		['another partition', 'RefusalInvalid', async () => carried([await refuse()], 2)],
		['another epoch', 'RefusalInvalid', async () => carried([await refuse()], 1, 2)],
		[
			'a Refuse with other words than were signed',
			'RefusalInvalid',
			async () =>
				carried([{ ...(await refuse()), payload: encodeRefusal({ ...REASON, name: 'Other' }, null) }])
		],
		[
			'a Sign without a digest',
			'RefusalInvalid',
			async () => carried([{ ...(await sign(members[0]!)), digest: new Uint8Array(0) }])
		],
		[
			'a Sign that nobody made',
			'SignatureInvalid',
			async () => carried([{ ...(await sign(members[0]!)), slot: 10 }])
		]
	])('are refused: %s', async (_what, reason, make) => {
		expect(await check(await make())).toBe(reason);
	});
});
