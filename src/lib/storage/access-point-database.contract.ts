/** What every access point database must do, as tests. Imported by test files only. */
import { describe, expect, it } from 'vitest';
import type { AccessPointDatabase, OwnAccessPoint } from './access-point-database.ts';

export function ownAccessPoint(id: string, part: Partial<OwnAccessPoint> = {}): OwnAccessPoint {
	return {
		id,
		name: `AP ${id}`,
		latitudeMicrodegrees: 39_961_000,
		longitudeMicrodegrees: -116_358_000,
		coverageRadiusM: 50,
		antennaHeightCm: 300,
		eirpMilliDbm: 20_000,
		band: '5GHz',
		channels: [36, 40, 44],
		idleChannels: [40],
		occupancyPpm: 250_000,
		assigned: [],
		issued: false,
		updatedHeight: 0,
		...part
	};
}

let made = 0;

export function accessPointDatabaseContract(
	name: string,
	make: (nodeId: string) => AccessPointDatabase
): void {
	const newDatabase = async () => {
		const nodeId = String(++made).padStart(64, '0').split('').reverse().join('');
		const database = make(nodeId);
		await database.open();
		return { nodeId, database };
	};

	describe(`${name} as an access point database`, () => {
		it('is empty when new', async () => {
			const { database } = await newDatabase();
			expect(await database.all()).toEqual([]);
			await database.close();
		});

		it('keeps access points over a restart, in order of id', async () => {
			const { nodeId, database } = await newDatabase();
			const b = ownAccessPoint('b', { assigned: ['x/5'], issued: true, updatedHeight: 12 });
			await database.put([b, ownAccessPoint('a')]);
			await database.close();
			const again = make(nodeId);
			await again.open();
			expect(await again.all()).toEqual([ownAccessPoint('a'), b]);
			await again.close();
		});

		it('replaces by id and removes', async () => {
			const { database } = await newDatabase();
			await database.put([ownAccessPoint('a'), ownAccessPoint('b'), ownAccessPoint('c')]);
			await database.put([ownAccessPoint('b', { name: 'roof · 屋顶 📡' })]);
			await database.put([]);
			await database.remove('a');
			await database.remove('never there');
			expect(await database.all()).toEqual([
				ownAccessPoint('b', { name: 'roof · 屋顶 📡' }),
				ownAccessPoint('c')
			]);
			await database.close();
		});

		it('updates what a change names, and nothing else', async () => {
			const { database } = await newDatabase();
			await database.put([ownAccessPoint('a'), ownAccessPoint('b')]);
			const issued = { issued: true, updatedHeight: 4 };
			const traded = {
				issued: true,
				updatedHeight: 5,
				channels: [36, 44],
				idleChannels: [],
				occupancyPpm: 0
			};
			await database.update([
				{ id: 'a', ...issued },
				{ id: 'b', ...traded },
				{ id: 'never there', ...traded }
			]);
			await database.update([]);
			expect(await database.all()).toEqual([ownAccessPoint('a', issued), ownAccessPoint('b', traded)]);
			await database.close();
		});

		it('tells ids apart by every letter, and keeps more than one statement holds', async () => {
			const { database } = await newDatabase();
			const ids = Array.from({ length: 1200 }, (_, i) => `ap-${String(i).padStart(4, '0')}`);
			await database.put([...ids.map((id) => ownAccessPoint(id)), ownAccessPoint('Ap-0000')]);
			expect((await database.all()).map(({ id }) => id)).toEqual(['Ap-0000', ...ids]);
			await database.close();
		});

		it('has a mark that stays where nobody does anything', async () => {
			const { database } = await newDatabase();
			await database.put([ownAccessPoint('a')]);
			const mark = await database.changeMark();
			expect(await database.changeMark()).toBe(mark);
			await database.close();
		});

		it('is not changed through the records it was given or gave', async () => {
			const { database } = await newDatabase();
			const given = ownAccessPoint('a');
			await database.put([given]);
			given.channels.push(99);
			(await database.all())[0]!.idleChannels.push(98);
			expect(await database.all()).toEqual([ownAccessPoint('a')]);
			await database.close();
		});
	});
}
