import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { taggedHash } from '../crypto/hash.ts';
import { toHex } from '../crypto/hex.ts';
import { openSuite } from '../crypto/open-suite.ts';
import type { Signer, Suite } from '../crypto/suite.ts';
import { TransactionBodySchema, TransactionSchema } from '../wire/gen/tabwave/v1/ledger_pb.js';
import { anyBytes } from '../wire/mutated-bytes.ts';
import { LedgerError } from './errors.ts';
import { reasonOf, TEST_CHAIN_ID } from './testing/transactions.ts';
import {
	MAX_NAME_LENGTH,
	namedBody,
	parseTransaction,
	signedTransaction,
	transactionCheck,
	unsignedTransaction
} from './transaction.ts';

fc.configureGlobal({ seed: 26 });

const MAX_BYTES = 4096;
let suite: Suite;
let signer: Signer;
let sound: Uint8Array;

beforeAll(async () => {
	suite = await openSuite('ed25519-sha256');
	signer = await suite.signer(new Uint8Array(32).fill(1));
	sound = await signed();
});

const request = {
	chainId: TEST_CHAIN_ID,
	contract: 'transfer',
	function: 'transfer',
	arguments: Uint8Array.of(1, 2, 3),
	nonce: new Uint8Array(16).fill(9),
	expiryHeight: 77
};

async function signed(fields: Partial<typeof request> = {}): Promise<Uint8Array> {
	const { body, message } = unsignedTransaction(signer.publicKey, { ...request, ...fields });
	return signedTransaction(body, await signer.sign(message));
}

/** Not as an honest sender would make it: any field may have any size. */
function forged(
	body: Partial<typeof request & { sender: Uint8Array }> = {},
	signature: Uint8Array = new Uint8Array(64)
): Uint8Array {
	const bytes = toBinary(
		TransactionBodySchema,
		create(TransactionBodySchema, { ...request, sender: signer.publicKey, ...body })
	);
	return toBinary(TransactionSchema, create(TransactionSchema, { body: bytes, signature }));
}

const parse = (bytes: Uint8Array, maxBytes = MAX_BYTES) => parseTransaction(bytes, TEST_CHAIN_ID, maxBytes);

describe('a transaction', () => {
	it('is read as it was signed', async () => {
		const transaction = parse(sound);
		expect(transaction.sender).toBe(toHex(signer.publicKey));
		expect(transaction.bytes).toBe(sound);
		expect(transaction.body).toMatchObject(request);
		expect(transaction.id).toBe(toHex(transaction.idBytes));
		expect(await suite.verify(transactionCheck(transaction))).toBe(true);
	});

	it('without a valid form still has the body by which a proposal names it', () => {
		const nameless = forged({ contract: '' });
		const { id, body } = namedBody(nameless)!;
		expect([reasonOf(() => parse(nameless)), id]).toEqual([
			'TransactionMalformed',
			toHex(taggedHash('transaction', body))
		]);
		expect(namedBody(sound)!.id).toBe(parse(sound).id);
		expect(namedBody(Uint8Array.of(0xff))).toBeNull();
	});

	it('has the hash of its body as its id, which no signature changes', () => {
		const { body, message } = unsignedTransaction(signer.publicKey, request);
		expect(parse(sound).idBytes).toEqual(taggedHash('transaction', body));
		expect(parse(forged({}, new Uint8Array(64).fill(5))).id).toBe(parse(sound).id);
		expect(new TextDecoder().decode(message.subarray(0, -32))).toBe('tabwave/v1/transaction-signature\0');
		expect(message.subarray(-32)).toEqual(parse(sound).idBytes);
	});

	it('has another id for each field that differs', async () => {
		const others = await Promise.all([
			signed(),
			signed({ contract: 'spectrum' }),
			signed({ function: 'other' }),
			signed({ arguments: Uint8Array.of(1, 2, 4) }),
			signed({ nonce: new Uint8Array(16).fill(8) }),
			signed({ expiryHeight: 78 })
		]);
		expect(new Set(others.map((bytes) => parse(bytes).id)).size).toBe(others.length);
	});

	it('holds only with the signature of its sender over its body', async () => {
		const other = await suite.signer(new Uint8Array(32).fill(2));
		const { body, message } = unsignedTransaction(signer.publicKey, request);
		const holds = async (bytes: Uint8Array): Promise<boolean> => suite.verify(transactionCheck(parse(bytes)));
		expect(await holds(signedTransaction(body, await other.sign(message)))).toBe(false);
		expect(await holds(signedTransaction(body, await signer.sign(body)))).toBe(false);
		expect(await holds(forged({ expiryHeight: 78 }, parse(sound).signature))).toBe(false);
		expect(await holds(forged({ sender: other.publicKey }, parse(sound).signature))).toBe(false);
		expect(await holds(forged({}, parse(sound).signature))).toBe(true);
	});
});

