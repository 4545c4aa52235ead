import { beforeAll, describe, expect, it } from 'vitest';
import type { Verification } from '../../crypto/suite.ts';
import { contentDigest } from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { DecodeError } from '../../wire/codec.ts';
import type { LockProof, PartitionStatus, PartitionStatuses } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { Kind } from '../statement.ts';
import { signedBy, testSuite } from '../testing/members.ts';
import { encodeLockProof, type Lock } from './lock.ts';
import {
	checkJustification,
	checkPartitionStatus,
	checkStatus,
	checkStatusRequest,
	statusRequestStatement,
	statusStatement
} from './status.ts';
import { BALLOT, Electorate, HEIGHT } from './testing/statuses.ts';

let all: Electorate;
/** Of a lower and of a higher ballot, both below the one that is joined. */
let low: Lock;
let high: Lock;

beforeAll(async () => {
	all = await Electorate.create();
	low = await all.lock({ term: 1, attempt: 0 });
	high = await all.lock({ term: 3, attempt: 0 });
});

/** `holds`, or the name of what is wrong. */
async function verdict(check: () => Verification[]): Promise<string> {
	let checks: Verification[];
	try {
		checks = check();
	} catch (error) {
		if (error instanceof LedgerError) return error.reason;
		if (error instanceof DecodeError) return 'DecodeError';
		throw error;
	}
	expect(checks.length).toBeGreaterThan(0);
	for (const one of checks) if (!(await testSuite.verify(one))) return 'SignatureInvalid';
	return 'holds';
}

describe('a request for Statuses', () => {
	it('holds when a Booter of genesis signed it', async () => {
		const request = await signedBy(all.booter, statusRequestStatement(BALLOT, HEIGHT));
		expect(await verdict(() => checkStatusRequest(request, all.voters))).toBe('holds');
	});

	it.each([
		[
			'by somebody else',
			'NotBooter',
			async () => signedBy(all.stranger, statusRequestStatement(BALLOT, HEIGHT))
		],
		[
			'by a member',
			'NotBooter',
			async () => signedBy(all.partitions[0]![0]!, statusRequestStatement(BALLOT, HEIGHT))
		],
		[
			'whose ballot was raised on its way',
			'SignatureInvalid',
			async () => ({ ...(await signedBy(all.booter, statusRequestStatement(BALLOT, HEIGHT))), view: 99 })
		],
		[
			'of another kind',
			'MessageMalformed',
			async () => signedBy(all.booter, { ...statusRequestStatement(BALLOT, HEIGHT), kind: Kind.NEXT })
		]
	])('is refused: %s', async (_what, reason, make) => {
		const request = await make();
		expect(await verdict(() => checkStatusRequest(request, all.voters))).toBe(reason);
	});
});

describe("a member's Status", () => {
	it.each([
		['without a lock', async () => all.status(1, 0, null)],
		['with one of a lower ballot', async () => all.status(1, 0, high)]
	])('holds %s', async (_what, make) => {
		const status = await make();
		expect(await verdict(() => checkStatus(status, all.voters))).toBe('holds');
	});

	it.each([
		[
			'that says something else',
			'StatusInvalid',
			async () =>
				signedBy(all.partitions[0]![0]!, {
					...statusStatement(BALLOT, HEIGHT, { id: 1, epoch: 1 }, undefined),
					kind: Kind.REFUSE
				})
		],
		[
			'with half a signature',
			'StatusInvalid',
			async () => ({ ...(await all.status(1, 0, null)), signature: new Uint8Array(32) })
		],
		[
			'of who is no member',
			'NotMember',
			async () => signedBy(all.stranger, statusStatement(BALLOT, HEIGHT, { id: 1, epoch: 1 }, undefined))
		],
		[
			'of a member of another partition',
			'NotMember',
			async () =>
				signedBy(all.partitions[1]![0]!, statusStatement(BALLOT, HEIGHT, { id: 1, epoch: 1 }, undefined))
		],
		[
			'of another epoch',
			'NotMember',
			async () =>
				signedBy(all.partitions[0]![0]!, statusStatement(BALLOT, HEIGHT, { id: 1, epoch: 2 }, undefined))
		],
		[
			'that shows another lock than it signed',
			'StatusInvalid',
			async () => ({ ...(await all.status(1, 0, low)), payload: encodeLockProof(high) })
		],
		[
			'that hides the lock that it signed',
			'StatusInvalid',
			async () => ({ ...(await all.status(1, 0, low)), payload: new Uint8Array(0) })
		],
		[
			'with a lock of the ballot that it joins',
			'StatusInvalid',
			async () => all.status(1, 0, await all.lock(BALLOT))
		],
		[
			'with a lock of another height',
			'StatusInvalid',
			async () => all.status(1, 0, await all.lock({ term: 1, attempt: 0 }, undefined, HEIGHT - 1))
		],
		[
			'with a lock that orders another content than it shows',
			'StatusInvalid',
			async () => all.status(1, 0, { ...low, content: high.content })
		],
		[
			'with a lock of Dones in place of Signs',
			'SignatureInvalid',
			async () =>
				all.status(1, 0, {
					...low,
					orderCommit: await all.certificate(Kind.DONE, { term: 1, attempt: 0 }, low.content)
				})
		],
		[
			'with a lock of too few partitions',
			'CertificateInvalid',
			async () =>
				all.status(1, 0, {
					...low,
					orderCommit: { ...low.orderCommit, partitions: low.orderCommit.partitions.slice(0, 2) }
				})
		],
		[
			'with a payload that is none',
			'DecodeError',
			async () => ({ ...(await all.status(1, 0, low)), payload: Uint8Array.of(7, 7, 7) })
		],
		[
			'of another ballot than it was signed for',
			'SignatureInvalid',
			async () => ({ ...(await all.status(1, 0, null)), attempt: 2 })
		]
	])('is refused: %s', async (_what, reason, make) => {
		const status = await make();
		expect(await verdict(() => checkStatus(status, all.voters))).toBe(reason);
	});
});

