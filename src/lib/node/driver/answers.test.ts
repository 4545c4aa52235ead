import { create } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CertifiedBody } from '../../consensus/ordering/certified-block.ts';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { joinHashes, MAX_BLOCK_BODY_BYTES } from '../../ledger/block.ts';
import { transactionOf } from '../../ledger/testing/transactions.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import type { MemoryLedgerStore } from '../../storage/memory-ledger-store.ts';
import { SyncRequestSchema, type Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { storeOf } from '../testing/stored-ledger.ts';
import { Answers } from './answers.ts';
import { CertifiedBodies } from './certified-bodies.ts';
import { Pool } from './pool.ts';

const PROPOSAL = Uint8Array.of(1, 2, 3);
let ledger: TestLedger;
let store: MemoryLedgerStore;
let pool: Pool;
let bodies: CertifiedBodies;
let body: CertifiedBody;
let sent: { to: string; packet: Packet['body'] }[];
let halted: Error[];
let answers: Answers;

beforeEach(async () => {
	ledger = await TestLedger.found([1], { maxTransactionsPerBlock: 2 });
	await ledger.grow();
	store = await storeOf(ledger);
	pool = new Pool();
	bodies = new CertifiedBodies();
	body = await ledger.certified(1, [await ledger.transaction(ledger.members(1)[0]!)]);
	bodies.add(body);
	[sent, halted] = [[], []];
	answers = new Answers({
		chain: ledger.chain,
		store,
		pool,
		bodies,
		proposal: (blockId) => (blockId === '05' ? PROPOSAL : null),
		headersOnlyTo: () => 0,
		send: (to, packet) => sent.push({ to, packet }),
		halt: (error) => halted.push(error)
	});
});

/** Reads of the disk have ended. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('who asks', () => {
	it('for a proposal has it, where this member voted on it', () => {
		const ask = (id: number) =>
			answers.answer('bob', {
				case: 'proposalRequest',
				value: { $typeName: 'tabwave.v1.ProposalRequest', blockId: Uint8Array.of(id) }
			});
		ask(4);
		expect(sent).toEqual([]);
		ask(5);
		expect(sent).toMatchObject([
			{ to: 'bob', packet: { case: 'proposalResponse', value: { proposal: PROPOSAL } } }
		]);
	});

	it('for bodies has those that are here, as many as a block takes in number and in bytes', () => {
		const make = (argumentBytes = 0) =>
			transactionOf('ada', {
				contract: 'transfer',
				function: 'transfer',
				arguments: new Uint8Array(argumentBytes)
			});
		const [one, two, three, unknown] = [make(), make(), make(), make()] as const;
		const large = { ...make(), bytes: new Uint8Array(MAX_BLOCK_BODY_BYTES) };
		for (const transaction of [one, two, three, large]) pool.add(transaction, 0);
		const ask = (...transactions: ParsedTransaction[]) =>
			answers.answer('bob', {
				case: 'bodyRequest',
				value: {
					$typeName: 'tabwave.v1.BodyRequest',
					transactionIds: joinHashes(transactions.map(({ idBytes }) => idBytes))
				}
			});
		const given = () => sent.map(({ packet }) => packet.case === 'transactions' && packet.value.transactions);
		ask(unknown);
		expect(sent).toEqual([]);
		ask(unknown, two);
		ask(one, two, three);
		ask(one, large);
		expect(given()).toEqual([[two.bytes], [one.bytes, two.bytes], [one.bytes]]);
	});

	it('for a certified block has it with the certificate that it names (R12)', () => {
		const ask = (view: number) =>
			answers.answer('bob', {
				case: 'certifiedBlockRequest',
				value: { $typeName: 'tabwave.v1.CertifiedBlockRequest', blockId: body.idBytes, view }
			});
		ask(body.certificate.view + 1);
		expect(sent).toEqual([]);
		ask(body.certificate.view);
		expect(sent).toMatchObject([
			{ packet: { case: 'certifiedBlock', value: { certificate: body.certificate } } }
		]);
	});

	it('for final blocks has them from the disk; a store that is lost stops the node', async () => {
		const value = create(SyncRequestSchema, { requestId: 7, fromHeight: 1, maxBlocks: 20 });
		answers.answer('bob', { case: 'syncRequest', value });
		await settled();
		expect(sent).toMatchObject([
			{ to: 'bob', packet: { case: 'syncResponse', value: { requestId: 7, blocks: ledger.blocks } } }
		]);
		store.crash();
		answers.answer('bob', { case: 'syncRequest', value });
		await settled();
		expect(sent).toHaveLength(1);
		expect(halted).toHaveLength(1);
	});

	it('nothing hears nothing', async () => {
		answers.answer('bob', { case: undefined });
		await settled();
		expect([sent, halted]).toEqual([[], []]);
	});
});
