import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreError } from '../../storage/ledger-store.ts';
import { FakeBrowser } from './identity-fake-browser.ts';
import type { FakeTab } from './identity-fake-browser.ts';
import { claimIdentity, MOVE_WAIT_MS, ORPHAN_MS } from './identity.ts';
import type { DuplicateIdentity, IdentityClaim, RunningIdentity } from './identity.ts';
import { HEARTBEAT_MS } from './identity-running.ts';
import { IdbIdentityStore, MemoryIdentityStore } from './identity-store.ts';

const chainId = 'c1'.repeat(32);
const otherChain = 'c2'.repeat(32);

let seeds = 0;
const suite = {
	generateSeed: () => new Uint8Array(32).fill(++seeds),
	signer: async (seed: Uint8Array) => ({
		publicKey: seed.map((b) => b ^ 255),
		sign: async () => new Uint8Array(64)
	})
};

/** Nodes whose ledger this browser still has. */
let ledgers: Set<string>;
const hasVotes = vi.fn(async (nodeId: string) => ledgers.has(nodeId));
const start = (tab: FakeTab, chain = chainId): Promise<IdentityClaim> =>
	claimIdentity({ environment: tab.environment, suite, chainId: chain, locale: 'en', hasVotes });

function running(claim: IdentityClaim): RunningIdentity {
	if (claim.kind !== 'running') throw new Error('this tab is a duplicate');
	return claim;
}

function duplicate(claim: IdentityClaim): DuplicateIdentity {
	if (claim.kind !== 'duplicate') throw new Error('this tab is no duplicate');
	return claim;
}

beforeEach(() => {
	ledgers = new Set();
	hasVotes.mockClear();
});

