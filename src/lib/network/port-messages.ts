/**
 * The bridge between the worker, where the node runs, and the page, which lends it its links: RTCPeerConnection exists
 * only in pages. Both ends gather what one turn produces into one message and transfer the bytes.
 *
 *     // page                                             // worker
 *     const { port1, port2 } = new MessageChannel();      const network = new PortNetwork({ port, self, settings });
 *     serveLinks(port1, async (settings) =>               await network.start(events);
 *         new Libp2pLinks(settings));
 *     worker.postMessage({ port: port2 }, [port2]);
 *
 * The seed crosses the port because one key serves as node id and as libp2p identity; both ends are of one origin.
 */
import { FramedNetwork } from './framed-network.ts';
import { NetworkError } from './link-carrier.ts';
import type { CarrierEvents, LinkCarrier, OutgoingFrame } from './link-carrier.ts';
import { MAX_PORT_BYTES, PORT_REPORT_BYTES } from './network-limits.ts';
import type { NodeId } from './network.ts';

/** What the page's links need; all of it can cross a port. */
export interface LinkSettings {
	/** 32 bytes: the node's Ed25519 seed. */
	seed: Uint8Array;
	/** Multiaddrs of the relays, see relay-address.ts. With `/p2p/…` at the end, only that relay is accepted. */
	relays: string[];
	/** STUN and TURN servers; none by default, which is right within one network. */
	iceServers?: { urls: string | string[]; username?: string; credential?: string }[];
	/** Links from peers that are not wanted, MAX_UNEXPECTED_PEERS by default. */
	maxUnexpectedPeers?: number;
	/** False keeps every link on the relay: for tests and for networks that forbid WebRTC. */
	direct?: boolean;
	/** Taken from one peer; more is a violation. No bound by default. */
	maxFramesPerSecond?: number;
}

/** The port's ends; a MessagePort of a browser or of Node.js, or a worker. */
export interface PortLike {
	postMessage(message: unknown, transfer: Transferable[]): void;
	addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
	removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
	start?(): void;
}

export interface PortNetworkInit {
	port: PortLike;
	/** This node's id. The page proves that its links have the same. */
	self: NodeId;
	settings: LinkSettings;
}

/** The worker's end: a Network whose links are the page's. */
export class PortNetwork extends FramedNetwork {
	constructor(init: PortNetworkInit) {
		super(new PortCarrier(init), { maxFramesPerSecond: () => init.settings.maxFramesPerSecond ?? Infinity });
	}
}

/**
 * The page's end. Serves one PortNetwork; a second `start` replaces the first one's links. At `pagehide` every peer is
 * told goodbye.
 *
 * @param links - the links, or what makes them from the worker's settings (import libp2p there, and it loads only when
 * it is needed)
 * @returns a function that stops serving and ends the links
 */
export function serveLinks(
	port: PortLike,
	links: LinkCarrier | ((settings: LinkSettings) => LinkCarrier | Promise<LinkCarrier>)
): () => Promise<void> {
	const server = new LinkServer(port, typeof links === 'function' ? links : () => links);
	return () => server.stop();
}

type ToPage =
	| { kind: 'start'; settings: LinkSettings }
	| { kind: 'peers'; peers: NodeId[] }
	| { kind: 'frames'; frames: OutgoingFrame[] }
	| { kind: 'acknowledged'; peer: NodeId; session: number; bytes: number }
	| { kind: 'doubt'; peer: NodeId; session: number }
	| { kind: 'close'; peer: NodeId; session: number; reason: string; holdOffMs: number }
	| { kind: 'tick' }
	| { kind: 'stop' };

type ToWorker =
	| { kind: 'started'; self: NodeId }
	| { kind: 'failed'; name: string; message: string }
	| { kind: 'opened'; peer: NodeId; session: number; path: 'direct' | 'relayed'; resumed: boolean }
	| { kind: 'received'; peer: NodeId; session: number; bytes: Uint8Array<ArrayBuffer> }
	| { kind: 'closed'; peer: NodeId; session: number; reason: string; isKept: boolean }
	| { kind: 'dropped'; peer: NodeId; frames: number; bytes: number }
	| { kind: 'stopped' };

/** One postMessage: a turn's items, and how many bytes of the other direction this end has taken in all. */
interface Envelope<Item> {
	tabwave: 'links';
	items: Item[];
	taken: number;
}

/** One end: gathers a turn's items, counts what is under way, and reports what it took. */
class PortEnd<Out, In> {
	#port: PortLike;
	#items: Out[] = [];
	#transfer: Transferable[] = [];
	#receive: (item: In) => void;
	#scheduled = false;
	#sentBytes = 0;
	#takenByOther = 0;
	#taken = 0;
	#reported = 0;

