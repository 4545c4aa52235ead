/** Finds the transactions of one trade, from the registration of its access points to the switch. */
import type { TabwaveApi } from '#lib/node/api.ts';
import type { ApInfo, BlockInfo, TransactionInfo } from '../types.ts';

/** What became of one transaction on the chain. null parts: not known here, for example because the storage keeps headers alone. */
export interface ChainStep {
	transaction: TransactionInfo | null;
	block: BlockInfo | null;
}

/** Of one owner at one height: an import sends at most some dozens at once, and nobody has more in one block than this. */
const LOOK_BACK = 200;

/** @returns the transaction that registered it, or null where it is not found */
export async function findIssue(
	api: TabwaveApi,
	ap: Pick<ApInfo, 'id' | 'owner' | 'registeredHeight'>
): Promise<TransactionInfo | null> {
	const transactions = await api.chain.transactionsOf(ap.owner, {
		beforeHeight: ap.registeredHeight + 1,
		limit: LOOK_BACK
	});
	return (
		transactions.find(
			(transaction) =>
				transaction.function === 'IssueAPChannelInfo' &&
				transaction.height === ap.registeredHeight &&
				(transaction.arguments as { id?: unknown } | null)?.id === ap.id
		) ?? null
	);
}

/** A step with its block, so that its certificates can be told. Never rejects: what is not known is null, and said so. */
export async function chainStep(
	api: TabwaveApi,
	find: () => Promise<TransactionInfo | null>
): Promise<ChainStep> {
	try {
		const transaction = await find();
		const height = transaction?.height ?? null;
		return { transaction, block: height === null ? null : await api.chain.block(height) };
	} catch (error) {
		console.warn('A step of a trade could not be read', error);
		return { transaction: null, block: null };
	}
}
