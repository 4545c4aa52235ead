/** What the SINR layer shows: one band, by one model of path loss. */
import { PATH_LOSS_MODELS, type PathLossName } from '#lib/node/study/study.ts';
import type { ApInfo } from '../types.ts';

export interface HeatSettings {
	band: ApInfo['band'];
	model: PathLossName;
}

/** Streets with buildings between: what a city's hotspots meet. */
export const DEFAULT_MODEL: PathLossName = 'umi-nlos';
export const MODELS: readonly PathLossName[] = PATH_LOSS_MODELS;

/** The band that most access points are in. */
export function mainBand(aps: readonly Pick<ApInfo, 'band'>[]): ApInfo['band'] {
	const counts = new Map<ApInfo['band'], number>();
	for (const { band } of aps) counts.set(band, (counts.get(band) ?? 0) + 1);
	return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? '5GHz';
}
