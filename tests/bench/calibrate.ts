/** The machine's own limit, measured in the same run and the same browser (quality.md, "The bound"). */
import { cpus } from 'node:os';
import type { BrowserContext, Page } from 'playwright-core';
import { cpuSeconds } from './cpu.ts';

export interface Calibration {
	cores: number;
	/** Ed25519 checks a second of four tabs at once, all together (WebCrypto). */
	verifiesPerSecond: number;
	/** CPU seconds of one check: cores ÷ checks a second. */
	verifyCpuS: number;
	/** CPU seconds to carry one byte over a data channel, both ends. */
	channelCpuSPerByte: number;
	/** CPU seconds to store a block of 125 KB as one record, relaxed. */
	storeCpuS: number;
}

const VERIFY_MS = 2000;
const CHANNEL_BYTES = 48 * 1024 * 1024;
const STORED_BLOCKS = 200;

export async function calibrate(context: BrowserContext, url: string, pids: number[]): Promise<Calibration> {
	const pages = await Promise.all(Array.from({ length: 4 }, () => blank(context, url)));
	const rates = await Promise.all(pages.map((page) => page.evaluate(verifyRate, VERIFY_MS)));
	const verifiesPerSecond = rates.reduce((sum, rate) => sum + rate, 0);
	const channelCpuSPerByte = await costOf(pids, () => pages[0]!.evaluate(pump, CHANNEL_BYTES), CHANNEL_BYTES);
	const storeCpuS = await costOf(pids, () => pages[0]!.evaluate(store, STORED_BLOCKS), STORED_BLOCKS);
	await Promise.all(pages.map((page) => page.close()));
	const cores = cpus().length;
	return { cores, verifiesPerSecond, verifyCpuS: cores / verifiesPerSecond, channelCpuSPerByte, storeCpuS };
}

/**
 * TPS ≤ C / [ n·c_v + (n−1)·b·c_B + g·b_tx·c_B + (c_blk + n·c_store)/K ], the formula of quality.md.
 */
export function boundTps(calibration: Calibration, members: number): number {
	const { cores, verifyCpuS, channelCpuSPerByte, storeCpuS } = calibration;
	const perTransaction =
		members * verifyCpuS +
		(members - 1) * PROPOSAL_BYTES * channelCpuSPerByte +
		(members - 1) * TRANSACTION_BYTES * channelCpuSPerByte +
		(blockCpuS(calibration, members) + members * storeCpuS) / TRANSACTIONS_PER_BLOCK;
	return cores / perTransaction;
}

/**
 * c_blk: CPU of an empty signed block in a partition of n, from the parts: each of the n−1 Prepares goes to n−1 members, each
 * Commit to the leader, one certificate to all; a check for each vote received, and a message of its own for each.
 */
function blockCpuS({ verifyCpuS, channelCpuSPerByte }: Calibration, members: number): number {
	const messages = (members - 1) * (members - 1) + 3 * (members - 1);
	const checks = (members - 1) * (members - 1) + 2 * (members - 1);
	// A small message on its own costs what some 6 KB of bulk cost (browser-facts.md: 340 µs beside 56 µs a KB).
	return checks * verifyCpuS + messages * 6 * 1024 * channelCpuSPerByte;
}

/** b: a proposal names a transaction by its id. */
const PROPOSAL_BYTES = 32;
/** b_tx: a signed transfer as it is handed to each other member (g = n − 1). */
const TRANSACTION_BYTES = 237;
/** K */
const TRANSACTIONS_PER_BLOCK = 500;

async function costOf(pids: number[], work: () => Promise<unknown>, units: number): Promise<number> {
	const before = cpuSeconds(pids);
	await work();
	return (cpuSeconds(pids) - before) / units;
}

async function blank(context: BrowserContext, url: string): Promise<Page> {
	const page = await context.newPage();
	// A page of the same secure origin that starts no node.
	await page.goto(`${url}/healthz`);
	return page;
}

async function verifyRate(durationMs: number): Promise<number> {
	const pair = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
	const message = crypto.getRandomValues(new Uint8Array(64));
	const signature = await crypto.subtle.sign('Ed25519', pair.privateKey, message);
	const endMs = performance.now() + durationMs;
	const startMs = performance.now();
	let done = 0;
	while (performance.now() < endMs) {
		await Promise.all(
			Array.from({ length: 64 }, () => crypto.subtle.verify('Ed25519', pair.publicKey, signature, message))
		);
		done += 64;
	}
	return (1000 * done) / (performance.now() - startMs);
}

async function pump(bytes: number): Promise<void> {
	const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
	a.onicecandidate = ({ candidate }) => void b.addIceCandidate(candidate ?? undefined);
	b.onicecandidate = ({ candidate }) => void a.addIceCandidate(candidate ?? undefined);
	const channel = a.createDataChannel('pump');
	const received = new Promise<void>((resolve) => {
		b.ondatachannel = ({ channel: other }) => {
			let got = 0;
			other.binaryType = 'arraybuffer';
			other.onmessage = ({ data }) => {
				got += (data as ArrayBuffer).byteLength;
				if (got >= bytes) resolve();
			};
		};
	});
	await a.setLocalDescription(await a.createOffer());
	await b.setRemoteDescription(a.localDescription!);
	await b.setLocalDescription(await b.createAnswer());
	await a.setRemoteDescription(b.localDescription!);
	await new Promise((resolve) => (channel.onopen = resolve));
	channel.bufferedAmountLowThreshold = 1 << 20;
	const chunk = new Uint8Array(16 * 1024);
	for (let sent = 0; sent < bytes; sent += chunk.length) {
		if (channel.bufferedAmount > 4 << 20)
			await new Promise((resolve) => (channel.onbufferedamountlow = resolve));
		channel.send(chunk);
	}
	await received;
	a.close();
	b.close();
}

async function store(blocks: number): Promise<void> {
	const request = indexedDB.open('tabwave-bench', 1);
	request.onupgradeneeded = () => request.result.createObjectStore('blocks');
	const database = await new Promise<IDBDatabase>((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error!);
	});
	const block = crypto.getRandomValues(new Uint8Array(65_536));
	const bytes = new Uint8Array(125_000);
	bytes.set(block);
	for (let i = 0; i < blocks; i++) {
		const transaction = database.transaction('blocks', 'readwrite', { durability: 'relaxed' });
		transaction.objectStore('blocks').put(bytes, i);
		await new Promise((resolve) => (transaction.oncomplete = resolve));
	}
	database.close();
	indexedDB.deleteDatabase('tabwave-bench');
}
