import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestNetwork, type TestTab } from '../../../../relay/booter/testing/test-network.ts';
import { taggedHash } from '../../crypto/hash.ts';
import { Admission, InvitationSchema, SignedInvitationSchema } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { MAX_AMOUNT } from '../../ledger/accounts.ts';
import { ApiError, type ApiEvents, type NodeStatus } from '../api.ts';

fc.configureGlobal({ seed: 30 });

const SOMEBODY = '11'.repeat(32);

/** What a call comes to: `ok`, or the name of its error. */
async function outcome(network: TestNetwork, promise: Promise<unknown>): Promise<string> {
	try {
		await network.settle(promise);
		return 'ok';
	} catch (error) {
		return (error as Error).name;
	}
}

describe('joining', () => {
	it('ends as a voting member, and says so on the way', async () => {
		const network = await TestNetwork.start();
		const tab = await network.tab('Ada');
		const activities: string[] = [];
		const roles: ApiEvents['role'][] = [];
		tab.api.on('status', ({ activity }) => activities.push(activity));
		tab.api.on('role', (role) => roles.push(role));
		await network.run(500);
		expect(await tab.api.node.status()).toMatchObject({
			activity: 'ready',
			partition: null,
			role: 'observer'
		});
		const joining = tab.api.node.join({ nickname: 'Ada L.' });
		expect((await tab.api.node.status()).activity).toBe('joining');
		const status = await network.settle(joining);
		expect(status).toMatchObject({
			nodeId: tab.id,
			nickname: 'Ada L.',
			activity: 'voting',
			partition: 1,
			role: 'leader',
			epoch: 1,
			view: 0,
			finalHeight: 1,
			quorum: 1,
			faulty: 0,
			relay: { url: 'http://relay.test', path: 'direct', rttMs: 0 },
			relays: [{ id: network.booterId, name: '', path: 'direct', rttMs: 0 }],
			links: [],
			stuck: null,
			sync: null,
			crypto: 'simulation'
		});
		expect(status.members).toEqual([
			{ id: tab.id, nickname: 'Ada L.', role: 'leader', alive: true, finalHeight: 1 }
		]);
		await network.run(500);
		expect(activities.at(-1)).toBe('voting');
		expect(roles.at(-1)).toEqual({ role: 'leader', partition: 1, epoch: 1, view: 0 });
	});

	it('goes to the partition that is wished for, else to the smallest', async () => {
		const network = await TestNetwork.start([4, 4]);
		const partitions: (number | null)[] = [];
		for (const partition of [2, undefined, undefined, 0, 2]) {
			const tab = await network.tab();
			partitions.push((await network.settle(tab.api.node.join({ partition }))).partition);
		}
		expect(partitions).toEqual([2, 1, 1, 2, 2]);
		const info = await network.tabs[0]!.api.node.network();
		expect(info.partitions.map(({ id, members, maxMembers }) => [id, members.length, maxMembers])).toEqual([
			[1, 2, 4],
			[2, 3, 4]
		]);
		expect(info).toMatchObject({ name: 'test', admission: 'open', contracts: ['transfer', 'spectrum'] });
		for (const { members, leader } of info.partitions) expect(leader).toBe(members[0]!.id);
	});

	it('twice is refused, while it goes on and afterwards', async () => {
		const network = await TestNetwork.start();
		const { api } = await network.tab();
		const first = api.node.join();
		expect(await outcome(network, api.node.join())).toBe('AlreadyMember');
		await network.settle(first);
		expect(await outcome(network, api.node.join())).toBe('AlreadyMember');
	});

	it.each<[string, unknown, string]>([
		['an empty name', { nickname: '' }, 'InvalidArgument'],
		['a name with a line break', { nickname: 'a\nb' }, 'InvalidArgument'],
		['a name that is none', { nickname: 5 }, 'InvalidArgument'],
		['half a partition', { partition: 1.5 }, 'InvalidArgument'],
		['a partition below all', { partition: -1 }, 'InvalidArgument'],
		['a partition that is no number', { partition: 'first' }, 'InvalidArgument'],
		['a partition that does not exist', { partition: 7 }, 'PartitionFull'],
		['an invitation that cannot be read', { invitation: '%' }, 'InvitationInvalid'],
		['an invitation that is no text', { invitation: 5 }, 'InvitationInvalid']
	])('with %s is refused by name, and may be tried again', async (_what, options, name) => {
		const network = await TestNetwork.start();
		const { api } = await network.tab();
		expect(await outcome(network, api.node.join(options as object))).toBe(name);
		expect(await outcome(network, api.node.join())).toBe('ok');
	});

	it('without any options is joining all the same', async () => {
		const network = await TestNetwork.start();
		const { api } = await network.tab();
		expect(await outcome(network, api.node.join(null as never))).toBe('ok');
	});

	it('finds no seat where all are taken, and one when somebody has left', async () => {
		const network = await TestNetwork.start([1]);
		const first = await network.member();
		const second = await network.tab();
		expect(await outcome(network, second.api.node.join())).toBe('PartitionFull');
		await network.settle(first.api.node.leave());
		expect(await outcome(network, second.api.node.join())).toBe('ok');
	});

	it('says that the relay is not reached, after half a minute of trying', async () => {
		const network = await TestNetwork.start();
		const tab = await network.tab();
		await network.stopBooter();
		const startMs = network.time.nowMs;
		expect(await outcome(network, tab.api.node.join())).toBe('NotConnected');
		expect(network.time.nowMs - startMs).toBeGreaterThanOrEqual(30_000);
		expect((await tab.api.node.status()).activity).toBe('connecting');
	});

	it('waits for a relay that comes back', async () => {
		const network = await TestNetwork.start();
		const tab = await network.tab();
		await network.stopBooter();
		const joining = tab.api.node.join();
		await network.run(5000);
		await network.startBooter();
		expect(await outcome(network, joining)).toBe('ok');
	});

	it('ends with the node', async () => {
		const network = await TestNetwork.start();
		const tab = await network.tab();
		await network.stopBooter();
		const joining = tab.api.node.join();
		await network.run(1000);
		tab.store.deleteUnderneath();
		expect(await outcome(network, joining)).toBe('StorageLost');
		expect(await tab.api.node.status()).toMatchObject({
			activity: 'halted',
			stuck: null,
			halted: { code: 'StorageLost', message: 'the ledger was deleted while the node was running' }
		});
	});

	describe('where the operator invites', () => {
		async function invitation(network: TestNetwork, uses = 1): Promise<string> {
			const bytes = toBinary(
				InvitationSchema,
				create(InvitationSchema, {
					chainId: taggedHash('genesis', network.genesis),
					expiresMs: BigInt(network.time.nowMs + 100_000),
					uses
				})
			);
			const signature = await network.operator.sign(taggedHash('invitation', bytes));
			const signed = create(SignedInvitationSchema, { invitation: bytes, signature });
			return Buffer.from(toBinary(SignedInvitationSchema, signed)).toString('base64url');
		}

		it('takes an invitation, as often as it may be used', async () => {
			const network = await TestNetwork.start([4], { admission: Admission.INVITATION });
			const text = await invitation(network);
			const [guest, other] = [await network.tab(), await network.tab()];
			expect(await outcome(network, guest.api.node.join())).toBe('InvitationRequired');
			expect(await outcome(network, guest.api.node.join({ invitation: text }))).toBe('ok');
			expect(await outcome(network, other.api.node.join({ invitation: text }))).toBe('InvitationInvalid');
			expect((await other.api.node.network()).admission).toBe('invitation');
		});

		it('takes none that the operator has not signed', async () => {
			const network = await TestNetwork.start([4], { admission: Admission.INVITATION });
			const bytes = Buffer.from(await invitation(network), 'base64url');
			bytes[bytes.length - 1]! ^= 1;
			const { api } = await network.tab();
			const forged = bytes.toString('base64url');
			expect(await outcome(network, api.node.join({ invitation: forged }))).toBe('InvitationInvalid');
		});
	});
});

