/** The bound of quality.md: what this machine could do at most, from the costs of the parts measured in the same run. */
import type { Calibration } from './calibrate.ts';

/** What one final transaction costs at least, CPU seconds over all members. */
export interface LeastCost {
	/** n·c_v: each member checks each signature. */
	checksS: number;
	/** (n−1)·b·c_B: proposals. */
	proposalsS: number;
	/** g·b_tx·c_B: bodies, to each other member once. */
	bodiesS: number;
	/** (c_blk + n·c_store)/K */
	blocksS: number;
	totalS: number;
	/** C ÷ the total, transactions a second. */
	boundTps: number;
}

/**
 * TPS ≤ C / [ n·c_v + (n−1)·b·c_B + g·b_tx·c_B + (c_blk + n·c_store)/K ]
 * @param members - n, of the one partition that checks a transaction
 */
export function leastCost(machine: Calibration, members: number): LeastCost {
	const checksS = members * machine.checkS;
	const proposalsS = (members - 1) * PROPOSAL_BYTES * machine.channelByteS;
	const bodiesS = (members - 1) * BODY_BYTES * machine.channelByteS;
	const blocksS = (emptyBlockS(machine, members) + members * machine.storeS) / TRANSACTIONS_PER_BLOCK;
	const totalS = checksS + proposalsS + bodiesS + blocksS;
	return { checksS, proposalsS, bodiesS, blocksS, totalS, boundTps: machine.cores / totalS };
}

/**
 * c_blk from its parts and not from the product, which would flatter itself where it wastes: the messages of one round of
 * protocol.md, each on its own, and a check of each vote by whoever it goes to.
 *
 * | message | sent | checks |
 * |---|---|---|
 * | PrePrepare, block certificate, Next, OrderCommit, finality proof, to each follower | 5·(n−1) | 2·(n−1) |
 * | Prepare, from each follower to all others | (n−1)² | (n−1)² |
 * | Commit, Sign, Done, from each follower to the leader | 3·(n−1) | 3·(n−1) |
 * | certified block, Next, Sign, OrderCommit, Done between leader and Booter | 5 | 3·n (the Booter) |
 *
 * Votes inside certificates are remembered where they came alone before, so that certificates cost no more checks.
 */
export function emptyBlockS(machine: Calibration, members: number): number {
	const followers = members - 1;
	const messages = followers ** 2 + 8 * followers + 5;
	const checks = followers ** 2 + 5 * followers + 3 * members;
	return messages * machine.messageS + checks * machine.checkS;
}

/** b: a proposal names each transaction by its id. */
const PROPOSAL_BYTES = 32;
/** b_tx: a signed transfer as it travels; `bytes of a transfer` of the report is its measured size. */
export const BODY_BYTES = 237;
/** K, the default of network.ini. */
const TRANSACTIONS_PER_BLOCK = 500;
