/**
 * The seeded rule that fills in what a file does not tell, so that a list of hotspots becomes a market. Every value depends on
 * the seed and the AP's id alone, except channels: those are given out in order of the file, one to each AP, then more to those
 * that want more, never to two APs that would conflict (the rule in contract/holders.ts). A full neighbourhood means fewer.
 *
 * Demand: about 30 % of the APs are busy (≥ 0.8, buyers), 30 % are quiet (≤ 0.2, sellers with 2–4 channels), the others between.
 */
import { idleChannelsAt, type OwnAccessPoint, type Site } from '../access-point.ts';
import { bandPlan, type Band } from '../radio/bands.ts';
import { HolderBoard } from '../radio/holder-board.ts';
import { SeededRandom } from '../random.ts';
import type { DraftAccessPoint } from './draft.ts';

export interface AssignOptions {
	seed: number;
	/** Of the chain's genesis. */
	conflictDistancePercent: number;
}

/** Same drafts, same options: same result. Rows are not checked; what is out of range stays so. */
export function assignMissing(drafts: readonly DraftAccessPoint[], options: AssignOptions): OwnAccessPoint[] {
	const plans = drafts.map((draft) => planOf(draft, options.seed));
	const board = new HolderBoard(options.conflictDistancePercent);
	for (const plan of plans) if (!plan.missing.has('channels')) board.put(plan.ap, plan.ap.channels);
	for (let round = 1; round <= MOST_WANTED; round++)
		for (const plan of plans)
			if (plan.wanted >= round && plan.missing.has('channels')) giveChannel(plan, board);
	return plans.map(finish);
}

/** Wi-Fi bands with their weights; where a neighbourhood has no channel left in one, the next is tried. */
const WIFI_BANDS: readonly Band[] = ['2.4GHz', '5GHz', '6GHz'];
const BAND_OF_ROLL = (roll: number): Band => (roll < 20 ? '2.4GHz' : roll < 70 ? '5GHz' : '6GHz');
const MOST_WANTED = 4;
/** The three 20 MHz channels of 2.4 GHz that do not overlap. */
const NON_OVERLAPPING_2_4 = [1, 6, 11];

interface Plan {
	ap: OwnAccessPoint;
	/** Columns that the file does not tell. */
	missing: Set<string>;
	/** Channels to give, where the neighbourhood allows. */
	wanted: number;
	random: SeededRandom;
}

function planOf(draft: DraftAccessPoint, seed: number): Plan {
	const random = new SeededRandom(seed, draft.id);
	const missing = new Set<string>();
	const given = <T>(column: string, value: T | undefined, assigned: T): T => {
		if (value !== undefined) return value;
		missing.add(column);
		return assigned;
	};
	// Every roll is made, so that one more column in a file does not change the others.
	const rolls = {
		band: random.below(100),
		demand: random.below(100),
		within: random.below(1000),
		wanted: random.below(3)
	};
	const radio = radioOf(draft, random);
	const band = given('band', draft.band, BAND_OF_ROLL(rolls.band));
	const occupancyPpm = given('occupancy', draft.occupancyPpm, demandOf(rolls.demand, rolls.within));
	return {
		ap: {
			id: draft.id,
			name: draft.name,
			latitudeMicrodegrees: draft.latitudeMicrodegrees,
			longitudeMicrodegrees: draft.longitudeMicrodegrees,
			coverageRadiusM: given('coverageRadius', draft.coverageRadiusM, radio.coverageRadiusM),
			antennaHeightCm: given('antennaHeight', draft.antennaHeightCm, radio.antennaHeightCm),
			eirpMilliDbm: given('eirp', draft.eirpMilliDbm, radio.eirpMilliDbm),
			band,
			channels: given('channels', draft.channels, []),
			idleChannels: given('idleChannels', draft.idleChannels, []),
			occupancyPpm,
			assigned: draft.assigned ?? [],
			issued: false,
			updatedHeight: 0
		},
		missing,
		wanted: wantedOf(occupancyPpm, rolls.wanted),
		random
	};
}

/** Kiosks and masts reach further than indoor radios; CBRS reach follows its power. */
function radioOf(
	draft: DraftAccessPoint,
	random: SeededRandom
): Pick<OwnAccessPoint, 'coverageRadiusM' | 'antennaHeightCm' | 'eirpMilliDbm'> {
	const [reach, height, power] = [random.below(1000), random.below(1000), random.below(1000)];
	if (draft.band === 'CBRS') {
		const eirpMilliDbm = 40_000 + Math.floor(power / 125) * 1000;
		const known = draft.eirpMilliDbm ?? eirpMilliDbm;
		return {
			eirpMilliDbm,
			coverageRadiusM:
				200 + Math.min(20, Math.max(0, Math.round((known - 40_000) / 1000))) * 25 + Math.floor(reach / 20),
			antennaHeightCm: 600 + height * 2
		};
	}
	return draft.indoor
		? {
				eirpMilliDbm: 20_000 + Math.floor(power / 200) * 1000,
				coverageRadiusM: 20 + Math.floor(reach / 65),
				antennaHeightCm: 250 + Math.floor(height / 10)
			}
		: {
				eirpMilliDbm: 27_000 + Math.floor(power / 125) * 1000,
				coverageRadiusM: 35 + Math.floor(reach / 40),
				antennaHeightCm: 300 + Math.floor(height / 5)
			};
}

function demandOf(roll: number, within: number): number {
	if (roll < 30) return 820_000 + within * 160;
	if (roll < 60) return 20_000 + within * 160;
	return 250_000 + within * 500;
}

function wantedOf(occupancyPpm: number, roll: number): number {
	if (occupancyPpm >= 800_000) return 1 + (roll % 2);
	return occupancyPpm <= 200_000 ? 2 + roll : 1 + roll;
}

function giveChannel(plan: Plan, board: HolderBoard): void {
	const { ap } = plan;
	const mayMove = plan.missing.has('band') && ap.channels.length === 0;
	const first = WIFI_BANDS.indexOf(ap.band);
	const bands = mayMove ? [...WIFI_BANDS.slice(first), ...WIFI_BANDS.slice(0, first)] : [ap.band];
	for (const band of bands) {
		const site: Site = { ...ap, band };
		const channel = candidates(band, plan.random).find(
			(candidate) => !ap.channels.includes(candidate) && board.conflicting(site, candidate) === undefined
		);
		if (channel === undefined) continue;
		ap.band = band;
		ap.channels = [...ap.channels, channel].sort((a, b) => a - b);
		board.put(site, ap.channels);
		return;
	}
}

function candidates(band: Band, random: SeededRandom): number[] {
	return random.shuffle(band === '2.4GHz' ? [...NON_OVERLAPPING_2_4] : [...bandPlan(band).channels]);
}

function finish({ ap, missing }: Plan): OwnAccessPoint {
	if (missing.has('idleChannels')) ap.idleChannels = idleChannelsAt(ap.occupancyPpm, ap.channels);
	ap.assigned = [...new Set([...ap.assigned, ...missing])].sort();
	return ap;
}