describe('leaving', () => {
	it('ends the membership, and is for members', async () => {
		const network = await TestNetwork.start();
		const [first, second] = [await network.member(), await network.member()];
		await network.settle(second.api.node.leave());
		expect(await second.api.node.status()).toMatchObject({
			partition: null,
			role: 'observer',
			activity: 'ready'
		});
		await network.until(() => first.node.partition?.members.length === 1);
		expect(await outcome(network, second.api.node.leave())).toBe('NotMember');
		// The money stays, and the way back is open.
		expect(await second.api.account.balance()).toBe('1000000');
		expect(await outcome(network, second.api.node.join())).toBe('ok');
		expect(await second.api.account.balance()).toBe('1000000');
	});
});

describe('a network of three', () => {
	let network: TestNetwork;
	let ada: TestTab;
	let bob: TestTab;
	/** Of a payment from Ada to Bob. */
	let paid: Awaited<ReturnType<TestTab['api']['account']['transfer']>>;

	beforeAll(async () => {
		network = await TestNetwork.start([4, 4]);
		ada = await network.member(1);
		bob = await network.member(1);
		await network.member(2);
		paid = await network.settle(ada.api.account.transfer(bob.id, '5'));
		await network.settle(ada.api.account.transfer(bob.id, 7));
		// The query tables follow at their own pace.
		await network.run(2000);
	});

	const ask = <T>(promise: Promise<T>): Promise<T> => network.settle(promise);

	describe('a transfer', () => {
		it('resolves with its receipt when its block is final', async () => {
			expect(paid).toMatchObject({ status: 'ok', error: null, message: null, index: 0 });
			expect(paid.events).toEqual([
				{
					contract: 'transfer',
					kind: 'Transferred',
					data: { from: ada.id, to: bob.id, amount: '5' }
				}
			]);
			expect(await ask(ada.api.account.balance())).toBe(String(1_000_000 - 12));
			expect(await ask(ada.api.account.balance(bob.id.toUpperCase()))).toBe('1000012');
			expect(await ask(bob.api.account.id())).toBe(bob.id);
		});

		it('that the ledger refuses resolves too, with the reason', async () => {
			const receipt = await ask(ada.api.account.transfer(bob.id, '2000000'));
			expect(receipt).toMatchObject({ status: 'failed', error: 'InsufficientBalance', events: [] });
			expect(receipt.message).toContain('2000000 are needed');
		});

		it.each<[unknown, unknown]>([
			['', 1],
			['11', 1],
			[`${SOMEBODY}11`, 1],
			['zz'.repeat(32), 1],
			[5, 1],
			[null, 1],
			[SOMEBODY, 0],
			[SOMEBODY, -1],
			[SOMEBODY, 1.5],
			[SOMEBODY, '1.5'],
			[SOMEBODY, '-1'],
			[SOMEBODY, '0x10'],
			[SOMEBODY, 'much'],
			[SOMEBODY, ''],
			[SOMEBODY, 1e21],
			[SOMEBODY, NaN],
			[SOMEBODY, null],
			[SOMEBODY, undefined],
			[SOMEBODY, String(MAX_AMOUNT + 1n)],
			[SOMEBODY, '9'.repeat(20)]
		])('to %j of %j is refused before anything is sent', async (to, amount) => {
			const before = await ask(ada.api.pool.status());
			expect(await outcome(network, ada.api.account.transfer(to as string, amount as string))).toBe(
				'InvalidArgument'
			);
			expect(await ask(ada.api.pool.status())).toEqual(before);
		});

		it('is for members', async () => {
			const outsider = await network.tab();
			expect(await outcome(network, outsider.api.account.transfer(SOMEBODY, 1))).toBe('NotMember');
			await outsider.stop();
		});
	});

	describe('the chain', () => {
		it('says where it stands', async () => {
			const head = await ask(ada.api.chain.head());
			expect(head).toEqual(await ask(bob.api.chain.head()));
			const status = await ask(ada.api.node.status());
			expect([status.finalHeight, status.height]).toEqual([head.height, head.height]);
		});

		it('gives a block by height, by height as text, and by hash', async () => {
			const block = await ask(ada.api.chain.block(paid.height));
			expect(block).toMatchObject({
				height: paid.height,
				hash: paid.blockHash,
				kind: 'block',
				partition: 1,
				epoch: 2,
				roundId: 1,
				membership: null
			});
			expect(block.transactions).toEqual([
				{
					id: paid.transactionId,
					index: 0,
					sender: ada.id,
					contract: 'transfer',
					function: 'transfer',
					status: 'ok'
				}
			]);
			expect(block.certificate).toMatchObject({ view: 0, quorum: 2, members: 2 });
			expect(block.finality.partitions.map(({ partition, quorum }) => [partition, quorum]).sort()).toEqual([
				[1, 2],
				[2, 1]
			]);
			expect(await ask(ada.api.chain.block(String(paid.height)))).toEqual(block);
			expect(await ask(ada.api.chain.block(block.hash.toUpperCase()))).toEqual(block);
		});

		it('shows a change of members as one', async () => {
			const block = await ask(bob.api.chain.block(1));
			expect(block).toMatchObject({ kind: 'membership', certificate: null, transactions: [] });
			expect(block.membership).toMatchObject({ joined: [ada.id], left: [], evicted: [] });
			expect(block.finality.byOperator).toBe(true);
		});

		it('lists blocks newest first, in pages, of all partitions or of one', async () => {
			const { height } = await ask(ada.api.chain.head());
			const heights = async (options?: Parameters<typeof ada.api.chain.blocks>[0]) =>
				(await ask(ada.api.chain.blocks(options))).map((block) => block.height);
			const all = Array.from({ length: height }, (_, i) => height - i);
			expect(await heights()).toEqual(all.slice(0, 20));
			expect(await heights({ limit: 2 })).toEqual(all.slice(0, 2));
			expect(await heights({ limit: 2, beforeHeight: 4 })).toEqual([3, 2]);
			expect(await heights({ beforeHeight: 1 })).toEqual([]);
			expect(await heights({ beforeHeight: 0 })).toEqual([]);
			expect(await heights({ beforeHeight: 1_000_000 })).toEqual(all.slice(0, 20));
			expect(await heights({ limit: 1_000_000 })).toEqual(all);
			expect(await heights({ partition: 2 })).toEqual([3]);
			expect(await heights({ partition: 9 })).toEqual([]);
			expect(await heights({ partition: 1, limit: 1, beforeHeight: 3 })).toEqual([2]);
		});

		it('gives a transaction with receipt, position and a proof that it computed', async () => {
			const found = await ask(bob.api.chain.transaction(paid.transactionId));
			expect(found).toMatchObject({
				id: paid.transactionId,
				state: 'final',
				status: 'ok',
				height: paid.height,
				blockHash: paid.blockHash,
				index: 0,
				arguments: { to: bob.id, amount: '5' },
				receipt: paid,
				proof: { path: [], valid: true }
			});
			expect(found.proof!.root).toBe((await ask(bob.api.chain.block(paid.height))).transactionsRoot);
			expect(found.nonce).toHaveLength(32);
		});

		it('finds a transaction of long ago in the query tables', async () => {
			ada.node.chain.recent.prune(1_000_000);
			expect(await ask(ada.api.chain.transaction(paid.transactionId))).toMatchObject({ height: paid.height });
		});

		it('lists what an account has to do with, newest first, in pages', async () => {
			const ofBob = await ask(ada.api.chain.transactionsOf(bob.id));
			const ids = ofBob.map(({ id }) => id);
			expect(ids.at(-1)).toBe(paid.transactionId);
			expect(ofBob.map(({ height }) => height)).toEqual(
				ofBob.map(({ height }) => height).sort((a, b) => b! - a!)
			);
			const older = await ask(ada.api.chain.transactionsOf(bob.id, { beforeHeight: ofBob.at(-2)!.height! }));
			expect(older.map(({ id }) => id)).toEqual([paid.transactionId]);
			expect(await ask(ada.api.chain.transactionsOf(bob.id, { limit: 1 }))).toHaveLength(1);
			expect(await ask(ada.api.chain.transactionsOf(SOMEBODY))).toEqual([]);
		});

		it('verifies itself, all or a part', async () => {
			const { height } = await ask(ada.api.chain.head());
			expect(await ask(ada.api.chain.verify())).toEqual({ checked: height, firstBad: null });
			expect(await ask(ada.api.chain.verify(2, 3))).toEqual({ checked: 2, firstBad: null });
			expect(await ask(ada.api.chain.verify(0, 1_000_000))).toEqual({ checked: height, firstBad: null });
		});
	});

	describe('what is not there, or is no question, is refused by name', () => {
		it.each<[string, (tab: TestTab) => Promise<unknown>, string]>([
			['a block above the head', ({ api }) => api.chain.block(1_000_000), 'NotFound'],
			['genesis, which is no block', ({ api }) => api.chain.block(0), 'NotFound'],
			['a block by a hash that none has', ({ api }) => api.chain.block(SOMEBODY), 'NotFound'],
			['a block by half a hash', ({ api }) => api.chain.block('1f'), 'InvalidArgument'],
			['a block by half a height', ({ api }) => api.chain.block(1.5), 'InvalidArgument'],
			['a block below all', ({ api }) => api.chain.block(-1), 'InvalidArgument'],
			['a block by nothing', ({ api }) => api.chain.block(undefined as never), 'InvalidArgument'],
			['a block by a word', ({ api }) => api.chain.block('latest'), 'InvalidArgument'],
			['a page of nothing', ({ api }) => api.chain.blocks({ limit: 0 }), 'InvalidArgument'],
			['half a page', ({ api }) => api.chain.blocks({ limit: 1.5 }), 'InvalidArgument'],
			[
				'a page before a word',
				({ api }) => api.chain.blocks({ beforeHeight: 'x' as never }),
				'InvalidArgument'
			],
			[
				'a page before less than nothing',
				({ api }) => api.chain.blocks({ beforeHeight: -1 }),
				'InvalidArgument'
			],
			['a page of half a partition', ({ api }) => api.chain.blocks({ partition: 1.5 }), 'InvalidArgument'],
			['a transaction that nobody made', ({ api }) => api.chain.transaction(SOMEBODY), 'NotFound'],
			['a transaction by a word', ({ api }) => api.chain.transaction('mine'), 'InvalidArgument'],
			['an account that is none', ({ api }) => api.chain.transactionsOf('Ada'), 'InvalidArgument'],
			[
				'an account’s page before a word',
				({ api }) => api.chain.transactionsOf(SOMEBODY, { beforeHeight: 'x' as never }),
				'InvalidArgument'
			],
			['a verification from a word', ({ api }) => api.chain.verify('x' as never), 'InvalidArgument'],
			['a verification to less than nothing', ({ api }) => api.chain.verify(1, -1), 'InvalidArgument'],
			['a balance of a word', ({ api }) => api.account.balance('Ada'), 'InvalidArgument'],
			['a balance of nothing', ({ api }) => api.account.balance(null as never), 'InvalidArgument'],
			['a key that holds nothing', ({ api }) => api.state.get('account/nobody'), 'NotFound'],
			['a key that is none', ({ api }) => api.state.get(5 as never), 'InvalidArgument'],
			['a name with a line break', ({ api }) => api.node.setNickname('a\nb'), 'InvalidArgument'],
			['a file that is none', ({ api }) => api.spectrum.importAps(null as never), 'InvalidArgument'],
			[
				'access points of nothing',
				({ api }) => api.spectrum.generateAps(undefined as never),
				'InvalidArgument'
			],
			['a mechanism of chance', ({ api }) => api.spectrum.setMechanism('dice'), 'UnknownMechanism'],
			['no bids', ({ api }) => api.spectrum.bids({ limit: 0 }), 'InvalidArgument'],
			[
				'a manager that sells what it just bought',
				({ api }) => api.spectrum.setManager({ sellAtPpm: 400_000 }),
				'ManagerSettings'
			],
			[
				'a manager that buys at a word',
				({ api }) => api.spectrum.setManager({ buyAtPpm: 'often' as never }),
				'ManagerSettings'
			],
			[
				'a manager that gains less than nothing',
				({ api }) => api.spectrum.setManager({ minimumGain: '-1' }),
				'ManagerSettings'
			],
			[
				'a setting that no manager has',
				({ api }) => api.spectrum.setManager({ greed: 1 } as never),
				'InvalidArgument'
			]
		])('%s', async (_what, run, name) => {
			expect(await outcome(network, run(ada))).toBe(name);
		});

		it('whatever is asked: an answer, or an ApiError', async () => {
			const strange = fc.oneof(
				fc.anything(),
				fc.string(),
				fc.constantFrom(SOMEBODY, ada.id, paid.transactionId, paid.blockHash, 1, 2, '1'),
				fc.record({ limit: fc.anything(), beforeHeight: fc.anything(), partition: fc.nat({ max: 3 }) })
			);
			const calls: ((...args: never[]) => Promise<unknown>)[] = [
				ada.api.chain.block,
				ada.api.chain.blocks,
				ada.api.chain.transaction,
				ada.api.chain.transactionsOf,
				ada.api.chain.verify,
				ada.api.account.balance,
				ada.api.account.transfer,
				ada.api.state.get,
				ada.api.node.join,
				ada.api.node.setNickname,
				ada.api.spectrum.aps,
				ada.api.spectrum.trades,
				ada.api.spectrum.bids,
				ada.api.spectrum.setMechanism,
				ada.api.spectrum.setManager,
				ada.api.spectrum.importAps,
				ada.api.spectrum.generateAps
			];
			const count = { answered: 0, refused: 0 };
			await fc.assert(
				fc.asyncProperty(
					fc.constantFrom(...calls),
					fc.array(strange, { maxLength: 3 }),
					async (run, args) => {
						try {
							await network.settle(run(...(args as never[])));
							count.answered += 1;
						} catch (error) {
							if (!(error instanceof ApiError)) throw error;
							count.refused += 1;
						}
					}
				),
				{ numRuns: 1500 }
			);
			expect(count.answered).toBeGreaterThan(100);
			expect(count.refused).toBeGreaterThan(500);
			expect(network.halted).toEqual([]);
		});
	});

	it('state: a value, what it means, and the version before', async () => {
		const key = `account/${bob.id}`;
		const { value, decoded, height, previous } = await ask(ada.api.state.get(key));
		expect(decoded).toBe(await ask(ada.api.account.balance(bob.id)));
		expect(value).toMatch(/^[0-9a-f]+$/);
		expect(previous!.height).toBeLessThan(height);
		expect(previous!.value).not.toBe(value);
		expect((await ask(ada.api.state.get('partition/0001'))).decoded).toBeNull();
	});

	it('a contract’s escrow has a balance too', async () => {
		expect(await ask(ada.api.account.balance('escrow:spectrum:none'))).toBe('0');
	});

	it('generated access points take a seed and a count, and nothing that could keep this node busy for ever', async () => {
		const options = { seed: 4, count: 3, sideM: NaN, center: null };
		const report = await ask(bob.api.spectrum.generateAps(options));
		expect(report).toMatchObject({ accepted: 3, rejected: [] });
		await network.run(3000);
		expect(await ask(bob.api.spectrum.aps({ own: true }))).toHaveLength(3);
		expect(await ask(ada.api.spectrum.aps({ own: true }))).toEqual([]);
		expect(await ask(ada.api.spectrum.aps({ owner: bob.id }))).toHaveLength(3);
	});

	it('a new name is shown until the ledger knows one', async () => {
		const tab = await network.tab('old name');
		await ask(tab.api.node.setNickname('new name'));
		expect((await ask(tab.api.node.status())).nickname).toBe('new name');
		await tab.stop();
	});

	describe('events', () => {
		it('tell of each final block, in order, until nobody wants to hear', async () => {
			const blocks: ApiEvents['block'][] = [];
			const stop = bob.api.on('block', (block) => blocks.push(block));
			const first = await ask(ada.api.account.transfer(bob.id, 1));
			const second = await ask(ada.api.account.transfer(bob.id, 1));
			await network.until(() => bob.node.chain.head.height >= second.height);
			stop();
			await ask(ada.api.account.transfer(bob.id, 1));
			expect(blocks.map(({ height, hash }) => [height, hash])).toEqual([
				[first.height, first.blockHash],
				[second.height, second.blockHash]
			]);
			expect(blocks[0]).toMatchObject({ partition: 1, transactions: 1, kind: 'block' });
		});

		it('a listener that fails is reported, and the others hear', async () => {
			const heard: number[] = [];
			const stops = [
				ada.api.on('block', () => {
					throw new Error('a bad listener');
				}),
				ada.api.on('block', ({ height }) => heard.push(height))
			];
			const { height } = await ask(ada.api.account.transfer(bob.id, 1));
			for (const stop of stops) stop();
			expect(heard).toEqual([height]);
			expect(ada.reports).toEqual([new Error('a bad listener')]);
		});

		it('status comes at most ten times a second', async () => {
			const statuses: NodeStatus[] = [];
			const stop = ada.api.on('status', (status) => statuses.push(status));
			for (let i = 0; i < 5; i++) await ask(ada.api.account.transfer(bob.id, 1));
			const count = statuses.length;
			await network.run(1000);
			stop();
			expect(statuses.length - count).toBeLessThanOrEqual(11);
			expect(statuses.length).toBeGreaterThan(0);
		});
	});
});

