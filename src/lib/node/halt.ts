/** Why a node stopped, as a stable code: what happened to its storage has words and a way out of its own. */
import { StoreError } from '../storage/ledger-store.ts';

/**
 * - `StorageLost`: the browser closed or deleted the ledger under the node
 * - `StorageFull`: a vote or a block could not be stored, after all that may go was given up
 * - `StorageCorrupt`: what is stored cannot be read
 * - `StorageNewer`: a newer Tabwave than this page's wrote what is stored
 * - `NodeHalted`: a contradiction, named by its rule in the message
 */
export type HaltCode = 'StorageLost' | 'StorageFull' | 'StorageCorrupt' | 'StorageNewer' | 'NodeHalted';

const CODE_OF_REASON: Record<StoreError['reason'], HaltCode> = {
	lost: 'StorageLost',
	full: 'StorageFull',
	corrupt: 'StorageCorrupt',
	newer: 'StorageNewer',
	'other-chain': 'StorageCorrupt'
};

export function haltCodeOf(error: unknown): HaltCode {
	return error instanceof StoreError ? CODE_OF_REASON[error.reason] : 'NodeHalted';
}
