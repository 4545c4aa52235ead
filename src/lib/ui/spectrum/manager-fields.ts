/** The settings of a manager as a person writes them: shares in percent, money as it is. */
import type { ManagerInfo } from '#lib/node/api.ts';
import type { ManagerSettings } from '#lib/node/study/study.ts';

export type ManagerField = keyof ManagerSettings;
export type ManagerFields = Record<ManagerField, string>;

const PPM_PER_PERCENT = 10_000;

export function showFields(settings: ManagerInfo | ManagerSettings): ManagerFields {
	const percent = (ppm: number): string => String(ppm / PPM_PER_PERCENT);
	return {
		buyAtPpm: percent(settings.buyAtPpm),
		sellAtPpm: percent(settings.sellAtPpm),
		sellerCapPpm: percent(settings.sellerCapPpm),
		minimumGain: settings.minimumGain.toString()
	};
}

/** What is no number becomes one that no manager takes, so that there is one place that says what is wrong. */
export function readFields(fields: ManagerFields): ManagerSettings {
	return {
		buyAtPpm: ppmOf(fields.buyAtPpm),
		sellAtPpm: ppmOf(fields.sellAtPpm),
		sellerCapPpm: ppmOf(fields.sellerCapPpm),
		minimumGain: /^\s*\d{1,19}\s*$/.test(fields.minimumGain) ? BigInt(fields.minimumGain.trim()) : -1n
	};
}

/** A comma is a point: half of the world writes one. Finer than a millionth is rounded. */
function ppmOf(text: string): number {
	const plain = text.trim().replace(/%$/, '').trim().replace(',', '.');
	return /^\d{1,3}(\.\d{0,6})?$/.test(plain) ? Math.round(Number(plain) * PPM_PER_PERCENT) : NaN;
}
