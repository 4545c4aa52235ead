/** What a node says of itself to all that it is linked to, and what it makes of the same from others: heights, views, the active Booter. */
import type { Chain } from '../../consensus/ordering/chain.ts';
import type { Pbft } from '../../consensus/pbft/pbft.ts';
import type { LinkStatus } from '../../network/network.ts';
import type { Heartbeat, Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import type { ActiveBooter } from './active-booter.ts';
import { LeaderReports } from './leader-reports.ts';
import { LostPartitions, type Lost } from './lost-partitions.ts';
import type { Peers } from './peers.ts';

const NOBODY = new Uint8Array(0);

export interface HeartbeatsInit {
	chain: Chain;
	peers: Pick<Peers, 'heartbeat'>;
	booters: Pick<ActiveBooter, 'isBooter' | 'current' | 'heartbeat'>;
	heartbeatMs: number;
	/** This node's rounds; null while it is no member. */
	lower(): Pick<Pbft, 'partition' | 'epoch' | 'isLeader' | 'leaderChange'> | null;
	isMember(peer: string): boolean;
	isSyncing(): boolean;
	links(): LinkStatus[];
	send(to: string, packet: Packet['body']): void;
	/** Another replica of the Booter is active than before, or none is known any more. */
	booterChanged(active: string | null): void;
}

export class Heartbeats {
	readonly #init: HeartbeatsInit;
	readonly #reports: LeaderReports;
	readonly #lost = new LostPartitions();

	constructor(init: HeartbeatsInit) {
		this.#init = init;
		this.#reports = new LeaderReports(init.heartbeatMs);
	}

	/** R22: partitions that have lost their quorum, as the active Booter says. */
	lost(nowMs: number): Lost[] {
		return this.#lost.list(nowMs);
	}

	/** A view has begun: its leader tells everyone by itself. */
	viewBegun(nowMs: number): void {
		this.#reports.begun(nowMs);
	}

	/** To everybody. */
	say(): void {
		for (const { peer, path } of this.#init.links()) if (path !== 'down') this.sayTo(peer);
	}

	sayTo(peer: string): void {
		const { chain, lower, isSyncing, send } = this.#init;
		const { head } = chain;
		const pbft = lower();
		send(peer, {
			case: 'heartbeat',
			value: {
				$typeName: 'tabwave.v1.Heartbeat',
				partition: pbft?.partition ?? 0,
				epoch: pbft?.epoch ?? 0,
				view: pbft?.leaderChange?.view ?? 0,
				finalHeight: head.height,
				headHash: head.hash,
				syncing: isSyncing(),
				booterTerm: 0,
				activeBooter: NOBODY
			}
		});
	}

	/** R10: whoever works in a lower view is answered with the LeaderChange of the higher one; the Booter by the leader alone. */
	heard(from: string, heartbeat: Heartbeat, nowMs: number): void {
		const { peers, booters, lower, isMember, send } = this.#init;
		peers.heartbeat(from, heartbeat, nowMs);
		const isBooter = booters.isBooter(from);
		if (isBooter && from === booters.current?.booter) this.#lost.heard(heartbeat.lost, nowMs);
		if (isBooter && booters.heartbeat(from, heartbeat))
			this.#init.booterChanged(booters.current?.booter ?? null);
		const pbft = lower();
		if (!pbft || heartbeat.partition !== pbft.partition || heartbeat.epoch !== pbft.epoch) return;
		const isFor = isBooter ? pbft.isLeader : isMember(from);
		const held = pbft.leaderChange;
		if (isFor && held && this.#reports.isDue(from, heartbeat.view, held, nowMs))
			send(from, { case: 'leaderChange', value: held.leaderChange });
	}
}
