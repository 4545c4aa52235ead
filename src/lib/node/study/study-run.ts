/** What the study worker does, without the worker: a test calls it as it is. */
import { MAX_IMPORT_LENGTH } from '../../spectrum/importing/limits.ts';
import { importAccessPoints } from '../../spectrum/importing/import-access-points.ts';
import { ImportError } from '../../spectrum/importing/import-error.ts';
import { exportCsv } from '../../spectrum/importing/tabwave-csv.ts';
import { exportGeoJson } from '../../spectrum/importing/tabwave-geojson.ts';
import { exportAccessPoints } from '../../spectrum/importing/tabwave-json.ts';
import { OptimumService } from '../../spectrum/mechanisms/optimal/optimum-service.ts';
import { startWebWorker } from '../../spectrum/mechanisms/optimal/web-solver.ts';
import { mechanismNamed, mechanismNames } from '../../spectrum/mechanisms/registry.ts';
import type { OwnAccessPoint } from '../../spectrum/access-point.ts';
import type { Band } from '../../spectrum/radio/bands.ts';
import { RadioField, type Sender } from '../../spectrum/radio/radio-field.ts';
import { SinrField } from '../../spectrum/radio/sinr-field.ts';
import { marketInstance } from '../../spectrum/scenario/market-instance.ts';
import { accessPointsOf, parseScenario, writeScenario } from '../../spectrum/scenario/scenario.ts';
import { runSweep, type SweepCase } from '../../spectrum/scenario/sweep.ts';
import { percentile } from '../../spectrum/view/metrics.ts';
import type { ApInfo } from '../api.ts';
import {
	type ApReception,
	type CapacityReport,
	type ExportRequest,
	type FieldRequest,
	type FileRequest,
	type PlaceReception,
	type PlaceRequest,
	type ReadableFile,
	type SendingAp,
	type StudyCalls,
	type StudyKind,
	type SweepReport,
	type SweepRequest
} from './study-messages.ts';

/** How a long computation lets others have their turn. */
export interface Slices {
	nowMs(): number;
	/** Rejects where nobody waits for the answer any more. */
	pause(): Promise<void>;
}

type Tell<Kind extends StudyKind> = (part: StudyCalls[Kind]['part'], transfer?: Transferable[]) => void;

/** Long enough that pauses cost nothing, short enough that a map that was moved is not drawn to its end. */
const SLICE_MS = 25;
/** Each pass has twice the columns and rows of the one before, so that all before the last cost a third of it. */
const PASSES = 3;
/** A map on a projector has a point every seven pixels then. */
export const MAX_FIELD_POINTS = 40_000;
/** Markets of a sweep, and traders of a side: what a page should wait for. */
export const MAX_SWEEP_MARKETS = 50;
export const MAX_SWEEP_SIZE = 60;
/** Of one market's optimum. */
const OPTIMUM_LIMIT_MS = 10_000;

export async function runStudy<Kind extends StudyKind>(
	kind: Kind,
	request: StudyCalls[Kind]['request'],
	slices: Slices,
	tell: Tell<Kind>
): Promise<StudyCalls[Kind]['answer']> {
	const runs: { [K in StudyKind]: () => StudyCalls[K]['answer'] | Promise<StudyCalls[K]['answer']> } = {
		field: () => field(request as FieldRequest, slices, tell as Tell<'field'>),
		place: () => place(request as PlaceRequest),
		capacity: () => capacity(request as StudyCalls['capacity']['request'], slices),
		export: () => exportText(request as ExportRequest),
		read: () => readText(request as FileRequest),
		sweep: () => sweep(request as SweepRequest, slices, tell as Tell<'sweep'>)
	};
	return runs[kind]();
}

/** It sends in the channels that it uses: an idle one is silent. */
export function senderOf(ap: SendingAp): Sender {
	return { ...ap, channels: ap.channels.filter((channel) => !ap.idleChannels.includes(channel)) };
}

async function field(
	{ aps, band, model, bounds, columns, rows }: FieldRequest,
	slices: Slices,
	tell: Tell<'field'>
): Promise<null> {
	if (columns * rows > MAX_FIELD_POINTS)
		throw new RangeError(`a field has at most ${MAX_FIELD_POINTS} points`);
	const radio = new SinrField(sendersOf(aps, band), model);
	const passes = Array.from({ length: PASSES }, (_, i) => PASSES - 1 - i).map((halvings) => ({
		columns: Math.max(1, columns >> halvings),
		rows: Math.max(1, rows >> halvings)
	}));
	const points = passes.reduce((sum, pass) => sum + pass.columns * pass.rows, 0);
	let done = 0;
	let sliceEndMs = slices.nowMs() + SLICE_MS;
	for (const [i, size] of passes.entries()) {
		const sinrCentiDb = new Int16Array(size.columns * size.rows);
		for (let row = 0; row < size.rows; row++) {
			radio.row(
				{ ...bounds, ...size },
				row,
				sinrCentiDb.subarray(row * size.columns, (row + 1) * size.columns)
			);
			done += size.columns;
			if (slices.nowMs() < sliceEndMs) continue;
			tell({ share: done / points, pass: null });
			await slices.pause();
			sliceEndMs = slices.nowMs() + SLICE_MS;
		}
		const pass = { ...size, sinrCentiDb, isLast: i === PASSES - 1 };
		tell({ share: done / points, pass }, [sinrCentiDb.buffer]);
	}
	return null;
}