	constructor(port: PortLike, receive: (item: In) => void) {
		this.#port = port;
		this.#receive = receive;
		port.addEventListener('message', this.#onMessage);
		port.start?.();
	}

	/** Bytes posted that the other end has not reported as taken. */
	get bytesUnderWay(): number {
		return this.#sentBytes - this.#takenByOther;
	}

	post(item: Out, bytes?: Uint8Array<ArrayBuffer>): void {
		this.#items.push(item);
		if (bytes) {
			this.#sentBytes += bytes.length;
			this.#transfer.push(bytes.buffer);
		}
		if (this.#scheduled) return;
		this.#scheduled = true;
		queueMicrotask(() => this.flush());
	}

	/** This end is done with so many bytes that came. */
	took(bytes: number): void {
		this.#taken += bytes;
		if (this.#taken - this.#reported >= PORT_REPORT_BYTES && !this.#scheduled) {
			this.#scheduled = true;
			queueMicrotask(() => this.flush());
		}
	}

	flush(): void {
		this.#scheduled = false;
		const envelope: Envelope<Out> = { tabwave: 'links', items: this.#items, taken: this.#taken };
		const transfer = this.#transfer;
		this.#items = [];
		this.#transfer = [];
		this.#reported = this.#taken;
		this.#port.postMessage(envelope, transfer);
	}

	close(): void {
		this.#port.removeEventListener('message', this.#onMessage);
	}

	#onMessage = (event: MessageEvent): void => {
		const envelope = event.data as Envelope<In> | undefined;
		if (envelope?.tabwave !== 'links') return;
		this.#takenByOther = envelope.taken;
		for (const item of envelope.items) this.#receive(item);
	};
}

/** The worker's carrier: every call is a message to the page. */
class PortCarrier implements LinkCarrier {
	readonly self: NodeId;
	#settings: LinkSettings;
	#end: PortEnd<ToPage, ToWorker>;
	#events: CarrierEvents | null = null;
	#started = Promise.withResolvers<void>();
	#stopped = Promise.withResolvers<void>();

	constructor({ port, self, settings }: PortNetworkInit) {
		this.self = self;
		this.#settings = settings;
		this.#end = new PortEnd(port, (item) => this.#onItem(item));
	}

	start(events: CarrierEvents): Promise<void> {
		this.#events = events;
		this.#end.post({ kind: 'start', settings: this.#settings });
		const timer = setTimeout(
			() =>
				this.#started.reject(
					new NetworkError('NetworkStartFailed', 'the page did not start its links: is it still open?')
				),
			START_TIMEOUT_MS
		);
		return this.#started.promise.finally(() => clearTimeout(timer));
	}

	setPeers(peers: NodeId[]): void {
		this.#end.post({ kind: 'peers', peers });
	}

	send(frames: OutgoingFrame[]): void {
		for (const frame of frames) {
			if (this.#end.bytesUnderWay + frame.bytes.length > MAX_PORT_BYTES) {
				for (const peer of frame.to) this.#events?.dropped(peer, 1, frame.bytes.length);
			} else this.#end.post({ kind: 'frames', frames: [frame] }, frame.bytes);
		}
	}

	acknowledged(peer: NodeId, session: number, bytes: number): void {
		this.#end.post({ kind: 'acknowledged', peer, session, bytes });
	}

	doubt(peer: NodeId, session: number): void {
		this.#end.post({ kind: 'doubt', peer, session });
	}

	close(peer: NodeId, session: number, reason: string, holdOffMs: number): void {
		this.#end.post({ kind: 'close', peer, session, reason, holdOffMs });
	}

	tick(): void {
		this.#end.post({ kind: 'tick' });
	}

	async stop(): Promise<void> {
		if (!this.#events) return;
		this.#events = null;
		this.#end.post({ kind: 'stop' });
		// A page that is going does not answer any more.
		const timer = setTimeout(() => this.#stopped.resolve(), STOP_TIMEOUT_MS);
		await this.#stopped.promise;
		clearTimeout(timer);
		this.#end.close();
	}

	#onItem(item: ToWorker): void {
		switch (item.kind) {
			case 'started':
				if (item.self === this.self) this.#started.resolve();
				else
					this.#started.reject(
						new NetworkError(
							'NetworkIdentityMismatch',
							`the page's links belong to ${item.self}, this node is ${this.self}`
						)
					);
				return;
			case 'failed':
				this.#started.reject(new NetworkError('NetworkStartFailed', item.message));
				return;
			case 'opened':
				this.#events?.opened(item.peer, item.session, item.path, item.resumed);
				return;
			case 'received':
				this.#end.took(item.bytes.length);
				this.#events?.received(item.peer, item.session, item.bytes);
				return;
			case 'closed':
				this.#events?.closed(item.peer, item.session, item.reason, item.isKept);
				return;
			case 'dropped':
				this.#events?.dropped(item.peer, item.frames, item.bytes);
				return;
			case 'stopped':
				this.#stopped.resolve();
		}
	}
}

/** Loading libp2p over a slow link, and starting it. */
const START_TIMEOUT_MS = 30_000;

/** Links stop within this time, or their page is gone. */
const STOP_TIMEOUT_MS = 2_000;

/** The page's end. Nothing here looks into the bytes. */
class LinkServer {
	#end: PortEnd<ToWorker, ToPage>;
	#make: (settings: LinkSettings) => LinkCarrier | Promise<LinkCarrier>;
	#links: LinkCarrier | null = null;
	#starting: Promise<void> = Promise.resolve();
	#settings: LinkSettings | null = null;
	#peers: NodeId[] = [];

