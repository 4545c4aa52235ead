/**
 * The SINR layer of the map: asks the study worker for the part that is seen, pass by pass. What was there before stays on its
 * place on the ground, with a coarse pass of the rest around it, until the last pass takes the place of both.
 */
import type { ApInfo } from '../types.ts';
import {
	sendingAp,
	type FieldBounds,
	type FieldPass,
	type PathLossName,
	type Study
} from '#lib/node/study/study.ts';
import { heatPixels } from './heat-colors.ts';
import type { Size } from './map-view.ts';

export interface HeatPicture {
	canvas: HTMLCanvasElement;
	bounds: FieldBounds;
}

export interface HeatInput {
	aps: readonly ApInfo[];
	band: ApInfo['band'];
	model: PathLossName;
	bounds: FieldBounds;
	size: Size;
}

interface Known extends HeatPicture {
	/** Band and model. */
	of: string;
	place: string;
}

/** Pixels a point at the last pass: finer is not seen, since a field has no edges but those of servers. */
const PIXELS_PER_POINT = 8;
/** A side of a field. */
const MAX_SIDE = 200;
/** A map that is dragged is asked about this often: each question costs the page a copy of the access points. */
const ASK_EVERY_MS = 100;
/** What takes less is not worth a word, unless there is nothing to see yet. */
const SAY_AFTER_MS = 300;

export class HeatLayer {
	/** To be drawn in this order, each where the next ones are not. */
	pictures = $state.raw<readonly HeatPicture[]>([]);
	busy = $state(false);
	/** 0 … 1 while it is computed and a person waits for it. */
	progress = $state<number | null>(null);
	error = $state.raw<Error | null>(null);

	readonly #study: Study;
	#wanted: HeatInput | null = null;
	#timer: ReturnType<typeof setTimeout> | null = null;
	#running: { abort: AbortController; hasPicture: boolean } | null = null;
	#askedMs = -Infinity;
	#busySinceMs = 0;
	/** The last one that was finished. */
	#finished: Known | null = null;

	constructor(study: Study) {
		this.#study = study;
	}

	/** Takes the place of what was asked for before, once that has a first pass to show: a map that moves on and on is followed. */
	show(input: HeatInput): void {
		this.#wanted = input;
		if (!this.busy) {
			this.busy = true;
			this.#busySinceMs = performance.now();
			if (this.pictures.length === 0) this.progress = 0;
		}
		if (this.#running && !this.#running.hasPicture) return;
		this.#next();
	}

	clear(): void {
		this.#wanted = null;
		this.#stop();
		this.#finished = null;
		this.pictures = [];
		this.busy = false;
		this.progress = null;
	}

	#stop(): void {
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#timer = null;
		this.#running?.abort.abort();
		this.#running = null;
	}

	#next(): void {
		this.#stop();
		const wait = Math.max(0, this.#askedMs + ASK_EVERY_MS - performance.now());
		this.#timer = setTimeout(() => void this.#compute(), wait);
	}

	async #compute(): Promise<void> {
		const input = this.#wanted;
		if (!input) return;
		this.#timer = null;
		this.#wanted = null;
		this.#askedMs = performance.now();
		const running = { abort: new AbortController(), hasPicture: false };
		this.#running = running;
		this.error = null;
		const { aps, band, model, bounds, size } = input;
		try {
			await this.#study.call(
				'field',
				{
					aps: aps.filter((ap) => ap.band === band).map(sendingAp),
					band,
					model,
					bounds,
					columns: sideOf(size.width),
					rows: sideOf(size.height)
				},
				{
					signal: running.abort.signal,
					onPart: ({ share, pass }) => {
						if (running !== this.#running) return;
						if (this.pictures.length === 0 || performance.now() - this.#busySinceMs > SAY_AFTER_MS)
							this.progress = share;
						if (!pass) return;
						this.#take(pass, input);
						running.hasPicture = true;
						if (this.#wanted) this.#next();
					}
				}
			);
		} catch (error) {
			if (running.abort.signal.aborted) return;
			this.error = error instanceof Error ? error : new Error(String(error));
		}
		if (running !== this.#running) return;
		this.#running = null;
		if (this.#wanted) {
			this.#next();
			return;
		}
		this.busy = false;
		this.progress = null;
	}

	#take(pass: FieldPass, { band, model, bounds }: HeatInput): void {
		const known: Known = {
			canvas: pictureOf(pass),
			bounds,
			of: `${band}/${model}`,
			place: JSON.stringify(bounds)
		};
		const before = this.#finished?.of === known.of ? this.#finished : null;
		if (pass.isLast) {
			this.#finished = known;
			this.pictures = [known];
			// Of the same place, a coarse pass would show less than what is there.
		} else if (before?.place === known.place) this.pictures = [before];
		else this.pictures = before ? [known, before] : [known];
	}
}

function sideOf(pixels: number): number {
	return Math.min(MAX_SIDE, Math.max(8, Math.ceil(pixels / PIXELS_PER_POINT)));
}

function pictureOf(pass: FieldPass): HTMLCanvasElement {
	const canvas = document.createElement('canvas');
	canvas.width = pass.columns;
	canvas.height = pass.rows;
	canvas.getContext('2d')?.putImageData(new ImageData(heatPixels(pass), pass.columns, pass.rows), 0, 0);
	return canvas;
}
