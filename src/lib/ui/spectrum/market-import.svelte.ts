/** Bringing access points into this tab's database, from a file that is chosen or dropped, or by a generator. */
import type { ImportReport, TabwaveApi } from '#lib/node/api.ts';
import { StudyError, type ReadableFile, type Study } from '#lib/node/study/study.ts';

/** What a file of the API's bound has at most, with what UTF-8 may add to it; more is not even read. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;

export interface Share {
	/** From 1. */
	part: number;
	of: number;
}

export class MarketImport {
	busy = $state(false);
	report = $state.raw<ImportReport | null>(null);
	/** Where the file was one. */
	scenario = $state.raw<ReadableFile['scenario']>(null);
	/** A StudyError says what is wrong with the file; anything else is the node's. */
	error = $state.raw<Error | null>(null);
	seed = $state(1);
	share = $state.raw<Share>({ part: 1, of: 1 });

	readonly #api: TabwaveApi;
	readonly #study: Study;
	readonly #changed: () => void;

	constructor(api: TabwaveApi, study: Study, changed: () => void) {
		this.#api = api;
		this.#study = study;
		this.#changed = changed;
	}

	/** The study worker reads it first, so that a bad file is told in words and changes nothing. */
	file(file: File, conflictDistancePercent: number): Promise<void> {
		return this.#run(async () => {
			if (file.size > MAX_FILE_BYTES) throw new StudyError('FileTooLarge', `${file.size} bytes`);
			const { seed } = this;
			const read = await this.#study.call('read', {
				text: await file.text(),
				name: file.name,
				seed,
				conflictDistancePercent
			});
			const { part, of } = this.share;
			const share = of > 1 ? { share: { index: Math.min(part, of) - 1, of } } : {};
			// The name stays with it: it decides where the content alone does not.
			const report = await this.#api.spectrum.importAps(new File([read.text], file.name), { seed, ...share });
			if (read.scenario) {
				const known = await this.#api.spectrum.mechanisms();
				if (known.includes(read.scenario.mechanism))
					await this.#api.spectrum.setMechanism(read.scenario.mechanism);
			}
			this.scenario = read.scenario;
			return report;
		});
	}

	generate(count: number): Promise<void> {
		return this.#run(() => this.#api.spectrum.generateAps({ seed: this.seed, count }));
	}

	async #run(work: () => Promise<ImportReport>): Promise<void> {
		if (this.busy) return;
		this.busy = true;
		this.report = null;
		this.scenario = null;
		this.error = null;
		try {
			this.report = await work();
			this.#changed();
		} catch (reason) {
			this.error = reason instanceof Error ? reason : new Error(String(reason));
		} finally {
			this.busy = false;
		}
	}
}