describe('what is no transaction is refused by name', () => {
	const key = (length: number) => new Uint8Array(length).fill(3);

	it.each<[string, () => Uint8Array, string, string]>([
		['no bytes', () => new Uint8Array(0), 'TransactionMalformed', 'sender'],
		['no protobuf', () => Uint8Array.of(0xff, 0xff), 'TransactionMalformed', 'not a transaction'],
		[
			'a body that is none',
			() => toBinary(TransactionSchema, create(TransactionSchema, { body: Uint8Array.of(0xff) })),
			'TransactionMalformed',
			'not a transaction'
		],
		['a short sender', () => forged({ sender: key(31) }), 'TransactionMalformed', 'sender'],
		['a long sender', () => forged({ sender: key(33) }), 'TransactionMalformed', 'sender'],
		['a short signature', () => forged({}, key(63)), 'TransactionMalformed', 'signature'],
		['a long signature', () => forged({}, key(65)), 'TransactionMalformed', 'signature'],
		['a short nonce', () => forged({ nonce: key(15) }), 'TransactionMalformed', 'nonce'],
		['a long nonce', () => forged({ nonce: key(17) }), 'TransactionMalformed', 'nonce'],
		['no contract', () => forged({ contract: '' }), 'TransactionMalformed', 'names'],
		['no function', () => forged({ function: '' }), 'TransactionMalformed', 'names'],
		['a contract with a path in it', () => forged({ contract: 'a/b' }), 'TransactionMalformed', 'names'],
		['a function with a space', () => forged({ function: 'a b' }), 'TransactionMalformed', 'names'],
		['a name that begins with a digit', () => forged({ function: '1a' }), 'TransactionMalformed', 'names'],
		['a name that ends in a line break', () => forged({ function: 'a\n' }), 'TransactionMalformed', 'names'],
		['a name beyond ASCII', () => forged({ function: 'é' }), 'TransactionMalformed', 'names'],
		[
			'a name that is too long',
			() => forged({ contract: 'a'.repeat(MAX_NAME_LENGTH + 1) }),
			'TransactionMalformed',
			'names'
		],
		['another chain', () => forged({ chainId: key(32) }), 'OtherChain', 'another chain'],
		['no chain', () => forged({ chainId: new Uint8Array(0) }), 'OtherChain', 'another chain']
	])('%s', (_what, make, reason, message) => {
		expect(reasonOf(() => parse(make()))).toBe(reason);
		expect(() => parse(make())).toThrow(message);
		expect(() => parse(make())).toThrow(LedgerError);
	});

	it('the longest name, and one with digits and dashes, are names', () => {
		expect(parse(forged({ contract: 'a'.repeat(MAX_NAME_LENGTH) })).body.contract).toHaveLength(
			MAX_NAME_LENGTH
		);
		expect(parse(forged({ function: 'Z9-a-' })).body.function).toBe('Z9-a-');
	});

	it('one byte past the bound, and nothing of it is read', () => {
		expect(parse(sound, sound.length).bytes).toHaveLength(sound.length);
		expect(reasonOf(() => parse(sound, sound.length - 1))).toBe('TransactionTooLarge');
		expect(() => parse(new Uint8Array(5000))).toThrow(
			'a transaction of 5000 bytes; at most 4096 are allowed'
		);
	});

	it('bytes from anybody: a named refusal, or a transaction that holds exactly where its body is untouched', async () => {
		const { id } = parse(sound);
		const count = { read: 0, refused: 0, held: 0 };
		await fc.assert(
			fc.asyncProperty(anyBytes(fc.constant(sound)), async (bytes) => {
				let transaction;
				try {
					transaction = parse(bytes);
				} catch (error) {
					expect(error).toBeInstanceOf(LedgerError);
					expect(['TransactionMalformed', 'OtherChain']).toContain((error as LedgerError).reason);
					count.refused += 1;
					return;
				}
				count.read += 1;
				// Hashing what was received, and never what was read: reading it again gives the same.
				expect(parse(transaction.bytes.slice())).toEqual(transaction);
				if (await suite.verify(transactionCheck(transaction))) {
					count.held += 1;
					expect(transaction.id).toBe(id);
				}
			}),
			{ numRuns: 3000 }
		);
		expect(count.refused).toBeGreaterThan(1000);
		expect(count.read).toBeGreaterThan(count.held);
		expect(count.held).toBeGreaterThan(500);
	});
});
