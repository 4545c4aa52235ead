/** A transaction of the market before it is signed. */
import type { TabwaveNode } from '#lib/node/node.ts';
import { SPECTRUM_CONTRACT } from '#lib/spectrum/contract/spectrum-contract.ts';

export type Call = Parameters<TabwaveNode['submit']>[0];

export function marketCall(name: string, bytes: Uint8Array): Call {
	return { contract: SPECTRUM_CONTRACT, function: name, arguments: bytes };
}
