/** The machine's own limit: the costs of the parts, measured in the same run and the same browser. */
import { cpus } from 'node:os';
import type { BrowserContext, Page } from 'playwright-core';
import { cpuMs } from './cpu.ts';

/** Costs are CPU seconds of all processes together. */
export interface Calibration extends CheckCosts {
	/** C */
	cores: number;
	/** c_B: to carry one byte over a data channel in messages of 64 KiB, both ends. */
	channelByteS: number;
	/** To carry one message of 200 bytes over a data channel on its own, both ends. */
	messageS: number;
	/** c_store: to store a block of 125 KB as one record, relaxed. */
	storeS: number;
}

export interface CheckCosts {
	/** Ed25519 checks a second of four tabs at once, all together (WebCrypto), by the clock. */
	checksPerSecond: number;
	/** c_v by the clock, as quality.md has it: C ÷ checksPerSecond. It holds what others on the machine take. */
	checkByClockS: number;
	/** c_v by the CPU time that one check takes. */
	checkS: number;
}

const CORES = cpus().length;
const CHECKS_MS = 2000;
const CHANNEL_BYTES = 64 * 1024 * 1024;
const CHANNEL_MESSAGE_BYTES = 64 * 1024;
const SINGLE_MESSAGES = 2000;
const STORED_BLOCKS = 200;

/** @param url of a page on a secure origin that starts no node. @param pids of the browser */
export async function calibrate(context: BrowserContext, url: string, pids: number[]): Promise<Calibration> {
	const pages = await Promise.all(Array.from({ length: 4 }, () => blank(context, url)));
	try {
		const [first, second] = pages as [Page, Page];
		const checks = await calibrateChecks(pages, pids);
		await connect(first, second);
		const bulk = await measured(pids, () =>
			exchange(first, second, CHANNEL_BYTES / CHANNEL_MESSAGE_BYTES, CHANNEL_MESSAGE_BYTES, false)
		);
		const single = await measured(pids, () => exchange(first, second, SINGLE_MESSAGES, 200, true));
		const stored = await measured(pids, () => first.evaluate(storeBlocks, STORED_BLOCKS));
		return {
			cores: CORES,
			...checks,
			channelByteS: bulk.cpuS / CHANNEL_BYTES,
			messageS: single.cpuS / SINGLE_MESSAGES,
			storeS: stored.cpuS / STORED_BLOCKS
		};
	} finally {
		await Promise.all(pages.map((page) => page.close()));
	}
}

/** Of all these tabs at once. It is measured again beside each load: the machine may do other things by then. */
export async function calibrateChecks(pages: Page[], pids: number[]): Promise<CheckCosts> {
	const { value, cpuS } = await measured(pids, () =>
		Promise.all(pages.map((page) => page.evaluate(checkSignatures, CHECKS_MS)))
	);
	const checksPerSecond = value.reduce((sum, { perSecond }) => sum + perSecond, 0);
	const done = value.reduce((sum, count) => sum + count.done, 0);
	return { checksPerSecond, checkByClockS: CORES / checksPerSecond, checkS: cpuS / done };
}

async function measured<T>(pids: number[], work: () => Promise<T>): Promise<{ value: T; cpuS: number }> {
	const before = cpuMs(pids);
	const value = await work();
	return { value, cpuS: (cpuMs(pids) - before) / 1000 };
}

async function blank(context: BrowserContext, url: string): Promise<Page> {
	const page = await context.newPage();
	await page.goto(url);
	return page;
}

async function checkSignatures(durationMs: number): Promise<{ done: number; perSecond: number }> {
	const pair = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
	// As long as what the sender of a transaction signs.
	const message = crypto.getRandomValues(new Uint8Array(66));
	const signature = await crypto.subtle.sign('Ed25519', pair.privateKey, message);
	const startMs = performance.now();
	let done = 0;
	while (performance.now() < startMs + durationMs) {
		await Promise.all(
			Array.from({ length: 64 }, () => crypto.subtle.verify('Ed25519', pair.publicKey, signature, message))
		);
		done += 64;
	}
	return { done, perSecond: (1000 * done) / (performance.now() - startMs) };
}

