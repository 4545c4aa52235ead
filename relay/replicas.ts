/** The replicas of this relay's Booter as this one sees them: where each is, whether it answers, and what is wrong with it. */
import { getLogger } from '@logtape/logtape';
import type { NodeId } from '#lib/network/network.ts';
import { REPLICA_NAME } from './config/network-ini.ts';

export interface Replica {
	/** Lower-case hex of its public key, one of genesis' Booters. */
	id: NodeId;
	/** As in [booters]; empty for a relay that is alone. */
	name: string;
	/** host:port; null for a relay that is alone. */
	address: string | null;
	isSelf: boolean;
}

/** `refused`: what answers at its address is not this replica, or one of another chain. */
export type ReplicaState = 'self' | 'linked' | 'down' | 'refused';

export interface ReplicaStatus {
	id: NodeId;
	name: string;
	address: string | null;
	state: ReplicaState;
	/** It orders the ledger now, as far as this replica knows. */
	isActive: boolean;
}

/** What answers at a replica's address must not be linked. */
export class ReplicaError extends Error {
	constructor(name: 'ReplicaUnreachable' | 'ReplicaOfAnotherChain' | 'ReplicaMisplaced', message: string) {
		super(message);
		this.name = name;
	}
}

export interface ReplicasInit {
	replicas: readonly Replica[];
	/** Lower-case hex. */
	chainId: string;
	/** See cluster-file.ts; what to copy where the chains differ. */
	clusterFile: string | null;
	/** The replicas are reached by https. */
	secure: boolean;
}

/** An answer of /healthz has some hundred bytes. */
const MAX_HEALTH_BYTES = 16 * 1024;

export class Replicas {
	readonly all: readonly Replica[];
	readonly #init: ReplicasInit;
	/** Replicas whose address does not hold what it should, and what was said of it. */
	readonly #refused = new Map<NodeId, string>();

	constructor(init: ReplicasInit) {
		this.all = init.replicas;
		this.#init = init;
	}

	get self(): Replica {
		return this.all.find(({ isSelf }) => isSelf)!;
	}

	get others(): (Replica & { address: string })[] {
		return this.all.flatMap((replica) =>
			replica.isSelf || replica.address === null ? [] : [{ ...replica, address: replica.address }]
		);
	}

	/** Origin of a replica's site and API, for example `http://192.0.2.7:7070`. */
	originOf({ address }: { address: string }): string {
		return `${this.#init.secure ? 'https' : 'http'}://${address}`;
	}

	/**
	 * @param linked - who has a link to this relay now
	 * @param active - the active replica, as far as it is known
	 */
	statuses(linked: ReadonlySet<NodeId>, active: NodeId | null): ReplicaStatus[] {
		return this.all.map(({ id, name, address, isSelf }) => ({
			id,
			name,
			address,
			state: isSelf ? 'self' : linked.has(id) ? 'linked' : this.#refused.has(id) ? 'refused' : 'down',
			isActive: id === active
		}));
	}

	/**
	 * Asks what is at a replica's address, before it is dialled: a relay with another cluster file would otherwise only be
	 * somebody who does not answer. The link itself proves the key, whatever is said here.
	 * @throws ReplicaError
	 */
	async check(id: NodeId, signal: AbortSignal): Promise<void> {
		const replica = this.others.find((other) => other.id === id)!;
		const health = await this.#health(replica, signal);
		const wrong = this.#objection(replica, health);
		if (wrong === null) {
			this.#refused.delete(id);
			return;
		}
		// Said once, and again where it changes: the replica is asked every few seconds.
		if (this.#refused.get(id) !== wrong.message) log.error('{problem}', { problem: wrong.message });
		this.#refused.set(id, wrong.message);
		throw wrong;
	}

	#objection(replica: Replica & { address: string }, health: Health): ReplicaError | null {
		const { name, address } = replica;
		const { chainId, clusterFile } = this.#init;
		if (health.chainId !== chainId)
			return new ReplicaError(
				'ReplicaOfAnotherChain',
				`Replica ${name} at ${address} serves the chain ${health.chainId.slice(0, 16)}, this one ${chainId.slice(0, 16)}. Stop one of them, copy network.ini and ${clusterFile ?? 'the cluster file'} of the right one to its machine, remove its data folder and start it again. · 副本 ${name}（${address}）属于另一条链：请停止其中之一，把正确一方的 network.ini 和集群文件复制到其机器，删除其数据文件夹后重新启动。`
			);
		if (health.replica !== undefined && health.replica !== name)
			return new ReplicaError(
				'ReplicaMisplaced',
				`At ${address} is the replica ${health.replica}; [booters] in network.ini has ${name} there. Correct the addresses, or --replica. · ${address} 上运行的是副本 ${health.replica}，而 network.ini 的 [booters] 写的是 ${name}：请改正地址或 --replica。`
			);
		return null;
	}

	async #health(replica: Replica & { address: string }, signal: AbortSignal): Promise<Health> {
		try {
			const response = await fetch(`${this.originOf(replica)}/healthz`, { signal, redirect: 'error' });
			const health = JSON.parse(await boundedText(response)) as Partial<Health> | null;
			const { chainId, replica: named } = health ?? {};
			// Both are shown in a terminal, to which a stranger's text could say anything.
			if (!/^[0-9a-f]{64}$/.test(String(chainId))) throw new Error('it names no chain');
			const isName = typeof named === 'string' && REPLICA_NAME.test(named);
			return { chainId: chainId!, replica: isName ? named : undefined };
		} catch (cause) {
			// Away, or something that is no relay. What was refused of it before may have been mended by whoever stopped it.
			this.#refused.delete(replica.id);
			throw new ReplicaError(
				'ReplicaUnreachable',
				`${replica.address} does not answer as a relay: ${reasonOf(cause)}`
			);
		}
	}
}

interface Health {
	chainId: string;
	replica: string | undefined;
}

const log = getLogger(['tabwave', 'relay']);

/** fetch says only that it failed; why is in its cause. */
function reasonOf(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	const { code } = (error.cause ?? {}) as { code?: unknown };
	return typeof code === 'string' ? code : error.message;
}

async function boundedText(response: Response): Promise<string> {
	const decoder = new TextDecoder();
	let text = '';
	let bytes = 0;
	for await (const chunk of response.body ?? []) {
		bytes += chunk.length;
		if (bytes > MAX_HEALTH_BYTES) throw new Error('its answer is too long');
		text += decoder.decode(chunk, { stream: true });
	}
	return text;
}
