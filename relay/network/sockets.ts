/**
 * The relay's open WebSockets: who may have one before anybody knows who it is, and how fast each is read. A refusal is an HTTP
 * answer with a name, in place of a WebSocket that dies in the middle of its handshake.
 */
import type { Duplex } from 'node:stream';
import type { Multiaddr } from '@multiformats/multiaddr';
import { rateLimit } from '../http/rate-limit.ts';
import type { RateLimit } from '../http/rate-limit.ts';

export interface SocketLimits {
	/** At once, all together. */
	maxSockets: number;
	/** At once, of those whose identity is not proven yet. */
	maxUnproven: number;
	/** New ones a second from one address. */
	perSecondPerHost: number;
}

export interface SocketRefusal {
	status: 429 | 503;
	name: 'TooManyConnections' | 'RelayFull';
	message: string;
	retryAfterS: number;
}

interface OpenSocket {
	host: string;
	isProven: boolean;
	/** Bytes a second; null takes the bound off. */
	setRate(bytesPerSecond: number | null): void;
}

export class Sockets {
	readonly #limits: SocketLimits;
	readonly #rate: RateLimit;
	/** No two sockets that are open have the same host and port. */
	readonly #open = new Map<string, OpenSocket>();
	#unproven = 0;
	readonly #unprovenOf = new Map<string, number>();

	constructor(limits: SocketLimits) {
		this.#limits = limits;
		this.#rate = rateLimit(60 * limits.perSecondPerHost, limits.perSecondPerHost);
	}

	get size(): number {
		return this.#open.size;
	}

	/** @returns null where a socket from this host may be opened */
	refusal(host: string, nowMs: number): SocketRefusal | null {
		const { maxSockets, maxUnproven } = this.#limits;
		const waitS = this.#rate.take(host, nowMs);
		if (waitS > 0)
			return {
				status: 429,
				name: 'TooManyConnections',
				message: `Too many connections from your address. Try again in ${waitS} s.`,
				retryAfterS: waitS
			};
		// One host leaves the others half of the places: who says nothing holds one until its handshake times out.
		if ((this.#unprovenOf.get(host) ?? 0) >= Math.ceil(maxUnproven / 2))
			return {
				status: 429,
				name: 'TooManyConnections',
				message: 'Too many connections from your address have not said who they are.',
				retryAfterS: 10
			};
		if (this.#unproven >= maxUnproven || this.#open.size >= maxSockets)
			return {
				status: 503,
				name: 'RelayFull',
				message:
					'This relay has no room for more tabs; `reservations` in network.ini says how many it takes.',
				retryAfterS: 10
			};
		return null;
	}

	/** @param address - of the socket's other end, with its port */
	add(address: Multiaddr, setRate: OpenSocket['setRate']): void {
		const host = hostOf(address);
		this.#open.set(socketOf(address), { host, isProven: false, setRate });
		this.#count(host, 1);
	}

	remove(address: Multiaddr): void {
		const socket = this.#open.get(socketOf(address));
		if (!this.#open.delete(socketOf(address)) || socket!.isProven) return;
		this.#count(socket!.host, -1);
	}

	/** @param address - as a connection shows it: libp2p adds the peer's identity */
	proven(address: Multiaddr): void {
		const socket = this.#open.get(socketOf(address));
		if (!socket || socket.isProven) return;
		socket.isProven = true;
		this.#count(socket.host, -1);
	}

	/** Who is on a socket is known only after the handshake, and may change its standing later. */
	setRate(address: Multiaddr, bytesPerSecond: number | null): void {
		this.#open.get(socketOf(address))?.setRate(bytesPerSecond);
	}

	#count(host: string, change: 1 | -1): void {
		this.#unproven += change;
		const left = (this.#unprovenOf.get(host) ?? 0) + change;
		if (left > 0) this.#unprovenOf.set(host, left);
		else this.#unprovenOf.delete(host);
	}
}

/** The answer of a server that does not switch to WebSocket. */
export function refuseUpgrade(socket: Duplex, { status, name, message, retryAfterS }: SocketRefusal): void {
	const body = JSON.stringify({ error: { name, message } });
	socket.on('error', () => socket.destroy());
	socket.end(
		[
			`HTTP/1.1 ${status} ${status === 429 ? 'Too Many Requests' : 'Service Unavailable'}`,
			'connection: close',
			'cache-control: no-store',
			'content-type: application/json; charset=utf-8',
			`content-length: ${Buffer.byteLength(body)}`,
			`retry-after: ${retryAfterS}`,
			'',
			body
		].join('\r\n')
	);
}

function hostOf(address: Multiaddr): string {
	return address.getComponents()[0]?.value ?? '';
}

function socketOf(address: Multiaddr): string {
	const [host, port] = address.getComponents();
	return `${host?.value} ${port?.value}`;
}
