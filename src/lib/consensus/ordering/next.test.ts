import { create, toBinary } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it } from 'vitest';
import { membershipChangeId } from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import {
	JoinRequestSchema,
	MembershipChangeSchema,
	OrderContentSchema,
	RecoveryMode,
	type MembershipChange,
	type OrderEntry,
	type Signed,
	type SignedRecovery
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Next } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { encodeMembershipChange } from '../membership/change.ts';
import { recoveryOf, type RecoveryTerms } from '../membership/recovery.ts';
import { Kind, payloadDigest } from '../statement.ts';
import { signedBy, TEST_CHAIN_ID, testSuite } from '../testing/members.ts';
import type { Lock } from './lock.ts';
import { checkNext, leftOutBy } from './next.ts';
import { BALLOT, Electorate, HEIGHT } from './testing/statuses.ts';

/** Contents of these tests are of time 5. */
const TERMS = { recoveryMode: RecoveryMode.MANUAL, recoverySilenceMs: 5n };
let all: Electorate;
let lock: Lock;

beforeAll(async () => {
	all = await Electorate.create();
	lock = await all.lock({ term: 1, attempt: 0 });
});

/** The stranger is the operator. */
async function verdict(next: Next, isOwnHeight = true, recovery?: RecoveryTerms['genesis']): Promise<string> {
	const voters = { ...all.voters, operator: all.stranger.signer.publicKey };
	try {
		const { checks } = checkNext(next, voters, { maxBlocksPerNext: 4, isOwnHeight, recovery });
		for (const one of checks) if (!(await testSuite.verify(one))) return 'SignatureInvalid';
		return 'holds';
	} catch (error) {
		if (error instanceof LedgerError) return error.reason;
		throw error;
	}
}

async function free(): Promise<Pick<Next, 'statuses'>> {
	return { statuses: await Promise.all([1, 2, 3].map((id) => all.statuses(id, [null, null, null]))) };
}

async function locked(): Promise<Pick<Next, 'statuses' | 'lock'>> {
	const statuses = [
		await all.statuses(1, [lock, null, null]),
		await all.statuses(2, [null, null, null]),
		await all.statuses(3, [null, null, null])
	];
	return { statuses, lock: lock.orderCommit };
}

describe('a Next', () => {
	it('of the first ballot at a height holds by its signature', async () => {
		expect(await verdict(await all.next(all.content(BALLOT)))).toBe('holds');
	});

	it('of a later ballot holds with Statuses', async () => {
		expect(await verdict(await all.next(all.content(BALLOT), await free()))).toBe('holds');
	});

	it('repeats what is locked, which names the ballot that proposed it first', async () => {
		expect(await verdict(await all.next(lock.content, await locked()))).toBe('holds');
	});

	it.each<[string, string, () => Promise<Next>]>([
		[
			'of who is no Booter',
			'NotBooter',
			async () => all.next(all.content(BALLOT), {}, { sender: all.partitions[0]![0]! })
		],
		[
			'that nobody signed',
			'MessageMalformed',
			async () => ({ ...(await all.next(all.content(BALLOT))), signed: undefined })
		],
		[
			'with another content than was signed',
			'MessageMalformed',
			async () => {
				const next = await all.next(all.content(BALLOT));
				return { ...next, signed: { ...next.signed!, payload: all.content(BALLOT, 6) } };
			}
		],
		[
			'whose ballot was raised on its way',
			'SignatureInvalid',
			async () => {
				const next = await all.next(all.content(BALLOT));
				return { ...next, signed: { ...next.signed!, attempt: 9 } };
			}
		],
		[
			'for another height than its content',
			'MessageMalformed',
			async () => all.next(all.content(BALLOT), {}, { slot: HEIGHT + 1 })
		],
		[
			'of a ballot below the one that its content names',
			'MessageMalformed',
			async () => all.next(all.content({ term: 4, attempt: 0 }))
		],
		['of more blocks than genesis allows', 'OrderInvalid', async () => all.next(contentOf(5))],
		['of nothing', 'BlockMalformed', async () => all.next(contentOf(0))],
		[
			'with a lock and no Statuses',
			'MessageMalformed',
			async () => all.next(lock.content, { lock: lock.orderCommit })
		],
		[
			'with another content than that of the lock',
			'StatusInvalid',
			async () => all.next(all.content(BALLOT), await locked())
		],
		[
			'with too few Statuses',
			'StatusInvalid',
			async () => all.next(all.content(BALLOT), { statuses: (await free()).statuses.slice(1) })
		],
		[
			'of another kind',
			'MessageMalformed',
			async () => {
				const next = await all.next(all.content(BALLOT));
				const signed = await signedBy(all.booter, { ...next.signed!, kind: Kind.SIGN }, next.signed!.payload);
				return { ...next, signed };
			}
		]
	])('is refused: %s', async (_what, reason, make) => {
		expect(await verdict(await make())).toBe(reason);
	});

	it('of as many blocks as genesis allows holds', async () => {
		expect(await verdict(await all.next(contentOf(4)))).toBe('holds');
	});

	it('brings the signatures of the changes of members that it orders', async () => {
		const payload = toBinary(JoinRequestSchema, create(JoinRequestSchema, { nickname: 'new' }));
		const statement = { kind: Kind.JOIN, partition: 1, epoch: 0, view: 0, attempt: 0, slot: 9 };
		const join = await signedBy(all.stranger, { ...statement, digest: payloadDigest(payload) }, payload);
		const ordering = (one: Signed) =>
			all.next(contentOf(1, [changeOf(create(MembershipChangeSchema, { partition: 1, joins: [one] }))]));
		expect(await verdict(await ordering(join))).toBe('holds');
		expect(await verdict(await ordering({ ...join, slot: 10 }))).toBe('SignatureInvalid');
	});

	it('with Statuses of a height that is not reached yet cannot be judged', async () => {
		expect(await verdict(await all.next(all.content(BALLOT), await free()), false)).toBe('MessageMalformed');
		expect(await verdict(await all.next(all.content(BALLOT)), false)).toBe('holds');
	});
});

