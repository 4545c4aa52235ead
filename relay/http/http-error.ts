/** Errors of the API: a stable name, a sentence, a status. */
import type { FastifyReply } from 'fastify';

export type HttpErrorName =
	| 'BadRequest'
	| 'NotFound'
	| 'MethodNotAllowed'
	| 'TooManyRequests'
	| 'NotReady'
	| 'TooLarge'
	| 'InternalError';

const STATUS: Record<HttpErrorName, number> = {
	BadRequest: 400,
	NotFound: 404,
	MethodNotAllowed: 405,
	TooLarge: 413,
	TooManyRequests: 429,
	InternalError: 500,
	NotReady: 503
};

export class HttpError extends Error {
	readonly status: number;
	constructor(name: HttpErrorName, message: string) {
		super(message);
		this.name = name;
		this.status = STATUS[name];
	}
}

/** `{ "error": { "name", "message" } }` */
export function sendError(reply: FastifyReply, error: HttpError): FastifyReply {
	return reply
		.code(error.status)
		.header('cache-control', 'no-store')
		.type('application/json; charset=utf-8')
		.send({ error: { name: error.name, message: error.message } });
}
