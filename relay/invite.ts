/** `npm run invite`: an invitation, signed beside a running relay or without one. */
import { networkInterfaces } from 'node:os';
import { openSuite } from '#lib/crypto/open-suite.ts';
import { Admission } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { originsOf } from './addresses.ts';
import { loadNetworkIni, parseNetworkIni } from './config/network-ini.ts';
import { peekDataDirectory } from './data-directory.ts';
import { RelayStartError } from './errors.ts';
import { joinPath, signInvitation } from './invitations.ts';
import type { InviteArguments } from './terminal/arguments.ts';

export interface InvitationLink {
	link: string;
	/** Milliseconds since the epoch. */
	expiresMs: number;
	/** False where anyone may join: the invitation is then not needed. */
	needed: boolean;
}

/** @throws RelayStartError, ConfigError */
export async function invite(options: InviteArguments, nowMs: number): Promise<InvitationLink> {
	const data = peekDataDirectory(options.dataDirectory);
	const genesis = data.genesis();
	if (!genesis)
		throw new RelayStartError('NoChainYet', {
			en: `There is no chain in ${options.dataDirectory} yet. Start the relay once with npm start, then ask again.`,
			zh: `${options.dataDirectory} 中还没有链。请先运行一次 npm start，再试。`
		});
	const partitions = genesis.fields.partitions.length;
	if (options.partition > partitions)
		throw new RelayStartError('BadArgument', {
			en: `--partition is wrong. Found: ${options.partition}. Allowed: 1 to ${partitions}, or 0 for any.`,
			zh: `--partition 的值不对：${options.partition}。允许：1 到 ${partitions}，或 0 表示任意。`
		});
	const config = options.configPath === null ? parseNetworkIni('') : loadNetworkIni(options.configPath);
	const { host, port, publicUrl } = config.relay;
	const origins = originsOf(host, port, networkInterfaces());
	const origin = options.url ?? publicUrl ?? data.lastOrigin() ?? origins.lan[0] ?? origins.local;
	const suite = await openSuite(genesis.fields.suite);
	const expiresMs = nowMs + options.hours * 3_600_000;
	const invitation = await signInvitation(await data.operator(suite), {
		chainId: genesis.chainId,
		partition: options.partition,
		uses: options.uses,
		expiresMs
	});
	return {
		link: `${origin}${joinPath(options.partition, invitation)}`,
		expiresMs,
		needed: genesis.fields.admission === Admission.INVITATION
	};
}
