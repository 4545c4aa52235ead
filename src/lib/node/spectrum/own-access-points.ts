/**
 * The AP database of a node, as its manager sees it: read at the start and whenever somebody else changed it, written with what the chain
 * changed, and that alone: what others have written beside it since it was read stays. A database that is away stops nothing: the market goes on with what was read last, and what could not be written is written when it
 * answers again.
 */
import { Refused } from '../../ledger/contract.ts';
import type { OwnAccessPoint } from '../../spectrum/access-point.ts';
import { checkedAccessPoint } from '../../spectrum/contract/arguments.ts';
import { accessPointBodyToWire } from '../../spectrum/contract/records.ts';
import type { AccessPointChange, AccessPointDatabase } from '../../storage/access-point-database.ts';
import type { Clock } from '../clock.ts';

export interface OwnAccessPointsInit {
	database: AccessPointDatabase;
	clock: Clock;
	/** All that is in it now. */
	changed(accessPoints: OwnAccessPoint[]): void;
	log(level: 'info' | 'warning', message: string): void;
}

/** How often it is asked whether somebody else changed it: one short question. */
export const DATABASE_POLL_MS = 1_000;

/** Of one write: a server has to answer it in time. */
const CHANGES_AT_ONCE = 500;

export class OwnAccessPoints {
	readonly #init: OwnAccessPointsInit;
	/** As the manager has them. */
	#known = new Map<string, OwnAccessPoint>();
	/** What the chain changed and the database does not have yet; bounded by the access points. */
	readonly #unwritten = new Map<string, AccessPointChange>();
	#writing: Promise<void> | undefined;
	/** Why a row is left alone, by id: told once. */
	#refused = new Map<string, string>();
	#mark: string | null = null;
	#isFailing = false;
	#isPolling = false;
	#stopPolling: (() => void) | undefined;
	#isStopped = false;

	constructor(init: OwnAccessPointsInit) {
		this.#init = init;
	}

	/** @throws where it cannot be opened or read */
	async start(): Promise<void> {
		await this.#init.database.open();
		this.#mark = await this.#init.database.changeMark();
		await this.#load();
		if (this.#mark !== null) this.#pollFromNowOn();
	}

	async stop(): Promise<void> {
		this.#isStopped = true;
		this.#stopPolling?.();
		// Once more, also what a database that was busy did not take.
		await this.#write().catch(() => undefined);
		await this.#init.database.close();
	}

	/** New ones; what the chain knows already keeps its state there. @throws where they cannot be stored */
	async add(accessPoints: readonly OwnAccessPoint[]): Promise<void> {
		await this.#init.database.put(accessPoints.filter(({ id }) => !this.#known.get(id)?.issued));
		await this.#load();
	}

	/** What the chain says of them. Waits for nothing: what cannot be written now is written once the database answers. */
	store(accessPoints: readonly OwnAccessPoint[]): void {
		for (const accessPoint of accessPoints) {
			const known = this.#known.get(accessPoint.id);
			// Somebody took the row away: it stays away.
			if (!known) continue;
			this.#known.set(accessPoint.id, accessPoint);
			const change = { ...this.#unwritten.get(accessPoint.id), ...changeOf(known, accessPoint) };
			this.#unwritten.set(accessPoint.id, change);
		}
		if (!this.#isFailing) void this.#write().catch((error: Error) => this.#fails(error));
	}

	/** One write at a time, in order. */
	#write(): Promise<void> {
		this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
		return this.#writing;
	}

	async #writeAll(): Promise<void> {
		while (this.#unwritten.size > 0) {
			const changes = [...this.#unwritten.values()].slice(0, CHANGES_AT_ONCE);
			await this.#init.database.update(changes);
			for (const change of changes)
				if (this.#unwritten.get(change.id) === change) this.#unwritten.delete(change.id);
		}
	}

	async #load(): Promise<void> {
		const found = (await this.#init.database.all()) as OwnAccessPoint[];
		const accessPoints = this.#acceptable(found.map((row) => ({ ...row, ...this.#unwritten.get(row.id) })));
		this.#known = new Map(accessPoints.map((accessPoint) => [accessPoint.id, accessPoint]));
		this.#init.changed(accessPoints);
	}

	/** Rows that a person or another program wrote may be anything. */
	#acceptable(rows: readonly OwnAccessPoint[]): OwnAccessPoint[] {
		const refused = new Map<string, string>();
		const accepted = rows.filter((row) => {
			try {
				checkedAccessPoint(accessPointBodyToWire(row));
				return true;
			} catch (error) {
				if (!(error instanceof Refused)) throw error;
				refused.set(row.id, error.message);
				if (this.#refused.get(row.id) !== error.message)
					this.#init.log(
						'warning',
						`${error.code}: the access point ${row.id} is left alone: ${error.message}`
					);
				return false;
			}
		});
		this.#refused = refused;
		return accepted;
	}

	#pollFromNowOn(): void {
		this.#stopPolling ??= this.#init.clock.every(DATABASE_POLL_MS, () => void this.#poll());
	}

	async #poll(): Promise<void> {
		if (this.#isPolling) return;
		this.#isPolling = true;
		try {
			// Asked for before the rows are read: what changes in between is seen the next time.
			const mark = await this.#init.database.changeMark();
			if (mark === this.#mark && !this.#isFailing) return;
			await this.#write();
			await this.#load();
			this.#mark = mark;
			if (this.#isFailing) this.#init.log('info', 'the access point database answers again');
			this.#isFailing = false;
		} catch (error) {
			this.#fails(error as Error);
		} finally {
			this.#isPolling = false;
		}
	}

	#fails(error: Error): void {
		if (this.#isStopped) return;
		if (!this.#isFailing)
			this.#init.log('warning', `${error.name}: ${error.message}; the market goes on without the database`);
		this.#isFailing = true;
		this.#pollFromNowOn();
	}
}

/** @param known - as it was before */
function changeOf(known: OwnAccessPoint, accessPoint: OwnAccessPoint): AccessPointChange {
	const { id, issued, updatedHeight, channels, idleChannels, occupancyPpm } = accessPoint;
	return {
		id,
		issued,
		updatedHeight,
		...(channels.join() !== known.channels.join() && { channels }),
		...(idleChannels.join() !== known.idleChannels.join() && { idleChannels }),
		...(occupancyPpm !== known.occupancyPpm && { occupancyPpm })
	};
}
