/** What a step of the lower tier asks for, beside what every core asks for. */
import type { BlockCertificate } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { LeaderChange } from '../../wire/gen/tabwave/v1/view_change_pb.js';
import { noEffects, type Effects } from '../effects.ts';

/** A round that this member holds a certificate for. */
export interface CertifiedRound {
	roundId: number;
	proposal: Uint8Array;
	transactionIds: string[];
	certificate: BlockCertificate;
}

export interface PbftEffects extends Effects {
	/** Rounds of which this member now holds certificate, proposal and bodies. */
	certified: CertifiedRound[];
	/** R9: ids of certified blocks that the leader hands to the Booter, in order. */
	handUp: string[];
	/** A block certificate was formed or learned (R8). */
	hasProgressed: boolean;
	/** R6: this member has joined a view: whom its votes of the upper tier go to has changed. */
	hasJoined: boolean;
	/** A view has begun with this LeaderChange; its leader reports it to the Booter. */
	begun: LeaderChange | null;
}

export function noPbftEffects(): PbftEffects {
	return { ...noEffects(), certified: [], handUp: [], hasProgressed: false, hasJoined: false, begun: null };
}
