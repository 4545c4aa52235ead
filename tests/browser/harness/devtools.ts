/** The DevTools protocol: of a tab's page and of its workers, which Playwright's own sessions do not reach, and without Playwright. */
import type { BrowserContext, Page } from 'playwright-core';

/** Calls one method of the protocol. */
export type Send = (method: string, params?: object) => Promise<unknown>;

export interface TabSession {
	page: Send;
	workers: Send[];
	detach(): Promise<void>;
}

/** Longer than a node's own limits, of a join for example, so that its error is what a test shows. */
const ANSWER_TIMEOUT_MS = 60_000;

export async function openTabSession(context: BrowserContext, page: Page): Promise<TabSession> {
	const session = await context.newCDPSession(page);
	const send = session.send.bind(session) as unknown as Send;
	const calls = new Map<string, Calls>();
	const workers: Send[] = [];
	session.on('Target.receivedMessageFromTarget', ({ sessionId, message }) =>
		calls.get(sessionId)?.answered(message)
	);
	session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
		if (targetInfo.type !== 'worker') return;
		const worker = new Calls(
			(message) => void send('Target.sendMessageToTarget', { sessionId, message }).catch(() => {})
		);
		calls.set(sessionId, worker);
		workers.push((method, params) => worker.send(method, params));
	});
	// Not flat: Playwright's sessions take no messages of sessions below them.
	await send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
	return { page: send, workers, detach: () => session.detach() };
}

/** The inspector of a Node.js program that was started with --inspect. @param url ws://… as the program prints it */
export async function openInspector(url: string): Promise<{ send: Send; close(): void }> {
	const { send, close } = await openDevTools(url);
	return { send, close };
}

export interface DevTools {
	/** To the browser, or the program, itself. */
	send: Send;
	/** To a target that was attached with `flatten`. */
	session(sessionId: string): Send;
	close(): void;
}

/** @param url ws://… as a program prints it that was started with a debugging port */
export async function openDevTools(url: string): Promise<DevTools> {
	const socket = new WebSocket(url);
	await new Promise((resolve, reject) => {
		socket.onopen = resolve;
		socket.onerror = () => reject(new Error(`The debugging port at ${url} does not answer.`));
	});
	const calls = new Calls((message) => socket.send(message));
	socket.onmessage = ({ data }) => calls.answered(String(data));
	return {
		send: (method, params) => calls.send(method, params),
		session: (sessionId) => (method, params) => calls.send(method, params, sessionId),
		close: () => socket.close()
	};
}

interface Answer {
	id?: number;
	result?: unknown;
	error?: { message: string };
}

/** Numbers calls and finds the answer of each. An answer that does not come is an error after a while. */
class Calls {
	readonly #post: (message: string) => void;
	readonly #waiting = new Map<number, (answer: Answer) => void>();
	#nextId = 1;

	constructor(post: (message: string) => void) {
		this.#post = post;
	}

	/** @param sessionId of a target below the one that is connected */
	send(method: string, params: object = {}, sessionId?: string): Promise<unknown> {
		const id = this.#nextId++;
		return new Promise((resolve, reject) => {
			const end = (answer: Answer): void => {
				clearTimeout(timer);
				this.#waiting.delete(id);
				if (answer.error) reject(new Error(`${method}: ${answer.error.message}`));
				else resolve(answer.result);
			};
			const timer = setTimeout(() => end({ error: { message: 'no answer' } }), ANSWER_TIMEOUT_MS);
			this.#waiting.set(id, end);
			this.#post(JSON.stringify({ id, method, params, sessionId }));
		});
	}

	answered(message: string): void {
		const answer = JSON.parse(message) as Answer;
		if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
	}
}
