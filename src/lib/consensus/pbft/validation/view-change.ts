/** R6: a ViewChange is light. It names a view and carries nothing. */
import type { Verification } from '../../../crypto/suite.ts';
import type { Signed } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import { Kind, signedCheck } from '../../statement.ts';
import { checkSigned, malformed, type ViewContext } from './context.ts';

/** @throws LedgerError `MessageMalformed`, `NotMember` */
export function checkViewChange(signed: Signed, context: ViewContext): Verification[] {
	checkSigned(signed, Kind.VIEW_CHANGE, context);
	if (signed.slot !== 0 || signed.payload.length > 0 || signed.digest.some((byte) => byte !== 0))
		throw malformed('a ViewChange says more than its view');
	return [signedCheck(context.chain.chainId, signed)];
}
