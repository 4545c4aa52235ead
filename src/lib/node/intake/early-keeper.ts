/**
 * What came before its time, as packets, in the order in which each peer said it. Of each peer there is room for a little, so that who says
 * much costs nobody else a place; what finds none is dropped, as if the link had lost it.
 */
export interface EarlyLimits {
	/** Of each peer, the last ones. */
	ofPeer: number;
	peers: number;
	/** Of all together. */
	bytes: number;
}

/** One packet, where it belongs, and who sent it. Nothing of it is checked yet. */
export interface EarlyPacket<Place> {
	from: string;
	place: Place;
	packet: Uint8Array;
}

/** What becomes of a packet when time has moved on. */
export type EarlyVerdict = 'now' | 'later' | 'void';

export class EarlyKeeper<Place> {
	readonly #limits: EarlyLimits;
	readonly #ofPeer = new Map<string, EarlyPacket<Place>[]>();
	#bytes = 0;

	constructor(limits: EarlyLimits) {
		this.#limits = limits;
	}

	/** The oldest of the same peer makes room. */
	keep(early: EarlyPacket<Place>): void {
		const { ofPeer, peers, bytes } = this.#limits;
		const kept = this.#ofPeer.get(early.from) ?? [];
		if (kept.length === 0 && this.#ofPeer.size >= peers) return;
		if (kept.length >= ofPeer) this.#bytes -= kept.shift()!.packet.length;
		if (this.#bytes + early.packet.length <= bytes) {
			kept.push(early);
			this.#bytes += early.packet.length;
		}
		this.#set(early.from, kept);
	}

	/** @returns those whose time has come, in the order in which each peer said them; what is void is forgotten */
	take(judge: (place: Place) => EarlyVerdict): EarlyPacket<Place>[] {
		const taken: EarlyPacket<Place>[] = [];
		for (const [peer, kept] of this.#ofPeer) {
			const later: EarlyPacket<Place>[] = [];
			for (const early of kept) {
				const verdict = judge(early.place);
				if (verdict === 'later') later.push(early);
				else this.#bytes -= early.packet.length;
				if (verdict === 'now') taken.push(early);
			}
			this.#set(peer, later);
		}
		return taken;
	}

	#set(peer: string, kept: EarlyPacket<Place>[]): void {
		if (kept.length > 0) this.#ofPeer.set(peer, kept);
		else this.#ofPeer.delete(peer);
	}
}
