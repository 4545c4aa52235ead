/**
 * https and plain http on one port. People type `192.168.1.5:7070` and their browser asks by http: it is sent on to https, in
 * place of a connection that dies. Programs that do not trust a self-made certificate (other replicas, headless nodes, probes)
 * read /healthz and open their WebSocket without TLS: libp2p encrypts and authenticates inside it.
 */
import { createServer as createPlainServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { KeyAndCertificate } from './certificates.ts';

/** The first byte of a TLS handshake; no method of HTTP begins with it. */
const HANDSHAKE = 0x16;

export interface SharedPort {
	server: Server;
	/** For connections from now on. */
	setCertificate(certificate: KeyAndCertificate): void;
	/** The server's own close knows nothing of plain connections. */
	closePlain(): void;
}

/**
 * @param options - of node:http; they hold for both
 * @param timeoutMs - for the first byte, and for silence on plain http
 */
export function createSharedPort(
	certificate: KeyAndCertificate,
	options: ServerOptions,
	handler: RequestListener,
	timeoutMs: number
): SharedPort {
	const secure = createSecureServer({ ...options, ...certificate }, handler);
	const plain = createPlainServer(options, (request, response) => answerPlain(request, response, handler));
	plain.timeout = timeoutMs;
	plain.on('upgrade', (...upgrade) => secure.emit('upgrade', ...upgrade));
	const sockets = new Set<Socket>();
	const handshake = secure.listeners('connection') as ((socket: Socket) => void)[];
	secure.removeAllListeners('connection');
	const route = (socket: Socket, isSecure: boolean): void => {
		if (isSecure) {
			for (const listener of handshake) listener.call(secure, socket);
			return;
		}
		sockets.add(socket);
		socket.once('close', () => sockets.delete(socket));
		plain.emit('connection', socket);
	};
	secure.on('connection', (socket: Socket) => {
		// Until a server has it, nobody else listens.
		const drop = (): void => void socket.destroy();
		socket.on('error', drop);
		socket.setTimeout(timeoutMs, drop);
		// Read and put back, without ever flowing: TLS takes over what is buffered, and then the handle itself.
		const look = (): void => {
			const first = socket.read(1) as Buffer | null;
			if (first === null) return void socket.once('readable', look);
			socket.off('error', drop);
			socket.off('timeout', drop);
			socket.setTimeout(0);
			socket.unshift(first);
			route(socket, first[0] === HANDSHAKE);
		};
		look();
	});
	return {
		server: secure as unknown as Server,
		setCertificate: (next) => secure.setSecureContext(next),
		closePlain: () => sockets.forEach((socket) => socket.destroy())
	};
}

function answerPlain(request: IncomingMessage, response: ServerResponse, handler: RequestListener): void {
	const { url = '/', headers } = request;
	if (url === '/healthz') return void handler(request, response as never);
	const { host = '' } = headers;
	// Both are the client's own claims, and would otherwise write into the answer's head.
	const isPlace = /^[A-Za-z0-9.\-[\]:]{1,255}$/.test(host) && /^\/[\x21-\x7e]*$/.test(url);
	response.writeHead(isPlace ? 308 : 400, {
		connection: 'close',
		'cache-control': 'no-store',
		'content-type': 'application/json; charset=utf-8',
		...(isPlace ? { location: `https://${host}${url}` } : {})
	});
	const error = { name: 'BadRequest', message: 'This relay speaks https.' };
	response.end(isPlace ? '' : JSON.stringify({ error }));
}
