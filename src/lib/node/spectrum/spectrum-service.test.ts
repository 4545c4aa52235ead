/** What a node's owner chose of its manager, over a restart. */
import { beforeEach, describe, expect, it } from 'vitest';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { DEFAULT_SETTINGS } from '../../spectrum/manager/settings.ts';
import { MemoryAccessPointDatabase, type KeptManagerSettings } from '../../storage/access-point-database.ts';
import { StoreError } from '../../storage/ledger-store.ts';
import type { Clock } from '../clock.ts';
import { SpectrumService } from './spectrum-service.ts';

const clock: Clock = { now: () => 0, after: () => () => {}, every: () => () => {} };
const DEFAULTS = { ...DEFAULT_SETTINGS, minimumGain: DEFAULT_SETTINGS.minimumGain.toString() };

let database: MemoryAccessPointDatabase;
let lines: string[];

async function started(init: { settings?: { buyAtPpm: number } } = {}): Promise<SpectrumService> {
	const { chain } = await TestLedger.found([1]);
	const service = new SpectrumService({
		chain,
		self: 'ab'.repeat(32),
		database,
		settingsStore: database,
		clock,
		mechanism: 'greedy',
		sealKey: new Uint8Array(32),
		submit: () => Promise.resolve(null),
		isReady: () => false,
		nicknameOf: () => '',
		changed: () => {},
		log: (level, message) => lines.push(`${level}: ${message}`),
		...init
	});
	await service.start();
	return service;
}

beforeEach(() => {
	database = new MemoryAccessPointDatabase();
	lines = [];
});

describe('settings of the manager', () => {
	it('are the defaults, then what was chosen, also after a restart', async () => {
		const service = await started();
		expect(service.manager()).toEqual(DEFAULTS);
		const chosen = { ...DEFAULTS, buyAtPpm: 600_000, minimumGain: '7' };
		expect(await service.setManager({ buyAtPpm: 600_000 })).toMatchObject({ buyAtPpm: 600_000 });
		expect(await service.setManager({ minimumGain: 7n })).toEqual(chosen);
		await service.stop();
		expect((await started()).manager()).toEqual(chosen);
		// A choice goes before what the node was started with.
		expect((await started({ settings: { buyAtPpm: 900_000 } })).manager()).toEqual(chosen);
	});

	it('that cannot be change nothing', async () => {
		const service = await started();
		await expect(service.setManager({ buyAtPpm: 500_000, sellAtPpm: 250_000 })).rejects.toMatchObject({
			name: 'ManagerSettings',
			message: expect.stringContaining('sellAtPpm is below half of buyAtPpm') as string
		});
		expect(service.manager()).toEqual(DEFAULTS);
		expect(await database.settings()).toBeNull();
	});

	it('that cannot be kept do not come into force', async () => {
		const service = await started();
		database.keepSettings = () => Promise.reject(new StoreError('full', 'no room'));
		await expect(service.setManager({ buyAtPpm: 600_000 })).rejects.toMatchObject({ name: 'StorageFull' });
		expect(service.manager()).toEqual(DEFAULTS);
	});

	it('that somebody else wrote are looked at before they are believed', async () => {
		await database.keepSettings({ ...DEFAULT_SETTINGS, buyAtPpm: 'often' } as unknown as KeptManagerSettings);
		expect((await started()).manager()).toEqual(DEFAULTS);
		expect(lines).toEqual([expect.stringMatching(/^warning: ManagerSettings: .*buyAtPpm/)]);
	});
});
