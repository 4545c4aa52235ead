/** The folder of a headless node: its key, its ledgers, and on which chains the key may have voted. */
import { join } from 'node:path';
import type { Suite } from '#lib/crypto/suite.ts';
import { holdFolder, readOrCreateSeed, readSmallFile, writeDurably } from '../data-directory.ts';

export interface HeadlessDirectory {
	/** 32 bytes; made at the first call, with mode 0600. */
	seed(suite: Suite): Uint8Array;
	/** Of a chain's files, none of which another chain has. */
	file(chainId: string, name: string): string;
	/** The key may have voted there (R25). */
	hasVoted(chainId: string): boolean;
	/** On disk when it returns. */
	markVoted(chainId: string): void;
	release(): void;
}

/** @throws RelayStartError `DataInUse`, `DataUnusable` */
export function openHeadlessDirectory(path: string): HeadlessDirectory {
	const release = holdFolder(path);
	const file = (chainId: string, name: string): string => join(path, `${chainId.slice(0, 16)}-${name}`);
	return {
		seed: (suite) => readOrCreateSeed(join(path, 'node.key'), suite),
		file,
		hasVoted: (chainId) => readSmallFile(file(chainId, 'voted')) !== null,
		markVoted: (chainId) => writeDurably(file(chainId, 'voted'), Buffer.from('\n'), 0o600),
		release
	};
}
