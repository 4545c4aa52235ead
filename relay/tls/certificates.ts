/** The certificate of this relay while it runs: made or read, checked, and made or read again when its time comes. */
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { getLogger } from '@logtape/logtape';
import { keepToOwner, readSmallFile, writeDurably } from '../data-directory.ts';
import { RelayStartError } from '../errors.ts';
import { makeCertificate, outdated } from './self-made.ts';

/** In the data directory, with mode 0600: key and certificate in one file, so that they are always of each other. */
export const TLS_FILE = 'tls.pem';
/** A certificate with its whole chain has some kilobytes. */
const MAX_PEM_BYTES = 256 * 1024;
/** Own files that end within this are worth a line in the log. */
const WARN_DAYS = 14;
const DAY_MS = 86_400_000;
/** How often a running relay looks whether its addresses, its files or the date ask for another certificate. */
export const CERTIFICATE_CHECK_MS = 60_000;

/** The operator's own files, in place of a certificate that the relay makes. */
export interface TlsFiles {
	cert: string;
	key: string;
}

export interface KeyAndCertificate {
	/** PEM. */
	key: string;
	cert: string;
}

export interface CertificatesInit {
	dataDirectory: string;
	/** null: self-made. */
	files: TlsFiles | null;
	/** Under which this relay is reached, the likeliest first; asked anew at each look. */
	names(): readonly string[];
	nowMs(): number;
}

export class Certificates {
	readonly #init: CertificatesInit;
	#current: KeyAndCertificate;
	/** Whether the last look failed: said once, not each minute. */
	#failing = false;

	private constructor(init: CertificatesInit, current: KeyAndCertificate) {
		this.#init = init;
		this.#current = current;
	}

	/** @throws RelayStartError `TlsUnusable`, `DataUnusable` */
	static async open(init: CertificatesInit): Promise<Certificates> {
		return new Certificates(init, await read(init));
	}

	get current(): KeyAndCertificate {
		return this.#current;
	}

	get isSelfMade(): boolean {
		return this.#init.files === null;
	}

	/** SHA-256 as browsers show it, in pairs of digits. */
	get fingerprint(): string {
		return new X509Certificate(this.#current.cert).fingerprint256;
	}

	/** @returns what to serve from now on; null where nothing has changed. What is served goes on where the new one is unusable. */
	async look(): Promise<KeyAndCertificate | null> {
		try {
			const next = await read(this.#init);
			this.#failing = false;
			if (next.cert === this.#current.cert && next.key === this.#current.key) return null;
			this.#current = next;
			log.info('another certificate is served: {fingerprint}', { fingerprint: this.fingerprint });
			return next;
		} catch (error) {
			if (!(error instanceof RelayStartError)) throw error;
			if (!this.#failing) log.error('the certificate stays as it is: {problem}', { problem: error.message });
			this.#failing = true;
			return null;
		}
	}
}

const log = getLogger(['tabwave', 'relay', 'tls']);

async function read(init: CertificatesInit): Promise<KeyAndCertificate> {
	const { files, dataDirectory, nowMs } = init;
	return files === null ? selfMade(dataDirectory, init.names(), nowMs()) : fromFiles(files, nowMs());
}

async function selfMade(
	dataDirectory: string,
	names: readonly string[],
	nowMs: number
): Promise<KeyAndCertificate> {
	const file = join(dataDirectory, TLS_FILE);
	const stored = readSmallFile(file)?.toString('utf8');
	const known = stored === undefined ? null : parsed(stored);
	if (known !== null && outdated(known, names, nowMs) === null) {
		keepToOwner(file);
		return { key: stored!, cert: stored! };
	}
	// Names that were covered stay so: a machine that moves between two networks would otherwise be warned of at each move.
	const before = known === null ? [] : namesOf(known).filter((name) => !names.includes(name));
	const made = await makeCertificate([...names, ...before].slice(0, MAX_NAMES), nowMs);
	writeDurably(file, Buffer.from(made), 0o600);
	return { key: made, cert: made };
}

/** A machine with more addresses is no laptop. */
const MAX_NAMES = 32;

/** null where it is not the certificate of the key beside it: another is made in its place. */
function parsed(pem: string): X509Certificate | null {
	try {
		const certificate = new X509Certificate(pem);
		return certificate.checkPrivateKey(createPrivateKey(pem)) ? certificate : null;
	} catch {
		return null;
	}
}

function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
	return subjectAltName
		.split(', ')
		.flatMap((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1] ?? [])
		.filter((name) => !name.includes(':'));
}

function fromFiles(files: TlsFiles, nowMs: number): KeyAndCertificate {
	const cert = readPem('--tls-cert', files.cert, 'CERTIFICATE');
	const key = readPem('--tls-key', files.key, 'PRIVATE KEY');
	const certificate = attempt(files.cert, () => new X509Certificate(cert));
	const privateKey = attempt(files.key, () => {
		if (/ENCRYPTED/.test(key)) throw new Error('it has a passphrase, which nobody could type at a restart');
		return createPrivateKey(key);
	});
	if (!certificate.checkPrivateKey(privateKey))
		throw unusable(files.key, `it is not the key of the certificate in ${files.cert}`);
	const leftMs = certificate.validToDate.getTime() - nowMs;
	if (leftMs <= 0) throw unusable(files.cert, `it ended on ${certificate.validTo}`);
	if (certificate.validFromDate.getTime() > nowMs)
		throw unusable(files.cert, `it begins on ${certificate.validFrom}`);
	if (leftMs < WARN_DAYS * DAY_MS)
		log.warning('the certificate {file} ends on {end}', { file: files.cert, end: certificate.validTo });
	return { key, cert };
}

function readPem(argument: string, file: string, what: 'CERTIFICATE' | 'PRIVATE KEY'): string {
	const text = attempt(`${argument} ${file}`, () => {
		if (statSync(file).size > MAX_PEM_BYTES) throw new Error('it is too large');
		return readFileSync(file, 'utf8');
	});
	if (!new RegExp(`-----BEGIN [A-Z ]*${what}-----`).test(text))
		throw unusable(`${argument} ${file}`, `it has no ${what} in PEM form`);
	return text;
}

function attempt<T>(file: string, read: () => T): T {
	try {
		return read();
	} catch (cause) {
		// Of what is in a key nothing may be shown; OpenSSL's messages hold none of it.
		throw unusable(file, cause instanceof Error ? cause.message : String(cause));
	}
}

function unusable(file: string, reason: string): RelayStartError {
	return new RelayStartError('TlsUnusable', {
		en: `${file} cannot be used for https: ${reason}. Give a certificate and its key as PEM files, or --tls alone, and the relay makes its own.`,
		zh: `${file} 无法用于 https：${reason}。请提供 PEM 格式的证书和对应密钥，或只用 --tls，由中继自行生成证书。`
	});
}
