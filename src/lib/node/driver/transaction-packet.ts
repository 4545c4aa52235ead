/** Bodies of transactions on their way from a pool to another. */
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import type { Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';

export function transactionPacket(transactions: readonly ParsedTransaction[]): Packet['body'] {
	return {
		case: 'transactions',
		value: {
			$typeName: 'tabwave.v1.TransactionBatch',
			transactions: transactions.map((transaction) => transaction.bytes)
		}
	};
}
