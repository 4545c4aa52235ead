/**
 * Commands in any order, against a plain model of what the contract should do (testing/options-model.ts), with each option of
 * genesis, both, and neither. After every command: the same refusal or the same state, and as much money as before.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accessPoint, northOf } from '../testing/access-points.ts';
import {
	OptionsModel,
	type Asked,
	type ModelAp,
	type ModelBid,
	type ModelRules,
	type ModelStatus,
	type RevealFault
} from '../testing/options-model.ts';
import { TestChain, account, type TestCall } from '../testing/test-chain.ts';
import {
	bidArguments,
	commitArguments,
	heartbeatArguments,
	issueArguments,
	relinquishArguments,
	roundArguments,
	switchArguments
} from './arguments.ts';
import { TREASURY, escrowAccount } from './keys.ts';
import { CLOSED_BID_RETENTION } from './limits.ts';
import { sealedBidHash, type SealedBid } from './sealed-bid.ts';

fc.configureGlobal({ seed: 51 });

const RUNS = 10;
const MAX_COMMANDS = 200;
const START = 200n;
const [ANN, BEN, CID] = ['ann', 'ben', 'cid'].map(account) as [string, string, string];
const OWNERS = [ANN, BEN, CID];
/** The first two are too close to each other. Nobody is ever busy, so that no seller's cap is reached. */
const SITES = [
	{ id: 'a', owner: ANN, metres: 0, channels: [36, 100, 104], idle: [100, 104], neighbours: ['b'] },
	{ id: 'b', owner: BEN, metres: 60, channels: [40], idle: [40], neighbours: ['a'] },
	{ id: 'c', owner: CID, metres: 1000, channels: [44, 48, 60], idle: [44, 48, 60], neighbours: [] },
	{ id: 'd', owner: ANN, metres: 2000, channels: [52, 100, 104], idle: [100, 104], neighbours: [] }
] as const;
const CHANNELS = [44, 48, 60, 100, 104];
const MECHANISM = 'greedy';

/** How often each outcome came up, over all runs. */
const seen = new Map<string, number>();

function setUp(rules: ModelRules): { model: OptionsModel; real: TestChain } {
	const { sealed, grantHeights } = rules;
	const real = new TestChain(100, {
		...(sealed && { sealedBids: sealed }),
		...(grantHeights !== undefined && { grants: { heartbeatHeights: grantHeights } })
	});
	for (const owner of OWNERS) real.credit(owner, START);
	for (const { id, owner, metres, channels, idle } of SITES) {
		const fields = { ...northOf(metres), channels: [...channels], idleChannels: [...idle], occupancyPpm: 0 };
		expect(real.call(owner, 'IssueAPChannelInfo', issueArguments(accessPoint(id, fields))).error).toBe('');
	}
	const aps = SITES.map(({ id, owner, channels, idle, neighbours }): ModelAp => ({
		id,
		owner,
		channels: new Set(channels),
		idle: new Set(idle),
		neighbours
	}));
	const balances = new Map(OWNERS.map((owner) => [owner, START]));
	return { model: new OptionsModel(rules, aps, balances, real.height), real };
}

/** Prices and salts of commitments, which the model knows nothing of. */
const secrets = new WeakMap<ModelBid, SealedBid>();

interface Step {
	call: TestCall;
	reasons: string[];
	/** It went through, under this id. */
	apply(id: string): void;
}

/** One transaction in a block of its own. What it is follows from numbers and from where the model stands. */
class Command implements fc.Command<OptionsModel, TestChain> {
	readonly #words: string;
	readonly #step: (model: OptionsModel) => Step | null;

	constructor(words: string, step: (model: OptionsModel) => Step | null) {
		this.#words = words;
		this.#step = step;
	}

	check(): boolean {
		return true;
	}

