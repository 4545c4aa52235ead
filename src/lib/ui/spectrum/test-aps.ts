/** Access points for tests. */
import type { ApInfo } from '../types.ts';

export function accessPoint(fields: Partial<ApInfo>): ApInfo {
	return {
		id: 'a',
		name: 'a',
		owner: 'o',
		ownerNickname: 'o',
		own: false,
		latitudeMicrodegrees: 0,
		longitudeMicrodegrees: 0,
		coverageRadiusM: 50,
		eirpMilliDbm: 20_000,
		band: '5GHz',
		channels: [36],
		idleChannels: [],
		occupancyPpm: 0,
		assigned: [],
		height: 1,
		...fields
	};
}
