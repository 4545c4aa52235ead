/** Access points and trades for tests. */
import type { ApInfo, TradeInfo } from '../types.ts';

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
		antennaHeightCm: 300,
		registeredHeight: 1,
		...fields
	};
}

export function testTrade(fields: Partial<TradeInfo>): TradeInfo {
	return {
		id: 'trade',
		bidId: 'bid',
		buyerAp: 'b',
		sellerAp: 's',
		buyer: 'ob',
		seller: 'os',
		channel: 40,
		price: '100',
		mechanism: 'greedy',
		height: 5,
		time: 5000,
		transactionId: 'trade',
		buyerAfter: { channels: [36, 40], idleChannels: [], occupancyPpm: 450_000 },
		sellerAfter: { channels: [44], idleChannels: [], occupancyPpm: 100_000 },
		...fields
	};
}
