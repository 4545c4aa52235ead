/** For tests: accounts with a name, and transactions of theirs. */
import { taggedHash } from '../../crypto/hash.ts';
import { toHex } from '../../crypto/hex.ts';
import {
	parseTransaction,
	SIGNATURE_BYTES,
	signedTransaction,
	unsignedTransaction,
	type ParsedTransaction,
	type TransactionRequest
} from '../transaction.ts';

export const TEST_CHAIN_ID = new Uint8Array(32).fill(7);

/** The same name gives the same key. */
export function keyOf(name: string): Uint8Array {
	return taggedHash('test-account', new TextEncoder().encode(name));
}

export function accountOf(name: string): string {
	return toHex(keyOf(name));
}

let made = 0;

/** With a nonce of its own unless one is given, and a signature that says nothing: execution asks for none. */
export function transactionOf(
	sender: string,
	call: Pick<TransactionRequest, 'contract' | 'function'> & Partial<TransactionRequest>
): ParsedTransaction {
	const nonce = new Uint8Array(16);
	new DataView(nonce.buffer).setUint32(0, ++made);
	const { body } = unsignedTransaction(keyOf(sender), {
		chainId: TEST_CHAIN_ID,
		arguments: new Uint8Array(0),
		nonce,
		expiryHeight: 100,
		...call
	});
	const bytes = signedTransaction(body, new Uint8Array(SIGNATURE_BYTES));
	return parseTransaction(bytes, TEST_CHAIN_ID, 100_000);
}

/** The stable name of what `run` throws, as receipts, counters and people see it. */
export function reasonOf(run: () => unknown): string {
	try {
		run();
		return 'none';
	} catch (error) {
		const { reason, code, rule, name } = error as Record<string, string | undefined>;
		return reason ?? code ?? rule ?? name ?? String(error);
	}
}
