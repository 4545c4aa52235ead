/** The links that are up, one per peer, and who may have one. Shared by the tab's and the relay's side. */
import type { Connection, Stream } from '@libp2p/interface';
import type { CarrierEvents, OutgoingFrame } from './link-carrier.ts';
import { GLARE_WINDOW_MS, MAX_HELD_OFF } from './network-limits.ts';
import type { NodeId } from './network.ts';
import { nodeIdOf } from './peer-identity.ts';
import { StreamLink, pathOf } from './stream-link.ts';

export interface LinkTableInit {
	self: NodeId;
	events: CarrierEvents;
	/** Links to peers for which `expects` is false. */
	maxUnexpectedPeers: number;
	expects(peer: NodeId): boolean;
	/** A link ended, by whomever. Not called where another link of the same peer took its place. */
	ended?(peer: NodeId, ageMs: number): void;
}

export class LinkTable {
	#init: LinkTableInit;
	#links = new Map<NodeId, StreamLink>();
	#heldOff = new Map<NodeId, number>();
	#nextSession = 1;

	constructor(init: LinkTableInit) {
		this.#init = init;
	}

	get(peer: NodeId): StreamLink | undefined {
		return this.#links.get(peer);
	}

	connections(): Connection[] {
		return [...this.#links.values()].map(({ connection }) => connection);
	}

	/** Makes this stream the peer's link. @returns false where it was refused, and is closed */
	adopt(stream: Stream, connection: Connection, initiator: 'self' | 'peer'): boolean {
		const peer = nodeIdOf(connection.remotePeer);
		const old = this.#links.get(peer);
		const refusal =
			stream.status !== 'open'
				? 'it closed at once'
				: old && !this.#replaces(old, pathOf(connection), initiator)
					? 'there is a better link'
					: this.#refusal(peer, initiator, old !== undefined);
		if (refusal) {
			stream.abort(new Error(`link refused: ${refusal}`));
			return false;
		}
		const session = this.#nextSession++;
		const link = new StreamLink({
			peer,
			session,
			stream,
			connection,
			initiator,
			received: (bytes) => this.#init.events.received(peer, session, bytes),
			ended: (reason) => this.#ended(link, reason)
		});
		this.#links.set(peer, link);
		if (old?.connection === connection) old.detach('another stream took its place');
		else old?.close('another link took its place');
		this.#init.events.opened(peer, session, link.path);
		return true;
	}

	send(frames: OutgoingFrame[]): void {
		let droppedFrames = 0;
		let droppedBytes = 0;
		for (const { to, bytes, bulk } of frames)
			for (const peer of to) {
				if (this.#links.get(peer)?.send(bytes, bulk)) continue;
				droppedFrames++;
				droppedBytes += bytes.length;
			}
		if (droppedFrames > 0) this.#init.events.dropped(droppedFrames, droppedBytes);
	}

	close(peer: NodeId, session: number, reason: string, holdOffMs: number): void {
		if (holdOffMs > 0) this.#holdOff(peer, holdOffMs);
		const link = this.#links.get(peer);
		if (link?.session !== session) return;
		link.close(reason);
		this.#ended(link, reason);
	}

	/** Links that this node dialled to peers that it does not want any more. */
	closeUnwanted(): void {
		for (const link of [...this.#links.values()]) {
			if (link.initiator === 'peer' || this.#init.expects(link.peer)) continue;
			link.close('not wanted any more', true);
			this.#ended(link, 'not wanted any more');
		}
	}

	/** Ends every link after a last frame, without a report. */
	endAll(lastFrame: Uint8Array, reason: string): void {
		const links = [...this.#links.values()];
		this.#links.clear();
		for (const link of links) {
			link.send(lastFrame);
			link.close(reason, true);
		}
	}

	#ended(link: StreamLink, reason: string): void {
		if (this.#links.get(link.peer) !== link) return;
		this.#links.delete(link.peer);
		this.#init.events.closed(link.peer, link.session, reason);
		this.#init.ended?.(link.peer, link.ageMs);
	}

	/**
	 * Both sides of a glare must choose the same stream. Within the window a direct one beats a relayed one, and of two of
	 * the same kind the higher id's wins. Later, a new stream means that its opener has lost the old one.
	 */
	#replaces(old: StreamLink, path: 'direct' | 'relayed', initiator: 'self' | 'peer'): boolean {
		if (path === 'direct' && old.path === 'relayed') return true;
		if (old.ageMs >= GLARE_WINDOW_MS) return true;
		if (path !== old.path) return false;
		if (initiator === old.initiator) return true;
		return initiator === 'self' ? this.#init.self > old.peer : old.peer > this.#init.self;
	}

	#refusal(peer: NodeId, initiator: 'self' | 'peer', known: boolean): string | null {
		const heldOffUntilMs = this.#heldOff.get(peer);
		if (heldOffUntilMs !== undefined) {
			if (performance.now() < heldOffUntilMs) return 'this peer broke the rules a moment ago';
			this.#heldOff.delete(peer);
		}
		if (known || this.#init.expects(peer)) return null;
		if (initiator === 'self') return 'not wanted any more';
		let unexpected = 0;
		for (const other of this.#links.keys()) if (!this.#init.expects(other)) unexpected++;
		return unexpected < this.#init.maxUnexpectedPeers ? null : 'too many unexpected peers';
	}

	#holdOff(peer: NodeId, holdOffMs: number): void {
		this.#heldOff.delete(peer);
		this.#heldOff.set(peer, performance.now() + holdOffMs);
		if (this.#heldOff.size > MAX_HELD_OFF) this.#heldOff.delete(this.#heldOff.keys().next().value!);
	}
}