function sendersOf(aps: readonly SendingAp[], band: Band): Sender[] {
	return aps.filter((ap) => ap.band === band).map(senderOf);
}

/** A pointer that moves over the map asks place after place of the same access points: the last field is kept. */
let lastField: { key: string; radio: RadioField } | null = null;

function place({ aps, band, model, ...position }: PlaceRequest): PlaceReception | null {
	const senders = sendersOf(aps, band);
	const key = JSON.stringify([
		model,
		senders.map((one) => [
			one.id,
			one.latitudeMicrodegrees,
			one.longitudeMicrodegrees,
			one.antennaHeightCm,
			one.eirpMilliDbm,
			one.channels
		])
	]);
	if (lastField?.key !== key) lastField = { key, radio: new RadioField(senders, model) };
	return lastField.radio.receptionAt(position, band);
}

async function capacity(
	{ aps, model }: StudyCalls['capacity']['request'],
	slices: Slices
): Promise<CapacityReport> {
	const radio = new RadioField(aps.map(senderOf), model);
	const receptions: ApReception[] = [];
	let sliceEndMs = slices.nowMs() + SLICE_MS;
	for (const { id } of aps) {
		const channels = radio.receptionsOf(id);
		if (channels.length > 0)
			receptions.push({
				id,
				sinrMilliDb: channels.reduce((best, one) => Math.max(best, one.sinrMilliDb), -Infinity),
				capacityBitsPerSecond: channels.reduce((sum, one) => sum + one.capacityBitsPerSecond, 0)
			});
		if (slices.nowMs() < sliceEndMs) continue;
		await slices.pause();
		sliceEndMs = slices.nowMs() + SLICE_MS;
	}
	return {
		receptions,
		fifthPercentileBitsPerSecond: percentile(
			receptions.map((one) => one.capacityBitsPerSecond),
			5
		)
	};
}

function ownOf(ap: ApInfo): OwnAccessPoint {
	const { owner: _owner, ownerNickname: _nickname, own: _own, height, registeredHeight: _at, ...fields } = ap;
	return { ...fields, issued: true, updatedHeight: height };
}

function exportText({ aps, format, mechanism, seed, conflictDistancePercent }: ExportRequest): string {
	const accessPoints = aps.map(ownOf);
	if (format === 'csv') return exportCsv(accessPoints);
	if (format === 'geojson') return exportGeoJson(accessPoints);
	return writeScenario({
		name: 'Tabwave',
		seed,
		source: { accessPoints },
		conflictDistancePercent,
		process: 'steady',
		steps: 1,
		// Which of the solver's marks ran is of no use to who runs it again.
		mechanism: mechanismNames().includes(mechanism) ? mechanism : mechanismNames()[0]!
	});
}

/** @throws ImportError or ScenarioError, each with a stable reason */
function readText({ text, name, seed, conflictDistancePercent }: FileRequest): ReadableFile {
	if (text.length <= MAX_IMPORT_LENGTH && /^\ufeff?\s*\{/.test(text) && /"tabwave-scenario"/.test(text)) {
		const scenario = parseScenario(text.replace(/^\ufeff/, ''));
		const accessPoints = accessPointsOf(scenario);
		return {
			text: exportAccessPoints(accessPoints),
			scenario: { name: scenario.name, mechanism: scenario.mechanism },
			accepted: accessPoints.length,
			rejected: 0
		};
	}
	const result = importAccessPoints(text, name, { seed, conflictDistancePercent });
	if (result.accessPoints.length === 0)
		throw new ImportError('EmptyFile', result.rejected[0]?.line ?? 1, noneReason(result.rejected[0]?.reason));
	return {
		text,
		scenario: null,
		accepted: result.accessPoints.length,
		rejected: result.rejectedCount
	};
}

function noneReason(first: string | undefined): string {
	return first === undefined ? 'the file has no access points' : `no row can be used; the first: ${first}`;
}

async function sweep(
	{ size, markets, conflicts, withOptimum }: SweepRequest,
	slices: Slices,
	tell: Tell<'sweep'>
): Promise<SweepReport> {
	if (!Number.isInteger(size) || size < 2 || size > MAX_SWEEP_SIZE)
		throw new RangeError(`a market has 2 to ${MAX_SWEEP_SIZE} traders on a side`);
	if (!Number.isInteger(markets) || markets < 1 || markets > MAX_SWEEP_MARKETS)
		throw new RangeError(`a sweep has 1 to ${MAX_SWEEP_MARKETS} markets`);
	const startMs = slices.nowMs();
	const contenders = [
		...mechanismNames().map((name) => ({ mechanism: mechanismNamed(name) })),
		{ mechanism: mechanismNamed('seed'), rounds: 5 }
	];
	const group = `${size}×${size}`;
	const service = withOptimum ? new OptimumService(startWebWorker) : null;
	const cases: SweepCase[] = Array.from({ length: markets }, (_, seed) => ({
		group,
		market: marketInstance({ seed, size, conflicts })
	}));
	try {
		let done = 0;
		const result = await runSweep({
			cases,
			contenders,
			optimum: async (market) => {
				tell({ done: done++, of: markets });
				await slices.pause();
				// Without a solver nothing is known of the best there is.
				if (!service)
					return { trades: [], receipts: new Map(), label: 'optimal', welfare: 0n, upperBound: 0n };
				return service.clear(market, OPTIMUM_LIMIT_MS);
			}
		});
		return { ...result, milliseconds: Math.round(slices.nowMs() - startMs) };
	} finally {
		service?.stop();
	}
}
