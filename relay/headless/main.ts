/** `npm run headless`: a headless node as a program, that says what it does in plain lines. */
import { readHeadlessArguments } from '../terminal/arguments.ts';
import type { HeadlessArguments } from '../terminal/arguments.ts';
import { endWith } from '../terminal/end-with.ts';
import { HEADLESS_HELP, HEADLESS_WORDS as WORDS } from '../terminal/headless-words.ts';
import { startHeadless } from './headless-node.ts';

/** Leaving takes 5 s at most, stopping some more. */
const EXIT_AFTER_MS = 9_000;

try {
	const options = readHeadlessArguments(process.argv.slice(2));
	if (options.help) {
		process.stdout.write(HEADLESS_HELP);
		process.disconnect?.();
	} else await run(options);
} catch (error) {
	endWith(error);
}

async function run(options: HeadlessArguments): Promise<void> {
	const say = (line: string): void => void process.stdout.write(`${line}\n`);
	const node = await startHeadless({
		...options,
		log: (level, category, message) => {
			if (level === 'error' || level === 'warning')
				process.stderr.write(`${level} [${category}] ${message}\n`);
			else if (category === 'spectrum') say(message);
		}
	});
	const { api } = node.session;
	let ending = false;
	const end = async (code: number): Promise<void> => {
		// A second Ctrl-C means: now.
		if (ending) process.exit(1);
		ending = true;
		setTimeout(() => process.exit(1), EXIT_AFTER_MS).unref();
		say(WORDS.leaving);
		await node.leave();
		say(WORDS.left);
		process.exit(code);
	};
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(0));
	process.on('disconnect', () => void end(0));

	const known = new Set((await api.spectrum.aps({ own: true })).map(({ id }) => id));
	say(WORDS.node(node.nodeId, options.nickname, node.network));
	say(WORDS.database(node.database, node.nodeId));
	api.on('ap', ({ id, own, height }) => {
		if (!own || known.has(id)) return;
		known.add(id);
		say(WORDS.registered(id, height));
	});
	api.on('trade', ({ buyer, seller, ...trade }) => {
		if (buyer === node.nodeId) say(WORDS.bought(trade));
		if (seller === node.nodeId) say(WORDS.sold(trade));
	});
	api.on('stuck', (stuck) => {
		if (stuck) say(WORDS.waiting(stuck.reason, stuck.missing));
	});
	api.on('status', ({ halted }) => {
		if (!halted || ending) return;
		process.stderr.write(`${halted.code}: ${halted.message}\n`);
		process.exit(1);
	});
	await node.join({ partition: options.partition, invitation: options.invitation });
	const { partition, finalHeight } = await api.node.status();
	say(WORDS.joined(partition ?? 0, finalHeight));
}
