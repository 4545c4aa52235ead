/** What a node's turn takes in, after checks. */
import type { CertifiedBody } from '../../consensus/ordering/certified-block.ts';
import type { Received } from '../../consensus/effects.ts';
import type { HeldLeaderChange, HeldNewView, PbftEffects } from '../../consensus/pbft/pbft.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import type {
	BlockCertificate,
	Evidence,
	OrderCertificate,
	Signed
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Next, Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import type { Statement } from '../../consensus/statement.ts';
import { toHex } from '../../crypto/hex.ts';
import type { TakenSnapshot } from '../sync/snapshot-sync.ts';
import type { FetchedBlock } from '../sync/sync.ts';

export type NodeInput =
	| { type: 'tick' }
	/** What a core asks for after it has taken up an earlier run's votes. */
	| { type: 'restored'; effects: PbftEffects }
	| { type: 'signed'; message: Received }
	/** From another member; they are in the pool when the cores hear of them. */
	| {
			type: 'transactions';
			transactions: ParsedTransaction[];
			/** Bodies without a valid form that a round waits for: evidence against who proposed them (R3). */
			malformed: Uint8Array[];
	  }
	/** This node's own: they go to the members as well. */
	| { type: 'submitted'; transactions: ParsedTransaction[] }
	| { type: 'block-certificate'; certificate: BlockCertificate }
	| { type: 'new-view'; newView: HeldNewView }
	| { type: 'leader-change'; leaderChange: HeldLeaderChange }
	/** The content of a block, by whose hash it is known. */
	| { type: 'proposal'; bytes: Uint8Array }
	| { type: 'body'; from: string; body: CertifiedBody }
	| { type: 'status-request'; request: Signed }
	/** `order`: the same as it came, where it is beyond the next height and may come too early. */
	| { type: 'next'; next: Next; order?: EarlyOrder }
	| Early
	| { type: 'order-commit'; certificate: OrderCertificate }
	| { type: 'finality'; certificate: OrderCertificate }
	/** R23: checked, in order of height. */
	| { type: 'synced'; blocks: FetchedBlock[]; done(): void }
	| { type: 'snapshot'; taken: TakenSnapshot; done(): void }
	/** R24: it holds. */
	| { type: 'evidence'; offender: string; evidence: Evidence }
	/** R24: a vote that counts for nothing here, shown by a neighbour or late, whose signature holds. */
	| { type: 'witnessed'; signed: Signed }
	| { type: 'link-up'; peer: string }
	/** Another replica of the Booter than before. */
	| { type: 'booter-active'; booter: string }
	/** A statement of this node's own that no core asks for: silence, leave, join. */
	| { type: 'declare'; statement: Statement; payload?: Uint8Array; to: string[] };

/** Of an order beyond the next one, and not checked yet. */
export interface Early {
	type: 'early';
	order: EarlyOrder;
}

export interface EarlyOrder {
	/** A member of the own partition, or a Booter: others do not say such things. */
	from: string;
	/** Of the order; nothing of it is checked yet. */
	height: number;
	body: Packet['body'];
}

export function received(signed: Signed): Received {
	return { signed, sender: toHex(signed.sender), digest: toHex(signed.digest) };
}
