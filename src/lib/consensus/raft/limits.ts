/** Bounds of the Booter cluster's Raft. Every buffer of the core has one; a small network may set them lower. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Voters and learners together. Three or five replicas are a cluster; beyond that only a change of all of them at once needs room. */
export const MAX_REPLICAS = 16;

/** One entry's data. It travels in one packet (at most 1.5 MiB), beside which a message's other fields are small. */
export const MAX_ENTRY_BYTES = 1.25 * MIB;

/** Entries in one message: each costs four fields of the decoder's 32,768. */
export const MAX_ENTRIES_PER_MESSAGE = 1024;

/** A snapshot is assembled in memory before it is taken over. The Booter's state is a topology and an open ballot of about 1 MB. */
export const MAX_SNAPSHOT_BYTES = 8 * MIB;

/** The last term. Nothing campaigns past it, so that no term wraps round. */
export const MAX_TERM = 0xffff_ffff;

export interface RaftLimits {
	/** Data of one message of entries; a single larger entry still goes. */
	maxAppendBytes: number;
	/** Messages with entries that one follower has not acknowledged. */
	maxInflightMessages: number;
	/** Data in them. */
	maxInflightBytes: number;
	/** Data that is proposed and not committed: a leader without a majority gathers no more than this. */
	maxUncommittedBytes: number;
	/** Entries, or data, after the last snapshot, at which the next is due. */
	snapshotAfterEntries: number;
	snapshotAfterBytes: number;
	/** Where the driver takes no snapshot, proposals are refused at this many times the above. */
	maxSnapshotsOverdue: number;
	/** Entries, and data, kept behind a snapshot, so that who is a little behind gets entries and not the snapshot. */
	keptEntries: number;
	keptBytes: number;
	/** Data of one piece of a snapshot. */
	snapshotPieceBytes: number;
}

export const DEFAULT_RAFT_LIMITS: RaftLimits = {
	maxAppendBytes: 512 * KIB,
	maxInflightMessages: 64,
	maxInflightBytes: 4 * MIB,
	maxUncommittedBytes: 8 * MIB,
	snapshotAfterEntries: 1024,
	snapshotAfterBytes: 8 * MIB,
	maxSnapshotsOverdue: 4,
	keptEntries: 256,
	keptBytes: 4 * MIB,
	snapshotPieceBytes: 512 * KIB
};
