/** The TypeScript shapes of the client API and api.proto say the same: real answers are read by the schema, with no name left over. */
import { fromJson, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#lib/crypto/hex.ts';
import { encodeGenesis, GENESIS_DEFAULTS } from '#lib/ledger/genesis.ts';
import { MemoryHub } from '#lib/network/memory-network.ts';
import { MemoryAccessPointDatabase } from '#lib/storage/access-point-database.ts';
import { MemoryLedgerStore } from '#lib/storage/memory-ledger-store.ts';
import { MemoryQueryTables } from '#lib/storage/memory-query-tables.ts';
import {
	ApInfoSchema,
	BidInfoSchema,
	BlockInfoSchema,
	GrantInfoSchema,
	HeadSchema,
	ImportReportSchema,
	ManagerInfoSchema,
	NetworkInfoSchema,
	NodeStatusSchema,
	PoolStatusSchema,
	ReceiptInfoSchema,
	SpectrumMetricsSchema,
	StateValueSchema,
	TradeInfoSchema,
	TransactionInfoSchema,
	VerifyReportSchema
} from '#lib/wire/gen/tabwave/v1/api_pb.js';
import { openSuite } from '#lib/crypto/open-suite.ts';
import { BooterNode } from './booter-node.ts';
import { systemClock } from '#lib/node/clock.ts';
import { openChain } from '#lib/node/open-chain.ts';
import { contractsOf, startSession, type Session } from '#lib/node/session.ts';
import { DEFAULT_TIMING } from '#lib/node/timing.ts';

/** A whole network of one partition with one tab, in memory, on the machine's own clock; nothing here waits by time. */
let session: Session;
let booter: BooterNode;

beforeAll(async () => {
	const suite = await openSuite('ed25519-sha256');
	const operator = await suite.signer(suite.generateSeed());
	const signer = await suite.signer(suite.generateSeed());
	const genesis = encodeGenesis({
		...GENESIS_DEFAULTS,
		createdMs: BigInt(Date.now() - 1000),
		operator: operator.publicKey,
		booters: [signer.publicKey]
	});
	const hub = new MemoryHub();
	const store = new MemoryLedgerStore();
	const booterId = toHex(signer.publicKey);
	const { chain, votes } = await openChain(store, genesis, contractsOf(genesis));
	booter = new BooterNode({
		chain,
		votes,
		store,
		network: hub.network(booterId),
		suite,
		signer,
		operator,
		clock: systemClock,
		random: Math.random,
		timing: DEFAULT_TIMING,
		events: {
			committed: () => {},
			halted: (error) => {
				throw error;
			},
			log: () => {}
		}
	});
	await booter.start();
	const seed = suite.generateSeed();
	const network = hub.network(toHex((await suite.signer(seed)).publicKey));
	// As a real network does, this one keeps the link to the relay whatever the peers are.
	const setPeers = network.setPeers.bind(network);
	network.setPeers = (peers) => setPeers([...peers, booterId]);
	session = await startSession({
		genesis,
		seed,
		nickname: 'Ada',
		network,
		store: new MemoryLedgerStore(),
		tables: new MemoryQueryTables(),
		accessPoints: new MemoryAccessPointDatabase(),
		clock: systemClock,
		timing: DEFAULT_TIMING,
		mechanism: 'greedy',
		relayUrl: 'http://localhost',
		storage: async () => ({ kind: 'memory', persistent: null, usedBytes: null, quotaBytes: null }),
		log: () => {}
	});
});

afterAll(async () => {
	await session.stop();
	await booter.stop();
});

function read(schema: DescMessage, answer: unknown): void {
	// Unknown names are refused by default: a name that only one side has fails here.
	expect(() => fromJson(schema, withoutNulls(JSON.parse(JSON.stringify(answer))) as JsonValue)).not.toThrow();
}

/** An absent value is null in the API, and absent in the schema. */
function withoutNulls(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(withoutNulls);
	if (typeof value !== 'object' || value === null) return value;
	return Object.fromEntries(
		Object.entries(value)
			.filter(([, field]) => field !== null)
			.map(([name, field]) => [name, withoutNulls(field)])
	);
}

describe('api.proto reads what the client API answers', () => {
	it('joins, transfers, imports and asks for everything', async () => {
		const { api } = session;
		read(NodeStatusSchema, await api.node.join({ nickname: 'Ada' }));
		read(NetworkInfoSchema, await api.node.network());
		const receipt = await api.account.transfer('11'.repeat(32), '5');
		expect(receipt.status).toBe('ok');
		read(ReceiptInfoSchema, receipt);
		read(TransactionInfoSchema, await api.chain.transaction(receipt.transactionId));
		for (const block of await api.chain.blocks({ limit: 10 })) read(BlockInfoSchema, block);
		read(HeadSchema, await api.chain.head());
		const report = await api.chain.verify();
		expect(report).toEqual({ checked: 2, firstBad: null });
		read(VerifyReportSchema, report);
		read(PoolStatusSchema, await api.pool.status());
		read(StateValueSchema, await api.state.get(`account/${'11'.repeat(32)}`));
		expect(await api.account.balance('11'.repeat(32))).toBe('5');
	});

	it('trades spectrum with itself', async () => {
		const { api } = session;
		const traded = new Promise<unknown>((resolve) => api.on('trade', resolve));
		read(ImportReportSchema, await api.spectrum.generateAps({ seed: 3, count: 60 }));
		read(TradeInfoSchema, await traded);
		for (const ap of await api.spectrum.aps()) read(ApInfoSchema, ap);
		for (const bid of await api.spectrum.bids()) read(BidInfoSchema, bid);
		for (const grant of await api.spectrum.grants()) read(GrantInfoSchema, grant);
		read(SpectrumMetricsSchema, await api.spectrum.metrics());
		read(ManagerInfoSchema, await api.spectrum.manager());
		read(ManagerInfoSchema, await api.spectrum.setManager({ minimumGain: '60' }));
		expect(await api.spectrum.manager()).toMatchObject({ minimumGain: '60', buyAtPpm: 800_000 });
	});

	it('refuses what it cannot do with a name', async () => {
		const { api } = session;
		await expect(api.node.join()).rejects.toMatchObject({ name: 'AlreadyMember' });
		await expect(api.chain.block(999_999)).rejects.toMatchObject({ name: 'NotFound' });
		await expect(api.chain.transaction('ff')).rejects.toMatchObject({ name: 'InvalidArgument' });
		await expect(api.account.transfer('11'.repeat(32), '-1')).rejects.toMatchObject({
			name: 'InvalidArgument'
		});
		await expect(api.spectrum.setMechanism('dice')).rejects.toMatchObject({ name: 'UnknownMechanism' });
		await expect(api.spectrum.importAps('not a file')).rejects.toMatchObject({ name: 'BadFile' });
		await expect(api.state.get('nothing/here')).rejects.toMatchObject({ name: 'NotFound' });
	});
});
