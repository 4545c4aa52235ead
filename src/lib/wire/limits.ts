/** Bounds on what travels between two nodes. A peer that passes one of them is cut off; a sender never builds more. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bytes of one frame without its length prefix. libp2p resets a stream with 4 MiB unread, so that two whole frames may wait. */
export const MAX_FRAME_BYTES = 2 * MIB;

/**
 * Bytes of one encoded Packet. The largest honest one is a final block: 1,000 transactions with receipts are about 0.5 MiB.
 * Three quarters of a frame, so that what else a turn sends still has room beside it.
 */
export const MAX_PACKET_BYTES = 1.5 * MIB;

/** A turn at 16 members with 16 rounds in flight makes about 500 votes; eight times that, and no array of millions of tiny packets. */
export const MAX_PACKETS_PER_FRAME = 4096;

/** A sync response stops adding blocks here, even below maxFetch (R23): blocks come whole, and one more must fit in a Packet. */
export const MAX_SYNC_RESPONSE_BYTES = 1 * MIB;

/** Nesting of messages. The schema's deepest, Packet > Next > OrderCertificate > PartitionVotes > MemberSignature, is 5. */
export const MAX_MESSAGE_DEPTH = 12;

/**
 * Fields, at all depths, in one message. An empty submessage is 2 bytes on the wire and about 200 in memory, so bytes alone
 * bound nothing: 1.5 MiB of them would be 150 MB. The largest honest message is a batch of 1,000 transactions.
 */
export const MAX_MESSAGE_FIELDS = 32_768;

/** First allocation for a frame that arrives in pieces: a peer that announces 2 MiB and sends nothing costs only this. */
export const FRAME_BUFFER_START_BYTES = 16 * KIB;