describe("a partition's Statuses, as its leader carries them", () => {
	async function carried(
		locks: (Lock | null)[] = [low, high, null],
		lock: Lock | null = high
	): Promise<PartitionStatus> {
		return {
			$typeName: 'tabwave.v1.PartitionStatus',
			...BALLOT,
			height: HEIGHT,
			statuses: await all.statuses(1, locks),
			lock: lock ? proofOf(lock) : undefined
		};
	}

	it.each([
		['with the highest of their locks', async () => carried()],
		['without any lock', async () => carried([null, null, null], null)]
	])('hold %s', async (_what, make) => {
		const status = await make();
		expect(await verdict(() => checkPartitionStatus(status, all.voters))).toBe('holds');
	});

	it.each([
		['with a lower lock than they name', 'StatusInvalid', async () => carried(undefined, low)],
		['without the lock that they name', 'StatusInvalid', async () => carried(undefined, null)],
		[
			'with the same content, locked in a lower ballot',
			'StatusInvalid',
			async () => carried(undefined, await all.lock({ term: 1, attempt: 0 }, high.content))
		],
		[
			'with another lock of the ballot that they name',
			'StatusInvalid',
			async () => carried(undefined, await all.lock({ term: 3, attempt: 0 }, low.content))
		],
		['with a lock that nobody names', 'StatusInvalid', async () => carried([null, null, null], low)],
		['of too few members', 'CertificateInvalid', async () => carried([high, null])],
		[
			'of one member twice',
			'CertificateInvalid',
			async () => {
				const status = await carried([high, null, null]);
				const [first] = status.statuses!.groups;
				return { ...status, statuses: { ...status.statuses!, groups: [first!, first!, first!] } };
			}
		],
		[
			'of another partition',
			'CertificateInvalid',
			async () => ({
				...(await carried()),
				statuses: { ...(await all.statuses(1, [high, null, null])), partition: 2 }
			})
		],
		['that are none', 'StatusInvalid', async () => ({ ...(await carried()), statuses: undefined })],
		[
			'of which one claims an OrderCommit that never was, beside the true one of its ballot',
			'StatusInvalid',
			async () =>
				carried([
					high,
					await all.lock({ term: 3, attempt: 0 }, all.content({ term: 3, attempt: 0 }, 6)),
					null
				])
		],
		['of another ballot', 'SignatureInvalid', async () => ({ ...(await carried()), attempt: 7 })],
		['of another height', 'StatusInvalid', async () => ({ ...(await carried()), height: HEIGHT + 1 })]
	])('are refused: %s', async (_what, reason, make) => {
		const status = await make();
		expect(await verdict(() => checkPartitionStatus(status, all.voters))).toBe(reason);
	});
});

