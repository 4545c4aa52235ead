/** The one port of the relay: site, API, health, and the WebSockets of libp2p. */
import Fastify from 'fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { IncomingMessage, RequestListener, ServerOptions } from 'node:http';
import { getLogger } from '@logtape/logtape';
import { HttpError, sendError } from './http-error.ts';
import type { RelayStatus } from '../network/relay-host.ts';
import type { ReplicaStatus } from '../replicas.ts';
import type { KeyAndCertificate } from '../tls/certificates.ts';
import { createSharedPort } from '../tls/shared-port.ts';
import type { SharedPort } from '../tls/shared-port.ts';
import type { NetworkDocument } from './network-document.ts';
import { rateLimit } from './rate-limit.ts';
import { COMMON_HEADERS } from './security-headers.ts';
import { serveSite } from './site.ts';

/** No route takes a body; a few bytes are let through so that the answer is a named error and no reset. */
const MAX_BODY_BYTES = 1024;
/** Headers of a browser are below 4 KiB; a client that sends them slowly holds a socket no longer than this. */
const HEADERS_TIMEOUT_MS = 10_000;
/** Guesses of a join code from one address: a code has 31^6 values. */
const JOIN_ATTEMPTS_PER_MINUTE = 20;

export type RelayState = 'starting' | 'ready' | 'stopping';

export interface Health {
	/** `no-majority`: it runs, and too few replicas of the Booter are linked to order anything. */
	status: RelayState | 'no-majority';
	name: string;
	chainId: string;
	/** Absent until the ledger is open. */
	finalHeight?: number;
	/** Name of this one; absent where [booters] gives it none. */
	replica?: string;
	/** Of the Booter, this one included. */
	replicas: readonly ReplicaStatus[];
	/** How full it is; absent while it starts. */
	tabs?: RelayStatus;
}

export interface ServerParts {
	/** https, with plain http sent on to it; null serves http. */
	certificate: KeyAndCertificate | null;
	/** null: no site, for tests of the rest. */
	siteDirectory: string | null;
	/** Files of the site's earlier builds, laid out as it is; null: none. */
	keptFiles: string | null;
	/** host:port of the other replicas, for a browser that names this relay so. */
	replicaHosts(host: string | undefined): string[];
	requestsPerMinute: number;
	health(): Health;
	/** @param origin - as the browser named this relay; null where it named none that can be one */
	networkDocument(origin: string | null): NetworkDocument;
	/** The path and hash to which a join code leads, or null where the code is another. */
	joinTarget(code: string): Promise<string | null>;
}

export interface RelayServer {
	server: FastifyInstance;
	/** For connections from now on; only with https. */
	setCertificate(certificate: KeyAndCertificate): void;
}

export async function createServer(parts: ServerParts): Promise<RelayServer> {
	const log = getLogger(['tabwave', 'relay', 'http']);
	const http: ServerOptions = {
		headersTimeout: HEADERS_TIMEOUT_MS,
		// libp2p listens at the root. A WebSocket that comes elsewhere or too early is answered as any request.
		shouldUpgradeCallback: (request: IncomingMessage) =>
			parts.health().status === 'ready' && /^\/(?:\?|$)/.test(request.url ?? '')
	};
	let port: SharedPort | null = null;
	const { certificate } = parts;
	const server = Fastify({
		bodyLimit: MAX_BODY_BYTES,
		forceCloseConnections: true,
		exposeHeadRoutes: true,
		// What is wrong before any route is found, such as a path that does not decode.
		frameworkErrors: (_error, _request, reply) =>
			void sendError(reply as FastifyReply, new HttpError('BadRequest', 'This request is malformed.')),
		...(certificate === null
			? { http }
			: {
					serverFactory: (handler: RequestListener) => {
						port = createSharedPort(certificate, http, handler, HEADERS_TIMEOUT_MS);
						return port.server;
					}
				}),
		routerOptions: { maxParamLength: 64, ignoreTrailingSlash: false }
	});
	server.addHook('preClose', async () => port?.closePlain());
	const requests = rateLimit(parts.requestsPerMinute);
	const joinAttempts = rateLimit(JOIN_ATTEMPTS_PER_MINUTE);
	const requireReady = (): void => {
		if (parts.health().status !== 'ready')
			throw new HttpError('NotReady', 'The relay is starting or stopping. Ask again in a second.');
	};

	server.addHook('onRequest', async (request, reply) => {
		reply.headers(COMMON_HEADERS);
		const joins = request.url.startsWith('/j/');
		if (!joins && !request.url.startsWith('/api/')) return;
		const waitSeconds = (joins ? joinAttempts : requests).take(request.ip, Date.now());
		if (waitSeconds === 0) return;
		reply.header('retry-after', String(waitSeconds));
		throw new HttpError(
			'TooManyRequests',
			`Too many requests from your address. Ask again in ${waitSeconds} s.`
		);
	});

	server.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
		if (error instanceof HttpError) return sendError(reply, error);
		if (error.statusCode === 413)
			return sendError(reply, new HttpError('TooLarge', `A body may have ${MAX_BODY_BYTES} bytes.`));
		if (error.statusCode !== undefined && error.statusCode < 500)
			return sendError(reply, new HttpError('BadRequest', 'This request is malformed.'));
		log.error('{method} {path} failed: {error}', {
			method: request.method,
			path: request.url.slice(0, 200),
			error
		});
		return sendError(
			reply,
			new HttpError('InternalError', 'The relay failed at this request; its log says why.')
		);
	});

	server.get('/healthz', async (_request, reply) => {
		const { status: state, ...health } = parts.health();
		// Pages and links are served without it: how else would the others find this one.
		const status = state === 'ready' && !hasMajority(health.replicas) ? 'no-majority' : state;
		reply.code(status === 'ready' ? 200 : 503).header('cache-control', 'no-store');
		return { status, ...health };
	});

	server.get('/api/v1/network', async (request, reply) => {
		requireReady();
		reply.header('cache-control', 'no-store');
		return parts.networkDocument(originOf(request.protocol, request.headers.host));
	});

	server.get<{ Params: { code: string } }>('/j/:code', async (request, reply) => {
		requireReady();
		const target = await parts.joinTarget(request.params.code);
		if (target === null)
			throw new HttpError(
				'NotFound',
				'No network here has this join code. Codes are six letters and digits.'
			);
		// The invitation is in the answer, and must not be in anybody's cache.
		return reply.header('cache-control', 'no-store').redirect(target, 302);
	});

	if (parts.siteDirectory !== null)
		await serveSite(server, parts.siteDirectory, parts.keptFiles, (host) => parts.replicaHosts(host));
	else
		server.setNotFoundHandler((request, reply) =>
			sendError(reply, new HttpError('NotFound', `There is no ${request.url.split('?', 1)[0]} here.`))
		);

	return { server, setCertificate: (next) => port?.setCertificate(next) };
}

/** R19: nothing is ordered, and nobody admitted, without more than half of the replicas, this one among them. */
function hasMajority(replicas: readonly ReplicaStatus[]): boolean {
	const linked = replicas.filter(({ state }) => state === 'self' || state === 'linked');
	return 2 * linked.length > replicas.length;
}

/** null where the Host header is none that an address can be made of. */
export function originOf(protocol: string, host: string | undefined): string | null {
	if (host === undefined || !/^[A-Za-z0-9.\-[\]:]{1,255}$/.test(host)) return null;
	return URL.canParse(`${protocol}://${host}`) ? new URL(`${protocol}://${host}`).origin : null;
}
