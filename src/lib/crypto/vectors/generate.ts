/**
 * Makes torsion.json: `node src/lib/crypto/vectors/generate.ts`. Each case is built from known discrete logarithms,
 * A = aB + iT and R = rB + jT with T of order 8, so that its verdict follows from a, i, r, j and k by arithmetic and not
 * from any verifier: with s = r + ka mod L, the equation without cofactor holds if and only if j + (k mod L)i ≡ 0 mod 8.
 */
import { writeFileSync } from 'node:fs';
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToNumberLE, numberToBytesLE } from '@noble/curves/utils.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { fromHex, toHex } from '../hex.ts';

interface Case {
	id: string;
	comment: string;
	publicKey: string;
	message: string;
	signature: string;
	valid: boolean;
}

const { BASE, ZERO, Fn } = ed25519.Point;
const P = 2n ** 255n - 19n;
const L = Fn.ORDER;

/** T: a point of order 8, the generator of the torsion group. */
const TORSION = ed25519.Point.fromBytes(
	fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')
);
const SECRET = 0x1234567890abcdef1234567890abcdef1234567890abcdefn;
const NONCE = 0x0fedcba9876543210fedcba9876543210fedcba987654321n;

const cases = [...torsionGrid(), ...lowOrderEncodings(), ...scalars(), ...keysOffTheCurve(), ...lengths()];
writeFileSync(
	new URL('torsion.json', import.meta.url),
	JSON.stringify(
		{
			source:
				'generate.ts: torsion components, encodings, scalars and lengths, with verdicts by construction',
			cases
		},
		null,
		'\t'
	) + '\n'
);
console.log(`${cases.length} cases, ${cases.filter((one) => one.valid).length} of them valid`);

/** Every torsion component in A with every one in R, with and without a component of prime order, once per verdict. */
function torsionGrid(): Case[] {
	const found: Case[] = [];
	for (const a of [0n, SECRET])
		for (const r of [0n, NONCE])
			for (let i = 0n; i < 8n; i++)
				for (let j = 0n; j < 8n; j++)
					for (const balanced of [true, false]) {
						const made = search(a, i, r, j, balanced);
						if (made) found.push(made);
					}
	return found;
}

/** A case in which the torsion components cancel (balanced), or do not; null where none of 64 messages gives one. */
function search(a: bigint, i: bigint, r: bigint, j: bigint, balanced: boolean): Case | null {
	const publicKey = plus(a, i).toBytes();
	const R = plus(r, j).toBytes();
	for (let attempt = 0; attempt < 64; attempt++) {
		const message = new TextEncoder().encode(`torsion ${attempt}`);
		const k = challenge(R, publicKey, message);
		if (((j + k * i) % 8n === 0n) !== balanced) continue;
		const small = [...(a === 0n ? ['A'] : []), ...(r === 0n ? ['R'] : [])];
		return {
			id: `torsion A${a === 0n ? '0' : 'a'}+${i}T R${r === 0n ? '0' : 'r'}+${j}T ${balanced ? 'balanced' : 'residue'}`,
			comment: `${balanced ? 'the equation holds' : 'only the cofactored equation holds'}${small.length ? `; ${small.join(' and ')} of small order` : ''}`,
			publicKey: toHex(publicKey),
			message: toHex(message),
			signature: toHex(R) + toHex(numberToBytesLE(Fn.create(r + k * a), 32)),
			valid: balanced && small.length === 0
		};
	}
	return null;
}

/** Every encoding of a point of small order that some decoder takes, canonical or not, as A and as R; all are refused. */
function lowOrderEncodings(): Case[] {
	const encodings = new Set<string>();
	for (let i = 0n; i < 8n; i++) {
		const y = plus(0n, i).toAffine().y;
		for (const value of [y, y + P])
			for (const sign of [0n, 1n])
				if (value < 2n ** 255n) encodings.add(toHex(numberToBytesLE(value + (sign << 255n), 32)));
	}
	const made: Case[] = [];
	for (const encoding of [...encodings].sort())
		for (let attempt = 0; attempt < 8; attempt++) {
			const message = new TextEncoder().encode(`encoding ${attempt}`);
			const ownKey = plus(SECRET, 0n).toBytes();
			const k = challenge(fromHex(encoding), ownKey, message);
			made.push({
				id: `encoding R ${encoding} ${attempt}`,
				comment: 'R of small order; with cofactor the equation holds',
				publicKey: toHex(ownKey),
				message: toHex(message),
				signature: encoding + toHex(numberToBytesLE(Fn.create(k * SECRET), 32)),
				valid: false
			});
			made.push({
				id: `encoding A ${encoding} ${attempt}`,
				comment: 'A of small order; without cofactor the equation holds for one message in 1 to 8',
				publicKey: encoding,
				message: toHex(message),
				signature: toHex(plus(NONCE, 0n).toBytes()) + toHex(numberToBytesLE(NONCE, 32)),
				valid: false
			});
		}
	return made;
}

