/** The four transactions of a trade, read once for each trade that is looked at. */
import type { TabwaveApi } from '#lib/node/api.ts';
import type { ApInfo, TradeInfo } from '../types.ts';
import { chainStep, findIssue, type ChainStep } from './trade-origin.ts';

export interface StorySteps {
	issueSeller: ChainStep;
	issueBuyer: ChainStep;
	bid: ChainStep;
	switched: ChainStep;
}

export async function readStory(
	api: TabwaveApi,
	trade: TradeInfo,
	ap: (id: string) => ApInfo | undefined
): Promise<StorySteps> {
	const issue = (id: string): Promise<ChainStep> => {
		const known = ap(id);
		return chainStep(api, () => (known ? findIssue(api, known) : Promise.resolve(null)));
	};
	const [issueSeller, issueBuyer, bid, switched] = await Promise.all([
		issue(trade.sellerAp),
		issue(trade.buyerAp),
		chainStep(api, () => api.chain.transaction(trade.bidId)),
		chainStep(api, () => api.chain.transaction(trade.transactionId))
	]);
	return { issueSeller, issueBuyer, bid, switched };
}
