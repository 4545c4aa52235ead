/**
 * The client API across a port: calls, answers and events as plain messages. Both ends are of one origin; what crosses is
 * still checked for its shape, since a page of the future may meet a worker of the past.
 */
import { ApiError, type ApiErrorName, type ApiEvents, type TabwaveApi } from '../api.ts';

type Call = { rpc: 'call'; id: number; path: string; args: unknown[] };
type Listen = { rpc: 'listen'; event: keyof ApiEvents; on: boolean };
type Answer = { rpc: 'answer'; id: number; value?: unknown; error?: { name: string; message: string } };
type Tell = { rpc: 'event'; event: keyof ApiEvents; data: unknown };

type Message = Call | Listen | Answer | Tell;

export interface RpcPort {
	postMessage(message: unknown): void;
	addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
	start?(): void;
}

/** Every call of the API, by path: nothing else can be reached through a port. */
const CALLS = [
	'node.join',
	'node.status',
	'node.leave',
	'node.network',
	'node.setNickname',
	'chain.head',
	'chain.block',
	'chain.blocks',
	'chain.transaction',
	'chain.transactionsOf',
	'chain.verify',
	'chain.evidence',
	'pool.status',
	'account.id',
	'account.balance',
	'account.transfer',
	'state.get',
	'spectrum.aps',
	'spectrum.importAps',
	'spectrum.generateAps',
	'spectrum.bids',
	'spectrum.trades',
	'spectrum.grants',
	'spectrum.metrics',
	'spectrum.mechanisms',
	'spectrum.setMechanism',
	'spectrum.manager',
	'spectrum.setManager'
] as const;

/**
 * Gathers what one turn sends into one message: a block settles hundreds of calls at once.
 * @param failed - told of a message that cannot cross a port, for example one with a function in it
 */
function gathering(
	port: RpcPort,
	failed: (message: Message, error: unknown) => void
): (message: Message) => void {
	let gathered: Message[] = [];
	const flush = (): void => {
		const messages = gathered;
		gathered = [];
		try {
			port.postMessage(messages);
		} catch {
			// One of them is to blame; the others go on.
			for (const message of messages)
				try {
					port.postMessage([message]);
				} catch (error) {
					failed(message, error);
				}
		}
	};
	return (message) => {
		if (gathered.push(message) === 1) queueMicrotask(flush);
	};
}

/** Serves the API at the node's end. */
export function serveApi(port: RpcPort, api: TabwaveApi): void {
	const subscriptions = new Map<keyof ApiEvents, () => void>();
	const send = gathering(port, (message, error) => {
		// Answers and events are plain data; one that is not is a fault of this program and must not hang its caller.
		if (message.rpc === 'answer') port.postMessage([{ rpc: 'answer', id: message.id, error: plain(error) }]);
	});
	const receive = (data: Call | Listen): void => {
		if (data?.rpc === 'call') void answer(send, api, data);
		else if (data?.rpc === 'listen') {
			subscriptions.get(data.event)?.();
			subscriptions.delete(data.event);
			if (!data.on) return;
			const { event } = data;
			subscriptions.set(
				event,
				api.on(event, (told) => send({ rpc: 'event', event, data: told }))
			);
		}
	};
	port.addEventListener('message', ({ data }: MessageEvent) =>
		messagesOf<Call | Listen>(data).forEach(receive)
	);
	port.start?.();
}

/** The API at the page's end. */
export function remoteApi(port: RpcPort): TabwaveApi {
	const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
	const listeners = new Map<keyof ApiEvents, Set<(data: never) => void>>();
	let nextId = 1;
	const send = gathering(port, (message) => {
		if (message.rpc !== 'call') return;
		waiting
			.get(message.id)
			?.reject(new ApiError('InvalidArgument', `${message.path} takes plain values and files`));
		waiting.delete(message.id);
	});
	const receive = (data: Answer | Tell): void => {
		if (data?.rpc === 'answer') {
			const call = waiting.get(data.id);
			waiting.delete(data.id);
			if (data.error) call?.reject(new ApiError(data.error.name as ApiErrorName, data.error.message));
			else call?.resolve(data.value);
		} else if (data?.rpc === 'event') {
			for (const listener of [...(listeners.get(data.event) ?? [])])
				(listener as (data: unknown) => void)(data.data);
		}
	};
	port.addEventListener('message', ({ data }: MessageEvent) =>
		messagesOf<Answer | Tell>(data).forEach(receive)
	);
	port.start?.();

	const call = (path: string, args: unknown[]): Promise<unknown> =>
		new Promise((resolve, reject) => {
			const id = nextId++;
			waiting.set(id, { resolve, reject });
			send({ rpc: 'call', id, path, args });
		});
	const api: Record<string, Record<string, unknown>> = {};
	for (const path of CALLS) {
		const [group, name] = path.split('.') as [string, string];
		(api[group] ??= {})[name] = (...args: unknown[]) => call(path, args);
	}
	const on: TabwaveApi['on'] = (event, listener) => {
		let set = listeners.get(event);
		if (!set) {
			listeners.set(event, (set = new Set()));
			send({ rpc: 'listen', event, on: true });
		}
		set.add(listener as (data: never) => void);
		return () => {
			set.delete(listener as (data: never) => void);
			if (set.size > 0 || listeners.get(event) !== set) return;
			listeners.delete(event);
			send({ rpc: 'listen', event, on: false });
		};
	};
	return { ...api, on } as unknown as TabwaveApi;
}

async function answer(
	send: (message: Message) => void,
	api: TabwaveApi,
	{ id, path, args }: Call
): Promise<void> {
	try {
		if (!(CALLS as readonly string[]).includes(path))
			throw new ApiError('NotFound', `there is no call "${String(path).slice(0, 40)}"`);
		const [group, name] = path.split('.') as [keyof TabwaveApi, string];
		const target = api[group] as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
		const value = await target[name]!(...args);
		send({ rpc: 'answer', id, value });
	} catch (error) {
		send({ rpc: 'answer', id, error: plain(error) });
	}
}

/** What one turn of the other end sent; what is of another shape is not for us. */
function messagesOf<T extends Message>(data: unknown): T[] {
	return Array.isArray(data) ? (data as T[]) : [];
}

function plain(error: unknown): { name: string; message: string } {
	const { name, message } = error instanceof Error ? error : new Error(String(error));
	return { name, message };
}
