/** What the shell of the relay (HTTP, terminal) needs from the Booter, which orders the ledger. */

export interface BooterMember {
	/** Lower-case hex. */
	id: string;
	nickname: string;
}

export interface BooterPartition {
	id: number;
	epoch: number;
	members: BooterMember[];
	maxMembers: number;
	/** Lower-case hex; null while it is not known. */
	leader: string | null;
}

export interface BooterNetwork {
	finalHeight: number;
	partitions: BooterPartition[];
}

export interface BooterService {
	/** Resolves when tabs can join. */
	start(): Promise<void>;
	network(): BooterNetwork;
	/** Node id of the replica that orders the ledger now; null while none is known. */
	active(): string | null;
	stop(): Promise<void>;
}