declare global {
	var benchPeer: RTCPeerConnection;
	var benchChannel: RTCDataChannel;
	var benchReceived: Promise<void>;
}

/** A data channel between two tabs, signalled from here. */
async function connect(first: Page, second: Page): Promise<void> {
	const offer = await first.evaluate(async () => {
		globalThis.benchPeer = new RTCPeerConnection();
		globalThis.benchChannel = benchPeer.createDataChannel('bench');
		benchChannel.binaryType = 'arraybuffer';
		await benchPeer.setLocalDescription();
		await new Promise<void>((resolve) => {
			benchPeer.onicecandidate = ({ candidate }) => candidate === null && resolve();
		});
		return benchPeer.localDescription!.sdp;
	});
	const answer = await second.evaluate(async (sdp) => {
		globalThis.benchPeer = new RTCPeerConnection();
		benchPeer.ondatachannel = ({ channel }) => {
			globalThis.benchChannel = channel;
			channel.binaryType = 'arraybuffer';
		};
		await benchPeer.setRemoteDescription({ type: 'offer', sdp });
		const gathered = new Promise<void>((resolve) => {
			benchPeer.onicecandidate = ({ candidate }) => candidate === null && resolve();
		});
		await benchPeer.setLocalDescription();
		await gathered;
		return benchPeer.localDescription!.sdp;
	}, offer);
	await first.evaluate(async (sdp) => {
		await benchPeer.setRemoteDescription({ type: 'answer', sdp });
		if (benchChannel.readyState !== 'open') await new Promise((resolve) => (benchChannel.onopen = resolve));
	}, answer);
	await second.waitForFunction(() => globalThis.benchChannel?.readyState === 'open');
}

/** @param isAnswered - each message is answered with itself before the next leaves: half of them go each way */
async function exchange(
	from: Page,
	to: Page,
	messages: number,
	bytes: number,
	isAnswered: boolean
): Promise<void> {
	const count = isAnswered ? messages / 2 : messages;
	await to.evaluate(
		([wanted, answers]) => {
			globalThis.benchReceived = new Promise((resolve) => {
				let got = 0;
				benchChannel.onmessage = ({ data }) => {
					got += 1;
					if (answers) benchChannel.send(data as ArrayBuffer);
					if (got >= wanted) resolve();
				};
			});
		},
		[count, isAnswered] as const
	);
	await from.evaluate(
		async ([wanted, size, answers]) => {
			const message = new Uint8Array(size);
			benchChannel.bufferedAmountLowThreshold = 1 << 20;
			for (let i = 0; i < wanted; i++) {
				if (benchChannel.bufferedAmount > 4 << 20)
					await new Promise((resolve) => (benchChannel.onbufferedamountlow = resolve));
				const answered = new Promise((resolve) => (benchChannel.onmessage = resolve));
				benchChannel.send(message);
				if (answers) await answered;
			}
		},
		[count, bytes, isAnswered] as const
	);
	await to.evaluate(() => globalThis.benchReceived);
}

async function storeBlocks(blocks: number): Promise<void> {
	const request = indexedDB.open('tabwave-bench', 1);
	request.onupgradeneeded = () => request.result.createObjectStore('blocks');
	const database = await new Promise<IDBDatabase>((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error!);
	});
	const bytes = new Uint8Array(125_000);
	// Random up to the limit of one call: zeros would be stored for nothing.
	for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
	for (let i = 0; i < blocks; i++) {
		const transaction = database.transaction('blocks', 'readwrite', { durability: 'relaxed' });
		transaction.objectStore('blocks').put(bytes, i);
		await new Promise((resolve, reject) => {
			transaction.oncomplete = resolve;
			transaction.onabort = () => reject(transaction.error!);
		});
	}
	database.close();
	indexedDB.deleteDatabase('tabwave-bench');
}