describe('what justifies a later ballot', () => {
	const free = (partition: number): Promise<PartitionStatuses> => all.statuses(partition, [null, null, null]);

	async function judge(
		statuses: PartitionStatuses[],
		lock: Lock | null,
		content: Uint8Array = (lock ?? high).content
	): Promise<string> {
		const order = { ballot: BALLOT, height: HEIGHT, contentDigest: contentDigest(content) };
		return verdict(() => checkJustification(statuses, lock?.orderCommit, order, all.voters));
	}

	it('is q_u partitions without a lock: the content is free', async () => {
		expect(await judge([await free(1), await free(2), await free(3)], null)).toBe('holds');
	});

	it('is the highest lock among q_u partitions, and its content', async () => {
		const statuses = [
			await all.statuses(1, [low, null, null]),
			await all.statuses(2, [high, low, null]),
			await free(4)
		];
		expect(await judge(statuses, high)).toBe('holds');
	});

	it.each<[string, string, () => Promise<string>]>([
		['two partitions of four', 'StatusInvalid', async () => judge([await free(1), await free(2)], null)],
		[
			'a partition twice',
			'StatusInvalid',
			async () => judge([await free(1), await free(2), await free(2)], null)
		],
		[
			'a partition twice beside enough others',
			'StatusInvalid',
			async () => judge([await free(1), await free(2), await free(3), await free(3)], null)
		],
		[
			'a partition in an epoch that is not its present one',
			'StatusInvalid',
			async () => judge([await free(1), await free(2), { ...(await free(3)), epoch: 2 }], null)
		],
		[
			'a partition without a vote',
			'StatusInvalid',
			async () =>
				judge([await free(1), await free(2), await free(3), { ...(await free(4)), partition: 5 }], null)
		],
		[
			'a lock of the very ballot, or of a later one',
			'StatusInvalid StatusInvalid',
			async () => {
				const verdicts = [BALLOT, { term: 9, attempt: 0 }].map(async (ballot) => {
					const lock = await all.lock(ballot);
					return judge([await all.statuses(1, [lock, null, null]), await free(2), await free(3)], lock);
				});
				return (await Promise.all(verdicts)).join(' ');
			}
		],
		[
			'a lock of another height',
			'StatusInvalid',
			async () => {
				const moved = { ...high, orderCommit: { ...high.orderCommit, height: HEIGHT - 1 } };
				return judge([await all.statuses(1, [high, null, null]), await free(2), await free(3)], moved);
			}
		],
		[
			'two locks of one ballot, of which one never was',
			'StatusInvalid',
			async () => {
				const never = await all.lock({ term: 3, attempt: 0 }, all.content({ term: 3, attempt: 0 }, 6));
				return judge([await all.statuses(1, [high, never, null]), await free(2), await free(3)], high);
			}
		],
		[
			'a partition of which two members speak',
			'CertificateInvalid',
			async () => judge([await free(1), await free(2), await all.statuses(3, [null, null])], null)
		],
		[
			'another content than that of the lock',
			'StatusInvalid',
			async () =>
				judge([await all.statuses(1, [high, null, null]), await free(2), await free(3)], high, low.content)
		],
		[
			'a lower lock than they name, and its content',
			'StatusInvalid',
			async () => judge([await all.statuses(1, [high, low, null]), await free(2), await free(3)], low)
		],
		[
			'a lock that is hidden',
			'StatusInvalid',
			async () => judge([await all.statuses(1, [high, null, null]), await free(2), await free(3)], null)
		],
		[
			'a lock that nobody names',
			'StatusInvalid',
			async () => judge([await free(1), await free(2), await free(3)], high)
		],
		[
			'a Status that was freed of its lock on its way',
			'SignatureInvalid',
			async () => {
				const one = await all.statuses(1, [high, null, null]);
				one.groups[0]!.lock = undefined;
				return judge([one, await free(2), await free(3)], null);
			}
		],
		[
			'Statuses of a lower ballot, used again',
			'SignatureInvalid',
			async () => {
				const old = { term: 3, attempt: 0 };
				const statuses = await Promise.all([1, 2, 3].map((id) => all.statuses(id, [null, null, null], old)));
				return judge(statuses, null);
			}
		],
		[
			'a lock that is forged: its Signs are of another content',
			'SignatureInvalid',
			async () => {
				const forged = {
					...high,
					orderCommit: { ...high.orderCommit, blockHashes: new Uint8Array(32).fill(9) }
				};
				return judge([await all.statuses(1, [forged, null, null]), await free(2), await free(3)], forged);
			}
		]
	])('is not: %s', async (_what, reason, run) => {
		expect(await run()).toBe(reason);
	});
});

function proofOf({ orderCommit, content }: Lock): LockProof {
	return { $typeName: 'tabwave.v1.LockProof', orderCommit, content };
}
