import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { DecodeError } from '../../wire/codec.ts';
import { taggedHash, ZERO_HASH } from '../../crypto/hash.ts';
import { toHex } from '../../crypto/hex.ts';
import { joinHashes, proposalId } from '../../ledger/block.ts';
import { banKey } from '../../ledger/genesis.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { reasonOf } from '../../ledger/testing/transactions.ts';
import {
	OrderCertificateSchema,
	ProposalSchema,
	TransactionBodySchema,
	type Evidence,
	type MembershipChange,
	type Proposal,
	type Signed
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { LockReference } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { mutated } from '../../wire/mutated-bytes.ts';
import { checkMembershipChange, evidenceContext, membershipSignatures } from '../membership/change.ts';
import { encodeLockProof, lockReference, statusDigest } from '../ordering/lock.ts';
import { Kind, type Statement } from '../statement.ts';
import { testMembers, type TestMember } from '../testing/members.ts';
import { hold, membershipEntry, TestLedger } from '../testing/test-ledger.ts';
import { EvidenceBook, MAX_ACCUSED } from './book.ts';
import {
	checkEvidence,
	decodeEvidence,
	doubleVote,
	encodeEvidence,
	hiddenLock,
	invalidProposal,
	ONCE,
	proposalFault
} from './evidence.ts';
import { EvidenceWatch, MAX_REMEMBERED } from './watch.ts';

fc.configureGlobal({ seed: 24 });

let ledger: TestLedger;
let members: TestMember[];
let liar: TestMember;

beforeEach(async () => {
	ledger = await TestLedger.found([4, 1]);
	members = ledger.members(1);
	liar = members[0]!;
});

const digestOf = (value: number): Uint8Array => new Uint8Array(32).fill(value);
const AT = { kind: Kind.PREPARE, partition: 1, epoch: 1, view: 0, attempt: 0, slot: 7, digest: digestOf(1) };
const says = (fields: Partial<Statement> = {}, member = liar): Promise<Signed> =>
	ledger.sign(member, { ...AT, ...fields });
const context = () => evidenceContext(ledger.membershipContext());
const check = (evidence: Evidence) => checkEvidence(evidence, context());
const refusal = (evidence: Evidence): string => reasonOf(() => check(evidence));

const lockOf = (term: number, attempt: number): LockReference =>
	lockReference(create(OrderCertificateSchema, { term, attempt, height: 7, contentDigest: ZERO_HASH }));
/** The payload of a Status that names a lock. */
const proofOf = ({ term, attempt }: LockReference): Uint8Array =>
	encodeLockProof({
		orderCommit: create(OrderCertificateSchema, { term, attempt, height: 7, contentDigest: ZERO_HASH }),
		content: new Uint8Array(0)
	});

describe('two statements in one place', () => {
	it.each(ONCE.map((kind) => [Kind[kind], kind] as const))('are evidence: %s', async (_name, kind) => {
		const evidence = doubleVote(await says({ kind }), await says({ kind, digest: digestOf(2) }));
		const { name, offender, checks } = check(evidence);
		expect([name, offender, checks.length]).toEqual(['DoubleVote', liar.id, 2]);
		expect(await hold(checks)).toBe(true);
	});

	it.each<[string, Partial<Statement>]>([
		['of one content', { digest: AT.digest }],
		['of two kinds', { kind: Kind.COMMIT }],
		['of two epochs', { epoch: 2 }],
		['of two partitions', { partition: 2 }],
		['of two views', { view: 1 }],
		['of two attempts', { attempt: 1 }],
		['of two rounds', { slot: 8 }]
	])('are none: %s', async (_what, fields) => {
		expect(refusal(doubleVote(await says(), await says({ digest: digestOf(2), ...fields })))).toBe(
			'EvidenceInvalid'
		);
	});

	it.each([
		Kind.VIEW_CHANGE,
		Kind.PREPARE_REPORT,
		Kind.REFUSE,
		Kind.SILENCE,
		Kind.JOIN,
		Kind.NEXT,
		Kind.COMPLAINT
	])('of a kind that honest members say more than once are none: %s', async (kind) => {
		expect(refusal(doubleVote(await says({ kind }), await says({ kind, digest: digestOf(2) })))).toBe(
			'EvidenceInvalid'
		);
	});

	it('that carry what proves nothing are none: evidence is as short as what it shows', async () => {
		const evidence = doubleVote(await says(), await says({ digest: digestOf(2) }));
		const more = Uint8Array.of(1);
		for (const padded of [
			{ ...evidence, first: { ...evidence.first!, payload: more } },
			{ ...evidence, second: { ...evidence.second!, payload: more } },
			{ ...evidence, transactionBody: more },
			{ ...evidence, lock: more }
		])
			expect(refusal(padded)).toBe('EvidenceInvalid');
	});

	it('that are malformed are none, and neither is nothing', async () => {
		const evidence = doubleVote(await says(), await says({ digest: digestOf(2) }));
		const cut = { ...evidence.first!, signature: new Uint8Array(10) };
		for (const broken of [
			{ ...evidence, first: undefined },
			{ ...evidence, first: cut },
			{ ...evidence, second: cut }
		])
			expect(refusal(broken)).toBe('EvidenceInvalid');
	});

	it('are kept without their payload, in bytes of their own: they must not hold the frames that brought them', async () => {
		const frame = new Uint8Array(1000);
		const inFrame = (bytes: Uint8Array): Uint8Array => {
			frame.set(bytes);
			return frame.subarray(0, bytes.length);
		};
		const first = await says();
		const framed = { ...first, digest: inFrame(first.digest), payload: frame };
		const { first: kept } = doubleVote(framed, await says({ digest: digestOf(2) }));
		frame.fill(0);
		expect(kept).toEqual(first);
		for (const field of [kept!.digest, kept!.sender, kept!.signature])
			expect(field.buffer.byteLength).toBeLessThan(100);
	});

	it('of two members are none', async () => {
		const evidence = doubleVote(await says(), await says({ digest: digestOf(2) }, members[1]!));
		expect(refusal(evidence)).toBe('EvidenceInvalid');
	});

	it('of who was no member there are none', async () => {
		const [stranger] = (await testMembers(1)) as [TestMember];
		for (const member of [stranger, ledger.members(2)[0]!])
			expect(refusal(doubleVote(await says({}, member), await says({ digest: digestOf(2) }, member)))).toBe(
				'EvidenceInvalid'
			);
	});

	it('of an epoch that has passed are evidence still', async () => {
		const evidence = doubleVote(await says(), await says({ digest: digestOf(2) }));
		await ledger.admit(1, await testMembers(1));
		expect(refusal(evidence)).toBe('none');
	});

	it('never frame anybody: whatever is changed, it is refused or a signature fails', async () => {
		const evidence = doubleVote(await says(), await says({ digest: digestOf(2) }));
		const before = encodeEvidence(evidence);
		let same = 0;
		await fc.assert(
			fc.asyncProperty(mutated(fc.constant(before)), async (bytes) => {
				try {
					const { offender, checks } = check(decodeEvidence(bytes));
					if (!(await hold(checks))) return;
					same += 1;
					expect(offender).toBe(liar.id);
				} catch (error) {
					expect(error instanceof LedgerError || error instanceof DecodeError).toBe(true);
				}
			}),
			{ numRuns: 1000 }
		);
		expect(same).toBeLessThan(1000);
	});
});

describe('a hidden lock (R14)', () => {
	const lockAt = (term: number, attempt: number): LockReference => ({
		$typeName: 'tabwave.v1.LockReference',
		term,
		attempt,
		digest: digestOf(5)
	});
	const done = (attempt = 1) => says({ kind: Kind.DONE, view: 3, attempt });
	const status = (term: number, attempt: number, lock?: LockReference) =>
		says({ kind: Kind.STATUS, view: term, attempt, digest: statusDigest(lock) });

	it.each<[string, LockReference | undefined]>([
		['none', undefined],
		['a lower one', lockAt(3, 0)],
		['one of an earlier term', lockAt(2, 9)]
	])('is evidence where a later Status shows %s', async (_what, lock) => {
		const evidence = hiddenLock(await done(), await status(3, 2, lock), lock);
		expect(check(evidence)).toMatchObject({ name: 'HiddenLock', offender: liar.id });
		expect(await hold(check(evidence).checks)).toBe(true);
	});

	it.each<[string, [number, number], LockReference | undefined]>([
		['shows that very lock', [3, 2], lockAt(3, 1)],
		['shows a higher one', [4, 0], lockAt(3, 2)],
		['is of the same ballot', [3, 1], undefined],
		['is of a lower ballot', [3, 0], undefined]
	])('is none where the Status %s', async (_what, [term, attempt], lock) => {
		expect(refusal(hiddenLock(await done(), await status(term, attempt, lock), lock))).toBe(
			'EvidenceInvalid'
		);
	});

	it('is none where the lock that is said is not the one that was signed', async () => {
		const shown = await status(3, 2, lockAt(3, 1));
		expect(refusal(hiddenLock(await done(), shown, undefined))).toBe('EvidenceInvalid');
		expect(refusal(hiddenLock(await done(), shown, lockAt(3, 0)))).toBe('EvidenceInvalid');
	});

	it.each<[string, Partial<Statement>]>([
		['two heights', { slot: 8 }],
		['two epochs', { epoch: 2 }],
		['two partitions', { partition: 2 }]
	])('is none over %s', async (_what, fields) => {
		const digest = statusDigest(undefined);
		const other = await says({ kind: Kind.STATUS, view: 3, attempt: 2, digest, ...fields });
		expect(refusal(hiddenLock(await done(), other, undefined))).toBe('EvidenceInvalid');
	});

	it('is none between what is no Done and no Status', async () => {
		const later = { view: 3, attempt: 2, digest: statusDigest(undefined) };
		for (const [first, second] of [
			[await says({ kind: Kind.SIGN, view: 3, attempt: 1 }), await status(3, 2)],
			[await done(), await says({ ...later, kind: Kind.SIGN })],
			[await says({ kind: Kind.SIGN, view: 3, attempt: 1 }), await says({ ...later, kind: Kind.SIGN })]
		])
			expect(refusal(hiddenLock(first!, second!, undefined))).toBe('EvidenceInvalid');
	});

	it('is none with a lock that is none', async () => {
		const evidence = hiddenLock(await done(), await status(3, 2), undefined);
		expect(refusal({ ...evidence, lock: Uint8Array.of(0xff) })).toBe('EvidenceInvalid');
	});
});

describe('an invalid proposal (R3)', () => {
	const body = (fields = {}) =>
		toBinary(
			TransactionBodySchema,
			create(TransactionBodySchema, {
				chainId: ledger.chainId,
				sender: digestOf(3),
				contract: 'transfer',
				function: 'transfer',
				nonce: new Uint8Array(16),
				...fields
			})
		);
	async function proposing(ids: Uint8Array[], fields: Partial<Proposal> = {}, by = liar): Promise<Signed> {
		const proposal = create(ProposalSchema, {
			chainId: ledger.chainId,
			partition: 1,
			epoch: 1,
			roundId: 7,
			transactionIds: joinHashes(ids),
			...fields
		});
		const payload = toBinary(ProposalSchema, proposal);
		return ledger.sign(by, { ...AT, kind: Kind.PRE_PREPARE, digest: proposalId(payload) }, payload);
	}

	it('is evidence where its form is none', async () => {
		for (const prePrepare of [
			await proposing([]),
			await proposing([digestOf(4), digestOf(4)]),
			await proposing([digestOf(4)], { roundId: 8 }),
			await proposing([digestOf(4)], { epoch: 2 }),
			await proposing([digestOf(4)], { chainId: ZERO_HASH })
		])
			expect(check(invalidProposal(prePrepare))).toMatchObject({
				name: 'ProposalInvalid',
				offender: liar.id
			});
	});

	it('is evidence of who does not lead', async () => {
		const { payload: _payload, ...prePrepare } = await proposing([digestOf(4)], {}, members[1]!);
		expect(refusal(invalidProposal({ ...prePrepare, payload: new Uint8Array(0) }))).toBe('none');
	});

	it('is evidence where it names a body that is no transaction', async () => {
		for (const bad of [
			Uint8Array.of(0xff),
			body({ chainId: ZERO_HASH }),
			body({ contract: '' }),
			body({ arguments: new Uint8Array(ledger.genesis.fields.maxTransactionBytes) })
		]) {
			const prePrepare = await proposing([taggedHash('transaction', bad)]);
			expect(refusal(invalidProposal(prePrepare, bad))).toBe('none');
		}
	});

	it('is none where the leader could not know better', async () => {
		const good = body();
		const prePrepare = await proposing([taggedHash('transaction', good)]);
		for (const evidence of [
			invalidProposal(prePrepare),
			invalidProposal(prePrepare, good),
			invalidProposal(prePrepare, Uint8Array.of(0xff)),
			invalidProposal({ ...prePrepare, payload: Uint8Array.of(1) }),
			invalidProposal(await says()),
			invalidProposal(await says({ kind: Kind.COMMIT }, members[1]!))
		])
			expect(refusal(evidence)).toBe('EvidenceInvalid');
	});

	it('names one bad transaction among good ones', async () => {
		const bad = body({ contract: '' });
		const ids = [digestOf(4), taggedHash('transaction', bad), digestOf(5)];
		expect(refusal(invalidProposal(await proposing(ids), bad))).toBe('none');
	});

	it('is none where it carries what proves nothing', async () => {
		const [more, bad] = [Uint8Array.of(1), body({ contract: '' })];
		const formless = await proposing([]);
		const named = await proposing([taggedHash('transaction', bad)]);
		const { payload, ...rest } = await proposing([digestOf(4)], {}, members[1]!);
		for (const evidence of [
			invalidProposal(formless, more),
			{ ...invalidProposal(formless), lock: more },
			{ ...invalidProposal(named, bad), lock: more },
			invalidProposal({ ...rest, payload }),
			invalidProposal({ ...rest, payload: new Uint8Array(0) }, more)
		])
			expect(refusal(evidence)).toBe('EvidenceInvalid');
	});

	it('is noticed in what comes: by its form, by who sends it, and by a body that it names', async () => {
		const [good, bad] = [body(), body({ contract: '' })];
		const formless = await proposing([]);
		const elsewhere = await proposing([digestOf(4)], {}, members[1]!);
		const naming = await proposing([taggedHash('transaction', good), taggedHash('transaction', bad)]);
		for (const [prePrepare, shown] of [[formless], [elsewhere], [naming, bad]] as const) {
			const evidence = proposalFault(prePrepare, context(), shown)!;
			expect(check(evidence)).toMatchObject({ name: 'ProposalInvalid', offender: toHex(prePrepare.sender) });
			expect(await hold(check(evidence).checks)).toBe(true);
			expect(evidence.first!.signature.buffer).not.toBe(prePrepare.signature.buffer);
		}
		for (const [prePrepare, shown] of [
			[naming],
			[naming, good],
			[naming, Uint8Array.of(0xff)],
			[{ ...formless, payload: Uint8Array.of(1) }],
			[{ ...formless, epoch: 9 }],
			[await says()],
			[await says({}, members[1]!)]
		] as const)
			expect(proposalFault(prePrepare, context(), shown)).toBeNull();
	});

	it('is bounded', async () => {
		const long = new Uint8Array(2000 * 32 + 257);
		const signed = await says({ kind: Kind.PRE_PREPARE, digest: proposalId(long) });
		expect(refusal(invalidProposal({ ...signed, payload: long }))).toBe('EvidenceInvalid');
		const longest = long.subarray(1);
		const within = await says({ kind: Kind.PRE_PREPARE, digest: proposalId(longest) });
		expect(refusal(invalidProposal({ ...within, payload: longest }))).toBe('none');
		const endless = body({ arguments: new Uint8Array(2 * 65_536) });
		const naming = await proposing([taggedHash('transaction', endless)]);
		expect(refusal(invalidProposal(naming, endless))).toBe('EvidenceInvalid');
	});
});

describe('what is remembered', () => {
	let watch: EvidenceWatch;
	beforeEach(() => {
		watch = new EvidenceWatch();
		watch.enter(members.map(({ id }) => id));
	});

	it('is held against what comes later', async () => {
		expect(watch.see(await says())).toBeNull();
		expect(watch.see(await says())).toBeNull();
		const other = await says({ digest: digestOf(2) });
		expect(watch.contradicts(other)).toBe(true);
		expect(refusal(watch.see(other)!)).toBe('none');
	});

	it.each(['the Done first', 'the Status first'])('finds a hidden lock, %s', async (order) => {
		const messages = [
			await says({ kind: Kind.DONE, view: 3 }),
			await says({ kind: Kind.STATUS, view: 3, attempt: 1, digest: statusDigest(undefined) })
		];
		if (order === 'the Status first') messages.reverse();
		expect(watch.see(messages[0]!)).toBeNull();
		expect(check(watch.see(messages[1]!)!).name).toBe('HiddenLock');
	});

	it.each<[string, [number, number], [number, number], LockReference | undefined, number]>([
		['of the same ballot', [3, 1], [3, 1], undefined, 7],
		['of a lower ballot', [3, 1], [3, 0], undefined, 7],
		['of another height', [3, 1], [3, 2], undefined, 8],
		['that shows the lock', [3, 1], [3, 2], lockOf(3, 1), 7],
		['that shows a higher one', [3, 1], [3, 3], lockOf(3, 2), 7]
	])('finds none in a Status %s', async (_what, [view, attempt], [term, later], lock, slot) => {
		const payload = lock ? proofOf(lock) : new Uint8Array(0);
		const statement = { kind: Kind.STATUS, view: term, attempt: later, slot, digest: statusDigest(lock) };
		const status = await ledger.sign(liar, { ...AT, ...statement }, payload);
		for (const messages of [
			[0, 1],
			[1, 0]
		]) {
			watch.enter(members.map(({ id }) => id));
			const both = [await says({ kind: Kind.DONE, view, attempt }), status];
			expect(messages.map((i) => watch.see(both[i]!))).toEqual([null, null]);
		}
	});

	it('finds a lock that is lower than the one that was Done on', async () => {
		const lock = lockOf(3, 0);
		const statement = { kind: Kind.STATUS, view: 3, attempt: 2, digest: statusDigest(lock) };
		const status = await ledger.sign(liar, { ...AT, ...statement }, proofOf(lock));
		watch.see(await says({ kind: Kind.DONE, view: 3, attempt: 1 }));
		expect(check(watch.see(status)!).name).toBe('HiddenLock');
	});

	it('holds the last ballots of a member against each other, and no more', async () => {
		const done = (attempt: number) => says({ kind: Kind.DONE, view: 3, attempt });
		for (let attempt = 0; attempt <= 16; attempt++) watch.see(await done(attempt));
		const hiding = (attempt: number, lock: LockReference | undefined) =>
			ledger.sign(
				liar,
				{ ...AT, kind: Kind.STATUS, view: 3, attempt, digest: statusDigest(lock) },
				lock ? proofOf(lock) : new Uint8Array(0)
			);
		// The Done of attempt 0 is forgotten, and that of 1 is not.
		expect(watch.see(await hiding(1, undefined))).toBeNull();
		expect(watch.see(await hiding(2, lockOf(3, 0)))).not.toBeNull();
	});

	it('says what a member has said in the place of another statement', async () => {
		const prePrepare = await says({ kind: Kind.PRE_PREPARE });
		watch.see(prePrepare);
		const prepare = await says({}, members[1]!);
		expect(watch.said(liar.id, Kind.PRE_PREPARE, prepare)).toEqual(prePrepare);
		expect(watch.said(liar.id, Kind.PREPARE, prepare)).toBeUndefined();
		expect(watch.said('nobody', Kind.PRE_PREPARE, prepare)).toBeUndefined();
	});

	it('is of who is a member now: who has gone is forgotten', async () => {
		watch.see(await says());
		watch.enter(members.slice(1).map(({ id }) => id));
		expect(watch.contradicts(await says({ digest: digestOf(2) }))).toBe(false);
		expect(watch.see(await says())).toBeNull();
		expect(watch.contradicts(await says({ digest: digestOf(2) }))).toBe(false);
	});

	it('is bounded: a flood makes this node forget what the flooder said, and nothing of anybody else', async () => {
		const [honest] = members.slice(1) as [TestMember];
		watch.see(await says({}, honest));
		for (let slot = 0; slot <= MAX_REMEMBERED; slot++) watch.see(await says({ slot: 100 + slot }));
		expect(watch.contradicts(await says({ slot: 100, digest: digestOf(2) }))).toBe(false);
		expect(watch.contradicts(await says({ slot: 101, digest: digestOf(2) }))).toBe(true);
		expect(watch.contradicts(await says({ digest: digestOf(2) }, honest))).toBe(true);
	});

	it('is of members alone, and of one epoch', async () => {
		const [stranger] = (await testMembers(1)) as [TestMember];
		watch.see(await says({}, stranger));
		expect(watch.contradicts(await says({ digest: digestOf(2) }, stranger))).toBe(false);
		watch.see(await says());
		watch.enter(members.map(({ id }) => id));
		expect(watch.contradicts(await says({ digest: digestOf(2) }))).toBe(false);
	});
});

describe('what is held', () => {
	it('is the first against each member, survives a restart, and goes when the ledger has it', async () => {
		const book = new EvidenceBook();
		const evidence = doubleVote(await says(), await says({ digest: digestOf(2) }));
		const records = book.add(liar.id, evidence)!;
		expect(book.add(liar.id, evidence)).toBeNull();
		const again = new EvidenceBook();
		const others = { key: 'order/1', value: Uint8Array.of(0xff) };
		again.restore([others, ...records.map(({ key, value }) => ({ key, value: value! }))]);
		expect(again.list().map(([offender, held]) => [offender, refusal(held)])).toEqual([[liar.id, 'none']]);
		expect(again.forget(liar.id)).toEqual([{ key: records[0]!.key, value: null }]);
		expect([again.has(liar.id), again.forget(liar.id)]).toEqual([false, []]);
		for (let i = 0; i < MAX_ACCUSED; i++) again.add(String(i), evidence);
		expect(again.add('one more', evidence)).toBeNull();
	});
});

describe('an eviction for evidence', () => {
	const evictionOf = (evidence: Evidence, member = liar, silences: Signed[] = []): MembershipChange =>
		ledger.change(1, {
			evictions: [{ $typeName: 'tabwave.v1.Eviction', member: member.signer.publicKey, silences, evidence }]
		});
	const reason = (change: MembershipChange): string =>
		reasonOf(() => checkMembershipChange(change, ledger.membershipContext()));
	let evidence: Evidence;
	beforeEach(async () => {
		evidence = doubleVote(await says(), await says({ digest: digestOf(2) }));
	});

	it('needs no declarations, and every voter checks its two signatures', async () => {
		const change = evictionOf(evidence);
		expect(reason(change)).toBe('none');
		const checks = membershipSignatures(change, ledger.operator.signer.publicKey, ledger.chainId);
		expect(checks).toHaveLength(2);
		expect(await hold(checks)).toBe(true);
		const forged = { ...evidence, second: { ...evidence.second!, signature: new Uint8Array(64) } };
		expect(
			await hold(membershipSignatures(evictionOf(forged), ledger.operator.signer.publicKey, ledger.chainId))
		).toBe(false);
	});

	it('is refused where it is of another member, or declared as well', async () => {
		expect(reason(evictionOf(evidence, members[1]!))).toBe('MembershipInvalid');
		const silences = [await ledger.silence(members[1]!, liar, 1)];
		expect(reason(evictionOf(evidence, liar, silences))).toBe('MembershipInvalid');
		expect(reason(evictionOf({ ...evidence, second: evidence.first }))).toBe('EvidenceInvalid');
	});

	it('bans the key: it joins no partition any more', async () => {
		await ledger.commit(membershipEntry(evictionOf(evidence)));
		expect(ledger.chain.state.get(banKey(liar.id))).toBeDefined();
		for (const partition of [1, 2])
			expect(reason(ledger.change(partition, { joins: [await ledger.join(liar, partition)] }))).toBe(
				'KeyBanned'
			);
	});

	it('may come with joins and leaves, and with the eviction of the silent', async () => {
		const [newcomer] = (await testMembers(1)) as [TestMember];
		const silences = await Promise.all([0, 1, 3].map((i) => ledger.silence(members[i]!, members[2]!, 1)));
		const change = ledger.change(1, {
			joins: [await ledger.join(newcomer, 1)],
			leaves: [await ledger.leave(members[1]!, 1)],
			evictions: [
				{ $typeName: 'tabwave.v1.Eviction', member: liar.signer.publicKey, silences: [], evidence },
				{ $typeName: 'tabwave.v1.Eviction', member: members[2]!.signer.publicKey, silences }
			]
		});
		expect(reason(change)).toBe('none');
		await ledger.commit(membershipEntry(change));
		expect(ledger.members(1).map(({ id }) => id)).toEqual([members[3]!.id, newcomer.id].sort());
	});
});
