import type { Connection, PeerId } from '@libp2p/interface';
import { describe, expect, it } from 'vitest';
import {
	RELAY_REDIAL_CAP_MS,
	RELAY_REDIAL_FIRST_MS,
	RELAY_REDIAL_MS,
	RELAY_RESTART_MS,
	TICK_MS
} from './network-limits.ts';
import { RelayKeeper } from './relay-keeper.ts';

/** Time moves with `ticks`, and every promise settles before the next one. */
class Relays {
	nowMs = 0;
	readonly connections = new Map<string, { status: 'open' | 'closed' }>();
	readonly reserved = new Set<string>();
	readonly dialledMs = new Map<string, number[]>();
	readonly reports: string[] = [];
	/** Those that are not there, and those that refuse a reservation. */
	readonly away = new Set<string>();
	readonly full = new Set<string>();
	reservationsAtOnce = 0;
	mostReservationsAtOnce = 0;
	/** Ends the reservation that is being made. */
	holdReservations: Promise<void> | null = null;
	readonly keeper: RelayKeeper;

	constructor(names: string[]) {
		this.keeper = new RelayKeeper(
			{
				now: () => this.nowMs,
				connect: async (name) => {
					this.dialledMs.set(name, [...(this.dialledMs.get(name) ?? []), this.nowMs]);
					if (this.away.has(name)) throw new Error('not there');
					const connection = { status: 'open' as const, remotePeer: name };
					this.connections.set(name, connection);
					return connection as unknown as Connection;
				},
				openLink: async () => undefined,
				hasReservation: (relay) => this.reserved.has(String(relay)),
				reserve: async (relay) => {
					this.mostReservationsAtOnce = Math.max(this.mostReservationsAtOnce, ++this.reservationsAtOnce);
					await this.holdReservations;
					this.reservationsAtOnce--;
					if (this.full.has(String(relay))) throw new Error('full');
					this.reserved.add(String(relay));
				},
				unreachable: (name) => void this.reports.push(name)
			},
			names.map((address) => ({ address, relay: address })),
			(peer: PeerId) => String(peer)
		);
	}

	async ticks(ms: number): Promise<void> {
		for (const endMs = this.nowMs + ms; this.nowMs < endMs; this.nowMs += TICK_MS) {
			this.keeper.tick();
			for (let i = 0; i < 20; i++) await Promise.resolve();
		}
	}

	die(name: string): void {
		this.away.add(name);
		this.reserved.delete(name);
		this.connections.get(name)!.status = 'closed';
		this.keeper.lost(name, 60_000);
	}

	get connected(): string[] {
		return this.keeper.connected().map(({ address }) => address);
	}

	dialsSince(name: string, sinceMs: number): number[] {
		return (this.dialledMs.get(name) ?? []).filter((ms) => ms >= sinceMs);
	}
}