describe('a transfer that has to wait', () => {
	let network: TestNetwork;

	afterEach(() => expect(network.halted.length).toBeLessThan(2));

	it('is seen in the pool, and shown as pending', async () => {
		network = await TestNetwork.start();
		const tab = await network.member();
		await network.stopBooter();
		const waiting = tab.api.account.transfer(SOMEBODY, 5);
		await network.run(100);
		expect(await tab.api.pool.status()).toEqual({ pending: 1, queued: 1, rejected: 0 });
		const [id] = tab.node.pool.waiting(1, 10_000, new Set());
		expect(await tab.api.chain.transaction(id!)).toMatchObject({
			state: 'pending',
			height: null,
			blockHash: null,
			time: null,
			receipt: null,
			proof: null,
			arguments: { to: SOMEBODY, amount: '5' }
		});
		await network.startBooter();
		expect((await network.settle(waiting)).status).toBe('ok');
		expect(await tab.api.pool.status()).toEqual({ pending: 0, queued: 0, rejected: 0 });
	});

	it('is rejected where the node stops, or is stopped', async () => {
		const ways: [(tab: TestTab) => void, string][] = [
			[(tab) => tab.store.deleteUnderneath(), 'StorageLost'],
			[(tab) => tab.api.stop(), 'NodeHalted']
		];
		for (const [end, name] of ways) {
			network = await TestNetwork.start();
			const tab = await network.member();
			await network.stopBooter();
			const waiting = tab.api.account.transfer(SOMEBODY, 5);
			await network.run(100);
			end(tab);
			expect(await outcome(network, waiting)).toBe(name);
		}
	});

	it('is rejected when it was not ordered in time: nothing was paid', async () => {
		network = await TestNetwork.start([4, 4, 4], { expiryWindow: 5 });
		const [tab, other] = [await network.member(1), await network.member(2)];
		await network.member(3);
		// Its certified block does not reach the Booter, and the two other partitions go on.
		network.hub.cut(tab.id, network.booterId);
		const expired = outcome(network, tab.api.account.transfer(SOMEBODY, 5));
		for (let i = 0; i < 6; i++) await network.settle(other.api.account.transfer(SOMEBODY, 1));
		network.hub.heal(tab.id, network.booterId);
		expect(await expired).toBe('Expired');
		expect(await other.api.account.balance(SOMEBODY)).toBe('6');
	});
});
