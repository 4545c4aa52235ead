/** NYC Open Data, "NYC Wi-Fi Hotspot Locations" as GeoJSON: positions and names. Radio, channels and demand are not in it. */
import { MAX_NAME_LENGTH } from '../access-point.ts';
import { RowError, cleanName, microdegrees, type DraftAccessPoint, type DraftFile } from './draft.ts';
import { readFeatures } from './draft-rows.ts';

export function isFeatureCollection(value: unknown): value is { features: unknown[] } {
	return isObject(value) && value.type === 'FeatureCollection' && Array.isArray(value.features);
}

/** @throws ImportError `TooManyRows` */
export function readNycHotspots(text: string, collection: { features: unknown[] }): DraftFile {
	return readFeatures(text, collection, readFeature);
}

function readFeature(feature: unknown): DraftAccessPoint {
	if (!isObject(feature) || !isObject(feature.properties) || !isObject(feature.geometry))
		throw new RowError('it is no feature with properties and a geometry');
	const { properties, geometry } = feature;
	const coordinates = geometry.coordinates;
	if (geometry.type !== 'Point' || !Array.isArray(coordinates))
		throw new RowError('its geometry is no point');
	const id = String(properties.objectid ?? '').trim();
	if (!/^[A-Za-z0-9_-]{1,32}$/.test(id))
		throw new RowError('it has no objectid of up to 32 letters and digits');
	return {
		id: `nyc-${id}`,
		name: cleanName([properties.name, properties.location], `nyc-${id}`, MAX_NAME_LENGTH),
		latitudeMicrodegrees: microdegrees(coordinates[1], 'latitude'),
		longitudeMicrodegrees: microdegrees(coordinates[0], 'longitude'),
		indoor: !/outdoor/i.test(String(properties.location_t ?? ''))
	};
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null;
}
