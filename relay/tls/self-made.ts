/**
 * A certificate that the relay makes itself: https on a LAN without any authority. Browsers warn once, since nobody vouches for
 * it; what it gives is a secure context (WebCrypto, service worker, persistent storage) for tabs that come by an address.
 */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { X509CertificateGenerator } from '@peculiar/x509';
import * as x509 from '@peculiar/x509';

/** Browsers refuse certificates that hold for more than 398 days, self-made ones included on some systems. */
export const VALID_DAYS = 397;
/** Before it ends: a class that accepted it is not asked in the middle of a term for nothing. */
export const RENEW_DAYS = 30;
/** A clock that is a day behind must not find it of the future. */
const BACKDATED_DAYS = 2;
const DAY_MS = 86_400_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/**
 * @param names - host names and addresses, the likeliest first
 * @returns key and certificate, both PEM in one text
 */
export async function makeCertificate(names: readonly string[], nowMs: number): Promise<string> {
	const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as CryptoKeyPair;
	const certificate = await X509CertificateGenerator.createSelfSigned(
		{
			serialNumber: serial(),
			name: [{ O: ['Tabwave'] }, { CN: [`Tabwave relay ${names[0] ?? ''}`.trim().slice(0, 64)] }],
			notBefore: new Date(nowMs - BACKDATED_DAYS * DAY_MS),
			notAfter: new Date(nowMs + (VALID_DAYS - BACKDATED_DAYS) * DAY_MS),
			keys,
			signingAlgorithm: ALGORITHM,
			extensions: [
				// No authority: whoever accepts it accepts this relay and nothing that it might sign.
				new x509.BasicConstraintsExtension(false, undefined, true),
				new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
				new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
				new x509.SubjectAlternativeNameExtension(
					names.map((name) => ({ type: isIP(name) === 0 ? ('dns' as const) : ('ip' as const), value: name }))
				)
			]
		},
		webcrypto as unknown as Crypto
	);
	const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
	return `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n${certificate.toString('pem')}\n`;
}

/** @returns why another one is needed; null while this one serves */
export function outdated(
	certificate: X509Certificate,
	names: readonly string[],
	nowMs: number
): 'expires' | 'other addresses' | null {
	if (certificate.validToDate.getTime() - nowMs < RENEW_DAYS * DAY_MS) return 'expires';
	const covers = (name: string): boolean =>
		(isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
	return names.every(covers) ? null : 'other addresses';
}

/** Positive, as the standard wants it. */
function serial(): string {
	const bytes = randomBytes(16);
	bytes[0] = (bytes[0]! & 0x7f) | 0x40;
	return bytes.toString('hex');
}
