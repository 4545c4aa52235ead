/** The node's types under the names that components use, from the one place that defines them. */
import type { NodeStatus } from '#lib/node/api.ts';

export type {
	Activity,
	ApInfo,
	BidInfo,
	BlockInfo,
	EvidenceInfo,
	MemberStatus,
	Role,
	RoundStatus,
	Stuck,
	TradeInfo,
	TransactionInfo,
	TransactionSummary
} from '#lib/node/api.ts';

export type LinkStatusPath = NodeStatus['links'][number]['path'];
