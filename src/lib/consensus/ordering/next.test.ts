import { create, toBinary } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it } from 'vitest';
import { LedgerError } from '../../ledger/errors.ts';
import { OrderContentSchema } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Next } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { Kind } from '../statement.ts';
import { signedBy, testSuite } from '../testing/members.ts';
import type { Lock } from './lock.ts';
import { checkNext } from './next.ts';
import { BALLOT, Electorate, HEIGHT } from './testing/statuses.ts';

let all: Electorate;
let lock: Lock;

beforeAll(async () => {
	all = await Electorate.create();
	lock = await all.lock({ term: 1, attempt: 0 });
});

async function verdict(next: Next, isOwnHeight = true): Promise<string> {
	try {
		const { checks } = checkNext(next, all.voters, { maxBlocksPerNext: 4, isOwnHeight });
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

	it('with Statuses of a height that is not reached yet cannot be judged', async () => {
		expect(await verdict(await all.next(all.content(BALLOT), await free()), false)).toBe('MessageMalformed');
		expect(await verdict(await all.next(all.content(BALLOT)), false)).toBe('holds');
	});
});

function contentOf(entries: number): Uint8Array {
	return toBinary(
		OrderContentSchema,
		create(OrderContentSchema, {
			height: HEIGHT,
			previousHash: new Uint8Array(32),
			timeMs: 5n,
			...BALLOT,
			entries: Array.from({ length: entries }, (_, i) => ({
				partition: 1,
				epoch: 1,
				roundId: i + 1,
				id: new Uint8Array(32).fill(i)
			}))
		})
	);
}
