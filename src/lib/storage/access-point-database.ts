/** The seam for a node's own access points: IndexedDB in a tab, SQL in a headless node, memory in a test. */

/** An access point of this node's owner, in the integers that the contract counts in. */
export interface OwnAccessPoint {
	id: string;
	name: string;
	latitudeMicrodegrees: number;
	longitudeMicrodegrees: number;
	coverageRadiusM: number;
	antennaHeightCm: number;
	/** Thousandths of a dBm. */
	eirpMilliDbm: number;
	band: string;
	channels: number[];
	/** Of `channels`, those offered to others. */
	idleChannels: number[];
	/** Share of the time that the access point is busy, in millionths. */
	occupancyPpm: number;
	/** Channels of others that this one may use now, as the ledger names them. */
	assigned: string[];
	/** On the ledger. */
	issued: boolean;
	/** Height of the block that last changed it; 0 before it is issued. */
	updatedHeight: number;
}

/** What the ledger says of an access point; what is absent stays as it stands in the database. */
export type AccessPointChange = Pick<OwnAccessPoint, 'id' | 'issued' | 'updatedHeight'> &
	Partial<Pick<OwnAccessPoint, 'channels' | 'idleChannels' | 'occupancyPpm'>>;

export interface AccessPointDatabase {
	open(): Promise<void>;
	/** In order of id. */
	all(): Promise<OwnAccessPoint[]>;
	/** Adds or replaces, by id; all of them or none. */
	put(accessPoints: OwnAccessPoint[]): Promise<void>;
	/** Changes these columns alone; all of them or none. Of an id that is not there: nothing happens. */
	update(changes: AccessPointChange[]): Promise<void>;
	/** Of an id that is not there: nothing happens. */
	remove(id: string): Promise<void>;
	/** Another one than before where somebody else changed a row, and maybe where nobody did; null where nobody else can. */
	changeMark(): Promise<string | null>;
	close(): Promise<void>;
}

/** When the node's manager buys and sells, as its owner chose: of the node, on whatever chain, like its access points. */
export interface KeptManagerSettings {
	buyAtPpm: number;
	sellAtPpm: number;
	sellerCapPpm: number;
	minimumGain: bigint;
}

/** Kept where a node's access points are. A headless node has them from its command line and keeps none. */
export interface ManagerSettingsStore {
	/** null where nothing was ever chosen. What another version wrote may be anything. */
	settings(): Promise<Partial<KeptManagerSettings> | null>;
	keepSettings(settings: KeptManagerSettings): Promise<void>;
}

export class MemoryAccessPointDatabase implements AccessPointDatabase, ManagerSettingsStore {
	readonly #accessPoints = new Map<string, OwnAccessPoint>();
	#settings: KeptManagerSettings | null = null;

	async open(): Promise<void> {}

	async all(): Promise<OwnAccessPoint[]> {
		return [...this.#accessPoints.values()]
			.sort((a, b) => (a.id < b.id ? -1 : 1))
			.map((accessPoint) => structuredClone(accessPoint));
	}

	async put(accessPoints: OwnAccessPoint[]): Promise<void> {
		for (const accessPoint of accessPoints)
			this.#accessPoints.set(accessPoint.id, structuredClone(accessPoint));
	}

	async update(changes: AccessPointChange[]): Promise<void> {
		for (const change of changes) {
			const accessPoint = this.#accessPoints.get(change.id);
			if (accessPoint) this.#accessPoints.set(change.id, { ...accessPoint, ...structuredClone(change) });
		}
	}

	async remove(id: string): Promise<void> {
		this.#accessPoints.delete(id);
	}

	async changeMark(): Promise<string | null> {
		return null;
	}

	async settings(): Promise<Partial<KeptManagerSettings> | null> {
		return this.#settings;
	}

	async keepSettings(settings: KeptManagerSettings): Promise<void> {
		this.#settings = { ...settings };
	}

	async close(): Promise<void> {}
}
