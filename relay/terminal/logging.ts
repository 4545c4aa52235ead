/** Where log messages go: the terminal, and a file where network.ini names one. */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { configure, dispose, getAnsiColorFormatter, getTextFormatter } from '@logtape/logtape';
import type { Sink } from '@logtape/logtape';
import type { NetworkConfig } from '../config/network-ini.ts';
import { RelayStartError } from '../errors.ts';

/** With the one before it, a day of a class at level debug; no disk fills up. */
const MAX_FILE_BYTES = 10 * 1024 * 1024;

/** @throws RelayStartError `DataUnusable` where the file cannot be written */
export async function startLogging(
	settings: NetworkConfig['logging'],
	options: { dataDirectory: string; color: boolean }
): Promise<void> {
	const formatter = options.color
		? getAnsiColorFormatter({ timestamp: 'time', category: ' ' })
		: getTextFormatter({ timestamp: 'time', category: ' ' });
	const terminal: Sink = (record) => void process.stderr.write(formatter(record));
	const sinks: Record<string, Sink> = { terminal };
	if (settings.file !== null) sinks.file = fileSink(resolve(options.dataDirectory, settings.file));
	await configure({
		reset: true,
		sinks,
		loggers: [
			{ category: 'tabwave', lowestLevel: settings.level, sinks: Object.keys(sinks) },
			{ category: ['logtape', 'meta'], lowestLevel: 'warning', sinks: ['terminal'] }
		]
	});
}

export async function stopLogging(): Promise<void> {
	await dispose();
}

/** Written at once: what stood before a crash is what one wants to read after it. */
function fileSink(path: string): Sink & Disposable {
	const formatter = getTextFormatter({ timestamp: 'rfc3339' });
	let descriptor = openLog(path);
	let bytes = fstatSync(descriptor).size;
	const sink: Sink = (record) => {
		const line = Buffer.from(formatter(record));
		if (bytes + line.length > MAX_FILE_BYTES) {
			closeSync(descriptor);
			renameSync(path, `${path}.1`);
			descriptor = openLog(path);
			bytes = 0;
		}
		bytes += writeSync(descriptor, line);
	};
	return Object.assign(sink, { [Symbol.dispose]: () => closeSync(descriptor) });
}

function openLog(path: string): number {
	try {
		mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
		return openSync(path, 'a', 0o600);
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new RelayStartError(
			'DataUnusable',
			{
				en: `The log file ${path} cannot be written: ${reason}. Change file in [logging] of network.ini.`,
				zh: `无法写入日志文件 ${path}：${reason}。请修改 network.ini 中 [logging] 的 file。`
			},
			{ cause }
		);
	}
}
