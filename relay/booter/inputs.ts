/** What a turn of the Booter takes in, after checks. */
import type { CertifiedBody } from '#lib/consensus/ordering/certified-block.ts';
import type { RaftMessage } from '#lib/consensus/raft/messages.ts';
import type { Statement } from '#lib/consensus/statement.ts';
import type { FetchedBlock } from '#lib/node/sync/sync.ts';
import type { Evidence, Signed, SignedRecovery } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { PartitionRefusal, PartitionStatus, PartitionVote } from '#lib/wire/gen/tabwave/v1/wire_pb.js';

export type BooterInput =
	| { type: 'tick' }
	| { type: 'start' }
	| { type: 'raft'; from: string; message: RaftMessage }
	/** Before a clean stop. */
	| { type: 'hand-over' }
	| { type: 'certified'; body: CertifiedBody }
	/** To join, to leave, or a declaration of silence. */
	| { type: 'request'; signed: Signed }
	| { type: 'status'; status: PartitionStatus }
	| { type: 'vote'; vote: PartitionVote }
	| { type: 'refusal'; refusal: PartitionRefusal }
	/** R23: checked, in order of height. */
	| { type: 'synced'; blocks: FetchedBlock[]; done(): void }
	| { type: 'leader-changed'; partition: number; view: number }
	/** R22: the operator has signed it. */
	| { type: 'recover'; signed: SignedRecovery }
	/** R22: a quorum of a lost partition is heard again. */
	| { type: 'heard-again'; partition: number }
	/** R24: it holds. */
	| { type: 'evidence'; offender: string; evidence: Evidence }
	/** What the core asked the operator's signature for. */
	| { type: 'operator'; statement: Statement; signature: Uint8Array }
	| { type: 'link'; peer: string; isUp: boolean };
