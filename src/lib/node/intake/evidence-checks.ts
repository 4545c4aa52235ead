/** Checks of evidence from other nodes (R24): what is no news costs nothing, and what is costs its two signatures at most. */
import {
	checkEvidence,
	decodeEvidence,
	encodeEvidence,
	ONCE,
	type CheckedEvidence
} from '../../consensus/evidence/evidence.ts';
import { evidenceContext } from '../../consensus/membership/change.ts';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { isWellFormed, signedCheck } from '../../consensus/statement.ts';
import { toHex } from '../../crypto/hex.ts';
import { LedgerError } from '../../ledger/errors.ts';
import type { Evidence, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { EvidenceKeeper } from '../driver/evidence-keeper.ts';
import type { NodeInput } from './inputs.ts';
import type { Verifier } from './verifier.ts';

/**
 * Evidence whose signatures hold, in bytes of its own.
 * @throws LedgerError `EvidenceInvalid`, `SignatureInvalid`
 */
export async function holdEvidence(
	evidence: Evidence,
	chain: Chain,
	verifier: Verifier
): Promise<CheckedEvidence & { evidence: Evidence }> {
	const { state, genesis, chainId } = chain;
	const checked = checkEvidence(evidence, evidenceContext({ state, genesis: genesis.fields, chainId }));
	if (!(await verifier.verifyAll(checked.checks)))
		throw new LedgerError('SignatureInvalid', 'a signature in evidence does not hold');
	return { ...checked, evidence: decodeEvidence(encodeEvidence(evidence)) };
}

type KnownVotes = Pick<EvidenceKeeper, 'isNews' | 'contradicts' | 'isWorthKeeping'>;

export class EvidenceChecks {
	readonly #chain: Chain;
	readonly #verifier: Verifier;
	readonly #keeper: KnownVotes;

	constructor(chain: Chain, verifier: Verifier, keeper: KnownVotes) {
		this.#chain = chain;
		this.#verifier = verifier;
		this.#keeper = keeper;
	}

	async evidence(evidence: Evidence): Promise<NodeInput | null> {
		if (!evidence.first || !this.#keeper.isNews(toHex(evidence.first.sender))) return null;
		const { offender, evidence: held } = await holdEvidence(evidence, this.#chain, this.#verifier);
		return { type: 'evidence', offender, evidence: held };
	}

	/** A vote that a neighbour found odd: only where this node holds another one of its place it is worth a check. */
	async suspect(signed: Signed): Promise<NodeInput | null> {
		if (!isWellFormed(signed) || !ONCE.includes(signed.kind) || signed.payload.length > 0)
			throw new LedgerError('MessageMalformed', 'what is shown as a doubtful vote is none');
		return this.#keeper.contradicts(signed) ? this.#witnessed(signed, 'a doubtful vote') : null;
	}

	/**
	 * A vote of a member of this node's partition on what the ledger holds by now. It counts for nothing, and a liar that is slower
	 * than the others would be found out by nobody if its votes were not looked at.
	 */
	async late(signed: Signed): Promise<NodeInput | null> {
		return this.#keeper.isWorthKeeping(signed) ? this.#witnessed(signed, 'a late vote') : null;
	}

	async #witnessed(signed: Signed, what: string): Promise<NodeInput> {
		if (!(await this.#verifier.verifyOnce(signedCheck(this.#chain.chainId, signed))))
			throw new LedgerError('SignatureInvalid', `the signature of ${what} does not hold`);
		return { type: 'witnessed', signed };
	}
}
