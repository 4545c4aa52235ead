/** Finds the transaction that put an AP on the chain, among those of its owner. */
import type { TabwaveApi } from '#lib/node/api.ts';

/** Transactions of the owner that are looked through; an AP issued before them is linked by its owner instead. */
const LOOK_BACK = 200;

/** @returns the transaction's id, or null where it is not among the newest of this owner */
export async function findIssue(api: TabwaveApi, owner: string, apId: string): Promise<string | null> {
	try {
		const transactions = await api.chain.transactionsOf(owner, { limit: LOOK_BACK });
		const issue = transactions.find(
			(transaction) =>
				transaction.function === 'IssueAPChannelInfo' &&
				JSON.stringify([transaction.arguments, transaction.receipt?.events]).includes(apId)
		);
		return issue?.id ?? null;
	} catch (error) {
		// The story links to the owner's page then, where the same error is shown with its words.
		console.warn('The transactions of an owner could not be read', error);
		return null;
	}
}
