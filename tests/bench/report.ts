/** What a run found: lines as they come, one table at the end, and everything as JSON. */
import { loadavg } from 'node:os';

export interface Row {
	scenario: string;
	what: string;
	value: number | string;
	/** A ratio has none. */
	unit: string;
	/** The mark to reach, as quality.md or the issue has it. */
	mark: string;
	/** Of the machine over the last minute; above the number of cores others were at work, too. */
	load: number;
}

export class Report {
	readonly rows: Row[] = [];
	/** Everything that was measured, by scenario. */
	readonly details: Record<string, unknown> = {};
	readonly failures: { scenario: string; error: string }[] = [];

	add(scenario: string, what: string, value: number | string, unit = '', mark = ''): void {
		const shown = typeof value === 'number' ? Number(value.toPrecision(3)) : value;
		const load = Number(loadavg()[0]!.toFixed(1));
		this.rows.push({ scenario, what, value: shown, unit, mark, load });
		process.stdout.write(
			`${scenario}: ${what} ${shown}${unit && ` ${unit}`}${mark && ` (mark ${mark})`} · load ${load}\n`
		);
	}

	failed(scenario: string, error: unknown): void {
		const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
		this.failures.push({ scenario, error: text });
		process.stdout.write(`${scenario}: FAILED: ${text}\n`);
	}

	/** Ratios stand before absolutes. */
	table(): string {
		const ordered = [
			...this.rows.filter(({ unit }) => unit === ''),
			...this.rows.filter(({ unit }) => unit !== '')
		];
		const lines = [
			['scenario', 'what', 'value', 'unit', 'mark', 'load'],
			...ordered.map(({ scenario, what, value, unit, mark, load }) => [
				scenario,
				what,
				String(value),
				unit,
				mark,
				load.toFixed(1)
			])
		];
		const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
		return lines
			.map((line) =>
				line
					.map((cell, i) => cell.padEnd(widths[i]!))
					.join('  ')
					.trimEnd()
			)
			.join('\n');
	}
}

/** @param sorted ascending */
export function quantile(sorted: number[], share: number): number {
	return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

export function ascending(values: number[]): number[] {
	return values.toSorted((a, b) => a - b);
}

/** For example `5.1 / 7.2`. */
export function several(values: number[], digits = 0): string {
	return values.map((value) => value.toFixed(digits)).join(' / ');
}
