/** The manager's patience and bounds. */

/** Events of one kind that wait to be taken. A tick takes them at every block, and a block has at most some thousands. */
export const MAX_POOL_EVENTS = 8192;
/** A pool's event that nobody waited for in this many heights is of no use any more. Bids have their own expiry. */
export const EVENT_LIFETIME_HEIGHTS = 256;

/** Submissions of one tick, so that a big import does not flood the node's transaction pool. */
export const MAX_SUBMISSIONS_PER_TICK = 32;
/** Submissions without an outcome. */
export const MAX_PENDING = 128;
/** Heights for which a submitted transaction stays valid. */
export const TRANSACTION_WINDOW = 64;
/** After this a submission counts as lost, in case its outcome never comes. */
export const PENDING_PATIENCE_MS = 60_000;

/** Heights for which a bid stands. */
export const BID_WINDOW = 96;
/** Bids of one tick are spread over so many expiry heights: an expiry height holds MAX_BIDS_PER_EXPIRY_HEIGHT. */
export const BID_EXPIRY_SPREAD = 16;
/** A seller that lives answers within a few blocks. After this the buyer asks another one. */
export const ANSWER_PATIENCE_MS = 20_000;
/** For so long a buyer leaves a seller alone that did not answer, or whose channel it could not have. */
export const AVOID_MS = 60_000;
export const MAX_AVOIDED = 4096;
/** Another node's buyer that made no bid for this long is not reckoned with: its node is away. */
export const SILENT_BUYER_MS = 15_000;
/** Open and submitted bids of one node. */
export const MAX_BIDS_PER_NODE = 64;

/** 5 % of occupancy: a trade for less is not worth two transactions (hysteresis). */
export const MINIMUM_GAIN = 50n;
/** A change of an AP's own occupancy below this is not reported. */
export const OCCUPANCY_STEP_PPM = 20_000;
/** A registration that is refused this often is given up. */
export const MAX_ISSUE_ATTEMPTS = 4;
export const RETRY_MS = 3_000;
/** Buyers look for sellers at most this often: matching all of a big market costs some milliseconds. */
export const BUY_INTERVAL_MS = 400;