for (const [where, isSecure] of [
	['with Web Locks', true],
	['on plain http', false]
] as const)
	describe(`identities ${where}`, () => {
		const browserOf = (store = new MemoryIdentityStore()) => new FakeBrowser({ isSecure, store });
		const newTab = async (browser: FakeBrowser, tab = browser.open()) => ({
			tab,
			identity: running(await browser.wait(start(tab)))
		});

		it('are made for a new browser', async () => {
			const browser = browserOf();
			const { tab, identity } = await newTab(browser);
			expect(identity).toMatchObject({ origin: 'created', persistent: true, replaced: null });
			expect(identity.nickname).toMatch(/^[A-Z][a-z]+ [A-Z][a-z]+$/);
			expect(identity.seed).toHaveLength(32);
			expect(identity.nodeId).toMatch(/^[0-9a-f]{64}$/);
			expect([...tab.session.values()]).toEqual([identity.name]);
			expect(browser.reports).toEqual([]);
		});

		it('survive a reload, with their nickname', async () => {
			const browser = browserOf();
			const { tab, identity } = await newTab(browser);
			await identity.rename('Ada');
			const again = await newTab(browser, tab.reload());
			expect(again.identity).toMatchObject({ nodeId: identity.nodeId, nickname: 'Ada', origin: 'reload' });
			expect(again.identity.seed).toEqual(identity.seed);
		});

		it('survive a reload whose old page lets go late', async () => {
			const browser = browserOf();
			const { tab, identity } = await newTab(browser);
			const claim = start(tab.duplicate());
			await browser.pass(800);
			tab.close();
			expect(running(await browser.wait(claim)).nodeId).toBe(identity.nodeId);
		});

		it('differ between tabs, however quickly these are opened', async () => {
			const browser = browserOf();
			const claims = await browser.wait(Promise.all([1, 2, 3].map(() => start(browser.open()))));
			expect(new Set(claims.map((claim) => claim.nodeId)).size).toBe(3);
		});

		it('are not taken from a tab that runs for long, hidden or not', async () => {
			const browser = browserOf();
			const { identity } = await newTab(browser);
			await browser.pass(10 * ORPHAN_MS);
			const other = await newTab(browser);
			expect(other.identity).toMatchObject({ origin: 'created' });
			expect(other.identity.nodeId).not.toBe(identity.nodeId);
		});

		it('stay with their tab where its heartbeats fail', async () => {
			const store = new MemoryIdentityStore();
			const browser = browserOf(store);
			const { identity } = await newTab(browser);
			store.failure = new StoreError('full', 'no room');
			await browser.pass(2 * ORPHAN_MS);
			store.failure = null;
			expect(browser.reports.length).toBeGreaterThan(0);
			const other = await newTab(browser);
			expect(other.identity.nodeId).not.toBe(identity.nodeId);
		});

		describe('of a duplicated tab', () => {
			it('are not run twice: a second node is somebody new, also after a reload', async () => {
				const browser = browserOf();
				const { tab, identity } = await newTab(browser);
				const copy = tab.duplicate();
				const claim = duplicate(await browser.wait(start(copy)));
				expect(claim).toMatchObject({ nodeId: identity.nodeId, nickname: identity.nickname });
				const second = running(await browser.wait(claim.second()));
				expect(second.nodeId).not.toBe(identity.nodeId);
				const again = await newTab(browser, copy.reload());
				expect(again.identity.nodeId).toBe(second.nodeId);
			});

			it('move there once the other node has stopped', async () => {
				const browser = browserOf();
				const { tab, identity } = await newTab(browser);
				const events: string[] = [];
				let stopped = (): void => {};
				identity.onRevoked((reason) => {
					events.push(reason);
					return new Promise((resolve) => (stopped = resolve));
				});
				const claim = duplicate(await browser.wait(start(tab.duplicate())));
				const moving = claim.moveHere().then((moved) => (events.push('runs here'), moved));
				await browser.pass(3_000);
				expect(events).toEqual(['moved']);
				stopped();
				const moved = await browser.wait(moving);
				expect(moved).toMatchObject({ nodeId: identity.nodeId, origin: 'moved' });
				expect(events).toEqual(['moved', 'runs here']);
				await browser.pass(3 * HEARTBEAT_MS);
				expect(events).toEqual(['moved', 'runs here']);
				expect(duplicate(await browser.wait(start(tab.reload()))).nodeId).toBe(identity.nodeId);
			});

			it('stay where they are if the other node cannot stop', async () => {
				const browser = browserOf();
				const { tab, identity } = await newTab(browser);
				identity.onRevoked(() => Promise.reject(new Error('still writing')));
				const claim = duplicate(await browser.wait(start(tab.duplicate())));
				const before = browser.clock.nowMs;
				await expect(browser.wait(claim.moveHere())).rejects.toMatchObject({ name: 'IdentityBusyError' });
				expect(browser.clock.nowMs - before).toBeLessThan(MOVE_WAIT_MS);
				await browser.pass(2 * MOVE_WAIT_MS);
				expect(duplicate(await browser.wait(start(tab.duplicate()))).nodeId).toBe(identity.nodeId);
			});

			it('stay where they are if the other tab does not answer', async () => {
				const browser = browserOf();
				const { tab, identity } = await newTab(browser);
				identity.onRevoked(() => new Promise(() => {}));
				const claim = duplicate(await browser.wait(start(tab.duplicate())));
				await expect(browser.wait(claim.moveHere())).rejects.toMatchObject({ name: 'IdentityBusyError' });
				expect(duplicate(await browser.wait(start(tab.duplicate()))).nodeId).toBe(identity.nodeId);
			});
		});

		describe('whose tab was closed', () => {
			it('are picked up by the next tab after a while, and not before', async () => {
				const browser = browserOf();
				const first = await newTab(browser);
				first.tab.close();
				await browser.pass(HEARTBEAT_MS);
				const soon = await newTab(browser);
				expect(soon.identity.nodeId).not.toBe(first.identity.nodeId);
				await browser.pass(ORPHAN_MS);
				const later = await newTab(browser);
				expect(later.identity).toMatchObject({ nodeId: first.identity.nodeId, origin: 'adopted' });
			});

			it('are picked up with the latest first', async () => {
				const browser = browserOf();
				const tabs = [await newTab(browser), await newTab(browser)];
				tabs[0]!.tab.close();
				await browser.pass(2 * HEARTBEAT_MS);
				tabs[1]!.tab.close();
				await browser.pass(2 * ORPHAN_MS);
				const ids: string[] = [];
				for (let i = 0; i < 2; i++) ids.push((await newTab(browser)).identity.nodeId);
				expect(ids).toEqual([tabs[1]!.identity.nodeId, tabs[0]!.identity.nodeId]);
			});

			it('are picked up by one of several tabs that race for them', async () => {
				const browser = browserOf();
				const { tab, identity } = await newTab(browser);
				tab.close();
				await browser.pass(2 * ORPHAN_MS);
				const racers = [1, 2, 3, 4].map(() => start(browser.open()));
				const claims = (await browser.wait(Promise.all(racers))).map(running);
				expect(claims.filter(({ nodeId }) => nodeId === identity.nodeId)).toHaveLength(1);
				expect(new Set(claims.map(({ nodeId }) => nodeId)).size).toBe(4);
			});

			it('are left to a tab that picked them up in between and is just reloading', async () => {
				const store = new MemoryIdentityStore();
				const browser = browserOf(store);
				const { tab, identity } = await newTab(browser);
				tab.close();
				await browser.pass(2 * ORPHAN_MS);
				const between = browser.open();
				const late = browser.open();
				const all = store.all.bind(store);
				vi.spyOn(store, 'all').mockImplementationOnce(async () => {
					const stale = await all();
					await start(between);
					between.close();
					return stale;
				});
				expect((await newTab(browser, late)).identity.nodeId).not.toBe(identity.nodeId);
				expect((await newTab(browser, between.reload())).identity.nodeId).toBe(identity.nodeId);
			});

			it('are picked up also after the clock was set back', async () => {
				const browser = browserOf();
				const { tab, identity } = await newTab(browser);
				tab.close();
				browser.clock.nowMs -= 86_400_000;
				expect((await newTab(browser)).identity.nodeId).toBe(identity.nodeId);
			});
		});

		describe('that voted', () => {
			const voted = async (browser: FakeBrowser) => {
				const first = await newTab(browser);
				await first.identity.markVoted(chainId);
				await first.identity.markVoted(chainId);
				ledgers.add(first.identity.nodeId);
				return first;
			};

			it('run again where their ledger is there', async () => {
				const browser = browserOf();
				const { tab, identity } = await voted(browser);
				expect((await newTab(browser, tab.reload())).identity.nodeId).toBe(identity.nodeId);
				expect(hasVotes).toHaveBeenCalledWith(identity.nodeId, chainId);
			});

			it('never run on that chain again where it is gone, but do on others', async () => {
				const browser = browserOf();
				const { tab, identity } = await voted(browser);
				ledgers.clear();
				const after = await newTab(browser, tab.reload());
				expect(after.identity.nodeId).not.toBe(identity.nodeId);
				expect(after.identity.replaced).toEqual({ nodeId: identity.nodeId, nickname: identity.nickname });
				ledgers.add(identity.nodeId); // a ledger that comes back is not the one that was lost
				await browser.pass(2 * ORPHAN_MS);
				expect((await newTab(browser)).identity.nodeId).not.toBe(identity.nodeId);
				const elsewhere = running(await browser.wait(start(browser.open(), otherChain)));
				expect(elsewhere.nodeId).toBe(identity.nodeId);
			});

			it('are not adopted where it is gone', async () => {
				const browser = browserOf();
				const { tab, identity } = await voted(browser);
				ledgers.clear();
				tab.close();
				await browser.pass(2 * ORPHAN_MS);
				expect((await newTab(browser)).identity).toMatchObject({ origin: 'created' });
				expect(await browser.store.get(identity.name)).toMatchObject({ retiredFrom: [chainId] });
			});

			it('wait, unretired, where the browser cannot say', async () => {
				const browser = browserOf();
				const { tab, identity } = await voted(browser);
				hasVotes.mockRejectedValueOnce(new StoreError('corrupt', 'cannot read'));
				const after = await newTab(browser, tab.reload());
				expect(after.identity.nodeId).not.toBe(identity.nodeId);
				await browser.pass(2 * ORPHAN_MS);
				expect((await newTab(browser)).identity.nodeId).toBe(identity.nodeId);
			});

			it('wait, and nobody else runs in their place, where a newer Tabwave wrote it', async () => {
				const browser = browserOf();
				const { tab, identity } = await voted(browser);
				const newer = new StoreError('newer', 'a newer Tabwave wrote it');
				hasVotes.mockRejectedValueOnce(newer);
				const reloaded = tab.reload();
				await expect(browser.wait(start(reloaded))).rejects.toBe(newer);
				expect(await browser.store.all()).toHaveLength(1);
				const again = running(await browser.wait(start(reloaded.reload())));
				expect(again.nodeId).toBe(identity.nodeId);
				expect(again.hasVotedOn(chainId)).toBe(true);
				expect(again.hasVotedOn(otherChain)).toBe(false);
			});

			it('can be retired by the node that finds its ledger empty', async () => {
				const browser = browserOf();
				const { tab, identity } = await voted(browser);
				await identity.retire(chainId);
				expect((await newTab(browser, tab.reload())).identity.nodeId).not.toBe(identity.nodeId);
			});
		});

		it('are given up when their record is deleted, and cannot vote any more', async () => {
			const store = new MemoryIdentityStore();
			const browser = browserOf(store);
			const { identity } = await newTab(browser);
			const reasons: string[] = [];
			identity.onRevoked((reason) => void reasons.push(reason));
			store.clear();
			await expect(identity.markVoted(chainId)).rejects.toMatchObject({ name: 'StoreError', reason: 'lost' });
			await browser.pass(HEARTBEAT_MS);
			identity.onRevoked((reason) => void reasons.push(`late: ${reason}`));
			expect(reasons).toEqual(['forgotten', 'late: forgotten']);
		});

		it('are kept in memory where nothing is stored, and not under the same key after a reload', async () => {
			const store = new MemoryIdentityStore();
			store.failure = new StoreError('corrupt', 'private window');
			const browser = browserOf(store);
			const { tab, identity } = await newTab(browser);
			expect(identity.persistent).toBe(false);
			await identity.markVoted(chainId);
			await identity.rename('Ada');
			expect(identity.nickname).toBe('Ada');
			const again = await newTab(browser, tab.reload());
			expect(again.identity.nodeId).not.toBe(identity.nodeId);
			expect(browser.reports).toHaveLength(2);
		});

		it('of a newer Tabwave are waited for, and none is made in memory beside them', async () => {
			const store = new MemoryIdentityStore();
			store.failure = new StoreError('newer', 'a newer Tabwave wrote it');
			const browser = browserOf(store);
			await expect(browser.wait(start(browser.open()))).rejects.toBe(store.failure);
		});

		it('work without sessionStorage', async () => {
			const browser = browserOf();
			const tab = browser.open();
			tab.environment.session = {
				getItem: () => {
					throw new DOMException('blocked', 'SecurityError');
				},
				setItem: () => {
					throw new DOMException('blocked', 'SecurityError');
				}
			};
			expect((await newTab(browser, tab)).identity.persistent).toBe(true);
		});
	});

