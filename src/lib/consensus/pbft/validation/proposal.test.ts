import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { proposalId } from '../../../ledger/block.ts';
import { GENESIS_DEFAULTS } from '../../../ledger/genesis.ts';
import { ProposalSchema, type Genesis } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import { TEST_CHAIN_ID } from '../../testing/members.ts';
import { readProposal } from './proposal.ts';

const INIT = {
	chainId: TEST_CHAIN_ID,
	partition: 1,
	epoch: 1,
	genesis: { ...GENESIS_DEFAULTS, maxTransactionsPerBlock: 3 } as unknown as Genesis
};
const ids = (...letters: string[]): Uint8Array =>
	Uint8Array.from(letters.flatMap((letter) => Array<number>(32).fill(letter.charCodeAt(0))));

function proposal(fields: Partial<Parameters<typeof create<typeof ProposalSchema>>[1]> = {}): Uint8Array {
	return toBinary(
		ProposalSchema,
		create(ProposalSchema, {
			chainId: TEST_CHAIN_ID,
			partition: 1,
			epoch: 1,
			roundId: 5,
			transactionIds: ids('a', 'b'),
			...fields
		})
	);
}

function read(bytes: Uint8Array, roundId = 5): string[] | null {
	return readProposal(bytes, proposalId(bytes), roundId, INIT);
}

describe('R3: a proposal', () => {
	it('names its transactions in order', () => {
		expect(read(proposal())).toEqual(['61'.repeat(32), '62'.repeat(32)]);
	});

	it('is the one that its id says', () => {
		expect(readProposal(proposal(), new Uint8Array(32), 5, INIT)).toBeNull();
	});

	it.each([
		['another chain', { chainId: new Uint8Array(32) }],
		['another partition', { partition: 2 }],
		['another epoch', { epoch: 2 }],
		['another round', { roundId: 6 }],
		['no transactions', { transactionIds: new Uint8Array(0) }],
		['half an id', { transactionIds: new Uint8Array(48) }],
		['a transaction twice', { transactionIds: ids('a', 'a') }],
		['more transactions than a block holds', { transactionIds: ids('a', 'b', 'c', 'd') }]
	])('is refused with %s', (_name, fields) => {
		expect(read(proposal(fields))).toBeNull();
	});

	it('is refused where it is none', () => {
		expect(read(new Uint8Array(40).fill(255))).toBeNull();
	});
});
