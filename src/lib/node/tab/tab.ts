/** A node in this tab: claims who it is, starts the worker, lends it the page's links, and hands the page its client API. */
import { serveLinks } from '../../network/port-messages.ts';
import { hasIceCandidates } from '../../network/ice-probe.ts';
import { openSuite } from '../../crypto/open-suite.ts';
import { ApiError, type JoinOptions, type NodeStatus, type TabwaveApi } from '../api.ts';
import { browserIdentityEnvironment, claimIdentity, type RunningIdentity } from '../identity/identity.ts';
import { remoteApi } from '../api/rpc.ts';
import { fetchNetworkText, parseNetworkDocument, type NetworkDocument } from './network-document.ts';
import { isSameNetwork, recallNetwork, rememberNetwork } from './remembered-network.ts';
import type { FromWorker, ToWorker } from './worker.ts';

export type IdentityState =
	| { kind: 'claiming' }
	/** `replaced`: who this tab was before, where the vote records of that one are gone and so it may not come back (R25). */
	| { kind: 'ready'; nickname: string; persistent: boolean; replaced: string | null }
	/** Another tab of this browser runs this tab's identity. */
	| { kind: 'duplicate'; second(): void; moveHere(): void }
	/** The identity went to another tab. */
	| { kind: 'moved' }
	/** This browser forgot it: the site's data were cleared under the node. */
	| { kind: 'forgotten' };

export interface JoinCheck {
	id: 'relay' | 'secure' | 'candidates' | 'links' | 'storage';
	state: 'pending' | 'ok' | 'warning' | 'failed';
	/** Stable code. */
	detail: string;
}

export interface TabNode {
	api: TabwaveApi;
	onIdentity(listener: (state: IdentityState) => void): () => void;
	onChecks(listener: (checks: JoinCheck[]) => void): () => void;
	stop(): Promise<void>;
}

const DOCUMENT_RETRY_MS = 1000;
const STOP_TIMEOUT_MS = 5000;

/** Resolves at once; the node comes up behind, and calls wait for it. @param options.locale BCP 47, for a first nickname */
export async function startTabNode(options: { locale: string }): Promise<TabNode> {
	const tab = new Tab(options.locale);
	void tab.run();
	return tab;
}

