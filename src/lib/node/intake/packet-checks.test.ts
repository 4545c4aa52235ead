import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { toCertifiedBlock } from '../../consensus/ordering/certified-block.ts';
import type { EntryBody } from '../../consensus/ordering/chain.ts';
import { Kind, type Statement } from '../../consensus/statement.ts';
import { testMembers, testSuite, type TestMember } from '../../consensus/testing/members.ts';
import { blockEntry, membershipEntry, TestLedger } from '../../consensus/testing/test-ledger.ts';
import { contentDigest } from '../../ledger/block.ts';
import { namedBody, signedTransaction, type ParsedTransaction } from '../../ledger/transaction.ts';
import {
	OrderContentSchema,
	SignedSchema,
	TransactionBodySchema,
	type OrderCertificate,
	type OrderContent,
	type Signed
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { NextSchema, type Next } from '../../wire/gen/tabwave/v1/wire_pb.js';
import type { NodeInput } from './inputs.ts';
import { PacketChecks, type PacketChecksInit } from './packet-checks.ts';
import { Verifier } from './verifier.ts';

/** Two partitions of four; this node is the first member of partition 1. Heights 1 and 2 are the members, 3 a block. */
let ledger: TestLedger;
let members: TestMember[];
let stranger: TestMember;
let verifier: Verifier;
let checks: PacketChecks;

beforeEach(async () => {
	ledger = await TestLedger.found([4, 4], {
		maxTransactionsPerBlock: 3,
		maxRoundsInFlight: 4,
		expiryWindow: 50
	});
	await ledger.grow(1);
	members = ledger.members(1);
	[stranger] = (await testMembers(1)) as [TestMember];
	verifier = new Verifier(testSuite);
	checks = checksOf(members[0]!.id);
});

function checksOf(self: string, lower: ReturnType<PacketChecksInit['lower']> = null): PacketChecks {
	return new PacketChecks({
		chain: ledger.chain,
		verifier,
		self,
		lower: () => lower,
		late: async (signed) => ({ type: 'witnessed', signed })
	});
}

/** The type of the input, `nothing` where the packet asks for nothing, else the reason of the refusal. */
async function outcome(run: () => Promise<NodeInput | null>): Promise<string> {
	try {
		return (await run())?.type ?? 'nothing';
	} catch (error) {
		return (error as { reason: string }).reason;
	}
}

const spoilt = (signature: Uint8Array): Uint8Array => signature.map((byte, i) => (i === 0 ? byte ^ 1 : byte));

describe('a signed message', () => {
	const statement = (fields: Partial<Statement> = {}): Statement => ({
		kind: Kind.PREPARE,
		partition: 1,
		epoch: 1,
		view: 0,
		attempt: 0,
		slot: 2,
		digest: new Uint8Array(32).fill(1),
		...fields
	});

	it.each<[string, Partial<Statement>, string]>([
		['a Prepare of the next round', {}, 'signed'],
		['a PrePrepare', { kind: Kind.PRE_PREPARE }, 'signed'],
		['a Commit', { kind: Kind.COMMIT }, 'signed'],
		['of a round that the ledger holds, which shows who lies', { slot: 1 }, 'witnessed'],
		['of the last round within twice the window', { slot: 1 + 8 }, 'signed'],
		['of a round beyond it', { slot: 1 + 9 }, 'nothing'],
		['a Sign of the next height', { kind: Kind.SIGN, slot: 4 }, 'signed'],
		['a Done', { kind: Kind.DONE, slot: 4 }, 'signed'],
		['of a height that is final, which shows who lies', { kind: Kind.SIGN, slot: 3 }, 'witnessed'],
		['a Status of a height that is final', { kind: Kind.STATUS, slot: 3 }, 'nothing'],
		['of two heights ahead', { kind: Kind.DONE, slot: 5 }, 'signed'],
		['of three heights ahead', { kind: Kind.DONE, slot: 6 }, 'nothing'],
		['of another epoch: late or early, not wrong', { epoch: 2 }, 'nothing'],
		['of another partition', { partition: 2 }, 'nothing'],
		['a request to join, which is the Booter’s business', { kind: Kind.JOIN }, 'nothing']
	])('%s', async (_what, fields, expected) => {
		const signed = await ledger.sign(members[1]!, statement(fields));
		expect(await outcome(() => checks.signed(signed))).toBe(expected);
	});

	it('is handed on with the forms that the cores compare', async () => {
		const signed = await ledger.sign(members[1]!, statement());
		expect(await checks.signed(signed)).toEqual({
			type: 'signed',
			message: { signed, sender: members[1]!.id, digest: '01'.repeat(32) }
		});
	});

	it.each<[string, Partial<Signed>]>([
		['digest', { digest: new Uint8Array(31) }],
		['sender', { sender: new Uint8Array(33) }],
		['signature', { signature: new Uint8Array(63) }],
		['kind', { kind: 99 as Kind }]
	])('without a sound %s costs no signature check', async (_what, fields) => {
		const signed = { ...(await ledger.sign(members[1]!, statement())), ...fields };
		expect(await outcome(() => checks.signed(signed))).toBe('MessageMalformed');
		expect(verifier.checks).toBe(0);
	});

	it('with an attempt, which no certificate names, costs no signature check', async () => {
		for (const kind of [Kind.PRE_PREPARE, Kind.PREPARE, Kind.COMMIT]) {
			const signed = await ledger.sign(members[1]!, statement({ kind, attempt: 1 }));
			expect(await outcome(() => checks.signed(signed))).toBe('MessageMalformed');
		}
		expect(verifier.checks).toBe(0);
	});

	it('of who is no member costs no signature check', async () => {
		for (const other of [stranger, ledger.members(2)[0]!])
			expect(await outcome(async () => checks.signed(await ledger.sign(other, statement())))).toBe(
				'NotMember'
			);
		expect(verifier.checks).toBe(0);
	});

	it('with a signature that does not hold is refused', async () => {
		const signed = await ledger.sign(members[1]!, statement());
		expect(await outcome(() => checks.signed({ ...signed, signature: spoilt(signed.signature) }))).toBe(
			'SignatureInvalid'
		);
		expect(await outcome(() => checks.signed({ ...signed, slot: 3 }))).toBe('SignatureInvalid');
		expect(await outcome(() => checks.signed({ ...signed, view: 1 }))).toBe('SignatureInvalid');
	});

	it('that comes twice is checked once', async () => {
		const signed = await ledger.sign(members[1]!, statement());
		await checks.signed(signed);
		await checks.signed(create(SignedSchema, signed));
		expect(verifier.checks).toBe(1);
	});

	it('says nothing to a node that is no member', async () => {
		const outside = checksOf(stranger.id);
		const signed = await ledger.sign(members[1]!, statement());
		expect(await outcome(() => outside.signed(signed))).toBe('nothing');
	});
});

describe('a batch of transactions', () => {
	const NONE = (_id: string): boolean => false;
	const send = async (transactions: (ParsedTransaction | Uint8Array)[], isKnown = NONE, isWanted = NONE) =>
		checks.transactions(
			transactions.map((one) => (one instanceof Uint8Array ? one : one.bytes)),
			isKnown,
			isWanted
		);
	const idsOf = (input: NodeInput | null): string[] =>
		input?.type === 'transactions' ? input.transactions.map(({ id }) => id) : [];
	const forged = async (): Promise<Uint8Array> => {
		const bytes = (await ledger.transaction(members[0]!)).bytes.slice();
		bytes[bytes.length - 1]! ^= 1;
		return bytes;
	};

	it('is handed on in its order, each checked once', async () => {
		const [one, two] = [await ledger.transaction(members[0]!), await ledger.transaction(stranger)];
		expect(idsOf(await send([one, two]))).toEqual([one.id, two.id]);
		expect(verifier.checks).toBe(2);
	});

	it('keeps copies: the pool must not hold the frame that brought them', async () => {
		const one = await ledger.transaction(members[0]!);
		const frame = new Uint8Array(5000);
		frame.set(one.bytes, 100);
		const input = await send([frame.subarray(100, 100 + one.bytes.length)]);
		expect(input?.type === 'transactions' && input.transactions[0]!.bytes.buffer.byteLength).toBe(
			one.bytes.length
		);
	});

	it('loses those that do not hold, and none of the others', async () => {
		const one = await ledger.transaction(members[0]!);
		expect(idsOf(await send([await forged(), new Uint8Array(3), one]))).toEqual([one.id]);
	});

	it('in which none holds is refused by name', async () => {
		expect(await outcome(async () => send([new Uint8Array(3)]))).toBe('TransactionMalformed');
		expect(await outcome(async () => send([await forged()]))).toBe('SignatureInvalid');
		expect(await outcome(async () => send([new Uint8Array(5000)]))).toBe('TransactionTooLarge');
		const elsewhere = await TestLedger.found([1]);
		const foreign = await elsewhere.transaction(members[0]!);
		expect(await outcome(async () => send([foreign]))).toBe('OtherChain');
	});

	it('shows a body without a valid form that a round waits for: it is evidence (R24), and no other is', async () => {
		const one = await ledger.transaction(members[0]!);
		const { body } = namedBody(one.bytes)!;
		const nameless = toBinary(TransactionBodySchema, {
			...fromBinary(TransactionBodySchema, body),
			contract: ''
		});
		const bytes = signedTransaction(nameless, one.signature);
		const { id } = namedBody(bytes)!;
		const other = signedTransaction(Uint8Array.of(0xff), one.signature);
		const input = await send([other, bytes, new Uint8Array(3)], NONE, (wanted) => wanted === id);
		expect(input).toEqual({ type: 'transactions', transactions: [], malformed: [nameless] });
		expect(await send([one])).toMatchObject({ malformed: [] });
		expect(await outcome(async () => send([bytes]))).toBe('TransactionMalformed');
	});

	it.each<[string, number, number]>([
		['valid at the next height', 4, 1],
		['expired', 3, 0],
		['valid to the end of the window, and what heads may differ by', 3 + 50 + 64, 1],
		['valid for too long', 3 + 50 + 65, 0]
	])('%s: %i', async (_what, expiryHeight, taken) => {
		const one = await ledger.transaction(members[0]!, { expiryHeight });
		expect(idsOf(await send([one]))).toHaveLength(taken);
		// What cannot be included costs no check.
		expect(verifier.checks).toBe(taken);
	});

	it('costs nothing for what this node or the ledger has', async () => {
		const one = await ledger.transaction(members[0]!);
		expect(await send([one], (id) => id === one.id)).toBeNull();
		await ledger.commit(blockEntry(await ledger.certified(1, [one])));
		expect(await send([one])).toBeNull();
		expect(verifier.checks).toBe(0);
	});

	it('that is empty asks for nothing', async () => {
		expect(await send([])).toBeNull();
	});

	it('of more than four blocks is not looked at', async () => {
		const one = await ledger.transaction(members[0]!);
		expect(idsOf(await send(Array.from({ length: 12 }, () => one))).length).toBeGreaterThan(0);
		expect(await outcome(async () => send(Array.from({ length: 13 }, () => one)))).toBe('BatchTooLarge');
	});
});

describe('a block certificate', () => {
	const certificateOf = async (fields: Parameters<TestLedger['certified']>[2] = {}, partition = 1) =>
		(await ledger.certified(partition, [await ledger.transaction(members[0]!)], fields)).certificate;

	it.each<[string, Parameters<TestLedger['certified']>[2], number, string]>([
		['of the next round', {}, 1, 'block-certificate'],
		['of a later round', { roundId: 7 }, 1, 'block-certificate'],
		['of a round that the ledger holds', { roundId: 1 }, 1, 'nothing'],
		['of another epoch', { epoch: 2 }, 1, 'nothing'],
		['of another partition', {}, 2, 'nothing']
	])('%s', async (_what, fields, partition, expected) => {
		const certificate = await certificateOf(fields, partition);
		expect(await outcome(() => checks.blockCertificate(certificate))).toBe(expected);
	});

	it('that does not hold is refused by name', async () => {
		const certificate = await certificateOf();
		const few = { ...certificate, commits: certificate.commits.slice(1) };
		expect(await outcome(() => checks.blockCertificate(few))).toBe('CertificateInvalid');
		expect(verifier.checks).toBe(0);
		const [first, ...rest] = certificate.commits;
		const bad = { ...certificate, commits: [{ ...first!, signature: spoilt(first!.signature) }, ...rest] };
		expect(await outcome(() => checks.blockCertificate(bad))).toBe('SignatureInvalid');
	});

	it('says nothing to a node that is no member', async () => {
		const outside = checksOf(stranger.id);
		expect(await outcome(async () => outside.blockCertificate(await certificateOf()))).toBe('nothing');
	});
});

describe('a certified block', () => {
	it('of any partition is handed on with who brought it', async () => {
		for (const partition of [1, 2]) {
			const body = await ledger.certified(partition, [await ledger.transaction(members[0]!)]);
			const input = await checks.certifiedBlock('bringer', toCertifiedBlock(body));
			expect(input).toMatchObject({ type: 'body', from: 'bringer', body: { id: body.id } });
		}
	});

	it('of another epoch asks for nothing; one that does not hold is refused by name', async () => {
		const body = await ledger.certified(1, [await ledger.transaction(members[0]!)]);
		const block = toCertifiedBlock(body);
		const run = (changed: typeof block) => outcome(() => checks.certifiedBlock('x', changed));
		expect(await run({ ...block, certificate: { ...body.certificate, epoch: 2 } })).toBe('nothing');
		expect(await run({ ...block, certificate: { ...body.certificate, partition: 9 } })).toBe('nothing');
		expect(await run({ ...block, certificate: undefined })).toBe('BlockMalformed');
		const [first, ...rest] = body.certificate.commits;
		const commits = [{ ...first!, signature: spoilt(first!.signature) }, ...rest];
		expect(await run({ ...block, certificate: { ...body.certificate, commits } })).toBe('SignatureInvalid');
	});
});

describe('a Next', () => {
	const entry = async (): Promise<EntryBody> =>
		blockEntry(await ledger.certified(1, [await ledger.transaction(members[0]!)]));

	async function nextOf(
		entries: EntryBody[],
		content: Parameters<TestLedger['order']>[1] = {},
		by = ledger.booter,
		previous?: OrderCertificate
	): Promise<Next> {
		const { content: order, bytes } = ledger.order(entries, content);
		return create(NextSchema, { signed: await signedNext(order, bytes, by), previous });
	}

	const signedNext = (order: OrderContent, bytes: Uint8Array, by: TestMember, slot = order.height) =>
		ledger.sign(
			by,
			{
				kind: Kind.NEXT,
				partition: 0,
				epoch: 0,
				view: order.term,
				attempt: order.attempt,
				slot,
				digest: contentDigest(bytes)
			},
			bytes
		);

	it('of a Booter that genesis names is handed on', async () => {
		expect(await outcome(async () => checks.orders.next(await nextOf([await entry()])))).toBe('next');
	});

	it('of anybody else costs no signature check', async () => {
		const byMember = await nextOf([await entry()], {}, members[1]!);
		expect(await outcome(() => checks.orders.next(byMember))).toBe('NotBooter');
		expect(verifier.checks).toBe(0);
	});

	it.each<[string, (signed: Signed) => Partial<Signed>]>([
		['another kind', () => ({ kind: Kind.SIGN })],
		['no form', () => ({ digest: new Uint8Array(3) })],
		[
			'another content than its digest',
			({ payload }) => ({ payload: Uint8Array.from([...payload, 0x40, 1]) })
		]
	])('with %s is refused', async (_what, fields) => {
		const next = await nextOf([await entry()]);
		const changed = { ...next, signed: { ...next.signed!, ...fields(next.signed!) } };
		expect(await outcome(() => checks.orders.next(changed))).toBe('MessageMalformed');
		expect(await outcome(() => checks.orders.next({ ...next, signed: undefined }))).toBe('MessageMalformed');
	});

	it('for another height than its content says is refused', async () => {
		const { content, bytes } = ledger.order([await entry()]);
		const signed = await signedNext(content, bytes, ledger.booter, content.height + 1);
		expect(await outcome(() => checks.orders.next(create(NextSchema, { signed })))).toBe('MessageMalformed');
	});

	it('whose content is no order is refused', async () => {
		const { content } = ledger.order([]);
		const bytes = toBinary(OrderContentSchema, content);
		const signed = await signedNext(content, bytes, ledger.booter);
		expect(await outcome(() => checks.orders.next(create(NextSchema, { signed })))).toBe('BlockMalformed');
	});

	it('for a height that is final asks for nothing', async () => {
		const late = await nextOf([await entry()], { height: 3 });
		expect(await outcome(() => checks.orders.next(late))).toBe('nothing');
	});

	it('holds only with the Booter’s signature', async () => {
		const next = await nextOf([await entry()]);
		const signed = { ...next.signed!, signature: spoilt(next.signed!.signature) };
		expect(await outcome(() => checks.orders.next({ ...next, signed }))).toBe('SignatureInvalid');
	});

	it('brings the proof of the height before, which must hold too', async () => {
		const execution = ledger.execute(await entry());
		const proof = await ledger.certificate(Kind.DONE, execution);
		const withProof = (previous: OrderCertificate) => async () =>
			checks.orders.next(await nextOf([await entry()], { height: 5 }, ledger.booter, previous));
		expect(await outcome(withProof(proof))).toBe('next');
		expect(await outcome(withProof({ ...proof, partitions: proof.partitions.slice(1) }))).toBe(
			'CertificateInvalid'
		);
		// Signs are no Dones.
		const signs = await ledger.certificate(Kind.SIGN, execution);
		expect(await outcome(withProof(signs))).toBe('SignatureInvalid');
		// Whose votes count above the next height is not known here yet.
		expect(await outcome(withProof({ ...proof, height: 5 }))).toBe('nothing');
		// What is final already needs no proof.
		expect(await outcome(withProof({ ...proof, height: 3, partitions: [] }))).toBe('next');
	});

	it('brings changes of members, whose signatures must hold', async () => {
		const join = await ledger.join(stranger, 1);
		const change = ledger.change(1, { joins: [join] });
		expect(await outcome(async () => checks.orders.next(await nextOf([membershipEntry(change)])))).toBe(
			'next'
		);
		change.joins = [{ ...join, signature: spoilt(join.signature) }];
		expect(await outcome(async () => checks.orders.next(await nextOf([membershipEntry(change)])))).toBe(
			'SignatureInvalid'
		);
	});
});

describe('an OrderCommit and a finality proof', () => {
	it.each<[Kind.SIGN | Kind.DONE, string]>([
		[Kind.SIGN, 'order-commit'],
		[Kind.DONE, 'finality']
	])('of the next height hold with q members in q_u partitions (%i: %s)', async (kind, type) => {
		const execution = ledger.execute(
			blockEntry(await ledger.certified(1, [await ledger.transaction(members[0]!)]))
		);
		const certificate = await ledger.certificate(kind, execution);
		const run = (one: OrderCertificate) =>
			outcome(() => (kind === Kind.SIGN ? checks.orders.orderCommit(one) : checks.orders.finality(one)));
		expect(await run(certificate)).toBe(type);
		expect(await run({ ...certificate, height: 3 })).toBe('nothing');
		expect(await run({ ...certificate, height: 5 })).toBe('nothing');
		expect(await run({ ...certificate, partitions: certificate.partitions.slice(1) })).toBe(
			'CertificateInvalid'
		);
		expect(await run({ ...certificate, attempt: 1 })).toBe('SignatureInvalid');
		const other = await ledger.certificate(kind === Kind.SIGN ? Kind.DONE : Kind.SIGN, execution);
		expect(await run(other)).toBe('SignatureInvalid');
	});
});
