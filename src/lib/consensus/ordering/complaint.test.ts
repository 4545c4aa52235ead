import { create } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it } from 'vitest';
import { LedgerError } from '../../ledger/errors.ts';
import {
	BlockCertificateSchema,
	type BlockCertificate,
	type Signed
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { commitStatement } from '../certificates.ts';
import { Kind } from '../statement.ts';
import { signedBy, testSuite, voteOf, type TestMember } from '../testing/members.ts';
import {
	checkComplaint,
	complaintStatement,
	encodeComplaint,
	passableHeights,
	type Grievance
} from './complaint.ts';
import { Complaints } from './booter/complaints.ts';
import { BALLOT, Electorate, HEIGHT } from './testing/statuses.ts';

const ROUNDS = 4;
const LATE = passableHeights(4, ROUNDS) + 1;
let all: Electorate;
let waiting: BlockCertificate;

beforeAll(async () => {
	all = await Electorate.create();
	waiting = await certificate(1);
});

async function certificate(partition: number, voters = 3): Promise<BlockCertificate> {
	const empty = create(BlockCertificateSchema, {
		partition,
		epoch: 1,
		roundId: 5,
		blockId: new Uint8Array(32).fill(1)
	});
	const members = all.partitions[partition - 1]!.slice(0, voters);
	return { ...empty, commits: await Promise.all(members.map((one) => voteOf(one, commitStatement(empty)))) };
}

async function twoNexts(second = all.content(BALLOT, 6), ballot = BALLOT): Promise<Signed[]> {
	return [(await all.next(all.content(BALLOT))).signed!, (await all.next(second, {}, { ballot })).signed!];
}

async function complain(
	fields: Partial<Grievance>,
	{
		member = all.partitions[0]![0]!,
		partition = 1,
		epoch = 1,
		finalHeight = LATE,
		booter = all.booter.signer.publicKey
	} = {}
): Promise<Signed> {
	const grievance: Grievance = {
		name: 'BooterStalls',
		booter: all.booter.id,
		waiting: null,
		sinceHeight: 0,
		nexts: [],
		...fields
	};
	const payload = encodeComplaint(grievance, booter);
	return signedBy(member, complaintStatement({ id: partition, epoch }, 3, finalHeight, payload), payload);
}

async function verdict(signed: Signed): Promise<string> {
	try {
		for (const check of checkComplaint(signed, all.voters, ROUNDS))
			if (!(await testSuite.verify(check))) return 'SignatureInvalid';
		return 'holds';
	} catch (error) {
		if (error instanceof LedgerError) return error.reason;
		throw error;
	}
}

describe('a complaint', () => {
	it.each<[string, () => Promise<Signed>]>([
		['of a stall, while an order is open', async () => complain({})],
		['of a stall, while a block waits', async () => complain({ waiting })],
		[
			'of being passed by, with the block that waits',
			async () => complain({ name: 'BooterCensors', waiting })
		],
		[
			'of two Nexts of one ballot',
			async () => complain({ name: 'BooterEquivocates', nexts: await twoNexts() })
		]
	])('holds: %s', async (_what, make) => {
		expect(await verdict(await make())).toBe('holds');
	});

	it.each<[string, string, () => Promise<Signed | Signed[]>]>([
		['by who is no member', 'NotMember', async () => complain({}, { member: all.stranger })],
		['in the name of no partition', 'NotMember', async () => complain({}, { partition: 9 })],
		[
			'that says something else',
			'ComplaintInvalid',
			async () => ({ ...(await complain({})), kind: Kind.REFUSE })
		],
		[
			'with half a signature',
			'ComplaintInvalid',
			async () => ({ ...(await complain({})), signature: new Uint8Array(32) })
		],
		['in the name of another partition', 'NotMember', async () => complain({}, { partition: 2 })],
		['of another epoch', 'NotMember', async () => complain({}, { epoch: 2 })],
		['of who is no Booter', 'NotBooter', async () => complain({}, { booter: all.stranger.signer.publicKey })],
		[
			'by a name that there is not',
			'ComplaintInvalid',
			async () => complain({ name: 'BooterSmells' as never })
		],
		[
			'with other words than were signed',
			'ComplaintInvalid',
			async () => ({ ...(await complain({})), payload: (await complain({ sinceHeight: 9 })).payload })
		],
		[
			'with a signature of another height',
			'SignatureInvalid',
			async () => ({ ...(await complain({})), slot: 1 })
		],
		[
			'of being passed by, without a block',
			'ComplaintInvalid',
			async () => complain({ name: 'BooterCensors' })
		],
		[
			'of being passed by, too early',
			'ComplaintInvalid',
			async () => complain({ name: 'BooterCensors', waiting, sinceHeight: 1 })
		],
		[
			"with another partition's block",
			'CertificateInvalid',
			async () => complain({ name: 'BooterCensors', waiting: await certificate(2) })
		],
		[
			'with a block that too few certify',
			'CertificateInvalid',
			async () => complain({ waiting: await certificate(1, 2) })
		],
		[
			'of one Next',
			'ComplaintInvalid',
			async () => complain({ name: 'BooterEquivocates', nexts: (await twoNexts()).slice(1) })
		],
		[
			'of three Nexts',
			'ComplaintInvalid',
			async () => {
				const [first, second] = await twoNexts();
				return complain({ name: 'BooterEquivocates', nexts: [first!, second!, second!] });
			}
		],
		[
			'of Nexts of two terms, or of two heights',
			'ComplaintInvalid ComplaintInvalid',
			async () => {
				const [first, second] = await twoNexts();
				const others = [
					{ ...second!, view: 4 },
					{ ...second!, slot: HEIGHT + 1 }
				];
				const complaints = others.map((other) =>
					complain({ name: 'BooterEquivocates', nexts: [first!, other] })
				);
				return Promise.all(complaints);
			}
		],
		[
			'of what is no Next, or none that can be checked',
			'ComplaintInvalid ComplaintInvalid',
			async () => {
				const [first, second] = await twoNexts();
				const asking = [first!, second!].map((next) => ({ ...next, kind: Kind.STATUS_REQUEST }));
				const cut = [first!, { ...second!, signature: new Uint8Array(32) }];
				return Promise.all([asking, cut].map((nexts) => complain({ name: 'BooterEquivocates', nexts })));
			}
		],
		[
			'of the same Next twice',
			'ComplaintInvalid',
			async () => complain({ name: 'BooterEquivocates', nexts: await twoNexts(all.content(BALLOT)) })
		],
		[
			'of Nexts of two ballots, as a Booter may send them',
			'ComplaintInvalid',
			async () =>
				complain({
					name: 'BooterEquivocates',
					nexts: await twoNexts(all.content(BALLOT, 6), { term: 3, attempt: 2 })
				})
		],
		[
			'of a Next that the Booter never signed: evidence frames nobody',
			'SignatureInvalid',
			async () => {
				const [first, second] = await twoNexts();
				return complain({
					name: 'BooterEquivocates',
					nexts: [first!, { ...second!, signature: first!.signature }]
				});
			}
		],
		[
			'of Nexts of somebody else',
			'ComplaintInvalid',
			async () => {
				const [first] = await twoNexts();
				const other = (await all.next(all.content(BALLOT, 6), {}, { sender: all.stranger })).signed!;
				return complain({ name: 'BooterEquivocates', nexts: [first!, other] });
			}
		]
	])('is refused: %s', async (_what, reason, make) => {
		const made = await make();
		const verdicts = await Promise.all((Array.isArray(made) ? made : [made]).map(verdict));
		expect(verdicts.join(' ')).toBe(reason);
	});
});

describe('complaints together', () => {
	const against = (complaints: Complaints, nowMs = 0, term = 3) =>
		complaints.against(all.booter.id, term, all.voters.active, nowMs);
	const add = async (
		complaints: Complaints,
		fields: Partial<Grievance>,
		who: [number, number][]
	): Promise<void> => {
		for (const [partition, index] of who) {
			const member: TestMember = all.partitions[partition - 1]![index]!;
			complaints.add(await complain(fields, { member, partition }), 0);
		}
	};

	it('of a stall count when honest members of a sound partition are among them: f + 1 in b + 1', async () => {
		const complaints = new Complaints(1000);
		await add(complaints, {}, [
			[1, 0],
			[1, 1],
			[2, 0]
		]);
		expect(against(complaints)).toBeNull();
		await add(complaints, {}, [
			[1, 0],
			[2, 0]
		]);
		expect(against(complaints)).toBeNull();
		await add(complaints, {}, [[2, 1]]);
		expect(against(complaints)).toEqual({
			name: 'BooterStalls',
			booter: all.booter.id,
			term: 3,
			partitions: [1, 2]
		});
		// Of this term alone, and only while they are repeated.
		expect(against(complaints, 0, 4)).toBeNull();
		expect(against(complaints, 1001)).toBeNull();
	});

	it('of being passed by count from one partition, since no other sees it', async () => {
		const complaints = new Complaints(1000);
		const fields = { name: 'BooterCensors' as const, waiting };
		await add(complaints, fields, [[1, 0]]);
		expect(against(complaints)).toBeNull();
		await add(complaints, fields, [[1, 2]]);
		expect(against(complaints)).toMatchObject({ name: 'BooterCensors', partitions: [1] });
	});

	it('of two Nexts need nobody else: the evidence stands by itself, and is kept', async () => {
		const complaints = new Complaints(1000);
		await add(complaints, { name: 'BooterEquivocates', nexts: await twoNexts() }, [[4, 3]]);
		expect(against(complaints)).toMatchObject({ name: 'BooterEquivocates' });
		expect(complaints.evidence(all.booter.id)).not.toBeNull();
		expect(complaints.evidence(all.stranger.id)).toBeNull();
		const others = new Complaints(1000);
		await add(others, {}, [[4, 3]]);
		expect(others.evidence(all.booter.id)).toBeNull();
	});

	it('are against one Booter each', async () => {
		const complaints = new Complaints(1000);
		const { publicKey: booter } = all.stranger.signer;
		for (const [partition, index] of [
			[1, 0],
			[1, 1]
		] as const) {
			const member = all.partitions[partition - 1]![index]!;
			const fields = { name: 'BooterCensors' as const, waiting };
			complaints.add(await complain(fields, { member, partition, booter }), 0);
		}
		expect(against(complaints)).toBeNull();
		expect(complaints.against(all.stranger.id, 3, all.voters.active, 0)).toMatchObject({ partitions: [1] });
	});

	it('are over when they are not said again for so long', async () => {
		const complaints = new Complaints(1000);
		for (const index of [0, 1])
			complaints.add(
				await complain({ name: 'BooterCensors', waiting }, { member: all.partitions[0]![index]! }),
				5000
			);
		expect(against(complaints, 6000)).not.toBeNull();
		expect(against(complaints, 6001)).toBeNull();
		// And forgotten.
		expect(against(complaints, 6000)).toBeNull();
	});

	it('of members that have gone count no longer', async () => {
		const complaints = new Complaints(1000);
		await add(complaints, {}, [
			[1, 0],
			[1, 1],
			[2, 0],
			[2, 1]
		]);
		const next = all.voters.active.map((view) => ({ ...view, epoch: view.id === 2 ? 2 : 1 }));
		expect(complaints.against(all.booter.id, 3, next, 0)).toBeNull();
		// Those of the other partitions count still, and a partition may be gone altogether.
		await add(complaints, {}, [
			[3, 0],
			[3, 1],
			[4, 0],
			[4, 1]
		]);
		expect(complaints.against(all.booter.id, 3, next, 0)).toMatchObject({ partitions: [1, 3, 4] });
		expect(complaints.against(all.booter.id, 3, next.slice(0, 3), 0)).toMatchObject({ partitions: [1, 3] });
	});
});