class Tab implements TabNode {
	readonly api: TabwaveApi;
	readonly #locale: string;
	readonly #identity = new Latest<IdentityState>({ kind: 'claiming' });
	readonly #checks = new Latest<JoinCheck[]>([
		{ id: 'relay', state: 'pending', detail: 'reaching' },
		{ id: 'secure', state: 'pending', detail: 'asking' },
		{ id: 'candidates', state: 'pending', detail: 'gathering' },
		{ id: 'links', state: 'pending', detail: 'none-yet' },
		{ id: 'storage', state: 'pending', detail: 'opening' }
	]);
	readonly #apiChannel = new MessageChannel();
	/** It has no node yet: its code loads while this tab finds out who it is. */
	#worker: Worker | null = null;
	#running: RunningIdentity | null = null;
	#document: NetworkDocument | null = null;
	#stopLinks: () => Promise<void> = async () => {};
	#stopped = false;

	constructor(locale: string) {
		this.#locale = locale;
		this.api = this.#wrap(remoteApi(this.#apiChannel.port1));
	}

	onIdentity(listener: (state: IdentityState) => void): () => void {
		return this.#identity.listen(listener);
	}

	onChecks(listener: (checks: JoinCheck[]) => void): () => void {
		return this.#checks.listen(listener);
	}

	async run(): Promise<void> {
		try {
			this.#startWorker();
			// The same for the links' code, which is most of what a tab loads; who needs it waits for it and hears its errors.
			import('../../network/libp2p-links.ts').catch(() => {});
			const document = await this.#networkDocument();
			this.#document = document;
			const suite = await openSuite(document.suite);
			this.#check('secure', suite.implementation === 'webcrypto' ? 'ok' : 'warning', suite.implementation);
			void this.#probeCandidates(document);
			const environment = browserIdentityEnvironment((error) => console.warn(error));
			const claim = await claimIdentity({
				environment,
				suite,
				chainId: document.chainId,
				locale: this.#locale
			});
			if (claim.kind === 'running') await this.#start(claim, document);
			else
				this.#identity.set({
					kind: 'duplicate',
					second: () => void this.#resolve(() => claim.second(), document),
					moveHere: () => void this.#resolve(() => claim.moveHere(), document)
				});
		} catch (error) {
			this.#failed(error);
		}
	}

	async stop(): Promise<void> {
		if (this.#stopped) return;
		this.#stopped = true;
		const worker = this.#worker;
		if (worker) {
			await new Promise<void>((resolve) => {
				worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
					if (data.kind === 'stopped') resolve();
				});
				worker.postMessage({ kind: 'stop' } satisfies ToWorker);
				setTimeout(resolve, STOP_TIMEOUT_MS);
			});
			worker.terminate();
		}
		await this.#stopLinks();
		this.#running?.release();
	}

	/** What the relay says. Where it does not answer, what it said last time, until it does. */
	async #networkDocument(): Promise<NetworkDocument> {
		try {
			return await this.#askRelay();
		} catch (error) {
			const remembered = isAway(error) ? recallNetwork() : null;
			if (!remembered) return this.#awaitRelay();
			void this.#confirm(remembered);
			return remembered;
		}
	}

	/** The relay may come up after the page: it is asked until it answers. */
	async #awaitRelay(): Promise<NetworkDocument> {
		for (;;) {
			try {
				return await this.#askRelay();
			} catch (error) {
				if (!isAway(error) || this.#stopped) throw error;
				await new Promise((resolve) => setTimeout(resolve, DOCUMENT_RETRY_MS));
			}
		}
	}

	async #askRelay(): Promise<NetworkDocument> {
		try {
			const text = await fetchNetworkText('/api/v1/network');
			const document = parseNetworkDocument(text);
			rememberNetwork(text);
			return document;
		} catch (error) {
			if (isAway(error)) this.#check('relay', 'failed', 'not-reached');
			throw error;
		}
	}

	/** The network, or the protocol that it speaks, may have changed meanwhile: then this tab begins again, now that there is a relay. */
	async #confirm(remembered: NetworkDocument): Promise<void> {
		try {
			if (isSameNetwork(remembered, await this.#awaitRelay())) return;
		} catch (error) {
			console.warn(error);
		}
		if (this.#stopped) return;
		await this.stop();
		location.reload();
	}

	async #resolve(claim: () => Promise<RunningIdentity>, document: NetworkDocument): Promise<void> {
		this.#identity.set({ kind: 'claiming' });
		try {
			await this.#start(await claim(), document);
		} catch (error) {
			this.#failed(error);
		}
	}

	#startWorker(): void {
		this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
			type: 'module',
			name: 'tabwave-node'
		});
		this.#worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
			if (data.kind === 'failed') this.#failed(Object.assign(new Error(data.message), { name: data.name }));
		});
		this.#worker.addEventListener('error', (event) =>
			this.#failed(new Error(event.message || 'the worker could not be started'))
		);
	}

	async #start(identity: RunningIdentity, document: NetworkDocument): Promise<void> {
		this.#running = identity;
		identity.onRevoked(async (reason) => {
			await this.stop();
			this.#identity.set({ kind: reason === 'forgotten' ? 'forgotten' : 'moved' });
		});
		const links = new MessageChannel();
		this.#stopLinks = serveLinks(links.port1, async (settings) => {
			const { Libp2pLinks } = await import('../../network/libp2p-links.ts');
			return new Libp2pLinks(settings);
		});
		this.#worker!.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
			if (data.kind === 'started')
				this.#identity.set({
					kind: 'ready',
					nickname: identity.nickname,
					persistent: identity.persistent,
					replaced: identity.replaced?.nickname ?? null
				});
		});
		const message: ToWorker = {
			kind: 'start',
			document,
			seed: identity.seed,
			nickname: identity.nickname,
			persistent: identity.persistent,
			hasVoted: identity.hasVotedOn(document.chainId),
			relayUrl: location.origin,
			links: links.port2,
			api: this.#apiChannel.port2
		};
		this.#worker!.postMessage(message, [links.port2, this.#apiChannel.port2]);
		this.api.on('status', (status) => this.#onStatus(status));
		await this.#checkStorage(identity);
	}

	#onStatus(status: NodeStatus): void {
		// It has let go of its links, which says nothing about them.
		if (status.halted) return;
		this.#check('relay', status.relay.path === 'direct' ? 'ok' : 'failed', status.relay.path);
		if (status.links.length === 0) return;
		const up = status.links.filter(({ path }) => path !== 'down');
		const direct = up.filter(({ path }) => path === 'direct');
		if (up.length === 0) this.#check('links', status.activity === 'joining' ? 'pending' : 'failed', 'down');
		else
			this.#check(
				'links',
				direct.length === up.length ? 'ok' : 'warning',
				direct.length === up.length ? 'direct' : 'relayed'
			);
	}

	async #probeCandidates(document: NetworkDocument): Promise<void> {
		const found = await hasIceCandidates({ iceServers: document.iceServers ?? [] });
		this.#check('candidates', found ? 'ok' : 'failed', found ? 'found' : 'none');
	}

	async #checkStorage(identity: RunningIdentity): Promise<void> {
		if (!identity.persistent) return this.#check('storage', 'failed', 'memory');
		if (!navigator.storage?.persist) return this.#check('storage', 'warning', 'unknown');
		const kept = (await navigator.storage.persisted()) || (await navigator.storage.persist());
		this.#check('storage', kept ? 'ok' : 'warning', kept ? 'persistent' : 'best-effort');
	}

	#check(id: JoinCheck['id'], state: JoinCheck['state'], detail: string): void {
		const before = this.#checks.value;
		const same = before.some((check) => check.id === id && check.state === state && check.detail === detail);
		if (!same) this.#checks.set(before.map((check) => (check.id === id ? { id, state, detail } : check)));
	}

	/** The page has its part in two calls: a nickname is the identity's, and a key that votes is marked before it does (R25). */
	#wrap(remote: TabwaveApi): TabwaveApi {
		return {
			...remote,
			node: {
				...remote.node,
				join: async (options: JoinOptions = {}) => {
					if (options.nickname) await this.#running?.rename(options.nickname);
					if (this.#document) await this.#running?.markVoted(this.#document.chainId);
					return remote.node.join(options);
				},
				setNickname: async (nickname) => {
					await remote.node.setNickname(nickname);
					await this.#running?.rename(nickname);
				}
			}
		};
	}

	#failed(error: unknown): void {
		const { name, message } = error instanceof Error ? error : new Error(String(error));
		console.error(`Tabwave: ${name}: ${message}`);
		this.#check('secure', this.#worker ? 'warning' : 'failed', name);
	}
}

function isAway(error: unknown): boolean {
	return error instanceof ApiError && error.name === 'NotConnected';
}

/** A value with listeners, each of which hears the present value first. */
class Latest<T> {
	value: T;
	readonly #listeners = new Set<(value: T) => void>();

	constructor(value: T) {
		this.value = value;
	}

	set(value: T): void {
		this.value = value;
		for (const listener of [...this.#listeners]) listener(value);
	}

	listen(listener: (value: T) => void): () => void {
		this.#listeners.add(listener);
		listener(this.value);
		return () => this.#listeners.delete(listener);
	}
}