/** One good signature with its s replaced by numbers that equal it modulo L, or are about L. */
function scalars(): Case[] {
	const message = new TextEncoder().encode('scalars');
	const publicKey = plus(SECRET, 0n).toBytes();
	const R = plus(NONCE, 0n).toBytes();
	const s = Fn.create(NONCE + challenge(R, publicKey, message) * SECRET);
	const chosen: [string, bigint][] = [['s', s]];
	for (let multiple = 1n; s + multiple * L < 2n ** 256n; multiple++)
		chosen.push([`s + ${multiple}L`, s + multiple * L]);
	for (const bit of [252n, 253n, 254n, 255n]) chosen.push([`s with bit ${bit} set`, s | (1n << bit)]);
	chosen.push(['0', 0n], ['L − 1', L - 1n], ['L', L], ['2^252', 2n ** 252n], ['−s', L - s]);
	return chosen.map(([name, scalar]) => ({
		id: `scalar ${name}`,
		comment: `s is ${name}`,
		publicKey: toHex(publicKey),
		message: toHex(message),
		signature: toHex(R) + toHex(numberToBytesLE(scalar, 32)),
		valid: scalar === s
	}));
}

/** Bytes that are no point, or a non-canonical encoding of a point of large order: y and y + p for small y. */
function keysOffTheCurve(): Case[] {
	const R = plus(NONCE, 0n).toBytes();
	const message = new TextEncoder().encode('keys');
	const made: Case[] = [];
	for (let y = 2n; y < 19n; y++)
		for (const value of [y, y + P]) {
			const encoding = toHex(numberToBytesLE(value, 32));
			const comment = value === y ? 'y below 19: some are on the curve' : 'y of p or more';
			const s = toHex(numberToBytesLE(NONCE, 32));
			made.push({
				id: `key A ${encoding}`,
				comment,
				publicKey: encoding,
				message: toHex(message),
				signature: toHex(R) + s,
				valid: false
			});
			made.push({
				id: `key R ${encoding}`,
				comment,
				publicKey: toHex(plus(SECRET, 0n).toBytes()),
				message: toHex(message),
				signature: encoding + s,
				valid: false
			});
		}
	return made;
}

function lengths(): Case[] {
	const message = new TextEncoder().encode('lengths');
	const publicKey = toHex(plus(SECRET, 0n).toBytes());
	const R = plus(NONCE, 0n).toBytes();
	const s = Fn.create(NONCE + challenge(R, fromHex(publicKey), message) * SECRET);
	const signature = toHex(R) + toHex(numberToBytesLE(s, 32));
	const variants: [string, string, string][] = [
		['signature empty', publicKey, ''],
		['signature of 32 bytes', publicKey, signature.slice(0, 64)],
		['signature of 63 bytes', publicKey, signature.slice(0, -2)],
		['signature of 65 bytes', publicKey, signature + '00'],
		['signature of 128 bytes', publicKey, signature + signature],
		['signature with a byte before it', publicKey, '00' + signature],
		['key empty', '', signature],
		['key of 31 bytes', publicKey.slice(0, -2), signature],
		['key of 33 bytes', publicKey + '00', signature],
		['key with its sign turned', publicKey.slice(0, -2) + flipSign(publicKey), signature],
		[
			'R with its sign turned',
			publicKey,
			signature.slice(0, 62) + flipSign(signature.slice(0, 64)) + signature.slice(64)
		],
		['R and s exchanged', publicKey, signature.slice(64) + signature.slice(0, 64)]
	];
	return variants.map(([name, key, bytes]) => ({
		id: `form ${name}`,
		comment: name,
		publicKey: key,
		message: toHex(message),
		signature: bytes,
		valid: false
	}));
}

function flipSign(encoding: string): string {
	return toHex(Uint8Array.of(fromHex(encoding.slice(-2))[0]! ^ 0x80));
}

function plus(scalar: bigint, torsion: bigint): typeof BASE {
	let point = scalar === 0n ? ZERO : BASE.multiply(scalar);
	for (let count = 0n; count < torsion; count++) point = point.add(TORSION);
	return point;
}

function challenge(R: Uint8Array, publicKey: Uint8Array, message: Uint8Array): bigint {
	return Fn.create(bytesToNumberLE(sha512(Uint8Array.of(...R, ...publicKey, ...message))));
}
