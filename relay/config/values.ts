/** The kinds of values that network.ini has: how each is read, and what to say is allowed. */
import { quote } from './ini-lines.ts';

/** One key of network.ini. `read` throws a {@link ValueError} where the text is not allowed. */
export interface KeySpec<T> {
	readonly fallback: T;
	/** The default as it would stand in the file. */
	readonly written: string;
	/** For people: what the key does, with its unit. */
	readonly about: string;
	/** For people: the values that may stand there. */
	readonly allowed: string;
	readonly read: (text: string) => T;
}

export class ValueError extends Error {
	override readonly name = 'ValueError';
	readonly found: string;
	constructor(found: string) {
		super(`${found} is not allowed here.`);
		this.found = found;
	}
}

export interface IceServer {
	urls: string;
	username?: string;
	credential?: string;
}

export function integer(fallback: number, min: number, max: number, about: string): KeySpec<number> {
	const allowed = `a whole number from ${min} to ${max}`;
	return { fallback, written: String(fallback), about, allowed, read: (text) => readInteger(text, min, max) };
}

export function text(
	fallback: string,
	maxLength: number,
	about: string,
	pattern?: RegExp,
	shape?: string
): KeySpec<string> {
	return {
		fallback,
		written: fallback,
		about,
		allowed: shape ?? `text of 1 to ${maxLength} characters`,
		read: (found) => {
			const printable = !/[\p{Cc}\p{Cs}]/u.test(found);
			if (found === '' || found.length > maxLength || !printable || (pattern && !pattern.test(found)))
				throw new ValueError(quote(found));
			return found;
		}
	};
}

/** Text that may be left empty, which means: none. */
export function optional(spec: KeySpec<string>): KeySpec<string | null> {
	return {
		...spec,
		fallback: null,
		written: '',
		allowed: `nothing, or ${spec.allowed}`,
		read: (found) => (found === '' ? null : spec.read(found))
	};
}

export function choice<const T extends string>(
	fallback: T,
	options: readonly T[],
	about: string
): KeySpec<T> {
	return {
		fallback,
		written: fallback,
		about,
		allowed: options.length === 1 ? options[0]! : `one of ${options.join(', ')}`,
		read: (found) => {
			const option = options.find((candidate) => candidate === found);
			if (option === undefined) throw new ValueError(quote(found));
			return option;
		}
	};
}

/** Items with commas between them. */
export function list<T>(
	fallback: readonly T[],
	bounds: { min: number; max: number },
	item: { read: (text: string) => T; write: (value: T) => string; shape: string },
	about: string
): KeySpec<readonly T[]> {
	const { min, max } = bounds;
	return {
		fallback,
		written: fallback.map(item.write).join(', '),
		about,
		allowed: `${min === 0 ? 'nothing, or ' : ''}${Math.max(min, 1)} to ${max} of ${item.shape}, with commas between them`,
		read: (found) => {
			const parts = found === '' ? [] : found.split(',').map((part) => part.trim());
			if (parts.length < min || parts.length > max)
				throw new ValueError(parts.length === 0 ? 'nothing' : `${parts.length} items`);
			const values = parts.map(item.read);
			const repeated = parts.find((part, index) => parts.indexOf(part) !== index);
			if (repeated !== undefined && !/^\d+$/.test(repeated)) throw new ValueError(`${quote(repeated)} twice`);
			return values;
		}
	};
}

export function readInteger(found: string, min: number, max: number): number {
	// Number() would also take '', ' 1 ', '0x10' and '1e3'.
	const value = /^\d{1,16}$/.test(found) ? Number(found) : NaN;
	if (!Number.isSafeInteger(value) || value < min || value > max) throw new ValueError(quote(found));
	return value;
}

export function oneOf<const T extends string>(options: readonly T[]) {
	return {
		read: (found: string): T => {
			const option = options.find((candidate) => candidate === found);
			if (option === undefined) throw new ValueError(quote(found));
			return option;
		},
		write: (value: T): string => value,
		shape: options.join(', ')
	};
}

/** A host name or address with a port, as in `relay-2.example:7070` or `[fd00::2]:7070`. */
export function readHostAndPort(found: string): string {
	const match =
		/^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})$/.exec(found);
	if (!match || Number(match[1]) < 1 || Number(match[1]) > 65535) throw new ValueError(quote(found));
	return found;
}

/**
 * stun:host, turn:host?transport=udp; for TURN with credentials `turn:host|user|password`. What is let through here every
 * browser takes: one bad server would cost each tab all of its direct links.
 */
export function readIceServer(found: string): IceServer {
	const [urls = '', username, credential, ...rest] = found.split('|').map((part) => part.trim());
	const [, scheme = '', place = '', transport] =
		/^(stuns?|turns?):([^?]{1,255})(\?transport=(?:udp|tcp))?$/.exec(urls) ?? [];
	const relays = scheme.startsWith('turn');
	const isPlace = HOST.test(place) || (/:\d{1,5}$/.test(place) && isHostAndPort(place));
	// A browser refuses TURN without credentials, and STUN has none, nor a choice of transport.
	const complete = relays ? !!username && !!credential : username === undefined && transport === undefined;
	if (!isPlace || !complete || rest.length > 0) throw new ValueError(quote(withoutPassword(found)));
	return relays ? { urls, username: username!, credential: credential! } : { urls };
}

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])$/;

function isHostAndPort(found: string): boolean {
	try {
		return readHostAndPort(found) === found;
	} catch {
		return false;
	}
}

/** What is wrong is shown in a terminal and written to a log. */
function withoutPassword(found: string): string {
	return found.split('|').slice(0, 2).join('|') + (found.split('|').length > 2 ? '|…' : '');
}

export function writeIceServer(server: IceServer): string {
	return server.username === undefined
		? server.urls
		: `${server.urls}|${server.username}|${server.credential ?? ''}`;
}