	run(model: OptionsModel, real: TestChain): void {
		model.begin(real.height + 1);
		const step = this.#step(model);
		if (!step) {
			real.block([]);
		} else {
			const { id, error } = real.call(step.call.sender, step.call.function, step.call.arguments);
			seen.set(`${step.call.function}:${error}`, (seen.get(`${step.call.function}:${error}`) ?? 0) + 1);
			if (step.reasons.length === 0) expect(error).toBe('');
			else expect(step.reasons).toContain(error);
			if (error === '') step.apply(id);
		}
		expectSame(model, real);
	}

	toString(): string {
		return this.#words;
	}
}

/** Heights in which nothing of this contract runs, and then a block. */
class Pass implements fc.Command<OptionsModel, TestChain> {
	readonly #to: (model: OptionsModel) => number;
	readonly #words: string;

	/** @param to the height of the block, if it is not too far */
	constructor(words: string, to: (model: OptionsModel) => number) {
		this.#words = words;
		this.#to = to;
	}

	check(): boolean {
		return true;
	}

	run(model: OptionsModel, real: TestChain): void {
		const height = Math.min(Math.max(this.#to(model), real.height + 1), real.height + MAX_PASSED);
		real.skip(height - 1 - real.height);
		real.block([]);
		model.begin(height);
		expectSame(model, real);
	}

	toString(): string {
		return this.#words;
	}
}

/** One block sweeps as many heights. */
const MAX_PASSED = 60;

/** All at once: each of thousands of commands is followed by this. */
function expectSame(model: OptionsModel, real: TestChain): void {
	expect(standingOf(real, model)).toEqual(standingOfModel(model));
}

function standingOf(real: TestChain, model: OptionsModel) {
	const records = new Map(real.bids().map((bid) => [bid.id, bid]));
	// Each that there is, and those alone; who was closed long ago may be forgotten.
	const bids = model.bids.map((bid) => {
		const status = records.get(bid.id)?.status;
		records.delete(bid.id);
		const isForgotten = status === undefined && bid.closedHeight + CLOSED_BID_RETENTION < real.height;
		return [isForgotten ? bid.status : status, real.balance(escrowAccount(bid.id))];
	});
	const aps = SITES.map(({ id }) => {
		const { channels, idleChannels, lentChannels = [], grantedChannels = [] } = real.accessPoint(id)!;
		return { channels, idleChannels, lentChannels, grantedChannels };
	});
	const grants = real.grants().map(({ ap, channel, grantorAp, expiryHeight }) => ({
		ap,
		channel,
		grantorAp,
		lastHeight: expiryHeight
	}));
	const balances = OWNERS.map((owner) => real.balance(owner));
	const unknown = [...records.keys()];
	return {
		total: real.totalMoney(),
		balances,
		treasury: real.balance(TREASURY),
		aps,
		grants: grants.sort(byName),
		bids,
		unknown
	};
}

function standingOfModel(model: OptionsModel): ReturnType<typeof standingOf> {
	const aps = SITES.map(({ id }) => {
		const { channels, idle } = model.aps.get(id)!;
		const granted = model.grants.filter(({ ap }) => ap === id).map(({ channel }) => channel);
		return {
			channels: ascending(channels),
			idleChannels: ascending(idle),
			lentChannels: ascending(model.lentBy(id)),
			grantedChannels: ascending(granted)
		};
	});
	return {
		total: START * BigInt(OWNERS.length),
		balances: OWNERS.map((owner) => model.balances.get(owner)!),
		treasury: model.treasury,
		aps,
		grants: [...model.grants].sort(byName),
		bids: model.bids.map((bid) => [bid.status, model.escrowOf(bid)]),
		unknown: []
	};
}

function ascending(channels: Iterable<number>): number[] {
	return [...channels].sort((a, b) => a - b);
}

function byName(a: { ap: string; channel: number }, b: { ap: string; channel: number }): number {
	return a.ap === b.ap ? a.channel - b.channel : a.ap < b.ap ? -1 : 1;
}

const nat = (max: number): fc.Arbitrary<number> => fc.nat(max);
const often = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
	fc.oneof(
		{ weight: 2 * others.length, arbitrary: fc.constant(usual) },
		...others.map((one) => fc.constant(one))
	);
/** Whoever is concerned, or somebody else. */
const senders = often(-1, 0, 1, 2);
const senderOf = (which: number, concerned: string): string => OWNERS[which] ?? concerned;
/** One of the newest; rather one of this status, of which there are fewer. */
function bidOf({ bids }: OptionsModel, back: number, status?: ModelStatus): ModelBid | undefined {
	const wanted = bids.filter((bid) => bid.status === status);
	return wanted[back % (wanted.length + 1)] ?? bids[bids.length - 1 - (back % Math.min(8, bids.length || 1))];
}

const asking = fc
	.record({
		buyer: nat(3),
		seller: nat(3),
		channel: nat(9),
		price: fc.integer({ min: 1, max: 200 }),
		heights: fc.integer({ min: 1, max: 30 }),
		sender: senders,
		replaces: often(-1, 0, 1),
		copies: often(-1, 0, 1)
	})
	.map(
		(n) =>
			new Command(`ask ${JSON.stringify(n)}`, (model) => {
				const [buyer, seller] = [[...model.aps.values()][n.buyer]!, [...model.aps.values()][n.seller]!];
				const idle = [...seller.idle];
				const others = [...CHANNELS, ...seller.channels];
				const channel = idle[n.channel % (idle.length + 2)] ?? others[n.channel % others.length]!;
				const copied = n.copies < 0 || !model.rules.sealed ? undefined : bidOf(model, n.copies);
				const asked: Asked = {
					sender: senderOf(n.sender, buyer.owner),
					buyerAp: buyer.id,
					sellerAp: seller.id,
					channel,
					price: BigInt(n.price),
					lastHeight: model.height + n.heights,
					replaces: (n.replaces < 0 ? undefined : bidOf(model, n.replaces)) ?? null,
					isCopy: false
				};
				return model.rules.sealed ? committing(model, asked, copied) : bidding(model, asked);
			})
	);

function bidding(model: OptionsModel, asked: Asked): Step {
	const { sender, buyerAp, sellerAp, channel, price, lastHeight, replaces } = asked;
	const args = bidArguments({
		buyerAp,
		sellerAp,
		channel,
		price,
		expiryHeight: lastHeight,
		mechanism: MECHANISM,
		replaces: replaces?.id ?? ''
	});
	return {
		call: { sender, function: 'IssueBidingPriceInfo', arguments: args },
		reasons: model.reasonsToAsk(asked),
		apply: (id) => model.ask(id, asked)
	};
}

/** @param copied whose hash is taken: of use to its own buyer alone, who asks the same again */
function committing(model: OptionsModel, question: Asked, copied: ModelBid | undefined): Step {
	const { sender, buyerAp, sellerAp, channel, replaces } = question;
	const salt = new Uint8Array(16).fill(model.bids.length);
	const { price } = copied ? secrets.get(copied)! : question;
	const own: SealedBid = { buyer: sender, buyerAp, sellerAp, channel, price, mechanism: MECHANISM, salt };
	const secret = copied ? { ...own, salt: secrets.get(copied)!.salt } : own;
	const hash = sealedBidHash(copied ? secrets.get(copied)! : secret);
	const asked = { ...question, price, isCopy: hash !== sealedBidHash(secret) };
	const note = new Uint8Array(0);
	const args = commitArguments({ buyerAp, sellerAp, channel, hash, note, replaces: replaces?.id ?? '' });
	return {
		call: { sender, function: 'IssueBidingCommitInfo', arguments: args },
		reasons: model.reasonsToAsk(asked),
		apply: (id) => {
			model.ask(id, asked);
			secrets.set(model.bids.at(-1)!, secret);
		}
	};
}

const revealing = fc
	.record({
		bid: nat(7),
		sender: senders,
		fault: often<RevealFault>('none', 'price', 'salt', 'channel', 'expiry', 'replaces')
	})
	.map(
		({ bid: back, sender: which, fault }) =>
			new Command(`reveal ${back} by ${which} with ${fault}`, (model) => {
				const bid = bidOf(model, back, 'committed');
				if (!bid || !model.rules.sealed) return null;
				const sender = senderOf(which, bid.buyer);
				const { price, salt } = secrets.get(bid)!;
				const args = bidArguments({
					buyerAp: bid.buyerAp,
					sellerAp: bid.sellerAp,
					channel: bid.channel + (fault === 'channel' ? 4 : 0),
					price: price + (fault === 'price' ? 1n : 0n),
					expiryHeight: model.window(bid).stands + (fault === 'expiry' ? 1 : 0),
					mechanism: MECHANISM,
					replaces: fault === 'replaces' ? bid.id : '',
					reveals: { commitment: bid.id, salt: fault === 'salt' ? salt.map((byte) => byte ^ 1) : salt }
				});
				return {
					call: { sender, function: 'IssueBidingPriceInfo', arguments: args },
					reasons: model.reasonsToReveal(sender, bid, fault),
					apply: () => model.reveal(bid)
				};
			})
	);

const rounds = fc.record({ bid: nat(7), sender: senders }).map(
	({ bid: back, sender: which }) =>
		new Command(`round of ${back} by ${which}`, (model) => {
			const bid = bidOf(model, back);
			if (!bid || !model.rules.sealed) return null;
			const sender = senderOf(which, bid.buyer);
			return {
				call: { sender, function: 'IssueBidingRoundInfo', arguments: roundArguments(bid.id) },
				reasons: model.reasonsAgainstRound(sender, bid),
				apply: () => {}
			};
		})
);

const switching = fc.record({ bid: nat(7), sender: senders }).map(
	({ bid: back, sender: which }) =>
		new Command(`switch by ${back} of ${which}`, (model) => {
			const bid = bidOf(model, back, 'open');
			if (!bid) return null;
			const { id, buyerAp, sellerAp, channel } = bid;
			const sender = senderOf(which, model.aps.get(sellerAp)!.owner);
			const args = switchArguments({ bidId: id, buyerAp, sellerAp, channel, mechanism: MECHANISM });
			return {
				call: { sender, function: 'IssueChannelSwitchInfo', arguments: args },
				reasons: model.reasonsToSwitch(sender, bid),
				apply: () => model.switch(bid)
			};
		})
);

/** One that there is, or one that there is not. */
const grantNamed = (model: OptionsModel, which: number): { ap: string; channel: number } => {
	const { ap, channel } = model.grants[which % (model.grants.length + 1)] ?? {
		ap: 'a',
		channel: CHANNELS[which % CHANNELS.length]!
	};
	return { ap, channel };
};

const heartbeats = fc
	.record({ grants: fc.array(nat(4), { minLength: 1, maxLength: 3 }), sender: senders })
	.map(
		({ grants, sender: which }) =>
			new Command(`heartbeat of ${grants.join()} by ${which}`, (model) => {
				if (model.rules.grantHeights === undefined) return null;
				const names = grants.map((one) => grantNamed(model, one));
				const sender = senderOf(which, model.aps.get(names[0]!.ap)!.owner);
				return {
					call: { sender, function: 'IssueGrantHeartbeatInfo', arguments: heartbeatArguments(names) },
					reasons: model.reasonsAgainstHeartbeat(sender, names),
					apply: () => model.heartbeat(names)
				};
			})
	);

const relinquishing = fc.record({ grant: nat(4), sender: senders }).map(
	({ grant, sender: which }) =>
		new Command(`relinquish ${grant} by ${which}`, (model) => {
			if (model.rules.grantHeights === undefined) return null;
			const name = grantNamed(model, grant);
			const sender = senderOf(which, model.aps.get(name.ap)!.owner);
			return {
				call: { sender, function: 'IssueGrantRelinquishInfo', arguments: relinquishArguments(name) },
				reasons: model.reasonsAgainstEnd(sender, name),
				apply: () => model.end(name)
			};
		})
);

/** The owner says that all of its channels are idle, granted ones too. */
const reporting = nat(3).map(
	(which) =>
		new Command(`report ${which}`, (model) => {
			const ap = [...model.aps.values()][which]!;
			const { metres } = SITES[which]!;
			const channels = [...ap.channels].sort((a, b) => a - b);
			const fields = { ...northOf(metres), channels, idleChannels: channels, occupancyPpm: 0 };
			return {
				call: {
					sender: ap.owner,
					function: 'IssueAPChannelInfo',
					arguments: issueArguments(accessPoint(ap.id, fields))
				},
				reasons: [],
				apply: () => channels.forEach((channel) => ap.idle.add(channel))
			};
		})
);

const passing = fc.oneof(
	fc
		.integer({ min: 1, max: 60 })
		.map((heights) => new Pass(`pass ${heights}`, (model) => model.height + heights)),
	fc.record({ bid: nat(3), edge: fc.constantFrom('first', 'last', 'stands'), by: nat(2) }).map(
		({ bid, edge, by }) =>
			new Pass(`pass to ${edge} of ${bid} and ${by - 1}`, (model) => {
				const known = bidOf(model, bid);
				if (!known) return 0;
				return (model.rules.sealed ? model.window(known)[edge as 'first'] : known.lastHeight) + by - 1;
			})
	),
	fc
		.record({ grant: nat(3), by: nat(2) })
		.map(
			({ grant, by }) =>
				new Pass(`pass to the end of grant ${grant} and ${by - 1}`, (model) =>
					model.grants[grant] ? model.grants[grant].lastHeight + by - 1 : 0
				)
		)
);

const COMMANDS = [
	asking,
	asking,
	asking,
	revealing,
	revealing,
	revealing,
	rounds,
	switching,
	switching,
	heartbeats,
	relinquishing,
	reporting,
	passing
];

/** A command is a height: a commitment has some twenty of them to be revealed. */
const SEALED = { commitHeights: 4, revealHeights: 20, deposit: 30n };

describe.each([
	['open bids', {}],
	['sealed bids', { sealed: SEALED }],
	['grants', { grantHeights: 16 }],
	['sealed bids and grants', { sealed: SEALED, grantHeights: 16 }]
] as [string, ModelRules][])('%s', (_, rules) => {
	it('do what the model does, in whatever order', () => {
		fc.assert(
			fc.property(fc.commands(COMMANDS, { maxCommands: MAX_COMMANDS, size: 'max' }), (commands) =>
				fc.modelRun(() => setUp(rules), commands)
			),
			{ numRuns: RUNS }
		);
	});
});

it('reach what they are meant to reach', () => {
	const codes: Record<string, string[]> = {
		IssueBidingPriceInfo: ['', ...ASKED, ...REVEALED],
		IssueBidingCommitInfo: ['', ...ASKED],
		IssueBidingRoundInfo: ['', 'NotBuyerOwner', 'AlreadyRevealed', 'RoundEnded'],
		IssueChannelSwitchInfo: ['', ...SWITCHED],
		IssueGrantHeartbeatInfo: ['', 'UnknownGrant', 'NotHolderOwner', 'GrantNamedTwice'],
		IssueGrantRelinquishInfo: ['', 'UnknownGrant'],
		IssueAPChannelInfo: ['']
	};
	const missed = Object.entries(codes).flatMap(([fn, errors]) =>
		errors.map((error) => `${fn}:${error}`).filter((outcome) => !seen.has(outcome))
	);
	expect(missed).toEqual([]);
	expect([...seen.keys()].filter((outcome) => outcome.endsWith('ContractFault'))).toEqual([]);
});

const ASKED = [
	'SameAp',
	'NotBuyerOwner',
	'NotHeld',
	'NotIdle',
	'Granted',
	'AlreadyHeld',
	'NotReplaceable',
	'Unfunded'
];
const REVEALED = [
	'RevealTooEarly',
	'RevealTooLate',
	'AlreadyRevealed',
	'CommitmentMismatch',
	'BidMismatch',
	'ExpiryOutOfRange'
];
const SWITCHED = [
	'NotSellerOwner',
	'NotRevealed',
	'BidTaken',
	'BidExpired',
	'BidReplaced',
	'LastChannel',
	'Conflict'
];
