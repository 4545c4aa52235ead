/** Numbers, durations, sizes and ids as a person reads them, in the page's language. Reads the locale rune: call it in markup. */
import { locale } from './locale.svelte.ts';

const cache = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

export function formatInteger(value: number | string): string {
	return numberFormat('int', { maximumFractionDigits: 0 }).format(asNumeric(value));
}

export function formatDecimal(value: number, digits: number): string {
	return numberFormat(`dec${digits}`, {
		minimumFractionDigits: digits,
		maximumFractionDigits: digits
	}).format(value);
}

/** @param ratio 0…1 */
export function formatPercent(ratio: number, digits = 0): string {
	return numberFormat(`pct${digits}`, { style: 'percent', maximumFractionDigits: digits }).format(ratio);
}

export function formatMilliseconds(ms: number): string {
	if (ms >= 10_000) return formatSeconds(ms / 1000);
	if (ms >= 1000) return unit('second', ms / 1000, 1);
	return unit('millisecond', ms, ms < 10 ? 1 : 0);
}

export function formatSeconds(seconds: number): string {
	if (seconds < 90) return unit('second', Math.max(0, Math.round(seconds)), 0);
	if (seconds < 5400) return unit('minute', seconds / 60, 0);
	return unit('hour', seconds / 3600, 1);
}

export function formatBytes(bytes: number): string {
	if (bytes < 1e6) return unit('kilobyte', bytes / 1e3, bytes < 1000 ? 2 : 1);
	if (bytes < 1e9) return unit('megabyte', bytes / 1e6, 1);
	return unit('gigabyte', bytes / 1e9, 1);
}

export function formatMetres(metres: number): string {
	return metres < 1000 ? unit('meter', metres, 0) : unit('kilometer', metres / 1000, metres < 10_000 ? 1 : 0);
}

/** @param ms milliseconds since the epoch */
export function formatTime(ms: number): string {
	return dateFormat('time', {
		hour: '2-digit',
		minute: '2-digit',
		second: '2-digit',
		hourCycle: 'h23'
	}).format(ms);
}

/** @param ms milliseconds since the epoch */
export function formatDateTime(ms: number): string {
	return dateFormat('full', { dateStyle: 'medium', timeStyle: 'medium' }).format(ms);
}

/** How long ago, in the coarsest unit that says something. Both in milliseconds since the epoch. */
export function formatAgo(thenMs: number, nowMs: number): string {
	const seconds = Math.round((thenMs - nowMs) / 1000);
	const format = remember(
		'ago',
		(tag) => new Intl.RelativeTimeFormat(tag, { numeric: 'auto', style: 'short' })
	);
	if (seconds > -60) return format.format(Math.min(0, seconds), 'second');
	if (seconds > -3600) return format.format(Math.round(seconds / 60), 'minute');
	if (seconds > -86_400) return format.format(Math.round(seconds / 3600), 'hour');
	return format.format(Math.round(seconds / 86_400), 'day');
}

/** First and last digits of a hex id; the whole id is in the title and behind the copy button. */
export function shortHex(hex: string, head = 6, tail = 4): string {
	return hex.length <= head + tail + 1 ? hex : `${hex.slice(0, head)}…${hex.slice(-tail)}`;
}

function unit(name: string, value: number, digits: number): string {
	return numberFormat(`${name}${digits}`, {
		style: 'unit',
		unit: name,
		unitDisplay: 'short',
		maximumFractionDigits: digits
	}).format(value);
}

function asNumeric(value: number | string): number | bigint {
	return typeof value === 'string' && /^-?\d{1,60}$/.test(value) ? BigInt(value) : Number(value);
}

function numberFormat(key: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
	return remember(`n:${key}`, (tag) => new Intl.NumberFormat(tag, options));
}

function dateFormat(key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
	return remember(`d:${key}`, (tag) => new Intl.DateTimeFormat(tag, options));
}

function remember<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(
	key: string,
	build: (tag: string) => T
): T {
	const tag = locale.tag;
	const id = `${tag}:${key}`;
	let format = cache.get(id);
	if (format === undefined) {
		format = build(tag);
		cache.set(id, format);
	}
	return format as T;
}
