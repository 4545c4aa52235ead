import { beforeEach, describe, expect, it } from 'vitest';
import type { Round } from '../../consensus/pbft/round.ts';
import { transactionOf } from '../../ledger/testing/transactions.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import { HAND_ON_SHARE } from '../timing.ts';
import { HAND_ON_MS, HandOn } from './hand-on.ts';
import { Pool } from './pool.ts';

const VIEW_TIMEOUT_MS = 4000;
const IDLE_MS = HAND_ON_SHARE * VIEW_TIMEOUT_MS;
const LIMIT = 2;
let pool: Pool;
let rounds: Round[];
let lower: { isLeader: boolean; leader: string; rounds(): Round[] } | null;
let own: Set<string>;
let given: [leader: string, transactions: ParsedTransaction[]][];
let handOn: HandOn;

const make = () => transactionOf('ada', { contract: 'transfer', function: 'transfer' });

beforeEach(() => {
	pool = new Pool();
	rounds = [];
	lower = { isLeader: false, leader: 'lea', rounds: () => rounds };
	own = new Set();
	given = [];
	handOn = new HandOn({
		pool,
		viewTimeoutMs: VIEW_TIMEOUT_MS,
		limit: LIMIT,
		lower: () => lower,
		isOwn: (id) => own.has(id),
		give: (leader, transactions) => given.push([leader, transactions])
	});
});

describe('what waits in a member’s pool', () => {
	it('is handed to a leader that does nothing, before it counts as overdue', () => {
		const old = make();
		pool.add(old, 0);
		handOn.look(IDLE_MS);
		expect(given).toEqual([]);
		handOn.look(IDLE_MS + 1);
		expect(given).toEqual([['lea', [old]]]);
	});

	it('is left for longer to a leader that is busy', () => {
		rounds = [{} as Round];
		pool.add(make(), 0);
		handOn.look(HAND_ON_MS);
		expect(given).toEqual([]);
		handOn.look(HAND_ON_MS + 1);
		expect(given).toHaveLength(1);
	});

	it('is handed on once to each leader, and again at growing intervals', () => {
		pool.add(make(), 0);
		handOn.look(IDLE_MS + 1);
		handOn.look(IDLE_MS + HAND_ON_MS);
		expect(given).toHaveLength(1);
		handOn.look(IDLE_MS + 1 + HAND_ON_MS);
		expect(given).toHaveLength(2);
		handOn.viewBegun();
		lower!.leader = 'max';
		handOn.look(IDLE_MS + 2 + HAND_ON_MS);
		expect(given.map(([leader]) => leader)).toEqual(['lea', 'lea', 'max']);
	});

	it('is a block’s worth at most, and none of what this node made', () => {
		const transactions = [make(), make(), make()];
		for (const one of transactions) pool.add(one, 0);
		own.add(transactions[0]!.id);
		handOn.look(IDLE_MS + 1);
		expect(given).toEqual([['lea', [transactions[1]]]]);
	});

	it('stays where it is with the leader, and with who is no member', () => {
		pool.add(make(), 0);
		lower!.isLeader = true;
		handOn.look(HAND_ON_MS + 1);
		lower = null;
		handOn.look(HAND_ON_MS + 1);
		expect(given).toEqual([]);
	});
});
