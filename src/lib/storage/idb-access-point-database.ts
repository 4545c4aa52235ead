/** A tab's own access points and the settings of its manager, in IndexedDB. They belong to the node, on whatever chain. */
import { openDB } from 'idb';
import type { DBSchema, IDBPDatabase } from 'idb';
import type {
	AccessPointChange,
	AccessPointDatabase,
	KeptManagerSettings,
	ManagerSettingsStore,
	OwnAccessPoint
} from './access-point-database.ts';
import { databaseName, storeErrorOf } from './ledger-database.ts';
import { StoreError } from './ledger-store.ts';

interface Schema extends DBSchema {
	accessPoints: { key: string; value: OwnAccessPoint };
	/** Since version 2; one record. */
	settings: { key: string; value: KeptManagerSettings };
}

const SCHEMA_VERSION = 2;
const MANAGER_KEY = 'manager';

export class IdbAccessPointDatabase implements AccessPointDatabase, ManagerSettingsStore {
	readonly name: string;
	#database: IDBPDatabase<Schema> | null = null;

	/** @param nodeId hex of the node's public key */
	constructor(nodeId: string) {
		this.name = databaseName('tabwave-access-points', nodeId);
	}

	async open(): Promise<void> {
		if (this.#database) return;
		try {
			this.#database = await openDB<Schema>(this.name, SCHEMA_VERSION, {
				upgrade: (database, before) => {
					if (before < 1) database.createObjectStore('accessPoints', { keyPath: 'id' });
					if (before < 2) database.createObjectStore('settings');
				},
				// Deleted or upgraded by another tab: let it, and refuse what follows as lost.
				blocking: () => void this.close(),
				terminated: () => void this.close()
			});
		} catch (error) {
			throw storeErrorOf(error, `cannot open ${this.name}`);
		}
	}

	async all(): Promise<OwnAccessPoint[]> {
		return this.#run('read', (database) => database.getAll('accessPoints'));
	}

	async put(accessPoints: OwnAccessPoint[]): Promise<void> {
		await this.#run('write', async (database) => {
			const transaction = database.transaction('accessPoints', 'readwrite', { durability: 'strict' });
			await Promise.all([...accessPoints.map((row) => transaction.store.put(row)), transaction.done]);
		});
	}

	async update(changes: AccessPointChange[]): Promise<void> {
		await this.#run('write', async (database) => {
			const transaction = database.transaction('accessPoints', 'readwrite', { durability: 'strict' });
			const update = async (change: AccessPointChange): Promise<void> => {
				const accessPoint = await transaction.store.get(change.id);
				if (accessPoint) await transaction.store.put({ ...accessPoint, ...change });
			};
			await Promise.all([...changes.map(update), transaction.done]);
		});
	}

	async remove(id: string): Promise<void> {
		await this.#run('write', (database) => database.delete('accessPoints', id));
	}

	async settings(): Promise<Partial<KeptManagerSettings> | null> {
		return this.#run('read', async (database) => (await database.get('settings', MANAGER_KEY)) ?? null);
	}

	async keepSettings(settings: KeptManagerSettings): Promise<void> {
		await this.#run('write', async (database) => {
			const transaction = database.transaction('settings', 'readwrite', { durability: 'strict' });
			await Promise.all([transaction.store.put(settings, MANAGER_KEY), transaction.done]);
		});
	}

	/** One tab alone runs an identity. */
	async changeMark(): Promise<string | null> {
		return null;
	}

	async close(): Promise<void> {
		this.#database?.close();
		this.#database = null;
	}

	async #run<T>(what: string, work: (database: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
		if (!this.#database) throw new StoreError('lost', `${this.name} is not open; reload the page`);
		try {
			return await work(this.#database);
		} catch (error) {
			throw storeErrorOf(error, `cannot ${what} ${this.name}`);
		}
	}
}
