/** The AP database and the chain: new access points are issued, changed ones reported, the chain's changes stored. */
import { Refused } from '../../ledger/contract.ts';
import type { OwnAccessPoint } from '../access-point.ts';
import { checkedAccessPoint } from '../contract/arguments.ts';
import { accessPointBodyToWire, type AccessPoint, type AccessPointRecord } from '../contract/records.ts';
import type { MarketState } from '../market-state.ts';
import { HolderDraft } from '../radio/holder-board.ts';
import { MAX_ISSUE_ATTEMPTS, OCCUPANCY_STEP_PPM, RETRY_MS } from './limits.ts';

export class Registrar {
	readonly #self: string;
	readonly #state: MarketState;
	#own = new Map<string, OwnAccessPoint>();
	readonly #attempts = new Map<string, { count: number; notBeforeMs: number }>();
	/** What the last report of each made of it on the chain; bounded by the AP database. */
	readonly #reported = new Map<string, AccessPointRecord>();
	/** Why an access point is not issued; bounded by the AP database. */
	readonly #givenUp = new Map<string, string>();

	constructor(self: string, state: MarketState) {
		this.#self = self;
		this.#state = state;
	}

	/** The whole AP database as it is now. What was given up is tried again where its row changed. */
	setOwn(accessPoints: readonly OwnAccessPoint[]): void {
		const before = this.#own;
		this.#own = new Map(accessPoints.map((ap) => [ap.id, ap]));
		for (const id of this.#reported.keys()) if (!this.#own.has(id)) this.#reported.delete(id);
		for (const id of [...this.#givenUp.keys(), ...this.#attempts.keys()]) {
			if (JSON.stringify(before.get(id)) === JSON.stringify(this.#own.get(id))) continue;
			this.#givenUp.delete(id);
			this.#attempts.delete(id);
		}
	}

	/** SelfAPs that the chain knows. */
	ownRecords(): AccessPointRecord[] {
		const records: AccessPointRecord[] = [];
		for (const id of this.#own.keys()) {
			const record = this.ownRecord(id);
			if (record) records.push(record);
		}
		return records;
	}

	ownRecord(id: string): AccessPointRecord | undefined {
		const record = this.#own.has(id) ? this.#state.accessPoints.get(id) : undefined;
		return record?.owner === this.#self ? record : undefined;
	}

	givenUp(): { id: string; reason: string }[] {
		return [...this.#givenUp].map(([id, reason]) => ({ id, reason }));
	}

	/** Descriptions to issue: of access points that the chain does not know, and of own ones whose row says more than the chain. */
	due(nowMs: number, isPending: (id: string) => boolean): AccessPoint[] {
		const due: AccessPoint[] = [];
		const draft = new HolderDraft(this.#state.holders);
		for (const ap of this.#own.values()) {
			if (
				isPending(ap.id) ||
				this.#givenUp.has(ap.id) ||
				nowMs < (this.#attempts.get(ap.id)?.notBeforeMs ?? 0)
			)
				continue;
			const record = this.#state.accessPoints.get(ap.id);
			if (!record) {
				const described = this.#registration(ap, draft);
				if (described) due.push(described);
			} else if (record.owner !== this.#self)
				this.#givenUp.set(ap.id, 'another owner has registered this id');
			else if (hasNews(ap, record)) due.push({ ...record, ...newsOf(ap, record) });
		}
		return due;
	}

	/** @param error - the receipt's code, null where there is no receipt: then it is tried again for as long as it takes */
	failed(id: string, error: string | null, nowMs: number): void {
		const count = (this.#attempts.get(id)?.count ?? 0) + 1;
		this.#attempts.set(id, { count, notBeforeMs: nowMs + RETRY_MS * Math.min(count, MAX_ISSUE_ATTEMPTS) });
		if (error === null) return;
		// A conflict is seen better once the neighbour's event is here, an update once the switch's is.
		const isWorthRetrying = error === 'Conflict' || error === 'ChannelsFixed';
		if (!isWorthRetrying || count >= MAX_ISSUE_ATTEMPTS) this.#givenUp.set(id, error);
	}

	succeeded(record: AccessPointRecord): void {
		this.#attempts.delete(record.id);
		if (this.#own.has(record.id)) this.#reported.set(record.id, record);
	}

	/** Rows of the AP database that lag behind the chain, brought up to it. */
	rowsToStore(): OwnAccessPoint[] {
		const rows: OwnAccessPoint[] = [];
		for (const ap of this.#own.values()) {
			const record = this.ownRecord(ap.id);
			if (!record || (ap.issued && ap.updatedHeight >= record.changedHeight)) continue;
			// What the chain has from a report alone, the row knows as well, or better where it was measured again meanwhile.
			const reported = this.#reported.get(ap.id);
			const isReported = (field: 'occupancyPpm' | 'idleChannels'): boolean =>
				reported?.changedHeight === record.changedHeight && String(reported[field]) === String(record[field]);
			const row: OwnAccessPoint = {
				...ap,
				channels: record.channels,
				idleChannels: isReported('idleChannels')
					? ap.idleChannels.filter((channel) => record.channels.includes(channel))
					: record.idleChannels,
				occupancyPpm: isReported('occupancyPpm') ? ap.occupancyPpm : record.occupancyPpm,
				issued: true,
				updatedHeight: record.changedHeight
			};
			this.#own.set(row.id, row);
			rows.push(row);
		}
		return rows;
	}

	/** Leaves out the channels that others hold too close by. A row that the contract would never take is given up. */
	#registration(ap: OwnAccessPoint, draft: HolderDraft): AccessPoint | undefined {
		try {
			const checked = checkedAccessPoint(accessPointBodyToWire(ap));
			const channels = checked.channels.filter(
				(channel) => draft.conflicting(checked, channel) === undefined
			);
			for (const channel of channels) draft.transfer(channel, '', checked);
			return {
				...checked,
				channels,
				idleChannels: checked.idleChannels.filter((channel) => channels.includes(channel))
			};
		} catch (error) {
			if (!(error instanceof Refused)) throw error;
			this.#givenUp.set(ap.id, error.message);
			return undefined;
		}
	}
}

/** A row older than the chain's last change knows less, not more. */
function hasNews(ap: OwnAccessPoint, record: AccessPointRecord): boolean {
	return (
		ap.issued &&
		ap.updatedHeight === record.changedHeight &&
		(Math.abs(ap.occupancyPpm - record.occupancyPpm) >= OCCUPANCY_STEP_PPM ||
			ap.idleChannels.join() !== record.idleChannels.join() ||
			ap.name !== record.name)
	);
}

function newsOf(
	ap: OwnAccessPoint,
	record: AccessPointRecord
): Pick<AccessPoint, 'name' | 'occupancyPpm' | 'idleChannels'> {
	return {
		name: ap.name,
		occupancyPpm: ap.occupancyPpm,
		idleChannels: ap.idleChannels.filter((channel) => record.channels.includes(channel))
	};
}
