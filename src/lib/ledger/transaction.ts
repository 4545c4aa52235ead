/** Transactions: form, id, signature. What depends on the chain's height is checked where it is executed. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { taggedHash } from '../crypto/hash.ts';
import { equalBytes, toHex } from '../crypto/hex.ts';
import type { Verification } from '../crypto/suite.ts';
import {
	TransactionBodySchema,
	TransactionSchema,
	type TransactionBody
} from '../wire/gen/tabwave/v1/ledger_pb.js';
import { LedgerError } from './errors.ts';

export const NONCE_BYTES = 16;
export const KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;
/** Contract and function names are identifiers; this bound keeps indexes and receipts small. */
export const MAX_NAME_LENGTH = 40;

export interface ParsedTransaction {
	/** Lower-case hex of the hash of the body. */
	id: string;
	idBytes: Uint8Array;
	/** Account: lower-case hex of the sender's key. */
	sender: string;
	body: TransactionBody;
	signature: Uint8Array;
	/** Transaction as received. */
	bytes: Uint8Array;
}

/**
 * Reads a transaction and checks its form. Its signature is {@link transactionCheck}'s.
 * @param chainId 32 bytes
 * @throws LedgerError `TransactionMalformed`, `TransactionTooLarge`, `OtherChain`
 */
export function parseTransaction(
	bytes: Uint8Array,
	chainId: Uint8Array,
	maxBytes: number
): ParsedTransaction {
	if (bytes.length > maxBytes)
		throw new LedgerError(
			'TransactionTooLarge',
			`a transaction of ${bytes.length} bytes; at most ${maxBytes} are allowed`
		);
	let bodyBytes: Uint8Array, signature: Uint8Array, body: TransactionBody;
	try {
		({ body: bodyBytes, signature } = fromBinary(TransactionSchema, bytes, { readUnknownFields: false }));
		body = fromBinary(TransactionBodySchema, bodyBytes, { readUnknownFields: false });
	} catch (cause) {
		throw new LedgerError('TransactionMalformed', `not a transaction: ${(cause as Error).message}`);
	}
	if (body.sender.length !== KEY_BYTES) throw malformed('the sender is not a key of 32 bytes');
	if (signature.length !== SIGNATURE_BYTES) throw malformed('the signature is not 64 bytes');
	if (body.nonce.length !== NONCE_BYTES) throw malformed('the nonce is not 16 bytes');
	if (!isName(body.contract) || !isName(body.function))
		throw malformed('contract and function must be short names');
	if (!equalBytes(body.chainId, chainId))
		throw new LedgerError('OtherChain', 'the transaction was signed for another chain');
	const idBytes = taggedHash('transaction', bodyBytes);
	return { id: toHex(idBytes), idBytes, sender: toHex(body.sender), body, signature, bytes };
}

/** The body of what may have no valid form, by which a proposal names it; null where there is none. */
export function namedBody(bytes: Uint8Array): { id: string; body: Uint8Array } | null {
	try {
		const { body } = fromBinary(TransactionSchema, bytes, { readUnknownFields: false });
		return { id: toHex(taggedHash('transaction', body)), body };
	} catch {
		return null;
	}
}

/** What a verifier must check before anyone may vote for the transaction. */
export function transactionCheck(transaction: ParsedTransaction): Verification {
	return {
		publicKey: transaction.body.sender,
		message: signingMessage(transaction.idBytes),
		signature: transaction.signature
	};
}

export interface TransactionRequest {
	chainId: Uint8Array;
	contract: string;
	function: string;
	arguments: Uint8Array;
	/** 16 random bytes. */
	nonce: Uint8Array;
	expiryHeight: number;
}

/** A transaction before its signature: the body's bytes, and the message that its sender signs. */
export function unsignedTransaction(
	sender: Uint8Array,
	request: TransactionRequest
): { body: Uint8Array; message: Uint8Array } {
	const body = toBinary(TransactionBodySchema, create(TransactionBodySchema, { ...request, sender }));
	return { body, message: signingMessage(taggedHash('transaction', body)) };
}

/** @returns an encoded Transaction */
export function signedTransaction(body: Uint8Array, signature: Uint8Array): Uint8Array {
	return toBinary(TransactionSchema, create(TransactionSchema, { body, signature }));
}

const SIGNATURE_DOMAIN = new TextEncoder().encode('tabwave/v1/transaction-signature\0');

/** What a sender signs: the id behind a domain. The id is a hash already, and Ed25519 hashes again. */
function signingMessage(idBytes: Uint8Array): Uint8Array {
	const message = new Uint8Array(SIGNATURE_DOMAIN.length + idBytes.length);
	message.set(SIGNATURE_DOMAIN);
	message.set(idBytes, SIGNATURE_DOMAIN.length);
	return message;
}

function isName(name: string): boolean {
	return name.length > 0 && name.length <= MAX_NAME_LENGTH && /^[A-Za-z][A-Za-z0-9-]*$/.test(name);
}

function malformed(what: string): LedgerError {
	return new LedgerError('TransactionMalformed', `not a transaction: ${what}`);
}
