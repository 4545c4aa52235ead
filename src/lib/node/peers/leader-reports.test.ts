import { describe, expect, it } from 'vitest';
import type { HeldLeaderChange } from '../../consensus/pbft/pbft.ts';
import { LeaderReports } from './leader-reports.ts';

const HEARTBEAT_MS = 500;
const held = { view: 3 } as HeldLeaderChange;

describe('R10: a heartbeat of a lower view', () => {
	it('is answered, after the time that the LeaderChange itself takes', () => {
		const reports = new LeaderReports(HEARTBEAT_MS);
		reports.begun(10_000);
		expect(reports.isDue('a', 2, held, 10_999)).toBe(false);
		expect(reports.isDue('a', 2, held, 11_000)).toBe(true);
	});

	it('is answered to each peer, and not again before that time', () => {
		const reports = new LeaderReports(HEARTBEAT_MS);
		reports.begun(0);
		expect(reports.isDue('a', 2, held, 5000)).toBe(true);
		expect(reports.isDue('b', 0, held, 5000)).toBe(true);
		expect(reports.isDue('a', 2, held, 5999)).toBe(false);
		expect(reports.isDue('a', 2, held, 6000)).toBe(true);
	});

	it('is none where the view is the same or higher, or nothing is held', () => {
		const reports = new LeaderReports(HEARTBEAT_MS);
		expect(reports.isDue('a', 3, held, 5000)).toBe(false);
		expect(reports.isDue('a', 4, held, 5000)).toBe(false);
		expect(reports.isDue('a', 0, null, 5000)).toBe(false);
	});

	it('counts anew in each view', () => {
		const reports = new LeaderReports(HEARTBEAT_MS);
		reports.begun(0);
		expect(reports.isDue('a', 2, held, 5000)).toBe(true);
		reports.begun(5100);
		expect(reports.isDue('a', 2, held, 6099)).toBe(false);
		expect(reports.isDue('a', 2, held, 6100)).toBe(true);
	});
});
