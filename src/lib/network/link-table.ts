/**
 * The links, one per peer, and who may have one. Shared by the tab's and the relay's side. A peer's session outlives its link: the
 * next one, on another path perhaps, goes on where it stopped.
 */
import type { Connection, Stream } from '@libp2p/interface';
import type { CarrierEvents, OutgoingFrame } from './link-carrier.ts';
import { GLARE_WINDOW_MS, HELLO_TIMEOUT_MS, MAX_HELD_OFF, RESUME_MS } from './network-limits.ts';
import type { NodeId } from './network.ts';
import { nodeIdOf } from './peer-identity.ts';
import { PeerSession } from './peer-session.ts';
import { StreamLink, pathOf } from './stream-link.ts';

export interface LinkTableInit {
	self: NodeId;
	events: CarrierEvents;
	/** Links to peers for which `expects` is false. */
	maxUnexpectedPeers: number;
	expects(peer: NodeId): boolean;
	/** Whether there may be another path to this peer: its session then outlives a link that breaks. By default there is none. */
	hasOtherPaths?(peer: NodeId): boolean;
	/**
	 * A link ended, by whomever. Not called where another link of the same peer took its place.
	 * @param isBroken - nobody wanted it: its path broke
	 */
	ended?(peer: NodeId, ageMs: number, isBroken: boolean): void;
}

/** What a peer's links have in common. */
interface Peer {
	bytes: PeerSession;
	/** Links since the bytes began anew, by the first of them: what the node still says of older ones is out of date. */
	firstSession: number;
	/** The link that the node knows of; null where it knows of none. */
	toldSession: number | null;
	/** Since when its bytes rest because a path broke; null while they flow. */
	brokenMs: number | null;
	/** It is not gone on with: the peer's hello contradicts it. */
	isSpoilt: boolean;
	/** Links that the present one takes the place of: they are closed when the peer knows of it. */
	replaced: StreamLink[];
}

export class LinkTable {
	#init: LinkTableInit;
	#links = new Map<NodeId, StreamLink>();
	/** Those with a link, and those whose link broke a moment ago. */
	#peers = new Map<NodeId, Peer>();
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
		const known: Peer = this.#peers.get(peer) ?? {
			bytes: new PeerSession(),
			firstSession: session,
			toldSession: null,
			brokenMs: null,
			isSpoilt: false,
			replaced: []
		};
		this.#peers.set(peer, known);
		const link: StreamLink = new StreamLink({
			peer,
			session,
			stream,
			connection,
			initiator,
			bytes: known.bytes,
			met: (hello) => this.#met(link, known, hello),
			received: (chunk) => {
				known.bytes.received(chunk.length);
				this.#init.events.received(peer, session, chunk);
			},
			// A session that never began does not go on.
			ended: (reason) =>
				this.#ended(
					link,
					reason,
					known.toldSession !== null && !known.isSpoilt && (this.#init.hasOtherPaths?.(peer) ?? false)
				)
		});
		this.#links.set(peer, link);
		if (old) {
			// The other side writes on the old one until it knows of this one, and begins here with what is missing then.
			old.freeze();
			known.replaced.push(old);
			if (known.replaced.length > MAX_REPLACED) closeReplaced(known.replaced.shift()!, link);
		}
		link.open();
		return this.#links.get(peer) === link;
	}

	send(frames: OutgoingFrame[]): void {
		for (const { to, bytes, bulk } of frames)
			for (const peer of to)
				if (this.#peers.get(peer)?.bytes.push(bytes, bulk)) this.#links.get(peer)?.drain();
				else this.#init.events.dropped(peer, 1, bytes.length);
	}

	/** The peer has so many bytes of the session, modulo 2^32. */
	acknowledged(peer: NodeId, session: number, bytes: number): void {
		const known = this.#peers.get(peer);
		if (!known || session < known.firstSession) return;
		try {
			known.bytes.acknowledged(bytes);
		} catch (error) {
			this.#end(peer, error instanceof Error ? error.message : String(error));
		}
	}

	close(peer: NodeId, session: number, reason: string, holdOffMs: number): void {
		if (holdOffMs > 0) this.#holdOff(peer, holdOffMs);
		const known = this.#peers.get(peer);
		if (known && (known.toldSession === session || this.#links.get(peer)?.session === session))
			this.#end(peer, reason);
	}

	/** Gives up peers that say no hello, and broken sessions whose next link does not come. */
	tick(): void {
		const nowMs = performance.now();
		for (const [peer, { brokenMs }] of [...this.#peers]) {
			const link = this.#links.get(peer);
			if (link && !link.isMet && link.ageMs >= HELLO_TIMEOUT_MS) this.#end(peer, 'the peer said no hello');
			else if (!link && brokenMs !== null && nowMs - brokenMs >= RESUME_MS)
				this.#forget(peer, 'it did not come back');
		}
	}

	/** Links that this node dialled to peers that it does not want any more. */
	closeUnwanted(): void {
		for (const link of [...this.#links.values()]) {
			if (link.initiator === 'peer' || this.#init.expects(link.peer)) continue;
			this.#end(link.peer, 'not wanted any more', true);
		}
	}

	/** Ends every link after a last frame, without a report. */
	endAll(lastFrame: Uint8Array, reason: string): void {
		const links = [...this.#links.values()];
		this.#links.clear();
		for (const { replaced } of this.#peers.values()) for (const old of replaced) old.close(reason);
		this.#peers.clear();
		for (const link of links) {
			link.say(lastFrame);
			link.close(reason, true);
		}
	}

	/** The peer said where it is: the bytes go over this link from now on. @throws SessionError */
	#met(link: StreamLink, known: Peer, hello: Uint8Array): void {
		let resumed: boolean;
		try {
			resumed = known.bytes.meet(hello);
		} catch (error) {
			known.isSpoilt = true;
			throw error;
		}
		for (const old of known.replaced.splice(0)) closeReplaced(old, link);
		if (!resumed) known.firstSession = link.session;
		known.toldSession = link.session;
		known.brokenMs = null;
		this.#init.events.opened(link.peer, link.session, link.path, resumed);
	}

	/** Ends the peer's link and its session. */
	#end(peer: NodeId, reason: string, graceful = false): void {
		const link = this.#links.get(peer);
		link?.close(reason, graceful);
		if (link) this.#ended(link, reason, false);
		else this.#forget(peer, reason);
	}

	#ended(link: StreamLink, reason: string, isBroken: boolean): void {
		const { peer } = link;
		if (this.#links.get(peer) !== link) return;
		this.#links.delete(peer);
		const known = this.#peers.get(peer)!;
		for (const old of known.replaced.splice(0)) closeReplaced(old, link);
		if (isBroken) {
			known.brokenMs ??= performance.now();
			this.#init.events.closed(peer, known.toldSession!, reason, true);
		} else this.#forget(peer, reason);
		this.#init.ended?.(peer, link.ageMs, isBroken);
	}

	#forget(peer: NodeId, reason: string): void {
		const told = this.#peers.get(peer)?.toldSession ?? null;
		this.#peers.delete(peer);
		if (told !== null) this.#init.events.closed(peer, told, reason, false);
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

/** A link waits for the hello of the one after it no longer than for a few of them: more is an attack. */
const MAX_REPLACED = 4;

function closeReplaced(old: StreamLink, link: StreamLink): void {
	if (old.connection === link.connection) old.detach('another stream took its place');
	else old.close('another link took its place');
}
