/** The SINR layer of the map: asks the study worker for the part that is seen, pass by pass, and keeps the newest picture. */
import type { ApInfo } from '../types.ts';
import { type FieldBounds, type FieldPass, type PathLossName, type Study } from '#lib/node/study/study.ts';
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

/** Pixels a point at the last pass: finer is not seen, since a field has no edges but those of servers. */
const PIXELS_PER_POINT = 10;
/** A map at rest for so long is asked about; one that moves is not. */
const REST_MS = 180;
/** A side of a field. */
const MAX_SIDE = 180;

export class HeatLayer {
	picture = $state.raw<HeatPicture | null>(null);
	busy = $state(false);
	error = $state.raw<Error | null>(null);

	readonly #study: Study;
	#timer: ReturnType<typeof setTimeout> | null = null;
	#running: AbortController | null = null;

	constructor(study: Study) {
		this.#study = study;
	}

	/** Takes the place of what was asked for before. */
	show(input: HeatInput): void {
		this.#stop();
		this.#timer = setTimeout(() => void this.#compute(input), REST_MS);
	}

	clear(): void {
		this.#stop();
		this.picture = null;
	}

	#stop(): void {
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#timer = null;
		this.#running?.abort();
		this.#running = null;
		this.busy = false;
	}

	async #compute({ aps, band, model, bounds, size }: HeatInput): Promise<void> {
		const running = new AbortController();
		this.#running = running;
		this.busy = true;
		this.error = null;
		try {
			const columns = Math.min(MAX_SIDE, Math.max(8, Math.ceil(size.width / PIXELS_PER_POINT)));
			const rows = Math.min(MAX_SIDE, Math.max(8, Math.ceil(size.height / PIXELS_PER_POINT)));
			await this.#study.call(
				'field',
				{ aps, band, model, bounds, columns, rows },
				{
					signal: running.signal,
					onPart: (pass) => {
						if (running === this.#running) this.picture = { canvas: pictureOf(pass), bounds };
					}
				}
			);
		} catch (error) {
			if (running.signal.aborted) return;
			this.error = error instanceof Error ? error : new Error(String(error));
		} finally {
			if (running === this.#running) this.busy = false;
		}
	}
}

function pictureOf(pass: FieldPass): HTMLCanvasElement {
	const canvas = document.createElement('canvas');
	canvas.width = pass.columns;
	canvas.height = pass.rows;
	canvas.getContext('2d')?.putImageData(new ImageData(heatPixels(pass), pass.columns, pass.rows), 0, 0);
	return canvas;
}
