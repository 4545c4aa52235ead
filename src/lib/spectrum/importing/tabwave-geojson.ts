/**
 * Access points as GeoJSON (RFC 7946) that any map program opens, and that comes back here as it was: places are the geometry,
 * all else a feature's properties, under the names of Tabwave's own file.
 */
import type { OwnAccessPoint } from '../access-point.ts';
import { MICRODEGREES, RowError, microdegrees, type DraftAccessPoint, type DraftFile } from './draft.ts';
import { readFeatures } from './draft-rows.ts';
import { ImportError } from './import-error.ts';
import { readTabwaveRow } from './tabwave-json.ts';

/** A member of the collection that says whose file it is; programs that do not know it leave it alone (RFC 7946, 6.1). */
const MEMBER = 'tabwaveVersion';
const VERSION = 1;

export function isTabwaveGeoJson(collection: object): boolean {
	return MEMBER in collection;
}

/** @returns text that {@link readTabwaveGeoJson} reads back to the same access points */
export function exportGeoJson(accessPoints: readonly OwnAccessPoint[]): string {
	const features = accessPoints.map(
		({ latitudeMicrodegrees, longitudeMicrodegrees, issued: _, updatedHeight: __, ...properties }) => {
			const coordinates = [longitudeMicrodegrees / MICRODEGREES, latitudeMicrodegrees / MICRODEGREES];
			return `\t\t${JSON.stringify({ type: 'Feature', geometry: { type: 'Point', coordinates }, properties })}`;
		}
	);
	return `{\n\t"type": "FeatureCollection",\n\t"${MEMBER}": ${VERSION},\n\t"features": [\n${features.join(',\n')}\n\t]\n}\n`;
}

/** @throws ImportError `UnknownFormat`, `TooManyRows` */
export function readTabwaveGeoJson(text: string, collection: { features: unknown[] }): DraftFile {
	const version = (collection as Record<string, unknown>)[MEMBER];
	if (version !== VERSION)
		throw new ImportError(
			'UnknownFormat',
			1,
			`version ${String(version).slice(0, 20)}; this program reads ${VERSION}`
		);
	return readFeatures(text, collection, readFeature);
}

function readFeature(feature: unknown): DraftAccessPoint {
	const { properties, geometry } = (feature ?? {}) as { properties?: unknown; geometry?: unknown };
	const { type, coordinates } = (geometry ?? {}) as { type?: unknown; coordinates?: unknown };
	if (type !== 'Point' || !Array.isArray(coordinates)) throw new RowError('its geometry is no point');
	if (typeof properties !== 'object' || properties === null) throw new RowError('it has no properties');
	return readTabwaveRow({
		...properties,
		latitudeMicrodegrees: microdegrees(coordinates[1], 'latitude'),
		longitudeMicrodegrees: microdegrees(coordinates[0], 'longitude')
	});
}