describe('RelayKeeper', () => {
	it('connects to every relay and reserves at each, one reservation at a time', async () => {
		const relays = new Relays(['a', 'b', 'c']);
		await relays.ticks(TICK_MS);
		expect(relays.connected.sort()).toEqual(['a', 'b', 'c']);
		expect([...relays.reserved].sort()).toEqual(['a', 'b', 'c']);
		// libp2p drops what waits in its own queue.
		expect(relays.mostReservationsAtOnce).toBe(1);
		await relays.ticks(60_000);
		for (const name of ['a', 'b', 'c']) expect(relays.dialledMs.get(name)).toEqual([0]);
	});

	it('goes on with the next reservation where one is refused, and tries that one again', async () => {
		const relays = new Relays(['a', 'b']);
		relays.full.add('a');
		await relays.ticks(10_000);
		expect([...relays.reserved]).toEqual(['b']);
		// Those with a reservation come first: others reach this tab there.
		expect(relays.connected).toEqual(['b', 'a']);
		expect(relays.reports).toEqual(['a']);
		relays.full.clear();
		await relays.ticks(10_000);
		expect([...relays.reserved].sort()).toEqual(['a', 'b']);
	});

	it('keeps the others while one is away, asks for it less and less often, and for ever', async () => {
		const relays = new Relays(['a', 'b', 'c']);
		await relays.ticks(1000);
		relays.die('b');
		const sinceMs = relays.nowMs;
		await relays.ticks(300_000);
		expect(relays.connected).toEqual(['a', 'c']);
		for (const name of ['a', 'c']) expect(relays.dialledMs.get(name)).toEqual([0]);
		const dials = relays.dialsSince('b', sinceMs);
		expect(dials[0]! - sinceMs).toBeLessThanOrEqual(RELAY_REDIAL_FIRST_MS + TICK_MS);
		const gaps = dials.slice(1).map((ms, i) => ms - dials[i]!);
		expect(Math.max(...gaps)).toBeLessThanOrEqual(1.25 * RELAY_REDIAL_CAP_MS + TICK_MS);
		expect(Math.min(...gaps.slice(3))).toBeGreaterThanOrEqual(0.75 * RELAY_REDIAL_CAP_MS - TICK_MS);
		expect(relays.reports).toEqual(['b']);
		relays.away.clear();
		await relays.ticks(2 * RELAY_REDIAL_CAP_MS);
		expect(relays.connected.sort()).toEqual(['a', 'b', 'c']);
	});

	it('asks often while no relay is there at all, and most often as long as one may be restarting', async () => {
		const relays = new Relays(['a', 'b']);
		await relays.ticks(1000);
		relays.die('a');
		relays.die('b');
		const sinceMs = relays.nowMs;
		await relays.ticks(60_000);
		for (const name of ['a', 'b']) {
			const dials = relays.dialsSince(name, sinceMs);
			const gaps = dials.slice(1).map((ms, i) => ms - dials[i]!);
			expect(Math.max(...gaps)).toBeLessThanOrEqual(1.25 * RELAY_REDIAL_MS + TICK_MS);
			const early = gaps.filter((_, i) => dials[i]! - sinceMs < RELAY_RESTART_MS);
			expect(Math.max(...early)).toBeLessThanOrEqual(1.25 * RELAY_REDIAL_FIRST_MS + TICK_MS);
			expect(Math.min(...gaps.slice(early.length))).toBeGreaterThanOrEqual(0.75 * RELAY_REDIAL_MS);
		}
	});

	it('spreads 60 tabs that lost their relay in the same instant, and does not try in vain more than thrice a second', async () => {
		const tabs = Array.from({ length: 60 }, () => new Relays(['a']));
		for (const tab of tabs) {
			await tab.ticks(1000);
			tab.die('a');
			await tab.ticks(RELAY_RESTART_MS);
		}
		const firstMs = tabs.map((tab) => tab.dialsSince('a', 1000)[0]! - 1000);
		for (const ms of [0, TICK_MS, 2 * TICK_MS])
			expect(firstMs.filter((first) => first === ms).length).toBeLessThan(50);
		for (const tab of tabs)
			expect(tab.dialsSince('a', 1000).length).toBeLessThan((3 * RELAY_RESTART_MS) / 1000);
	});

	it('ends the wait where the network changes, and leaves what is connected alone', async () => {
		const relays = new Relays(['a', 'b']);
		await relays.ticks(1000);
		relays.die('b');
		await relays.ticks(60_000);
		const sinceMs = relays.nowMs;
		relays.keeper.networkChanged();
		await relays.ticks(RELAY_REDIAL_FIRST_MS + 2 * TICK_MS);
		expect(relays.dialsSince('b', sinceMs).length).toBeGreaterThan(0);
		expect(relays.dialledMs.get('a')).toEqual([0]);
	});

	it('asks seldom for a relay that lets it go at once again and again: once it may have died just then', async () => {
		const relays = new Relays(['a']);
		await relays.ticks(TICK_MS);
		const letGo = (ageMs: number): number => {
			relays.connections.get('a')!.status = 'closed';
			relays.keeper.lost('a', ageMs);
			return relays.nowMs;
		};
		const hurries = async (ageMs: number): Promise<void> => {
			const nowMs = letGo(ageMs);
			await relays.ticks(RELAY_REDIAL_FIRST_MS + 2 * TICK_MS);
			expect(relays.dialsSince('a', nowMs)).toHaveLength(1);
		};
		await hurries(20);
		for (let i = 0; i < 5; i++) {
			const nowMs = letGo(20);
			await relays.ticks(0.75 * RELAY_REDIAL_CAP_MS - TICK_MS);
			expect(relays.dialsSince('a', nowMs)).toEqual([]);
			await relays.ticks(0.5 * RELAY_REDIAL_CAP_MS + 2 * TICK_MS);
			expect(relays.dialsSince('a', nowMs)).toHaveLength(1);
		}
		// It held one for a while: a loss is no refusal any more.
		await hurries(60_000);
		await hurries(20);
	});

	it('reserves again where a reservation has run out, without another connection', async () => {
		const relays = new Relays(['a']);
		await relays.ticks(1000);
		relays.reserved.clear();
		await relays.ticks(2 * RELAY_REDIAL_MS);
		expect([...relays.reserved]).toEqual(['a']);
		expect(relays.dialledMs.get('a')).toEqual([0]);
	});

	it('knows its relays, and forgets none that is lost', () => {
		const relays = new Relays(['a', 'b']);
		relays.keeper.lost('nobody', 0);
		expect(relays.keeper.isRelay('a')).toBe(true);
		expect(relays.keeper.isRelay('nobody')).toBe(false);
	});
});
