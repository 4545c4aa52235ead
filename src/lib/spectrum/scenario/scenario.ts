/**
 * A scenario: everything that a study or a class starts from, in one small JSON file. The seed is part of it, so whoever has the
 * file has the same access points, the same demand over time, the same trades and the same hash (run-scenario.ts).
 *
 *     { "format": "tabwave-scenario", "version": 1, "name": "A street", "seed": 7,
 *       "layout": "hex", "count": 37, "spacingM": 100, "process": "daily", "steps": 48, "mechanism": "greedy" }
 *
 * In place of a layout it may carry access points of its own, as rows of Tabwave's file (importing/tabwave-json.ts).
 */
import { MAX_NAME_LENGTH, type OwnAccessPoint } from '../access-point.ts';
import { cleanName } from '../importing/draft.ts';
import { importAccessPoints } from '../importing/import-access-points.ts';
import { ImportError } from '../importing/import-error.ts';
import { MAX_IMPORT_LENGTH, MAX_IMPORT_ROWS } from '../importing/limits.ts';
import { exportAccessPoints } from '../importing/tabwave-json.ts';
import { mechanismNames } from '../mechanisms/registry.ts';
import { generateAccessPoints, isHexSpacing } from './generate.ts';
import { LAYOUTS, type Layout } from './layouts.ts';
import { PROCESS_KINDS, type ProcessKind } from './occupancy-process.ts';

export interface Scenario {
	name: string;
	seed: number;
	/** Where the access points come from: a layout with a count, or the rows themselves. */
	source: { layout: Layout; count: number; spacingM?: number } | { accessPoints: OwnAccessPoint[] };
	conflictDistancePercent: number;
	process: ProcessKind;
	/** 1 … MAX_SCENARIO_STEPS */
	steps: number;
	mechanism: string;
}

/** A year of days at 24 steps is more than anybody watches. */
export const MAX_SCENARIO_STEPS = 2_000;
const MAX_CONFLICT_PERCENT = 1_000;
const FORMAT = 'tabwave-scenario';
const VERSION = 1;

export type ScenarioErrorReason = 'FileTooLarge' | 'MalformedJson' | 'UnknownFormat' | 'InvalidField';

export class ScenarioError extends Error {
	override readonly name = 'ScenarioError';
	/** Stable. */
	readonly reason: ScenarioErrorReason;

	constructor(reason: ScenarioErrorReason, message: string) {
		super(message);
		this.reason = reason;
	}
}

/** @throws ScenarioError */
export function parseScenario(text: string): Scenario {
	if (text.length > MAX_IMPORT_LENGTH)
		throw new ScenarioError(
			'FileTooLarge',
			`the file has ${text.length} characters, at most ${MAX_IMPORT_LENGTH} are read`
		);
	let parsed: unknown;
	try {
		parsed = JSON.parse(text);
	} catch (error) {
		throw new ScenarioError(
			'MalformedJson',
			error instanceof Error ? error.message.slice(0, 200) : 'no JSON'
		);
	}
	const file = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Record<string, unknown>;
	if (file.format !== FORMAT || file.version !== VERSION)
		throw new ScenarioError('UnknownFormat', `this is no scenario of Tabwave of version ${VERSION}`);
	const unknown = Object.keys(file).find((key) => !FIELDS.includes(key));
	if (unknown !== undefined) throw invalid(unknown.slice(0, 40), `one of ${FIELDS.join(', ')}`);
	const seed = integer(file, 'seed', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
	const conflictDistancePercent = integer(file, 'conflictDistancePercent', 0, MAX_CONFLICT_PERCENT, 100);
	return {
		name: typeof file.name === 'string' ? cleanName([file.name], 'scenario', MAX_NAME_LENGTH) : 'scenario',
		seed,
		source: sourceOf(file, seed, conflictDistancePercent),
		conflictDistancePercent,
		process: oneOf(file, 'process', PROCESS_KINDS, 'steady'),
		steps: integer(file, 'steps', 1, MAX_SCENARIO_STEPS, 1),
		mechanism: oneOf(file, 'mechanism', mechanismNames(), 'greedy')
	};
}

/** @returns text that {@link parseScenario} reads back to the same scenario */
export function writeScenario({ source, ...scenario }: Scenario): string {
	const given =
		'accessPoints' in source
			? (JSON.parse(exportAccessPoints(source.accessPoints)) as { accessPoints: unknown })
			: source;
	const { accessPoints, layout, count, spacingM } = given as Record<string, unknown>;
	const file = { format: FORMAT, version: VERSION, ...scenario, layout, count, spacingM, accessPoints };
	return `${JSON.stringify(file, null, '\t')}\n`;
}

/** The scenario's access points at its beginning, none of them issued. */
export function accessPointsOf({ source, seed, conflictDistancePercent }: Scenario): OwnAccessPoint[] {
	if ('accessPoints' in source) return source.accessPoints;
	return generateAccessPoints({ seed, conflictDistancePercent, idPrefix: 'ap', ...source });
}

const FIELDS = [
	'format',
	'version',
	'name',
	'seed',
	'layout',
	'count',
	'spacingM',
	'accessPoints',
	'conflictDistancePercent',
	'process',
	'steps',
	'mechanism'
];

function sourceOf(
	file: Record<string, unknown>,
	seed: number,
	conflictDistancePercent: number
): Scenario['source'] {
	if (file.accessPoints !== undefined) {
		if (!Array.isArray(file.accessPoints)) throw invalid('accessPoints', 'a list');
		for (const field of ['layout', 'count', 'spacingM'])
			if (file[field] !== undefined) throw invalid(field, 'absent where there are access points');
		return { accessPoints: readRows(file.accessPoints, seed, conflictDistancePercent) };
	}
	const layout = oneOf(file, 'layout', LAYOUTS, 'uniform');
	const count = integer(file, 'count', 1, MAX_IMPORT_ROWS, 40);
	if (file.spacingM === undefined) return { layout, count };
	if (layout !== 'hex' || typeof file.spacingM !== 'number' || !isHexSpacing(file.spacingM))
		throw invalid('spacingM', 'of the layout hex, 20 to 400 whole metres');
	return { layout, count, spacingM: file.spacingM };
}

function readRows(rows: unknown[], seed: number, conflictDistancePercent: number): OwnAccessPoint[] {
	try {
		const text = JSON.stringify({ format: 'tabwave-access-points', version: 1, accessPoints: rows });
		const { accessPoints, rejected } = importAccessPoints(text, undefined, { seed, conflictDistancePercent });
		const [first] = rejected;
		if (first) throw invalid('accessPoints', `rows that are all right: ${first.reason}`);
		if (accessPoints.length === 0) throw invalid('accessPoints', 'not empty');
		return accessPoints;
	} catch (error) {
		if (error instanceof ImportError) throw invalid('accessPoints', error.message);
		throw error;
	}
}

function integer(
	file: Record<string, unknown>,
	field: string,
	low: number,
	high: number,
	absent?: number
): number {
	const value = file[field] ?? absent;
	if (!Number.isSafeInteger(value) || (value as number) < low || (value as number) > high)
		throw invalid(field, `an integer from ${low} to ${high}`);
	return value as number;
}

function oneOf<T extends string>(
	file: Record<string, unknown>,
	field: string,
	allowed: readonly T[],
	absent: T
): T {
	const value = file[field] ?? absent;
	if (!allowed.includes(value as T)) throw invalid(field, `one of ${allowed.join(', ')}`);
	return value as T;
}

function invalid(field: string, wanted: string): ScenarioError {
	return new ScenarioError('InvalidField', `${field} must be ${wanted}`);
}
