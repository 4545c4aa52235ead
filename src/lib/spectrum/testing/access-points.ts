/** Access points for tests, with what a test does not care about filled in. */
import type { AccessPoint } from '../contract/records.ts';

/** Where `accessPointAt` counts from. */
const ORIGIN = { latitudeMicrodegrees: 40_750_000, longitudeMicrodegrees: -73_980_000 };

export function accessPoint(id: string, fields: Partial<AccessPoint> = {}): AccessPoint {
	return {
		id,
		name: id,
		...ORIGIN,
		coverageRadiusM: 50,
		antennaHeightCm: 300,
		eirpMilliDbm: 30_000,
		band: '5GHz',
		channels: [36],
		idleChannels: [],
		occupancyPpm: 500_000,
		assigned: [],
		...fields
	};
}

/** So many metres north of the origin: within 0.1 %. */
export function northOf(metres: number): Pick<AccessPoint, 'latitudeMicrodegrees'> {
	return { latitudeMicrodegrees: ORIGIN.latitudeMicrodegrees + Math.round(metres * 8.9932) };
}
