/**
 * The seam between a node and whatever carries its bytes: libp2p in a page, a WebSocket in Node.js, memory in a test.
 * A link is authenticated: `peer` is the public key that the other side proved. Delivery is ordered per link, also where its path
 * changes, and may fail at any time; what must arrive is sent again by the core.
 */

/** Lower-case hex of a node's public key. */
export type NodeId = string;

export type LinkPath = 'direct' | 'relayed' | 'down';

/**
 * `up`: begun anew, what was sent on a link before may be lost. `moved`: on another path than before, or on a new one of the same
 * kind, and everything that was sent arrives. `measured`: its first round trip is known. `full`: its queue does not take what is sent.
 */
export type LinkChange = 'up' | 'moved' | 'measured' | 'full' | 'down';

export interface LinkStatus {
	peer: NodeId;
	/** `down` also while a link says nothing: its tab crashed, froze or lost its network. */
	path: LinkPath;
	/** Milliseconds; null until it was measured. */
	rttMs: number | null;
	/** Frames that its full queue did not take since the link came up; absent where it took all. What must arrive is sent again. */
	droppedFrames?: number;
	/** How often it has gone on over another path or stream since it came up, with nothing lost; absent where it never has. */
	moves?: number;
}

export interface NetworkEvents {
	/** Encoded Packets of one frame, in the order in which they were sent. Bounded by wire/limits.ts. */
	packets(from: NodeId, packets: Uint8Array[]): void;
	/** A link came up, changed its path or went down. */
	link(status: LinkStatus, change: LinkChange): void;
	/** The peer broke the framing or a bound; the link is closed. */
	violation(from: NodeId, error: Error): void;
}

export interface Network {
	readonly self: NodeId;
	start(events: NetworkEvents): Promise<void>;
	/** The peers this node wants links to. Links to others that this node dialled are closed. */
	setPeers(peers: NodeId[]): void;
	/**
	 * Sends the packets of one turn as one frame. Never blocks and never throws: where there is no link, or its queue
	 * is full, the packets are dropped and counted.
	 */
	send(to: NodeId, packets: Uint8Array[]): void;
	links(): LinkStatus[];
	stop(): Promise<void>;
}
