/**
 * Distance and conflict in integers only (R18), equal on every machine.
 *
 * Earth is a sphere of 6,371,008.8 m (IUGG mean radius), one micro-degree of arc is 11.1195 cm, and a pair of points is laid
 * on a plane with the cosine of their mean latitude. Errors: the interpolated cosine is at most 0.004 % low, the plane at
 * most 0.001 % wrong within 20 km and 60° of latitude, rounding at most 12 cm. The sphere itself differs from the ellipsoid
 * of WGS 84 by up to 0.6 %. All are below the error of a position from GPS, and what matters is that all nodes make the same.
 */
import type { Site } from '../access-point.ts';

type Position = Pick<Site, 'latitudeMicrodegrees' | 'longitudeMicrodegrees'>;

/** Millionths of the cosine of 0°, 1°, … 90°. Literals, because engines may differ in the last bit of Math.cos. */
// prettier-ignore
const COSINES: readonly number[] = [
	1_000_000, 999_848, 999_391, 998_630, 997_564, 996_195, 994_522, 992_546, 990_268, 987_688, 984_808, 981_627,
	978_148, 974_370, 970_296, 965_926, 961_262, 956_305, 951_057, 945_519, 939_693, 933_580, 927_184, 920_505,
	913_545, 906_308, 898_794, 891_007, 882_948, 874_620, 866_025, 857_167, 848_048, 838_671, 829_038, 819_152,
	809_017, 798_636, 788_011, 777_146, 766_044, 754_710, 743_145, 731_354, 719_340, 707_107, 694_658, 681_998,
	669_131, 656_059, 642_788, 629_320, 615_661, 601_815, 587_785, 573_576, 559_193, 544_639, 529_919, 515_038,
	500_000, 484_810, 469_472, 453_990, 438_371, 422_618, 406_737, 390_731, 374_607, 358_368, 342_020, 325_568,
	309_017, 292_372, 275_637, 258_819, 241_922, 224_951, 207_912, 190_809, 173_648, 156_434, 139_173, 121_869,
	104_528, 87_156, 69_756, 52_336, 34_899, 17_452, 0
];

const MICRODEGREES = 1_000_000;
const FULL_CIRCLE = 360 * MICRODEGREES;
/** Centimetres per micro-degree, times 10,000. */
const CM_PER_MICRODEGREE_E4 = 111_195;
/** 600 km on each axis. Beyond it the plane is no model, and the sum of two squares still fits 2^53. */
const FAR_MICRODEGREES = 5_400_000;
export const FAR_CM = 60_000_000;

/** Millionths of the cosine of a latitude, interpolated between whole degrees. */
export function cosineE6(latitudeMicrodegrees: number): number {
	const latitude = Math.abs(latitudeMicrodegrees);
	const degree = Math.floor(latitude / MICRODEGREES);
	const here = COSINES[degree]!;
	const next = COSINES[degree + 1] ?? here;
	return here - Math.floor(((here - next) * (latitude % MICRODEGREES)) / MICRODEGREES);
}

/** Square of the distance in cm²; what is further than {@link FAR_CM} on an axis counts as that far. */
export function squaredDistanceCm2(a: Position, b: Position): number {
	const northing = Math.abs(a.latitudeMicrodegrees - b.latitudeMicrodegrees);
	let turn = Math.abs(a.longitudeMicrodegrees - b.longitudeMicrodegrees);
	if (turn > FULL_CIRCLE - turn) turn = FULL_CIRCLE - turn;
	const meanLatitude = Math.floor(Math.abs(a.latitudeMicrodegrees + b.latitudeMicrodegrees) / 2);
	// Thousandths of a micro-degree: at most 1.8e11.
	const easting = Math.floor((turn * cosineE6(meanLatitude)) / 1000);
	const y = northing > FAR_MICRODEGREES ? FAR_CM : Math.floor((northing * CM_PER_MICRODEGREE_E4) / 10_000);
	const x =
		easting > FAR_MICRODEGREES * 1000 ? FAR_CM : Math.floor((easting * CM_PER_MICRODEGREE_E4) / 10_000_000);
	return x * x + y * y;
}

/**
 * Teaching mode: two sites conflict where their distance is below `percent` of the sum of their radii (100: r1 + r2) and
 * they are in the same band. Whether they hold a channel in common is for the caller to know.
 */
export function tooClose(a: Site, b: Site, percent: number): boolean {
	if (a.band !== b.band) return false;
	const limitCm = conflictLimitCm(a.coverageRadiusM, b.coverageRadiusM, percent);
	return squaredDistanceCm2(a, b) < limitCm * limitCm;
}

/** (r1 + r2) metres · percent / 100, in centimetres: the two hundreds cancel. */
export function conflictLimitCm(radiusM: number, otherRadiusM: number, percent: number): number {
	return (radiusM + otherRadiusM) * percent;
}
