/** Bounds of the contract `spectrum`. They are rules of the chain: all nodes must hold the same. */

/** An owner with more sites than this runs several keys; it bounds what one key can add to everyone's state. */
export const MAX_ACCESS_POINTS_PER_OWNER = 4096;
/** Holders of one channel in one cell: a midtown cell of 500 m has about 20. A record stays below 12 KB. */
export const MAX_HOLDERS_PER_CELL = 256;
/** Heights between a bid and its expiry: long enough for a slow seller, short enough that an escrow comes back. */
export const MAX_BID_WINDOW = 256;
/** Bids that may expire at one height, so that no block has unbounded work to do. */
export const MAX_BIDS_PER_EXPIRY_HEIGHT = 256;
/** Work of one block's sweep. Heights without transactions sweep nothing, so the next block may find many. */
export const MAX_SWEPT_HEIGHTS_PER_BLOCK = 64;
/** Reached in the middle of a height, that height is finished: at most 511 ids of 32 bytes, which one event can hold. */
export const MAX_SWEPT_BIDS_PER_BLOCK = 256;
/** Heights for which a closed bid stays, so that a late or second switch is told why. */
export const CLOSED_BID_RETENTION = 64;
/** Of one round: they are revealed or forfeited together, and one index and one event hold them. */
export const MAX_COMMITMENTS_PER_ROUND = MAX_BIDS_PER_EXPIRY_HEIGHT;
/** Not revealed yet: as many as a node has bids (manager's MAX_BIDS_PER_NODE), so that four buyers cannot fill every round. */
export const MAX_COMMITMENTS_PER_ACCOUNT = 64;
/** At least so many heights does a sealed bid stand after its round: enough for a seller to answer. */
export const SEALED_BID_HEIGHTS = 128;
/** Of a transaction's id. */
export const BID_ID_BYTES = 32;
export const MIN_SALT_BYTES = 16;
export const MAX_SALT_BYTES = 32;
/** Price, mechanism and what makes them unreadable. */
export const MAX_NOTE_BYTES = 64;
/** Names of access points at their longest fill the arguments with 24; the event with their grants stays below 6 KB. */
export const MAX_GRANTS_PER_HEARTBEAT = 24;
/** An ended grant has an event with two access points in it, and a block's own call emits at most MAX_EVENTS_PER_CALL. */
export const MAX_EXPIRED_GRANTS_PER_BLOCK = 16;
export const MAX_PRICE = 10n ** 15n;
export const MECHANISM_PATTERN = /^[a-z][a-z0-9-]{0,15}$/;
/** The longest arguments are an access point with all its fields at their bounds. */
export const MAX_ARGUMENT_BYTES = 2048;
export const MAX_CONFLICT_DISTANCE_PERCENT = 200;
