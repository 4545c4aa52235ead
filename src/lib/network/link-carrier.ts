/**
 * The seam below Network: something that keeps links and moves whole frames as flat bytes, without looking into them.
 * libp2p in a page or in Node.js, the relay's listening side, and the port between worker and page are carriers;
 * framed-network.ts makes each of them a Network.
 */
import type { LinkPath, NodeId } from './network.ts';

/** One whole frame for one or several peers. */
export interface OutgoingFrame {
	to: NodeId[];
	/** The receiver may transfer or queue it: the sender does not touch it again. */
	bytes: Uint8Array<ArrayBuffer>;
	/** Bodies and blocks, which wait for frames that are not. */
	bulk?: true;
}

export interface CarrierEvents {
	/**
	 * A link carries bytes from now on. `session` is new for every stream: a second one for the same peer replaces the
	 * first, whose bytes and end are not reported any more.
	 * @param resumed - the bytes go on, both ways, where those of the link before stopped; nothing was lost. Otherwise they begin anew
	 */
	opened(peer: NodeId, session: number, path: Exclude<LinkPath, 'down'>, resumed: boolean): void;
	/** Bytes as they came, cut anywhere. */
	received(peer: NodeId, session: number, bytes: Uint8Array): void;
	/** @param isKept - its path broke, and what is sent waits for another one: either that one follows, or a second report */
	closed(peer: NodeId, session: number, reason: string, isKept: boolean): void;
	/** Frames that were not sent to this peer: no link, or its queue was full. */
	dropped(peer: NodeId, frames: number, bytes: number): void;
}

export interface LinkCarrier {
	/** Known at the latest when `start` resolves. */
	readonly self: NodeId;
	/** Resolves when links can form, not when they have. @throws NetworkError */
	start(events: CarrierEvents): Promise<void>;
	setPeers(peers: NodeId[]): void;
	/** In order per peer, bulk and the rest each for itself. Never throws; what cannot be sent is dropped and reported. */
	send(frames: OutgoingFrame[]): void;
	/** The peer has received so many bytes since they began, modulo 2^32: they need not be kept. */
	acknowledged(peer: NodeId, session: number, bytes: number): void;
	/** The peer says nothing, for too long: another path is tried beside this one. Called again while it lasts. */
	doubt(peer: NodeId, session: number): void;
	/**
	 * Ends this link, if it is still the current one; a wanted peer is dialled again.
	 * @param holdOffMs - refuse this peer's links for so long; 0 for none
	 */
	close(peer: NodeId, session: number, reason: string, holdOffMs: number): void;
	/** Moves dials and redials on. Callers whose timers are not throttled (a worker) call it every TICK_MS. */
	tick(): void;
	stop(): Promise<void>;
}

export class NetworkError extends Error {
	constructor(name: NetworkErrorName, message: string, options?: ErrorOptions) {
		super(message, options);
		this.name = name;
	}
}

export type NetworkErrorName =
	| 'NetworkStartFailed'
	| 'NetworkIdentityMismatch'
	| 'NetworkAlreadyStarted'
	| 'BadRelayAddress'
	| 'BadNodeId'
	| 'RelayUnreachable'
	| 'PeerUnreachable'
	| 'TooManyFrames';
