/** The public data that lies beside the project in its own folder, for tests only; it is not part of the project. */
import { existsSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../../../../../shared/data/', import.meta.url);

/** undefined where the folder is not there, as in a clone of the project alone. */
export function sharedData(fileName: string): string | undefined {
	const file = new URL(fileName, FOLDER);
	return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