describe('a Next that leaves a partition out (R22)', () => {
	/** Of the operator, for partition 4. */
	async function recovery(silentSinceMs = 0): Promise<SignedRecovery> {
		const fields = { remaining: [], retire: false, silentSinceMs, automatic: false, chainId: TEST_CHAIN_ID };
		const { recovery: bytes, message } = recoveryOf(all.voters.active[3]!, fields);
		const signature = await all.stranger.signer.sign(message);
		return { $typeName: 'tabwave.v1.SignedRecovery', recovery: bytes, signature };
	}

	async function leaving(
		content: Uint8Array,
		justified: Partial<Pick<Next, 'statuses' | 'lock'>>,
		shown: SignedRecovery
	): Promise<Next> {
		const recoveries = { $typeName: 'tabwave.v1.SignedRecoveries' as const, recoveries: [shown] };
		return { ...(await all.next(content, justified)), recoveries };
	}

	/** A list that begins with the recovery of a partition. */
	const recovering = (shown: SignedRecovery, { partition = 4, others = 0 } = {}) =>
		contentOf(others, [changeOf(create(MembershipChangeSchema, { partition, recovery: shown }))]);

	it.each<[string, string, (shown: SignedRecovery) => Promise<Next>]>([
		['orders its recovery', 'holds', async (shown) => leaving(recovering(shown), await free(), shown)],
		['repeats what is locked', 'holds', async (shown) => leaving(lock.content, await locked(), shown)],
		['shows no Statuses', 'MessageMalformed', async (shown) => leaving(recovering(shown), {}, shown)],
		[
			'orders something behind the recovery',
			'MessageMalformed',
			async (shown) => leaving(recovering(shown, { others: 1 }), await free(), shown)
		],
		[
			'orders the recovery of a partition that votes',
			'MessageMalformed',
			async (shown) => leaving(recovering(shown, { partition: 3 }), await free(), shown)
		],
		[
			'orders a change of members that is no recovery',
			'MessageMalformed',
			async (shown) => {
				const change = changeOf(create(MembershipChangeSchema, { partition: 4 }));
				return leaving(contentOf(0, [change]), await free(), shown);
			}
		],
		['orders a block', 'MessageMalformed', async (shown) => leaving(contentOf(1), await free(), shown)],
		[
			'counts the partition that it leaves out',
			'StatusInvalid',
			async (shown) => {
				const statuses = await Promise.all([1, 4].map((id) => all.statuses(id, [null, null, null])));
				return leaving(recovering(shown), { statuses }, shown);
			}
		]
	])('where it %s: %s', async (_what, reason, make) => {
		expect(await verdict(await make(await recovery()), true, TERMS)).toBe(reason);
	});

	it('waits for the silence, but for what is locked', async () => {
		const early = await recovery(6);
		expect(await verdict(await leaving(recovering(early), await free(), early), true, TERMS)).toBe(
			'RecoveryInvalid'
		);
		expect(await verdict(await leaving(lock.content, await locked(), early), true, TERMS)).toBe('holds');
	});

	it('is none where the network knows no recovery', async () => {
		const shown = await recovery();
		expect(await verdict(await leaving(recovering(shown), await free(), shown))).toBe('MessageMalformed');
	});

	it('has votes that name the partition', async () => {
		const shown = await recovery();
		const next = await leaving(recovering(shown), {}, shown);
		expect(leftOutBy(next)?.ids).toEqual([4]);
		expect(leftOutBy({ ...next, recoveries: undefined })).toBeUndefined();
		expect(leftOutBy({ ...next, recoveries: { ...next.recoveries!, recoveries: [] } })).toBeUndefined();
	});
});

type Entry = Partial<Omit<OrderEntry, '$typeName' | '$unknown'>>;

function changeOf(change: MembershipChange): Entry {
	const membershipChange = encodeMembershipChange(change);
	return { partition: 1, id: membershipChangeId(membershipChange), membershipChange };
}

function contentOf(entries: number, before: Entry[] = []): Uint8Array {
	return toBinary(
		OrderContentSchema,
		create(OrderContentSchema, {
			height: HEIGHT,
			previousHash: new Uint8Array(32),
			timeMs: 5n,
			...BALLOT,
			entries: [
				...before,
				...Array.from({ length: entries }, (_, i) => ({
					partition: 1,
					epoch: 1,
					roundId: i + 1,
					id: new Uint8Array(32).fill(i)
				}))
			]
		})
	);
}
