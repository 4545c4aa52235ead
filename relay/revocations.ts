/**
 * Invitations that the operator has taken back: `npm run invite -- --revoke`. Their ids are lines of a file in the data directory,
 * which the running relay reads as it changes. The Booter alone refuses them: it belongs to the operator, and nobody else
 * proposes who comes in. Who has come in with one stays a member. What other replicas were asked is in a file of its own, which only
 * the running relay writes.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { taggedHash } from '#lib/crypto/hash.ts';
import { toHex } from '#lib/crypto/hex.ts';
import { SignedInvitationSchema } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { RevokedInvitations } from './booter/revocation-spread.ts';
import { peekDataDirectory, readSmallFile, writeDurably } from './data-directory.ts';
import { RelayStartError } from './errors.ts';

export const REVOKED_FILE = 'revoked-invitations';
export const REVOKED_ELSEWHERE_FILE = 'revoked-elsewhere';
/** Of a small file of 64 KiB, with a line each. */
const MAX_REVOKED = 900;
const ID = /^[0-9a-f]{64}$/;

/** Lower-case hex; what the ledger counts its uses by. @param invitation - an encoded Invitation, without its signature */
export function invitationId(invitation: Uint8Array): string {
	return toHex(taggedHash('invitation', invitation));
}

/**
 * @param which - a join link, the token in it, or an invitation's id
 * @returns the id that is revoked from now on
 * @throws RelayStartError `BadArgument`, `NoChainYet`, `DataUnusable`
 */
export function revoke(dataDirectory: string, which: string): string {
	if (!peekDataDirectory(dataDirectory).genesis())
		throw new RelayStartError('NoChainYet', {
			en: `There is no chain in ${dataDirectory} yet, and so no invitation to it.`,
			zh: `${dataDirectory} 中还没有链，也就没有邀请。`
		});
	const id = idOf(which);
	const file = join(dataDirectory, REVOKED_FILE);
	const known = idsIn(file);
	if (known.has(id)) return id;
	if (known.size >= MAX_REVOKED)
		throw new RelayStartError('DataUnusable', {
			en: `${file} is full: ${MAX_REVOKED} invitations are revoked. Remove lines of those that have expired.`,
			zh: `${file} 已满：已撤销 ${MAX_REVOKED} 个邀请。请删除其中已过期的行。`
		});
	writeDurably(file, Buffer.from([...known, id, ''].join('\n')), 0o600);
	return id;
}

/** What the running relay knows of them. */
export class Revocations implements RevokedInvitations {
	readonly #own: IdFile;
	readonly #elsewhere: IdFile;

	constructor(dataDirectory: string) {
		this.#own = new IdFile(join(dataDirectory, REVOKED_FILE));
		this.#elsewhere = new IdFile(join(dataDirectory, REVOKED_ELSEWHERE_FILE));
	}

	/** @param invitation - as for {@link invitationId}. @throws RelayStartError `DataUnusable` where a file cannot be read */
	has(invitation: Uint8Array): boolean {
		const [own, elsewhere] = [this.#own.ids(), this.#elsewhere.ids()];
		if (own.size + elsewhere.size === 0) return false;
		const id = invitationId(invitation);
		return own.has(id) || elsewhere.has(id);
	}

	ids(): string[] {
		return [...new Set([...this.#own.ids(), ...this.#elsewhere.ids()])].sort();
	}

	add(ids: readonly string[]): number {
		const [own, elsewhere] = [this.#own.ids(), this.#elsewhere.ids()];
		const news = ids.filter((id) => ID.test(id) && !own.has(id) && !elsewhere.has(id));
		const kept = news.slice(0, Math.max(0, MAX_REVOKED - elsewhere.size));
		if (kept.length > 0) this.#elsewhere.write([...elsewhere, ...kept]);
		return kept.length;
	}
}

/** Ids of a file, read anew when it is another one. */
class IdFile {
	readonly #path: string;
	#ids: ReadonlySet<string> = new Set();
	#version = '';

	constructor(path: string) {
		this.#path = path;
	}

	ids(): ReadonlySet<string> {
		const stat = statSync(this.#path, { throwIfNoEntry: false });
		// Written by a rename, so another text is another file.
		const version = stat ? `${stat.ino} ${stat.mtimeMs} ${stat.size}` : '';
		if (version !== this.#version) {
			this.#ids = idsIn(this.#path);
			this.#version = version;
		}
		return this.#ids;
	}

	write(ids: string[]): void {
		writeDurably(this.#path, Buffer.from([...ids, ''].join('\n')), 0o600);
	}
}

/** A line that is none is kept out; a comment may stand there. */
function idsIn(file: string): Set<string> {
	const lines = readSmallFile(file)?.toString('utf8').split('\n') ?? [];
	return new Set(lines.map((line) => line.trim()).filter((line) => ID.test(line)));
}

function idOf(which: string): string {
	const found = which.trim();
	if (ID.test(found)) return found;
	const token = /[#&]i=([\w-]+)/.exec(found)?.[1] ?? found;
	try {
		if (!/^[\w-]{16,4096}$/.test(token)) throw new Error('no token');
		const { invitation, signature } = fromBinary(SignedInvitationSchema, Buffer.from(token, 'base64url'));
		if (invitation.length === 0 || signature.length === 0) throw new Error('no invitation');
		return invitationId(invitation);
	} catch (cause) {
		throw new RelayStartError(
			'BadArgument',
			{
				en: `--revoke is wrong. Found: ${JSON.stringify(found.slice(0, 80))}. Allowed: a join link with an invitation, or the id that npm run invite has shown.`,
				zh: `--revoke 的值不对：${JSON.stringify(found.slice(0, 80))}。允许：含邀请的加入链接，或 npm run invite 显示的邀请编号。`
			},
			{ cause }
		);
	}
}
