/** An access point as its owner keeps it, and the bounds that hold for every access point, on the chain and off it. */
import type { Band } from './radio/bands.ts';

/** One row of a node's own AP database. Storage has the same shape; the manager reads and writes it. */
export interface OwnAccessPoint {
	id: string;
	name: string;
	latitudeMicrodegrees: number;
	longitudeMicrodegrees: number;
	coverageRadiusM: number;
	antennaHeightCm: number;
	eirpMilliDbm: number;
	band: Band;
	/** All channels held, ascending. */
	channels: number[];
	/** Those of them that are idle, ascending. */
	idleChannels: number[];
	/** Mean share of time in which its channels are busy, parts per million. */
	occupancyPpm: number;
	/** Columns that an import assigned by its seeded rule. */
	assigned: string[];
	/** The chain knows it, under this node's key. */
	issued: boolean;
	/** Height of the chain's last change that this row contains; 0 before it is issued. */
	updatedHeight: number;
}

/** Where an access point is and how far it reaches: all that a conflict depends on. */
export interface Site {
	id: string;
	latitudeMicrodegrees: number;
	longitudeMicrodegrees: number;
	coverageRadiusM: number;
	band: Band;
}

/** Ids are parts of state keys, so they hold no slash; 64 fits a UUID with a prefix. */
export const AP_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
/** UTF-16 units; a street address with its borough. */
export const MAX_NAME_LENGTH = 80;
/** Meridians meet at the poles; no cell of the conflict index is there, and no network either. */
export const MAX_LATITUDE_MICRODEGREES = 85_000_000;
export const MAX_LONGITUDE_MICRODEGREES = 180_000_000;
/** Below this, GPS error is larger than the cell. */
export const MIN_COVERAGE_RADIUS_M = 5;
/** 1 km: the highest masts are lower. */
export const MAX_ANTENNA_HEIGHT_CM = 100_000;
export const MIN_EIRP_MILLI_DBM = -50_000;
/** 80 dBm, far above any licence for these bands. */
export const MAX_EIRP_MILLI_DBM = 80_000;
/** More than any radio has; bounds the cells that one registration touches. */
export const MAX_CHANNELS_PER_AP = 16;
export const MAX_OCCUPANCY_PPM = 1_000_000;
export const MAX_ASSIGNED_COLUMNS = 12;
export const ASSIGNED_PATTERN = /^[A-Za-z][A-Za-z0-9]{0,31}$/;

/** Asks for a channel at or above this (the seed's 0.8). */
export const BUY_AT_PPM = 800_000;
/** Gives channels away at or below this (the seed's 0.2). */
export const SELL_AT_PPM = 200_000;
/** A seller may not pass this by giving a channel away. The contract holds it, so it is a rule of the chain. */
export const SELLER_CAP_PPM = 800_000;

/**
 * Occupancy after one channel more: ρ·n/(n+1). An AP without channels counts its demand as that of one channel, so that its
 * first channel carries all of it.
 */
export function occupancyAfterBuying(occupancyPpm: number, channelsHeld: number): number {
	const n = Math.max(1, channelsHeld);
	return channelsHeld === 0 ? occupancyPpm : Math.floor((occupancyPpm * n) / (n + 1));
}

/** Occupancy after one channel less: ρ·n/(n−1), for n > 1. It may pass {@link MAX_OCCUPANCY_PPM}: such a sale is refused. */
export function occupancyAfterSelling(occupancyPpm: number, channelsHeld: number): number {
	return Math.floor((occupancyPpm * channelsHeld) / (channelsHeld - 1));
}

/**
 * The channels that an AP can do without: it keeps as many as carry its load at {@link SELLER_CAP_PPM} each, and at least
 * one. The highest numbers are the idle ones.
 */
export function idleChannelsAt(occupancyPpm: number, channels: readonly number[]): number[] {
	const needed = Math.max(1, Math.ceil((channels.length * occupancyPpm) / SELLER_CAP_PPM));
	return channels.slice(Math.min(needed, channels.length));
}
