/**
 * A member in Node.js that submits what it is told, with a market manager that does nothing by itself: its AP database is empty, so
 * that it answers no bid, and what it sends no manager would.
 */
import { headlessNode } from '../../../relay/testing/headless.ts';
import type { ReceiptInfo } from '#lib/node/api.ts';
import type { Session } from '#lib/node/session.ts';
import type { AccessPoint } from '#lib/spectrum/contract/records.ts';
import {
	bidArguments,
	issueArguments,
	switchArguments,
	type BidArguments,
	type SwitchArguments
} from '#lib/spectrum/contract/arguments.ts';
import { waitForValue } from './tabs.ts';

export interface RawNode {
	id: string;
	session: Session;
	issue(accessPoint: AccessPoint): Promise<ReceiptInfo>;
	bid(bid: Omit<BidArguments, 'expiryHeight' | 'mechanism' | 'replaces'>): Promise<ReceiptInfo>;
	switch(fields: Omit<SwitchArguments, 'mechanism'>): Promise<ReceiptInfo>;
	/** Both leave in one packet. */
	switchTwice(fields: Omit<SwitchArguments, 'mechanism'>): Promise<ReceiptInfo[]>;
	stop(): Promise<void>;
}

/** Heights for which its bids stand: as long as one may. */
const BID_HEIGHTS = 90;
const FINAL_TIMEOUT_MS = 60_000;

/** @param n - tells identities apart, 1 to 255 */
export async function rawNode(origin: string, n: number, partition: number): Promise<RawNode> {
	const session = await headlessNode(origin, n);
	const { api, node } = session;
	await api.node.join({ nickname: 'raw', partition });

	async function send(fn: string, args: Uint8Array): Promise<ReceiptInfo> {
		const transaction = await node.submit({ contract: 'spectrum', function: fn, arguments: args });
		if (!transaction) throw new Error('the pool is full');
		const final = await waitForValue(
			() => api.chain.transaction(transaction.id),
			({ state }) => state === 'final',
			{ what: `${fn} final`, timeoutMs: FINAL_TIMEOUT_MS }
		);
		return final.receipt!;
	}

	const sendSwitch = (fields: Omit<SwitchArguments, 'mechanism'>): Promise<ReceiptInfo> =>
		send('IssueChannelSwitchInfo', switchArguments({ ...fields, mechanism: 'greedy' }));
	return {
		id: node.self,
		session,
		issue: (accessPoint) => send('IssueAPChannelInfo', issueArguments(accessPoint)),
		bid: async (bid) => {
			const { height } = await api.chain.head();
			return send(
				'IssueBidingPriceInfo',
				bidArguments({ ...bid, expiryHeight: height + BID_HEIGHTS, mechanism: 'greedy', replaces: '' })
			);
		},
		switch: sendSwitch,
		switchTwice: (fields) => Promise.all([sendSwitch(fields), sendSwitch(fields)]),
		stop: () => session.stop()
	};
}