	constructor(port: PortLike, make: (settings: LinkSettings) => LinkCarrier | Promise<LinkCarrier>) {
		this.#make = make;
		this.#end = new PortEnd(port, (item) => this.#onItem(item));
		globalThis.addEventListener?.('pagehide', this.#onPageHide);
		globalThis.addEventListener?.('pageshow', this.#onPageShow);
	}

	async stop(): Promise<void> {
		globalThis.removeEventListener?.('pagehide', this.#onPageHide);
		globalThis.removeEventListener?.('pageshow', this.#onPageShow);
		await this.#endLinks();
		this.#end.flush();
		this.#end.close();
	}

	async #endLinks(): Promise<void> {
		await this.#starting;
		const links = this.#links;
		this.#links = null;
		this.#settings = null;
		await links?.stop();
		this.#end.post({ kind: 'stopped' });
	}

	/** The links say goodbye as they stop, in this very turn: a page that goes has no other. */
	#onPageHide = (): void => {
		void this.#links?.stop();
		this.#links = null;
	};

	/** A page that came back from the back-forward cache finds its worker as it was, and links again. */
	#onPageShow = (event: PageTransitionEvent): void => {
		if (event.persisted && this.#settings) this.#starting = this.#start(this.#settings);
	};

	#onItem(item: ToPage): void {
		switch (item.kind) {
			case 'start':
				this.#starting = this.#start(item.settings);
				return;
			case 'peers':
				this.#peers = item.peers;
				this.#links?.setPeers(item.peers);
				return;
			case 'frames':
				for (const frame of item.frames) this.#end.took(frame.bytes.length);
				if (this.#links) this.#links.send(item.frames);
				return;
			case 'acknowledged':
				this.#links?.acknowledged(item.peer, item.session, item.bytes);
				return;
			case 'doubt':
				this.#links?.doubt(item.peer, item.session);
				return;
			case 'close':
				this.#links?.close(item.peer, item.session, item.reason, item.holdOffMs);
				return;
			case 'tick':
				this.#links?.tick();
				return;
			case 'stop':
				void this.#endLinks();
		}
	}

	async #start(settings: LinkSettings): Promise<void> {
		this.#settings = settings;
		try {
			await this.#links?.stop();
			const links = await this.#make(settings);
			await links.start(this.#carrierEvents(links));
			this.#links = links;
			links.setPeers(this.#peers);
			this.#end.post({ kind: 'started', self: links.self });
		} catch (error) {
			const { name, message } = error instanceof Error ? error : new Error(String(error));
			this.#end.post({ kind: 'failed', name, message: `${name}: ${message}` });
		}
	}

	#carrierEvents(links: LinkCarrier): CarrierEvents {
		return {
			opened: (peer, session, path, resumed) =>
				this.#end.post({ kind: 'opened', peer, session, path, resumed }),
			closed: (peer, session, reason, isKept) =>
				this.#end.post({ kind: 'closed', peer, session, reason, isKept }),
			dropped: (peer, frames, bytes) => this.#end.post({ kind: 'dropped', peer, frames, bytes }),
			received: (peer, session, bytes) => {
				if (this.#end.bytesUnderWay + bytes.length > MAX_PORT_BYTES) {
					links.close(peer, session, 'the node cannot keep up with what this peer sends', 0);
					return;
				}
				// A copy of its own: what libp2p gives may be a view into a buffer that it still uses.
				const own = bytes.slice();
				this.#end.post({ kind: 'received', peer, session, bytes: own }, own);
			}
		};
	}
}
