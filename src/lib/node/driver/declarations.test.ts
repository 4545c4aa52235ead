import { fromBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { JOIN_VALID_HEIGHTS } from '../../consensus/membership/change.ts';
import { Kind, payloadDigest, type Statement } from '../../consensus/statement.ts';
import type { TestMember } from '../../consensus/testing/members.ts';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { toHex } from '../../crypto/hex.ts';
import { JoinRequestSchema } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { Peers } from '../peers/peers.ts';
import { DECLARATION_REPEAT_MS, Declarations } from './declarations.ts';

const GRACE_MS = 20_000;
let ledger: TestLedger;
let members: TestMember[];
let peers: Peers;
let declared: { statement: Statement; payload?: Uint8Array }[];

beforeEach(async () => {
	ledger = await TestLedger.found([3, 0]);
	members = ledger.members(1);
	peers = new Peers();
	declared = [];
});

const declarationsOf = (self: string) =>
	new Declarations({
		chain: ledger.chain,
		self,
		peers,
		evictionGraceMs: GRACE_MS,
		declare: (statement, payload) => declared.push({ statement, payload })
	});

describe('joining and leaving', () => {
	it('asks for a seat with all that the voters need, for some heights', async () => {
		const invitation = await ledger.invitation();
		declarationsOf('stranger').join(2, 'Ada', invitation);
		const [{ statement, payload }] = declared as [{ statement: Statement; payload: Uint8Array }];
		expect(statement).toMatchObject({ kind: Kind.JOIN, partition: 2, epoch: 0 });
		expect(statement.slot).toBe(ledger.chain.head.height + JOIN_VALID_HEIGHTS / 2);
		expect(statement.digest).toEqual(payloadDigest(payload));
		expect(fromBinary(JoinRequestSchema, payload)).toMatchObject({ nickname: 'Ada', invitation });
	});

	it('gives up a seat, which only a member has', () => {
		declarationsOf('stranger').leave();
		expect(declared).toEqual([]);
		declarationsOf(members[0]!.id).leave();
		expect(declared.map(({ statement }) => statement)).toMatchObject([
			{ kind: Kind.LEAVE, partition: 1, epoch: 1 }
		]);
	});
});

describe('R22: silence', () => {
	const silent = () => declared.map(({ statement }) => toHex(statement.digest));

	it('is declared of who is not heard for the grace, counted from the epoch on, and again while it lasts', () => {
		const declarations = declarationsOf(members[0]!.id);
		declarations.epochBegun(1000);
		peers.heard(members[1]!.id, 1000);
		declarations.silences(GRACE_MS + 999);
		expect(declared).toEqual([]);
		peers.heard(members[1]!.id, 1001);
		declarations.silences(GRACE_MS + 1000);
		expect(silent()).toEqual([members[2]!.id]);
		expect(declared[0]!.statement).toMatchObject({
			kind: Kind.SILENCE,
			partition: 1,
			epoch: 1,
			slot: ledger.chain.head.height
		});
		declarations.silences(GRACE_MS + 1001);
		expect(silent()).toEqual([members[2]!.id, members[1]!.id]);
		declarations.silences(GRACE_MS + 999 + DECLARATION_REPEAT_MS);
		expect(declared).toHaveLength(2);
		declarations.silences(GRACE_MS + 1000 + DECLARATION_REPEAT_MS);
		expect(declared).toHaveLength(3);
	});

	it('counts anew in each epoch', () => {
		const declarations = declarationsOf(members[0]!.id);
		declarations.epochBegun(0);
		declarations.silences(GRACE_MS);
		expect(declared).toHaveLength(2);
		declarations.epochBegun(GRACE_MS + 1);
		declarations.silences(2 * GRACE_MS);
		expect(declared).toHaveLength(2);
		declarations.silences(2 * GRACE_MS + 1);
		expect(declared).toHaveLength(4);
	});

	it('is not declared by who is no member', () => {
		const declarations = declarationsOf('stranger');
		declarations.silences(10 * GRACE_MS);
		expect(declared).toEqual([]);
	});
});
