/**
 * Where access points stand, as studies place them. Integers and seeded draws alone (R18): the same options make the same places
 * in every engine.
 *
 * - `hex`: TR 38.901 table 7.2-1, urban micro: sites 10 m high, 200 m apart in rings around the first.
 * - `indoor`: TR 38.901 table 7.2-2, open office: 120 × 50 m, two rows of six, 20 m apart, 3 m high.
 * - `residential`: IEEE 802.11-14/0980 (TGax), scenario 1: floors of two rows of ten flats of 10 × 10 m, five floors of 3 m, one
 *   access point somewhere in each flat.
 * - `uniform`: anywhere on a square.
 */
import { MAX_ANTENNA_HEIGHT_CM, MAX_LATITUDE_MICRODEGREES } from '../access-point.ts';
import type { DraftAccessPoint } from '../importing/draft.ts';
import { cosineE6 } from '../radio/distance.ts';
import type { SeededRandom } from '../random.ts';

export type Layout = 'uniform' | 'hex' | 'indoor' | 'residential';
export const LAYOUTS: readonly Layout[] = ['uniform', 'hex', 'indoor', 'residential'];

/** What a layout says of an access point; the rest is assigned. */
export type Placement = Pick<
	DraftAccessPoint,
	| 'latitudeMicrodegrees'
	| 'longitudeMicrodegrees'
	| 'indoor'
	| 'antennaHeightCm'
	| 'coverageRadiusM'
	| 'eirpMilliDbm'
>;

export interface Centre {
	latitudeMicrodegrees: number;
	longitudeMicrodegrees: number;
}

/** So many places around a centre. @param spacingM - between sites of `hex`; the others have theirs by their definition */
export function placesOf(
	layout: Exclude<Layout, 'uniform'>,
	count: number,
	centre: Centre,
	random: SeededRandom,
	spacingM = HEX_SPACING_M
): Placement[] {
	const place = PLACES[layout];
	return Array.from({ length: count }, (_, number) => {
		const { eastCm, northCm, ...radio } = place(number, random, spacingM);
		return { ...moved(centre, eastCm, northCm), ...radio };
	});
}

/** So far away on the plane at the centre's latitude; exact to a micro-degree within some kilometres. */
export function moved(centre: Centre, eastCm: number, northCm: number): Centre {
	const latitudeMicrodegrees = centre.latitudeMicrodegrees + microdegreesOf(northCm);
	const cosine = cosineE6(Math.min(MAX_LATITUDE_MICRODEGREES, Math.abs(centre.latitudeMicrodegrees)));
	return {
		latitudeMicrodegrees,
		longitudeMicrodegrees:
			centre.longitudeMicrodegrees + Math.round((microdegreesOf(eastCm) * 1_000_000) / cosine)
	};
}

export const HEX_SPACING_M = 200;

interface Place extends Omit<Placement, keyof Centre> {
	eastCm: number;
	northCm: number;
}

const CM_PER_M = 100;
/** A micro-degree of arc is 11.1195 cm (distance.ts). */
const CM_PER_MICRODEGREE_E4 = 111_195;
/** √3/2 and 1/√3, in millionths. */
const ROW_HEIGHT_E6 = 866_025;
const CELL_RADIUS_E6 = 577_350;

const OFFICE = { columns: 6, rows: 2, spacingCm: 2_000, marginCm: 1_000, northCm: 1_500, pitchCm: 17_000 };
const HOUSE = {
	columns: 10,
	rows: 2,
	flatCm: 1_000,
	floors: 5,
	floorCm: 300,
	deviceCm: 150,
	pitchCm: 12_000
};

const PLACES: Readonly<
	Record<Exclude<Layout, 'uniform'>, (number: number, random: SeededRandom, spacingM: number) => Place>
> = { hex, indoor, residential };

function hex(number: number, _random: SeededRandom, spacingM: number): Place {
	const { column, row } = spiral(number);
	const spacingCm = spacingM * CM_PER_M;
	return {
		// Each row stands half a spacing further east than the one south of it.
		eastCm: column * spacingCm + Math.round((row * spacingCm) / 2),
		northCm: Math.round((row * spacingCm * ROW_HEIGHT_E6) / 1_000_000),
		indoor: false,
		antennaHeightCm: 1_000,
		eirpMilliDbm: 30_000,
		coverageRadiusM: Math.round((spacingM * CELL_RADIUS_E6) / 1_000_000)
	};
}

/** Axial coordinates of the n-th cell of a hexagonal grid, ring by ring. */
function spiral(number: number): { column: number; row: number } {
	let ring = 0;
	let before = 0;
	while (number >= before + Math.max(1, 6 * ring)) {
		before += Math.max(1, 6 * ring);
		ring++;
	}
	let [column, row] = [0, -ring];
	let steps = number - before;
	for (const [east, north] of RING) {
		const here = Math.min(steps, ring);
		column += here * east;
		row += here * north;
		steps -= here;
	}
	return { column, row };
}

/** The six directions, from the southernmost corner of a ring on. */
const RING: readonly (readonly [column: number, row: number])[] = [
	[1, 0],
	[0, 1],
	[-1, 1],
	[-1, 0],
	[0, -1],
	[1, -1]
];

function indoor(number: number): Place {
	const perOffice = OFFICE.columns * OFFICE.rows;
	const office = spiralSquare(Math.floor(number / perOffice));
	const within = number % perOffice;
	return {
		eastCm: office.east * OFFICE.pitchCm + OFFICE.marginCm + (within % OFFICE.columns) * OFFICE.spacingCm,
		northCm:
			office.north * OFFICE.pitchCm + OFFICE.northCm + Math.floor(within / OFFICE.columns) * OFFICE.spacingCm,
		indoor: true,
		antennaHeightCm: 300,
		eirpMilliDbm: 24_000,
		coverageRadiusM: 20
	};
}

function residential(number: number, random: SeededRandom): Place {
	const perFloor = HOUSE.columns * HOUSE.rows;
	const perHouse = perFloor * HOUSE.floors;
	const house = spiralSquare(Math.floor(number / perHouse));
	const floor = Math.floor((number % perHouse) / perFloor);
	const flat = number % perFloor;
	return {
		eastCm: house.east * HOUSE.pitchCm + (flat % HOUSE.columns) * HOUSE.flatCm + random.below(HOUSE.flatCm),
		northCm:
			house.north * HOUSE.pitchCm +
			Math.floor(flat / HOUSE.columns) * HOUSE.flatCm +
			random.below(HOUSE.flatCm),
		indoor: true,
		antennaHeightCm: Math.min(MAX_ANTENNA_HEIGHT_CM, floor * HOUSE.floorCm + HOUSE.deviceCm),
		eirpMilliDbm: 20_000,
		coverageRadiusM: 12
	};
}

/** Buildings beside each other, in squares that grow to the north-east. */
function spiralSquare(number: number): { east: number; north: number } {
	let side = 0;
	while ((side + 1) * (side + 1) <= number) side++;
	const along = number - side * side;
	return along <= side ? { east: side, north: along } : { east: along - side - 1, north: side };
}

function microdegreesOf(cm: number): number {
	return Math.round((cm * 10_000) / CM_PER_MICRODEGREE_E4);
}
