/**
 * What a page finds out about a market for itself, from what the client API told it: nothing here reaches the node. What takes
 * long runs in a worker of its own, so that neither the page nor the node waits for it.
 *
 *     const study = openStudy();
 *     await study.call('field', { aps, band, model, bounds, columns, rows }, { onPart: ({ pass }) => pass && draw(pass), signal });
 *     study.close();
 */
import type { FromStudy, SendingAp, StudyCalls, StudyKind, ToStudy } from './study-messages.ts';

export { NOBODY_HEARD } from './study-messages.ts';
export type {
	ApReception,
	CapacityReport,
	ExportFormat,
	FieldBounds,
	FieldPart,
	FieldPass,
	FieldRequest,
	PlaceReception,
	ReadableFile,
	SendingAp,
	SweepReport,
	SweepRequest
} from './study-messages.ts';
export { PATH_LOSS_MODELS, type PathLossName } from '../../spectrum/radio/path-loss.ts';
export {
	DEFAULT_SETTINGS as DEFAULT_MANAGER_SETTINGS,
	problemOf as managerSettingsProblem,
	type ManagerSettings,
	type SettingsReason
} from '../../spectrum/manager/settings.ts';
export {
	beforeBuying,
	beforeSelling,
	holdingsOf,
	rewind,
	type Holding
} from '../../spectrum/view/market-history.ts';
export {
	welfareOfTrade,
	rankSellers,
	type Candidate,
	type Ranking,
	type Verdict
} from '../../spectrum/view/seller-ranking.ts';

/** What a study could not do. `reason` and `line` are of a file that could not be read (ImportErrorReason, ScenarioErrorReason). */
export class StudyError extends Error {
	override readonly name = 'StudyError';
	/** Stable. */
	readonly reason: string;
	readonly line: number | null;

	constructor(reason: string, message: string, line: number | null = null) {
		super(message);
		this.reason = reason;
		this.line = line;
	}
}

export interface CallOptions<Kind extends StudyKind> {
	/** What is known before all of it is. */
	onPart?: (part: StudyCalls[Kind]['part']) => void;
	/** Ends it between two slices; the call rejects with an AbortError. */
	signal?: AbortSignal;
}

export interface Study {
	/** @throws StudyError */
	call<Kind extends StudyKind>(
		kind: Kind,
		request: StudyCalls[Kind]['request'],
		options?: CallOptions<Kind>
	): Promise<StudyCalls[Kind]['answer']>;
	close(): void;
}

interface Waiting {
	resolve(answer: never): void;
	reject(error: Error): void;
	onPart: (part: never) => void;
}

/** What is copied to the worker of an access point: the rest costs time at each question and is not asked. */
export function sendingAp({
	id,
	band,
	latitudeMicrodegrees,
	longitudeMicrodegrees,
	coverageRadiusM,
	antennaHeightCm,
	eirpMilliDbm,
	channels,
	idleChannels
}: SendingAp): SendingAp {
	return {
		id,
		band,
		latitudeMicrodegrees,
		longitudeMicrodegrees,
		coverageRadiusM,
		antennaHeightCm,
		eirpMilliDbm,
		channels,
		idleChannels
	};
}

/** The worker starts with the first call. */
export function openStudy(): Study {
	const waiting = new Map<number, Waiting>();
	let worker: Worker | null = null;
	let nextId = 1;

	function failAll(error: Error): void {
		for (const { reject } of waiting.values()) reject(error);
		waiting.clear();
	}

	function start(): Worker {
		const started = new Worker(new URL('./study-worker.ts', import.meta.url), {
			type: 'module',
			name: 'tabwave-study'
		});
		started.addEventListener('message', ({ data }: MessageEvent<FromStudy>) => {
			const call = waiting.get(data.id);
			if (!call) return;
			if ('part' in data) {
				call.onPart(data.part as never);
				return;
			}
			waiting.delete(data.id);
			if ('answer' in data) call.resolve(data.answer as never);
			else
				call.reject(
					new StudyError(data.error.reason ?? data.error.name, data.error.message, data.error.line)
				);
		});
		started.addEventListener('error', (event) => {
			failAll(new StudyError('WorkerFailed', event.message || 'the worker could not be started'));
			started.terminate();
			worker = null;
		});
		return started;
	}

	return {
		call(kind, request, { onPart = () => {}, signal } = {}) {
			return new Promise((resolve, reject) => {
				signal?.throwIfAborted();
				const id = nextId++;
				waiting.set(id, { resolve, reject, onPart });
				signal?.addEventListener(
					'abort',
					() => {
						if (!waiting.delete(id)) return;
						worker?.postMessage({ cancel: id } satisfies ToStudy);
						reject(signal.reason as Error);
					},
					{ once: true }
				);
				worker ??= start();
				worker.postMessage({ id, kind, request } satisfies ToStudy);
			});
		},
		close() {
			failAll(new StudyError('Closed', 'the study was closed'));
			worker?.terminate();
			worker = null;
		}
	};
}
