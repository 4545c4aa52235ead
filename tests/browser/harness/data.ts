/** Real data, where the machine has it. It is too big for the repository. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../../scripts/lib/project.js';

const HOTSPOTS = join(ROOT, '..', 'shared', 'data', 'nyc-wifi-midtown.geojson');

/** Wi-Fi hotspots of midtown Manhattan as GeoJSON text; null where the file is absent. */
export function midtownHotspots(): string | null {
	return existsSync(HOTSPOTS) ? readFileSync(HOTSPOTS, 'utf8') : null;
}