describe('identities on plain http', () => {
	it('are given up by a tab that was frozen while another took them', async () => {
		const browser = new FakeBrowser({ isSecure: false });
		const tab = browser.open();
		const identity = running(await browser.wait(start(tab)));
		const reasons: string[] = [];
		identity.onRevoked((reason) => void reasons.push(reason));
		tab.freeze();
		const other = running(await browser.wait(start(tab.duplicate())));
		expect(other.nodeId).toBe(identity.nodeId);
		expect(reasons).toEqual([]);
		tab.thaw();
		await browser.settle();
		expect(reasons).toEqual(['taken']);
		await browser.pass(3 * HEARTBEAT_MS);
		await expect(identity.markVoted(chainId)).rejects.toMatchObject({ reason: 'lost' });
		await other.markVoted(chainId);
	});

	it('are not kept where tabs can neither lock nor ask', async () => {
		const browser = new FakeBrowser({ isSecure: false });
		const tab = browser.open();
		tab.environment.channel = null;
		expect(running(await browser.wait(start(tab))).persistent).toBe(false);
		expect(await browser.store.all()).toEqual([]);
	});

	it('do not listen to what is no message', async () => {
		const browser = new FakeBrowser({ isSecure: false });
		const tab = browser.open();
		const identity = running(await browser.wait(start(tab)));
		const revoked = vi.fn();
		identity.onRevoked(revoked);
		const { name } = identity;
		const stranger = browser.open();
		for (const message of [null, 7, 'claimed', {}, { kind: 'claimed' }, { kind: 'steal', name, token: 'x' }])
			stranger.environment.channel!.postMessage(message);
		stranger.environment.channel!.postMessage({ kind: 'claimed', name, token: 'x', to: 'somebody' });
		await browser.settle();
		expect(revoked).not.toHaveBeenCalled();
		stranger.environment.channel!.postMessage({ kind: 'claimed', name, token: 'x' });
		await browser.settle();
		expect(revoked).toHaveBeenCalledOnce();
	});
});

describe('identities in IndexedDB', () => {
	it('survive a reload and are guarded, with the ledger looked for where it is kept', async () => {
		const browser = new FakeBrowser({ store: new IdbIdentityStore() });
		const startHere = (tab: FakeTab) =>
			browser.wait(claimIdentity({ environment: tab.environment, suite, chainId, locale: 'zh-CN' }));
		const tab = browser.open();
		const identity = running(await startHere(tab));
		expect(identity.nickname).toMatch(/^..的..$/);
		expect(duplicate(await startHere(tab.duplicate())).nodeId).toBe(identity.nodeId);
		const reloaded = tab.reload();
		const again = running(await startHere(reloaded));
		expect(again.nodeId).toBe(identity.nodeId);
		await again.markVoted(chainId);
		const after = running(await startHere(reloaded.reload()));
		expect(after.replaced?.nodeId).toBe(identity.nodeId);
		browser.store.close();
	});
});
