/**
 * For tests: golden transcripts in the manner of etcd's testdata. A file tells a story: comments, commands, and below `----` what
 * happened. A test plays the commands and holds what happens against what is written.
 *
 *     UPDATE_TRANSCRIPTS=1 npx vitest run src/lib/consensus    # writes down what happens now; read the difference
 */

/** Plays a transcript's commands. @returns the transcript as it is now */
export async function play(
	transcript: string,
	perform: (command: string, words: string[]) => Promise<string[]>
): Promise<string> {
	const told: string[] = [];
	let happened: string[] = [];
	let isTelling = false;
	for (const line of transcript.split('\n')) {
		if (isTelling) {
			// An empty line ends what happened.
			if (line !== '') continue;
			isTelling = false;
			told.push(...(happened.length > 0 ? happened : ['nothing']), '');
			happened = [];
		} else if (line === '----') {
			isTelling = true;
			told.push(line);
		} else {
			told.push(line);
			const words = line.split(' ').filter((word) => word !== '');
			if (words.length > 0 && !line.startsWith('#'))
				happened.push(...(await perform(words[0]!, words.slice(1))));
		}
	}
	if (isTelling) told.push(...(happened.length > 0 ? happened : ['nothing']), '');
	return told.join('\n');
}
