import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiError, type ApiEvents, type TabwaveApi } from '../api.ts';
import { Emitter } from './emitter.ts';
import { remoteApi, serveApi } from './rpc.ts';

/** Two real ports; what crosses is cloned as it is between a page and a worker. */
let channel: MessageChannel;
let events: Emitter<ApiEvents>;
let calls: [string, unknown[]][];
let remote: TabwaveApi;
/** Messages that reached the worker's port. */
let arrived: number;

beforeEach(() => {
	channel = new MessageChannel();
	events = new Emitter(() => {});
	calls = [];
	arrived = 0;
	channel.port1.addEventListener('message', () => (arrived += 1));
	serveApi(channel.port1, served());
	remote = remoteApi(channel.port2);
});

afterEach(() => {
	channel.port1.close();
	channel.port2.close();
});

const record =
	(path: string, answer: (...args: never[]) => unknown = () => `answer of ${path}`) =>
	async (...args: unknown[]) => {
		calls.push([path, args]);
		return answer(...(args as never[]));
	};

/** An API that says which call reached it. */
function served(): TabwaveApi {
	const api = {
		node: { status: record('node.status'), leave: record('node.leave'), secret: record('node.secret') },
		chain: {
			head: record('chain.head', () => ({ height: 7, hash: 'aa', time: 1 })),
			block: record('chain.block', () => {
				throw new ApiError('NotFound', 'there is no block 9');
			}),
			transaction: record('chain.transaction', () => Promise.reject('not even an error'))
		},
		state: { get: record('state.get', () => ({ decoded: () => 'a function' })) },
		spectrum: { importAps: record('spectrum.importAps', (file: File) => file.size) },
		on: events.on.bind(events)
	};
	return api as unknown as TabwaveApi;
}

/** What the page has sent has been answered when a call that was made after it is. */
const settled = async (): Promise<void> => {
	await remote.node.leave();
	calls.pop();
};

describe('a call', () => {
	it('reaches its function with its arguments, and brings back the answer', async () => {
		expect(await remote.node.status()).toBe('answer of node.status');
		expect(await remote.chain.head()).toEqual({ height: 7, hash: 'aa', time: 1 });
		expect(calls).toEqual([
			['node.status', []],
			['chain.head', []]
		]);
	});

	it('may hand over a file', async () => {
		expect(await remote.spectrum.importAps(new File(['12345'], 'aps.csv'))).toBe(5);
	});

	it('rejects with the error’s own name and message', async () => {
		const failure = remote.chain.block(9);
		await expect(failure).rejects.toBeInstanceOf(ApiError);
		await expect(failure).rejects.toMatchObject({ name: 'NotFound', message: 'there is no block 9' });
		await expect(remote.chain.transaction('x')).rejects.toMatchObject({ message: 'not even an error' });
	});

	it('with what cannot cross rejects at once, and the others of its turn go on', async () => {
		const bad = remote.account.transfer((() => {}) as unknown as string, 1);
		const good = remote.chain.head();
		await expect(bad).rejects.toMatchObject({
			name: 'InvalidArgument',
			message: 'account.transfer takes plain values and files'
		});
		expect(await good).toMatchObject({ height: 7 });
	});

	it('whose answer cannot cross is rejected, and hangs nobody', async () => {
		const bad = remote.state.get('x');
		const good = remote.chain.head();
		await expect(bad).rejects.toMatchObject({ name: 'DataCloneError' });
		expect(await good).toMatchObject({ height: 7 });
	});

	it('of one turn shares one message with the others', async () => {
		await Promise.all(Array.from({ length: 50 }, () => remote.chain.head()));
		expect(arrived).toBe(1);
		expect(calls).toHaveLength(50);
	});

	it('to what this worker does not have is answered with an error', async () => {
		// A page of the future may meet a worker of the past.
		await expect(remote.node.setNickname('x')).rejects.toMatchObject({ name: 'TypeError' });
	});
});

describe('the worker’s end', () => {
	/** Sends as no page of ours would, and waits for what comes back. */
	const sendRaw = (message: unknown): Promise<unknown> =>
		new Promise((resolve) => {
			channel.port2.addEventListener('message', ({ data }) => resolve(data), { once: true });
			channel.port2.postMessage(message);
		});

	it.each(['node.secret', 'on', 'node.constructor', '__proto__.toString', 'chain', '', 7, null])(
		'serves no path but the API’s: %j',
		async (path) => {
			const answers = await sendRaw([{ rpc: 'call', id: 3, path, args: [] }]);
			expect(answers).toMatchObject([{ rpc: 'answer', id: 3, error: { name: 'NotFound' } }]);
			expect(calls).toEqual([]);
		}
	);

	it('answers a call without arguments with an error', async () => {
		const answers = await sendRaw([{ rpc: 'call', id: 3, path: 'chain.head' }]);
		expect(answers).toMatchObject([{ rpc: 'answer', id: 3, error: { name: 'TypeError' } }]);
	});

	it.each(['text', 7, null, undefined, { rpc: 'call' }, [null, 7, 'text', { rpc: 'shout' }, {}]])(
		'ignores what is no message of ours: %j',
		async (message) => {
			channel.port2.postMessage(message);
			expect(await remote.chain.head()).toMatchObject({ height: 7 });
			expect(calls).toHaveLength(1);
		}
	);
});

describe('the page’s end', () => {
	it.each(['text', 7, null, [null, { rpc: 'answer', id: 999, value: 1 }, { rpc: 'event', event: 'none' }]])(
		'ignores what is no message of ours: %j',
		async (message) => {
			channel.port1.postMessage(message);
			expect(await remote.chain.head()).toMatchObject({ height: 7 });
		}
	);
});

describe('events', () => {
	const link = (rttMs: number): ApiEvents['link'] => ({ peer: 'aa', path: 'direct', rttMs });

	it('reach every listener, and only those of their kind', async () => {
		const [one, two, other]: [unknown[], unknown[], unknown[]] = [[], [], []];
		remote.on('link', (data) => one.push(data));
		remote.on('link', (data) => two.push(data));
		remote.on('stuck', (data) => other.push(data));
		await settled();
		events.emit('link', link(1));
		events.emit('link', link(2));
		await settled();
		expect(one).toEqual([link(1), link(2)]);
		expect(two).toEqual(one);
		expect(other).toEqual([]);
	});

	it('are sent only while somebody listens', async () => {
		expect(events.has('link')).toBe(false);
		const stopFirst = remote.on('link', () => {});
		const stopSecond = remote.on('link', () => {});
		await settled();
		expect(events.has('link')).toBe(true);
		stopFirst();
		await settled();
		expect(events.has('link')).toBe(true);
		stopSecond();
		stopSecond();
		await settled();
		expect(events.has('link')).toBe(false);
	});

	it('come once to who listens again', async () => {
		const heard: unknown[] = [];
		remote.on('link', () => {})();
		remote.on('link', (data) => heard.push(data));
		await settled();
		events.emit('link', link(1));
		await settled();
		expect(heard).toHaveLength(1);
	});

	it('a listener that is taken away hears no more; one that is taken away twice takes nobody with it', async () => {
		const heard: unknown[] = [];
		const stop = remote.on('link', () => heard.push('first'));
		stop();
		remote.on('link', () => heard.push('second'));
		stop();
		await settled();
		events.emit('link', link(1));
		await settled();
		expect(heard).toEqual(['second']);
	});
});
