/** Counters that the product does not have, put into its tabs from outside. */
import type { BrowserContext, Page } from 'playwright-core';
import { openTabSession, type Send } from '../browser/harness/devtools.ts';

declare global {
	/** The page's, since it was opened. */
	var benchConnections: RTCPeerConnection[];
	var benchSocketBytesSent: number;
	/** The worker's, since countChecks(). */
	var benchChecks: { transactions: number; votes: number };
}

/** Init script: keeps what the page opens, so that its bytes can be counted. */
export function keepConnections(): void {
	globalThis.benchConnections = [];
	globalThis.benchSocketBytesSent = 0;
	globalThis.RTCPeerConnection = class extends RTCPeerConnection {
		constructor(configuration?: RTCConfiguration) {
			super(configuration);
			globalThis.benchConnections.push(this);
		}
	};
	const send = WebSocket.prototype.send;
	WebSocket.prototype.send = function (data) {
		if (typeof data !== 'string')
			globalThis.benchSocketBytesSent += 'byteLength' in data ? data.byteLength : data.size;
		send.call(this, data);
	};
}

export interface WireBytes {
	/** Handed to data channels: other tabs. */
	channels: number;
	/** Data channels' bytes as DTLS carries them, with all that SCTP adds. */
	transports: number;
	/** Handed to the WebSocket: the relay. */
	socket: number;
}

/** Bytes that these tabs have sent so far. */
export async function bytesSent(pages: Page[]): Promise<WireBytes> {
	const each = await Promise.all(pages.map((page) => page.evaluate(sentBytes)));
	return each.reduce((sum, one) => ({
		channels: sum.channels + one.channels,
		transports: sum.transports + one.transports,
		socket: sum.socket + one.socket
	}));
}

async function sentBytes(): Promise<WireBytes> {
	const sum = { channels: 0, transports: 0, socket: globalThis.benchSocketBytesSent };
	for (const connection of globalThis.benchConnections) {
		if (connection.connectionState === 'closed') continue;
		for (const stats of (await connection.getStats()).values()) {
			if (stats.type === 'data-channel') sum.channels += stats.bytesSent as number;
			if (stats.type === 'transport') sum.transports += stats.bytesSent as number;
		}
	}
	return sum;
}

/** Counts signature checks in the tabs' workers from now on. */
export async function countChecks(pages: Page[]): Promise<void> {
	await Promise.all(
		pages.flatMap((page) =>
			page.workers().map((worker) =>
				worker.evaluate(() => {
					const counts = (globalThis.benchChecks = { transactions: 0, votes: 0 });
					const verify = SubtleCrypto.prototype.verify;
					// What a sender signs, see src/lib/ledger/transaction.ts.
					const domain = new TextEncoder().encode('tabwave/v1/transaction');
					SubtleCrypto.prototype.verify = function (algorithm, key, signature, data) {
						const message = data as Uint8Array;
						const isTransaction = domain.every((byte, i) => message[i] === byte);
						counts[isTransaction ? 'transactions' : 'votes'] += 1;
						return verify.call(this, algorithm, key, signature, data);
					};
				})
			)
		)
	);
}

export async function checksMade(pages: Page[]): Promise<{ transactions: number; votes: number }> {
	const each = await Promise.all(
		pages.flatMap((page) => page.workers().map((worker) => worker.evaluate(() => globalThis.benchChecks)))
	);
	return each.reduce((sum, one) => ({
		transactions: sum.transactions + one.transactions,
		votes: sum.votes + one.votes
	}));
}

export interface TabMemory {
	/** What scripts hold after a collection, with the buffers behind their arrays. */
	pageBytes: number;
	workerBytes: number;
}

/** Page and worker, after a full garbage collection. */
export async function tabMemory(context: BrowserContext, page: Page): Promise<TabMemory> {
	const session = await openTabSession(context, page);
	try {
		const workers = await Promise.all(session.workers.map(heapBytes));
		return {
			pageBytes: await heapBytes(session.page),
			workerBytes: workers.reduce((sum, bytes) => sum + bytes, 0)
		};
	} finally {
		await session.detach();
	}
}

async function heapBytes(send: Send): Promise<number> {
	await send('HeapProfiler.collectGarbage');
	const usage = (await send('Runtime.getHeapUsage')) as Record<string, number>;
	// The later two are missing in Chromium before 131; then they are not counted.
	return (usage.usedSize ?? 0) + (usage.embedderHeapUsedSize ?? 0) + (usage.backingStorageSize ?? 0);
}
