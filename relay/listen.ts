/** Takes the port, or says in plain words why that is not possible. */
import { networkInterfaces } from 'node:os';
import type { FastifyInstance } from 'fastify';
import { lanAddresses } from './addresses.ts';
import { RelayStartError } from './errors.ts';

/** Whoever holds the port answers at once, or is not asked further. */
const ASK_TIMEOUT_MS = 800;

/** @throws RelayStartError `PortTaken`, `PortForbidden`, `HostNotAvailable` */
export async function listen(server: FastifyInstance, host: string, port: number): Promise<void> {
	try {
		await server.listen({ host, port });
	} catch (cause) {
		const code = (cause as NodeJS.ErrnoException).code ?? '';
		if (code === 'EADDRINUSE') throw await portTaken(host, port, cause);
		if (code === 'EACCES') throw portForbidden(port, cause);
		if (['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL'].includes(code))
			throw hostNotAvailable(host, cause);
		throw cause;
	}
}

async function portTaken(host: string, port: number, cause: unknown): Promise<RelayStartError> {
	const other = await whoHolds(host, port);
	const free = port < 65_535 ? port + 1 : port - 1;
	return new RelayStartError(
		'PortTaken',
		{
			en: `Port ${port} is already used by ${other === null ? 'another program' : `another Tabwave relay ("${other}")`}. Stop it, or choose another port: npm start -- --port ${free}`,
			zh: `端口 ${port} 已被${other === null ? '其他程序' : `另一个 Tabwave 中继（“${other}”）`}占用。请先停止它，或换一个端口：npm start -- --port ${free}`
		},
		{ cause }
	);
}

/** The name of the Tabwave network at that port; null where it is something else, or silent. */
async function whoHolds(host: string, port: number): Promise<string | null> {
	const target = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
	try {
		const answer = await fetch(`http://${target}:${port}/healthz`, {
			signal: AbortSignal.timeout(ASK_TIMEOUT_MS)
		});
		const health = (await answer.json()) as { name?: unknown; chainId?: unknown };
		return typeof health.name === 'string' && typeof health.chainId === 'string'
			? health.name.slice(0, 64)
			: null;
	} catch {
		// Whatever it is, it does not speak as a relay; the message says "another program".
		return null;
	}
}

function portForbidden(port: number, cause: unknown): RelayStartError {
	return new RelayStartError(
		'PortForbidden',
		{
			en: `This system does not let you use port ${port}; ports below 1024 need an administrator. Choose another: npm start -- --port 7070`,
			zh: `系统不允许使用端口 ${port}；1024 以下的端口需要管理员权限。请换一个：npm start -- --port 7070`
		},
		{ cause }
	);
}

function hostNotAvailable(host: string, cause: unknown): RelayStartError {
	const own = ['127.0.0.1', ...lanAddresses(networkInterfaces())].join(', ');
	return new RelayStartError(
		'HostNotAvailable',
		{
			en: `${host} is no address of this machine. It has ${own}; 0.0.0.0 stands for all of them.`,
			zh: `${host} 不是本机地址。本机地址有 ${own}；0.0.0.0 表示全部。`
		},
		{ cause }
	);
}
