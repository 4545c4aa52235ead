/**
 * The built site. Files with a hash in their name are kept by browsers for ever, everything else is asked for again;
 * any other path is a page that the site itself knows or calls not found.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RelayStartError } from '../errors.ts';
import { HttpError, sendError } from './http-error.ts';
import { contentSecurityPolicy, inlineScriptHashes } from './security-headers.ts';

/** The page from which the site starts at any path (adapter-static's `fallback`). */
export const FALLBACK_PAGE = '200.html';
const IMMUTABLE = '/_app/immutable/';

/** @throws RelayStartError `BuildMissing` */
export function checkSite(directory: string): void {
	if (existsSync(join(directory, FALLBACK_PAGE))) return;
	throw new RelayStartError('BuildMissing', {
		en: `The site is not built: ${join(directory, FALLBACK_PAGE)} is missing. Start with "npm start", which builds it, or build it with "npm run build".`,
		zh: `网站尚未构建：缺少 ${join(directory, FALLBACK_PAGE)}。请用 “npm start” 启动（会自动构建），或先运行 “npm run build”。`
	});
}

/**
 * @param keptFiles - files of earlier builds, for tabs that were opened with them (kept-files.ts); null: none
 * @param replicaHosts - host:port of the other replicas, for a browser that names this relay so
 */
export async function serveSite(
	server: FastifyInstance,
	directory: string,
	keptFiles: string | null,
	replicaHosts: (host: string | undefined) => string[]
): Promise<void> {
	const hashes = scriptHashesOf(join(directory, FALLBACK_PAGE));
	const sendPage = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
		const { host } = request.headers;
		reply.header('content-security-policy', contentSecurityPolicy(hashes(), host, replicaHosts(host)));
		return reply.sendFile(FALLBACK_PAGE, directory);
	};
	// A folder, which the files' route refuses to whoever takes no compressed answer.
	server.get('/', async (request, reply) => sendPage(request, reply));
	await server.register(fastifyStatic, {
		root: keptFiles === null ? directory : [directory, keptFiles],
		preCompressed: true,
		index: false,
		dotfiles: 'ignore',
		// Set below: it is not one rule for all files.
		cacheControl: false,
		setHeaders: (reply, path) => {
			const immutable = path.replaceAll('\\', '/').includes(IMMUTABLE);
			reply.header('cache-control', immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
			reply.header('vary', 'accept-encoding');
		}
	});
	server.setNotFoundHandler(async (request, reply) => {
		const path = request.url.split('?', 1)[0]!;
		if (path.startsWith('/api/') || path === '/api')
			return sendError(reply, new HttpError('NotFound', `There is no ${path} here.`));
		if (request.method !== 'GET' && request.method !== 'HEAD')
			return sendError(reply, new HttpError('MethodNotAllowed', 'The site is only read: use GET.'));
		// A missing file must not answer with a page: a browser would run or cache it as what it asked for.
		if (path.startsWith('/_app/') || /\.[A-Za-z0-9]{1,8}$/.test(path))
			return sendError(reply, new HttpError('NotFound', `There is no file ${path}.`));
		return sendPage(request, reply);
	});
}

/** Read again when the site was built anew under a running relay. */
function scriptHashesOf(page: string): () => string[] {
	let modifiedMs = -1;
	let hashes: string[] = [];
	return () => {
		const current = statSync(page, { throwIfNoEntry: false })?.mtimeMs ?? modifiedMs;
		if (current !== modifiedMs) {
			hashes = inlineScriptHashes(readFileSync(page, 'utf8'));
			modifiedMs = current;
		}
		return hashes;
	};
}
