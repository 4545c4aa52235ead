/** What the validators of this folder check a message against: the partition in its present epoch, and the ledger so far. */
import type { Chain } from '../../ordering/chain.ts';
import { LedgerError } from '../../../ledger/errors.ts';
import type { Signed } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import { equalBytes, toHex } from '../../../crypto/hex.ts';
import { isWellFormed, payloadDigest, type Kind } from '../../statement.ts';
import type { PartitionView } from '../../topology.ts';

export interface ViewContext {
	chain: Pick<Chain, 'chainId' | 'genesis' | 'topology' | 'head'>;
	/** In its present epoch. */
	partition: PartitionView;
}

/** @throws LedgerError `MessageMalformed`, `NotMember` */
export function checkSigned(signed: Signed | undefined, kind: Kind, { partition }: ViewContext): Signed {
	if (!signed || !isWellFormed(signed) || signed.kind !== kind || signed.attempt !== 0)
		throw malformed('a message of a view change has fields of wrong size');
	if (signed.partition !== partition.id || signed.epoch !== partition.epoch)
		throw malformed('a message of a view change belongs to another epoch');
	// View 0 needs nobody to change to it.
	if (signed.view === 0) throw malformed('a view change to view 0');
	if (!partition.members.includes(toHex(signed.sender)))
		throw new LedgerError('NotMember', 'a message of a view change is from who is no member');
	return signed;
}

/** @throws LedgerError `MessageMalformed` */
export function checkPayload(signed: Signed): void {
	if (!equalBytes(payloadDigest(signed.payload), signed.digest))
		throw malformed('a message of a view change carries another payload than was signed');
}

export function malformed(why: string): LedgerError {
	return new LedgerError('MessageMalformed', why);
}
