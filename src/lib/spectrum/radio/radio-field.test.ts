import { describe, expect, it } from 'vitest';
import { generateAccessPoints } from '../scenario/generate.ts';
import { accessPoint, northOf } from '../testing/access-points.ts';
import { squaredDistanceCm2 } from './distance.ts';
import { adjacentChannelMilliDb, milliwatts, noiseMilliDbm, receivedMilliDbm } from './link-budget.ts';
import { bandPlan } from './bands.ts';
import { RadioField, type Sender } from './radio-field.ts';

/** The worked case of link-budget.test.ts: users 50 m from their server, 150 m from the other one. */
const server = accessPoint('server', {
	coverageRadiusM: 100,
	antennaHeightCm: 1000,
	eirpMilliDbm: 20_000,
	channels: [36]
});
const beside = (channels: number[]): Sender => ({ ...server, ...northOf(200), id: 'beside', channels });

function only(field: RadioField, id: string) {
	const [reception] = field.receptionsOf(id);
	return reception!;
}

describe('the worked case', () => {
	it('has 9.87 dB and 68.4 Mb/s', () => {
		const { sinrMilliDb, capacityBitsPerSecond } = only(
			new RadioField([server, beside([36])], 'umi-los'),
			'server'
		);
		expect(Math.abs(sinrMilliDb - 9_870)).toBeLessThanOrEqual(50);
		expect(Math.abs(capacityBitsPerSecond / 68.4e6 - 1)).toBeLessThan(0.005);
	});

	it('has 209 Mb/s without the other, nearly so with it one channel further, and all with it in another band', () => {
		const alone = only(new RadioField([server], 'umi-los'), 'server').capacityBitsPerSecond;
		expect(Math.abs(alone / 209.3e6 - 1)).toBeLessThan(0.005);
		const further = new RadioField([server, beside([40])], 'umi-los').capacityOf('server');
		expect(further).toBeGreaterThan(190e6);
		expect(further).toBeLessThan(alone);
		const apart = new RadioField([server, { ...beside([1]), band: '6GHz' }], 'umi-los');
		expect(apart.capacityOf('server')).toBe(alone);
	});

	it('is what a user between the two hears, from the nearer one', () => {
		const field = new RadioField([server, beside([36])], 'umi-los');
		const at = (metres: number) => field.receptionAt({ ...server, ...northOf(metres) }, '5GHz');
		expect(at(50)).toEqual(only(field, 'server'));
		expect(at(150)!.server).toBe('beside');
		expect(at(100)!.sinrMilliDb).toBeLessThan(500);
	});
});

it('adds up all channels, and knows nothing of who holds none', () => {
	const field = new RadioField([{ ...server, channels: [36, 149] }, beside([])], 'umi-los');
	expect(field.capacityOf('server')).toBe(
		field.receptionsOf('server').reduce((sum, { capacityBitsPerSecond }) => sum + capacityBitsPerSecond, 0)
	);
	expect(field.receptionsOf('server')).toHaveLength(2);
	expect(field.capacityOf('beside')).toBe(0);
	expect(field.capacityOf('nobody')).toBe(0);
	expect(field.receptionAt(server, '2.4GHz')).toBeNull();
	expect(field.receptionAt({ ...server, latitudeMicrodegrees: 0 }, '5GHz')).toBeNull();
});

it('finds by cells what adding everything up finds, within 0.05 dB', () => {
	const senders = generateAccessPoints({ seed: 2, count: 40, layout: 'uniform' });
	const field = new RadioField(senders, 'umi-nlos');
	let compared = 0;
	for (const sender of senders)
		for (const reception of field.receptionsOf(sender.id)) {
			const user = {
				latitudeMicrodegrees: sender.latitudeMicrodegrees + Math.round((sender.coverageRadiusM / 2) * 8.9932),
				longitudeMicrodegrees: sender.longitudeMicrodegrees
			};
			const plan = bandPlan(sender.band);
			let disturbance = milliwatts(noiseMilliDbm(plan.widthHz));
			for (const other of senders)
				for (const channel of other.band === sender.band && other !== sender ? other.channels : []) {
					const frequencyHz = plan.centreFrequencyHz(channel);
					const power = receivedMilliDbm('umi-nlos', other.eirpMilliDbm, {
						frequencyHz,
						distanceCm: Math.floor(Math.sqrt(squaredDistanceCm2(other, user))),
						transmitterHeightCm: other.antennaHeightCm,
						receiverHeightCm: 150
					});
					const offset = frequencyHz - plan.centreFrequencyHz(reception.channel);
					disturbance += milliwatts(power + adjacentChannelMilliDb(offset, plan.widthHz));
				}
			const exact = reception.signalMilliDbm - 10_000 * Math.log10(disturbance);
			expect(Math.abs(reception.sinrMilliDb - exact)).toBeLessThan(50);
			compared++;
		}
	expect(compared).toBeGreaterThan(50);
});

it('names the server of each place in a network of 200', () => {
	const senders = generateAccessPoints({ seed: 3, count: 200, layout: 'uniform' });
	const field = new RadioField(senders, 'umi-nlos');
	const servers = new Set<string>();
	for (const { latitudeMicrodegrees, longitudeMicrodegrees } of senders.slice(0, 80)) {
		const reception = field.receptionAt({ latitudeMicrodegrees, longitudeMicrodegrees }, '5GHz');
		if (reception) servers.add(reception.server);
	}
	expect(servers.size).toBeGreaterThan(20);
});
