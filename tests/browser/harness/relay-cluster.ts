/**
 * The replicas of one Booter, each a program of its own at an address that network.ini names before it starts:
 *
 *     const cluster = await startRelayCluster({ replicas: 3, ini: '[partitions]\ncount = 1\n' });
 *     await cluster.replicas[1]!.kill();  // and start(), stop(), restart(): see relay-process.ts
 *     await cluster.dispose();
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRelayProcess } from './relay-process.ts';
import type { RelayProcess } from './relay-process.ts';

export interface RelayCluster {
	/** Pages come from the first. */
	readonly replicas: readonly (RelayProcess & { readonly replica: string })[];
	/** The one with this node id. */
	byId(id: string): RelayProcess;
	/** What all of them printed. */
	output(): string;
	dispose(): Promise<void>;
}

export interface RelayClusterOptions {
	/** 1, 3 or 5 */
	replicas: number;
	/** Text of network.ini without [booters]. */
	ini?: string;
}

export async function startRelayCluster(options: RelayClusterOptions): Promise<RelayCluster> {
	const folder = mkdtempSync(join(tmpdir(), 'tabwave-cluster-'));
	const names = Array.from({ length: options.replicas }, (_, i) => `replica-${i + 1}`);
	const ports = await freePorts(names.length);
	const config = join(folder, 'network.ini');
	const booters = names.map((name, i) => `${name} = 127.0.0.1:${ports[i]}\n`).join('');
	writeFileSync(config, `${options.ini ?? ''}\n[booters]\n${booters}`);
	// At the same moment, as an operator's script would: one of them makes the cluster's file, and all use it.
	const started = await Promise.allSettled(
		names.map((replica) => startRelayProcess({ config, replica, dataDirectory: join(folder, replica) }))
	);
	const replicas = started.flatMap((result, i) =>
		result.status === 'fulfilled' ? [Object.assign(result.value, { replica: names[i]! })] : []
	);
	const dispose = async (): Promise<void> => {
		await Promise.all(replicas.map((replica) => replica.dispose()));
		rmSync(folder, { recursive: true, force: true });
	};
	const failed = started.find((result) => result.status === 'rejected');
	if (failed) {
		await dispose();
		throw failed.reason;
	}
	return {
		replicas,
		byId: (id) => replicas.find((replica) => replica.id === id)!,
		output: () => replicas.map(({ replica, output }) => `--- ${replica}\n${output()}`).join('\n'),
		dispose
	};
}

/** All are open at once, so that no two are the same. */
async function freePorts(count: number): Promise<number[]> {
	const servers = Array.from({ length: count }, () => createServer());
	const listening = servers.map(
		(server) =>
			new Promise<number>((resolve) =>
				server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
			)
	);
	const ports = await Promise.all(listening);
	await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
	return ports;
}
