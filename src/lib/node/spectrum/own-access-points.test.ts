import { beforeEach, describe, expect, it } from 'vitest';
import type { OwnAccessPoint } from '../../spectrum/access-point.ts';
import { accessPoint } from '../../spectrum/testing/access-points.ts';
import { MemoryAccessPointDatabase } from '../../storage/access-point-database.ts';
import { OwnAccessPoints } from './own-access-points.ts';

function row(id: string, fields: Partial<OwnAccessPoint> = {}): OwnAccessPoint {
	return { ...accessPoint(id), issued: false, updatedHeight: 0, ...fields };
}

/** A database that others write to, and that can be away. */
class SharedDatabase extends MemoryAccessPointDatabase {
	isShared = true;
	isAway = false;
	#mark = 0;
	reads = 0;
	writes = 0;

	async elsewhere(...rows: OwnAccessPoint[]): Promise<void> {
		this.#mark++;
		await super.put(rows);
	}
	override async all() {
		this.#answer();
		this.reads++;
		return super.all();
	}
	override async put(rows: Parameters<MemoryAccessPointDatabase['put']>[0]) {
		this.#answer();
		this.writes++;
		return super.put(rows);
	}
	override async update(changes: Parameters<MemoryAccessPointDatabase['update']>[0]) {
		this.#answer();
		this.writes++;
		return super.update(changes);
	}
	override async changeMark() {
		this.#answer();
		return this.isShared ? String(this.#mark) : null;
	}
	#answer(): void {
		if (this.isAway) throw Object.assign(new Error('no answer'), { name: 'DatabaseAway' });
	}
}

let database: SharedDatabase;
let own: OwnAccessPoints;
let polls: (() => void)[];
let seen: OwnAccessPoint[][];
let lines: string[];

beforeEach(() => {
	database = new SharedDatabase();
	[polls, seen, lines] = [[], [], []];
	own = new OwnAccessPoints({
		database,
		clock: {
			now: () => 0,
			after: () => () => {},
			every: (_ms, run) => {
				polls.push(run);
				return () => {};
			}
		},
		changed: (accessPoints) => seen.push(accessPoints),
		log: (_level, message) => lines.push(message)
	});
});

async function poll(): Promise<void> {
	for (const run of polls) run();
	await settled();
}

async function settled(): Promise<void> {
	for (let i = 0; i < 30; i++) await Promise.resolve();
}

describe('the AP database of a node', () => {
	it('is read again where somebody else changed it, and not otherwise', async () => {
		await database.elsewhere(row('a'));
		await own.start();
		await poll();
		expect([seen.length, database.reads]).toEqual([1, 1]);
		await database.elsewhere(row('a', { occupancyPpm: 900_000 }), row('b'));
		await poll();
		expect(seen.at(-1)).toEqual([row('a', { occupancyPpm: 900_000 }), row('b')]);
		await poll();
		expect(seen).toHaveLength(2);
	});

	it('is not asked again and again where nobody else can change it', async () => {
		database.isShared = false;
		await own.start();
		expect(polls).toEqual([]);
	});

	it('leaves out a row that the contract would refuse, and says why once', async () => {
		await database.elsewhere(row('a', { coverageRadiusM: 1 }), row('b'));
		await own.start();
		expect(seen.at(-1)).toEqual([row('b')]);
		await database.elsewhere(row('c'));
		await poll();
		expect(lines).toEqual([expect.stringMatching(/^RadiusOutOfRange: the access point a is left alone/)]);
		await database.elsewhere(row('a', { coverageRadiusM: 50 }));
		await poll();
		expect(seen.at(-1)!.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
	});

	it('goes on while it is away, says so once, and writes what was not written when it answers', async () => {
		await database.elsewhere(row('a'), row('b'));
		await own.start();
		database.isAway = true;
		own.store([row('a', { issued: true, updatedHeight: 3 })]);
		await settled();
		for (let i = 0; i < 5; i++) await poll();
		own.store([row('a', { issued: true, updatedHeight: 7 })]);
		await settled();
		expect(lines).toEqual(['DatabaseAway: no answer; the market goes on without the database']);
		database.isAway = false;
		await poll();
		expect(lines).toEqual([expect.any(String), 'the access point database answers again']);
		const stored = [row('a', { issued: true, updatedHeight: 7 }), row('b')];
		expect(await database.all()).toEqual(stored);
		expect(seen.at(-1)).toEqual(stored);
	});

	it('is tried once more before it is closed', async () => {
		await database.elsewhere(row('a'));
		await own.start();
		database.isAway = true;
		own.store([row('a', { issued: true, updatedHeight: 3 })]);
		await settled();
		database.isAway = false;
		await own.stop();
		expect(await database.all()).toMatchObject([{ id: 'a', issued: true, updatedHeight: 3 }]);
	});

	it('that is a tab’s own and full is tried again, too', async () => {
		database.isShared = false;
		await own.start();
		await own.add([row('a')]);
		database.isAway = true;
		own.store([row('a', { issued: true })]);
		await settled();
		await poll();
		database.isAway = false;
		await poll();
		expect(await database.all()).toEqual([row('a', { issued: true })]);
	});

	it('does not take what it has not written yet for news', async () => {
		await database.elsewhere(row('a'));
		await own.start();
		const now = row('a', { issued: true, updatedHeight: 9, occupancyPpm: 1 });
		own.store([now]);
		await database.elsewhere(row('z'));
		await poll();
		expect(seen.at(-1)).toEqual([now, row('z')]);
	});

	it('writes what the chain changed, and leaves alone what somebody else wrote since it was read', async () => {
		await database.elsewhere(row('a'), row('b'), row('c'));
		await own.start();
		await database.elsewhere(row('a', { occupancyPpm: 900_000 }), row('b', { occupancyPpm: 900_000 }));
		await database.remove('c');
		const traded = {
			issued: true,
			updatedHeight: 3,
			channels: [36],
			idleChannels: [],
			occupancyPpm: 450_000
		};
		own.store([row('a', { issued: true, updatedHeight: 3 }), row('b', traded), row('c', traded)]);
		await settled();
		const rows = [row('a', { issued: true, updatedHeight: 3, occupancyPpm: 900_000 }), row('b', traded)];
		expect(await database.all()).toEqual(rows);
		await poll();
		expect(seen.at(-1)).toEqual(rows);
	});

	it('does not lose what somebody else wrote while its own change was not written', async () => {
		await database.elsewhere(row('a'));
		await own.start();
		database.isAway = true;
		own.store([row('a', { issued: true, updatedHeight: 3 })]);
		await settled();
		await database.elsewhere(row('a', { occupancyPpm: 900_000 }));
		database.isAway = false;
		await poll();
		const now = row('a', { issued: true, updatedHeight: 3, occupancyPpm: 900_000 });
		expect([await database.all(), seen.at(-1)]).toEqual([[now], [now]]);
	});

	it('adds what the chain does not know, and keeps what it does', async () => {
		await database.elsewhere(row('a', { issued: true, occupancyPpm: 7 }));
		await own.start();
		await own.add([row('a'), row('b')]);
		expect(seen.at(-1)).toEqual([row('a', { issued: true, occupancyPpm: 7 }), row('b')]);
		database.isAway = true;
		await expect(own.add([row('c')])).rejects.toMatchObject({ name: 'DatabaseAway' });
	});
});
