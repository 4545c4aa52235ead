/**
 * Chromium without Playwright, for what Playwright keeps a page from: it makes every page believe that it is visible and focused, and
 * a page that is visible cannot freeze. Each tab has a window of its own, which can be hidden.
 *
 *     const chromium = await startPlainChromium();
 *     const tab = await chromium.open(`${relay.url}/node`);
 *     await tab.freeze();
 *     await tab.thaw();
 *     await chromium.dispose();
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchOptions } from './chromium.ts';
import { openDevTools } from './devtools.ts';
import type { DevTools, Send } from './devtools.ts';
import { waitForValue } from './tabs.ts';
import type { Tab } from './tabs.ts';

/** `evaluate` is Playwright's, so that what drives a page there drives this tab as well. */
export interface PlainTab extends Tab {
	/** As another window in front of it does: the page is hidden, and runs on. */
	hide(): Promise<void>;
	show(): Promise<void>;
	/** As an energy saver does: the page is hidden, and neither it nor its worker runs. */
	freeze(): Promise<void>;
	/** It runs and is visible again. */
	thaw(): Promise<void>;
	close(): Promise<void>;
}

export interface PlainChromium {
	/** Opens an address in a window of its own; resolves when the page has the client API. */
	open(url: string): Promise<PlainTab>;
	dispose(): Promise<void>;
}

const START_TIMEOUT_MS = 20_000;
const READY = /DevTools listening on (ws:\S+)/;

interface EvaluateAnswer {
	result: { value?: unknown };
	exceptionDetails?: { exception?: { description?: string }; text: string };
}

export async function startPlainChromium(): Promise<PlainChromium> {
	const { executablePath, args } = launchOptions('possible');
	const profile = mkdtempSync(join(tmpdir(), 'tabwave-chromium-'));
	const child = spawn(
		executablePath!,
		[...args!, '--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'],
		{ stdio: ['ignore', 'ignore', 'pipe'] }
	);
	const dispose = async (): Promise<void> => {
		if (child.exitCode === null && child.signalCode === null) {
			const exited = new Promise((resolve) => child.once('exit', resolve));
			child.kill('SIGKILL');
			await exited;
		}
		// Its helpers end a moment after it, and write until then.
		rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
	};
	try {
		const devTools = await openDevTools(await debuggingUrl(child));
		return { open: (url) => openTab(devTools, url), dispose };
	} catch (error) {
		await dispose();
		throw error;
	}
}

function debuggingUrl(child: ChildProcess): Promise<string> {
	return new Promise((resolve, reject) => {
		let said = '';
		const fail = (why: string): void => reject(new Error(`Chromium ${why}. It said:\n${said}`));
		const timer = setTimeout(() => fail(`did not start in ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
		child.once('error', (error) => fail(error.message));
		child.once('exit', (code) => fail(`ended with code ${code}`));
		child.stderr!.on('data', (chunk: Buffer) => {
			said = (said + chunk.toString('utf8')).slice(-10_000);
			const url = READY.exec(said)?.[1];
			if (url === undefined) return;
			clearTimeout(timer);
			resolve(url);
		});
	});
}

async function openTab({ send, session }: DevTools, url: string): Promise<PlainTab> {
	const { targetId } = (await send('Target.createTarget', { url, newWindow: true })) as { targetId: string };
	const attached = await send('Target.attachToTarget', { targetId, flatten: true });
	const page = session((attached as { sessionId: string }).sessionId);
	const setWindow = async (windowState: 'minimized' | 'normal'): Promise<void> => {
		const { windowId } = (await send('Browser.getWindowForTarget', { targetId })) as { windowId: number };
		await send('Browser.setWindowBounds', { windowId, bounds: { windowState } });
	};
	const evaluate = (fn: unknown, argument?: unknown): Promise<unknown> => evaluateIn(page, fn, argument);
	const tab: PlainTab = {
		evaluate: evaluate as PlainTab['evaluate'],
		hide: () => setWindow('minimized'),
		show: () => setWindow('normal'),
		freeze: async () => {
			await setWindow('minimized');
			await page('Page.setWebLifecycleState', { state: 'frozen' });
		},
		thaw: async () => {
			await page('Page.setWebLifecycleState', { state: 'active' });
			await setWindow('normal');
		},
		close: async () => {
			await send('Target.closeTarget', { targetId });
		}
	};
	await waitForValue(
		() => tab.evaluate(() => 'tabwave' in globalThis),
		(isReady) => isReady,
		{ what: `the client API at ${url}` }
	);
	return tab;
}

async function evaluateIn(page: Send, fn: unknown, argument: unknown): Promise<unknown> {
	const expression = typeof fn === 'string' ? fn : `(${String(fn)})(${JSON.stringify(argument) ?? ''})`;
	const answer = await page('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
	const { result, exceptionDetails } = answer as EvaluateAnswer;
	if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
	return result.value;
}
