import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runTranscript } from './testing/story.ts';

/**
 * Scripted scenarios over the subjects of etcd's testdata, one readable file each (testing/story.ts has the commands).
 * UPDATE_TRANSCRIPTS=1 writes down what happens now; what changed is then read, line by line.
 */
const FOLDER = new URL('./transcripts/', import.meta.url);

describe('transcript', () => {
	it.each(readdirSync(FOLDER))('%s', (name) => {
		const file = new URL(name, FOLDER);
		const text = readFileSync(file, 'utf8');
		const now = runTranscript(text);
		if (process.env.UPDATE_TRANSCRIPTS) writeFileSync(file, now);
		else expect(now).toBe(text);
	});
});
