/** What a page and its study worker (study-worker.ts) say to each other. Both are of one build. */
import type { Band } from '../../spectrum/radio/bands.ts';
import type { PathLossName } from '../../spectrum/radio/path-loss.ts';
import { NOBODY_HEARD } from '../../spectrum/radio/sinr-field.ts';
import type { SweepRow } from '../../spectrum/scenario/sweep.ts';
import type { ApInfo } from '../api.ts';

/** A rectangle on the map, in micro-degrees. */
export interface FieldBounds {
	west: number;
	east: number;
	south: number;
	north: number;
}

/** What a study of the radio needs to know of an access point. */
export type SendingAp = Pick<
	ApInfo,
	| 'id'
	| 'band'
	| 'latitudeMicrodegrees'
	| 'longitudeMicrodegrees'
	| 'coverageRadiusM'
	| 'antennaHeightCm'
	| 'eirpMilliDbm'
	| 'channels'
	| 'idleChannels'
>;

export interface FieldRequest {
	aps: readonly SendingAp[];
	band: Band;
	model: PathLossName;
	bounds: FieldBounds;
	/** Of the last pass; those before are coarser. */
	columns: number;
	rows: number;
}

/** How far it is, and now and then a picture. */
export interface FieldPart {
	/** Of the points of all passes, 0 … 1. */
	share: number;
	/** Where one was finished; each is finer than the one before. */
	pass: FieldPass | null;
}

/** One pass over the whole rectangle, from north-west line by line: SINR in hundredths of a dB. */
export interface FieldPass {
	columns: number;
	rows: number;
	sinrCentiDb: Int16Array;
	isLast: boolean;
}

/** In a pass. */
export { NOBODY_HEARD };

export interface PlaceRequest {
	aps: readonly SendingAp[];
	band: Band;
	model: PathLossName;
	latitudeMicrodegrees: number;
	longitudeMicrodegrees: number;
}

/** What a user at a place hears best. */
export interface PlaceReception {
	server: string;
	channel: number;
	signalMilliDbm: number;
	sinrMilliDb: number;
	capacityBitsPerSecond: number;
}

/** What users of an access point get, half way to the edge of its coverage; of its best channel, and of all together. */
export interface ApReception {
	id: string;
	sinrMilliDb: number;
	capacityBitsPerSecond: number;
}

export interface CapacityReport {
	/** Those that send in a channel. */
	receptions: ApReception[];
	/** Of the capacities; null where nobody sends. */
	fifthPercentileBitsPerSecond: number | null;
}

export type ExportFormat = 'geojson' | 'csv' | 'scenario';

export interface ExportRequest {
	aps: readonly ApInfo[];
	format: ExportFormat;
	/** Of a scenario. */
	mechanism: string;
	seed: number;
	conflictDistancePercent: number;
}

export interface FileRequest {
	text: string;
	name: string | undefined;
	seed: number;
	conflictDistancePercent: number;
}

/** A file that can be imported, as text that the client API takes. */
export interface ReadableFile {
	/** The file's own text, or the access points of a scenario. */
	text: string;
	/** Of a scenario; null for other files. */
	scenario: { name: string; mechanism: string } | null;
	accepted: number;
	rejected: number;
}

export interface SweepRequest {
	/** Buyers, and as many sellers. */
	size: number;
	/** Markets, with seeds from 0. */
	markets: number;
	conflicts: boolean;
	/** Beside the optimum, by HiGHS; without, there are no ratios. */
	withOptimum: boolean;
}

export interface SweepReport {
	rows: SweepRow[];
	/** Optima that were not proven in time. */
	bounds: number;
	/** SHA-256, lower-case hex. */
	hash: string;
	milliseconds: number;
}

export interface StudyCalls {
	field: { request: FieldRequest; part: FieldPart; answer: null };
	place: { request: PlaceRequest; part: never; answer: PlaceReception | null };
	capacity: {
		request: { aps: readonly SendingAp[]; model: PathLossName };
		part: never;
		answer: CapacityReport;
	};
	export: { request: ExportRequest; part: never; answer: string };
	read: { request: FileRequest; part: never; answer: ReadableFile };
	sweep: { request: SweepRequest; part: { done: number; of: number }; answer: SweepReport };
}

export type StudyKind = keyof StudyCalls;

export type ToStudy = { id: number; kind: StudyKind; request: unknown } | { cancel: number };

export type FromStudy =
	| { id: number; part: unknown }
	| { id: number; answer: unknown }
	| {
			id: number;
			error: { name: string; message: string; reason: string | null; line: number | null };
	  };
