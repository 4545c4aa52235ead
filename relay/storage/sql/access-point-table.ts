/** The table of a node's own access points: what it has, and how it came to be. Others may write to it, so it holds its own rules. */
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { Migration } from 'kysely/migration';
import type { AccessPointChange, OwnAccessPoint } from '#lib/storage/access-point-database.ts';
import type { DatabaseAddress } from './database-address.ts';

export interface AccessPointRow {
	/** Node whose access point it is, lower-case hex: nodes may share a database. */
	owner: string;
	id: string;
	name: string;
	latitude_microdegrees: number;
	longitude_microdegrees: number;
	coverage_radius_m: number;
	antenna_height_cm: number;
	eirp_milli_dbm: number;
	band: string;
	/** JSON lists of numbers. */
	channels: string;
	idle_channels: string;
	occupancy_ppm: number;
	/** A JSON list of names. */
	assigned: string;
	/** 0 or 1. */
	issued: number;
	updated_height: number;
}

export interface AccessPointTables {
	tabwave_access_points: AccessPointRow;
	tabwave_migrations: { name: string };
}

export const TABLE = 'tabwave_access_points';
export const MIGRATION_TABLE = 'tabwave_migrations';

/** By name, in order. One that was ever released is never changed. */
function migrationsOf(kind: DatabaseAddress['kind']): Record<string, Migration> {
	return { '001-access-points': { up: (database) => createAccessPoints(database, kind) } };
}

export function migrator(database: Kysely<AccessPointTables>, kind: DatabaseAddress['kind']): Migrator {
	return new Migrator({
		db: database,
		provider: { getMigrations: async () => migrationsOf(kind) },
		migrationTableName: MIGRATION_TABLE,
		migrationLockTableName: 'tabwave_migration_lock'
	});
}

export function isKnownMigration(name: string, kind: DatabaseAddress['kind']): boolean {
	return Object.hasOwn(migrationsOf(kind), name);
}

async function createAccessPoints(database: Kysely<unknown>, kind: DatabaseAddress['kind']): Promise<void> {
	// MySQL compares without case by default; ids are as different as their letters.
	const ascii = (length: number) =>
		kind === 'sqlite' ? sql`text` : sql.raw(`varchar(${length}) character set ascii collate ascii_bin`);
	const words = kind === 'sqlite' ? sql`text` : sql.raw('varchar(320) character set utf8mb4');
	const list = kind === 'sqlite' ? sql`text` : sql.raw('varchar(1024) character set ascii collate ascii_bin');
	const whole = kind === 'sqlite' ? sql`integer` : sql`int`;
	const table = database.schema
		.createTable(TABLE)
		.addColumn('owner', ascii(64), (column) => column.notNull())
		.addColumn('id', ascii(64), (column) => column.notNull())
		.addColumn('name', words, (column) => column.notNull())
		.addColumn('latitude_microdegrees', whole, (column) => column.notNull())
		.addColumn('longitude_microdegrees', whole, (column) => column.notNull())
		.addColumn('coverage_radius_m', whole, (column) => column.notNull())
		.addColumn('antenna_height_cm', whole, (column) => column.notNull())
		.addColumn('eirp_milli_dbm', whole, (column) => column.notNull())
		.addColumn('band', ascii(16), (column) => column.notNull())
		.addColumn('channels', list, (column) => column.notNull())
		.addColumn('idle_channels', list, (column) => column.notNull())
		.addColumn('occupancy_ppm', whole, (column) => column.notNull())
		.addColumn('assigned', list, (column) => column.notNull().defaultTo('[]'))
		.addColumn('issued', whole, (column) => column.notNull().defaultTo(0))
		.addColumn('updated_height', kind === 'sqlite' ? whole : sql`bigint`, (column) =>
			column.notNull().defaultTo(0)
		)
		.addPrimaryKeyConstraint('tabwave_access_points_key', ['owner', 'id'])
		// Whoever measures writes here: what is no share of the time is refused at once, and not by every node later.
		.addCheckConstraint('tabwave_occupancy', sql`occupancy_ppm between 0 and 1000000`)
		.addCheckConstraint('tabwave_issued', sql`issued in (0, 1)`);
	await (kind === 'sqlite' ? table.modifyEnd(sql`strict`) : table).execute();
}

export function rowOf(owner: string, accessPoint: OwnAccessPoint): AccessPointRow {
	return {
		owner,
		id: accessPoint.id,
		name: accessPoint.name,
		latitude_microdegrees: accessPoint.latitudeMicrodegrees,
		longitude_microdegrees: accessPoint.longitudeMicrodegrees,
		coverage_radius_m: accessPoint.coverageRadiusM,
		antenna_height_cm: accessPoint.antennaHeightCm,
		eirp_milli_dbm: accessPoint.eirpMilliDbm,
		band: accessPoint.band,
		channels: JSON.stringify(accessPoint.channels),
		idle_channels: JSON.stringify(accessPoint.idleChannels),
		occupancy_ppm: accessPoint.occupancyPpm,
		assigned: JSON.stringify(accessPoint.assigned),
		issued: accessPoint.issued ? 1 : 0,
		updated_height: accessPoint.updatedHeight
	};
}

export function changedColumnsOf({
	issued,
	updatedHeight,
	channels,
	idleChannels,
	occupancyPpm
}: AccessPointChange): Partial<AccessPointRow> {
	return {
		issued: issued ? 1 : 0,
		updated_height: updatedHeight,
		...(channels && { channels: JSON.stringify(channels) }),
		...(idleChannels && { idle_channels: JSON.stringify(idleChannels) }),
		...(occupancyPpm !== undefined && { occupancy_ppm: occupancyPpm })
	};
}

/** @throws RowError where a list is none: everybody may write here */
export function accessPointOf(row: AccessPointRow): OwnAccessPoint {
	return {
		id: row.id,
		name: row.name,
		latitudeMicrodegrees: row.latitude_microdegrees,
		longitudeMicrodegrees: row.longitude_microdegrees,
		coverageRadiusM: row.coverage_radius_m,
		antennaHeightCm: row.antenna_height_cm,
		eirpMilliDbm: row.eirp_milli_dbm,
		band: row.band,
		channels: listOf('channels', row.channels, isWhole),
		idleChannels: listOf('idle_channels', row.idle_channels, isWhole),
		occupancyPpm: row.occupancy_ppm,
		assigned: listOf('assigned', row.assigned, (item) => typeof item === 'string'),
		issued: row.issued === 1,
		updatedHeight: row.updated_height
	};
}

export class RowError extends Error {
	override readonly name = 'Row';
}

function isWhole(item: unknown): item is number {
	return Number.isSafeInteger(item);
}

function listOf<T>(column: string, text: string, isItem: (item: unknown) => item is T): T[] {
	let list: unknown;
	try {
		list = JSON.parse(text);
	} catch (cause) {
		throw new RowError(`${column} is not JSON: ${text.slice(0, 40)}`, { cause });
	}
	if (!Array.isArray(list) || !list.every(isItem))
		throw new RowError(`${column} is no list of what belongs there: ${text.slice(0, 40)}`);
	return list;
}
