/**
 * Byzantine members, one row each. A row takes a member whom its partition's f still allows for, makes it lie for a while, and
 * ends the lying; for every bound that member counts as a liar until the run is over. Its state is still checked: whatever it
 * says to others, its driver must come to the same ledger.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { complaintStatement, encodeComplaint } from '#lib/consensus/ordering/complaint.ts';
import { Kind, payloadDigest, type Statement } from '#lib/consensus/statement.ts';
import { fromHex, toHex } from '#lib/crypto/hex.ts';
import { ACCOUNT_PREFIX } from '#lib/ledger/accounts.ts';
import { decodeProposal, joinHashes, proposalId, splitHashes } from '#lib/ledger/block.ts';
import { signedTransaction } from '#lib/ledger/transaction.ts';
import { decodeMessage } from '#lib/wire/codec.ts';
import { MAX_PACKET_BYTES } from '#lib/wire/limits.ts';
import { AccountStateSchema } from '#lib/wire/gen/tabwave/v1/contracts_pb.js';
import { ProposalSchema, type Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import {
	LeaderChangeContentSchema,
	NewViewContentSchema,
	type LeaderChange,
	type NewView
} from '#lib/wire/gen/tabwave/v1/view_change_pb.js';
import type { Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { together, type End, type Fault } from './faults.ts';
import { falseSnapshot, flipped, forgeCertificates } from './forgery.ts';
import { again, anyone, damaged, hearAs, payment, resign, say, signAs, some, speakAs } from './liar.ts';
import { mutateAs } from './mutation.ts';
import { pick, type Random } from './random.ts';
import { torsionKey } from './torsion.ts';
import { startTwin } from './twin.ts';
import { encoded, injectBytes, tap } from './wiretap.ts';
import type { Tab, World } from './world.ts';

/** Long enough for a view change, at the first timeout. */
const MIN_MS = 500;
const MAX_MS = 8000;

/** Messages that a liar keeps to send again. */
const MAX_KEPT = 300;

const NO_PAYLOAD = new Uint8Array(0);

type Lying = (world: World, random: Random, liar: Tab) => Promise<End | null> | End | null;

function row(weight: number, from: 'members' | 'leaders', lie: Lying): Fault {
	return {
		weight,
		minMs: MIN_MS,
		maxMs: MAX_MS,
		begin: (world, random) => {
			const liar = world.takeLiar(random, from === 'leaders');
			return liar && lie(world, random, liar);
		}
	};
}

export const LIAR_FAULTS = {
	/** To all, or to some, its Booter among them perhaps. */
	'a liar is silent': row(1, 'members', (world, random, liar) => {
		const deaf = random() < 0.3 ? null : some(world, random);
		return speakAs(world, liar, ({ to, bytes }) => (!deaf || deaf.has(to) ? [] : [bytes]));
	}),
	'a leader proposes two blocks': row(4, 'leaders', (world, random, liar) => {
		const fooled = some(world, random);
		return speakAs(world, liar, ({ to, bytes, body }) => {
			if (body.case !== 'signed' || body.value.kind !== Kind.PRE_PREPARE || !fooled.has(to)) return [bytes];
			const payload = otherProposal(world, liar, body.value);
			const digest = proposalId(payload);
			world.rumours.set(slotOf(body.value), digest);
			resign(world, liar, to, body.value, { payload, digest });
			return [];
		});
	}),
	/** What some hear is not what the others hear; of two proposals, the other one. */
	'a liar votes for two': row(4, 'members', (world, random, liar) => {
		const fooled = some(world, random);
		const kinds = pick(random, [LOWER_VOTES, UPPER_VOTES, [...LOWER_VOTES, ...UPPER_VOTES]]);
		return speakAs(world, liar, ({ to, bytes, body }) => {
			if (body.case !== 'signed' || !kinds.includes(body.value.kind) || !fooled.has(to)) return [bytes];
			const digest = world.rumours.get(slotOf(body.value)) ?? flipped(body.value.digest);
			resign(world, liar, to, body.value, { digest });
			return random() < 0.3 ? [bytes] : [];
		});
	}),
	/** The same untrue result to everybody (R17). */
	'a liar signs other results': row(2, 'members', (world, _random, liar) =>
		speakAs(world, liar, ({ to, bytes, body }) => {
			if (body.case !== 'signed' || !UPPER_VOTES.includes(body.value.kind)) return [bytes];
			resign(world, liar, to, body.value, { digest: flipped(body.value.digest) });
			return [];
		})
	),
	'a liar forges certificates': row(3, 'members', forgeCertificates),
	/** To who is behind: of the state, of its hashes, of the changes of members, or of the blocks below. */
	'a liar answers snapshots falsely': row(3, 'members', (world, random, liar) =>
		speakAs(world, liar, ({ bytes, body }) => {
			const lie = random() < 0.8 ? falseSnapshot(body, random) : null;
			return [lie ? encoded(lie) : bytes];
		})
	),
	/** Of what only it can pass on, some kinds never leave it. */
	'a liar withholds': row(4, 'leaders', (world, random, liar) => {
		const deaf = random() < 0.5 ? null : some(world, random);
		const cases = WITHHELD.filter(() => random() < 0.4);
		const kinds = [Kind.COMMIT, Kind.SIGN, Kind.DONE, Kind.STATUS, Kind.VIEW_CHANGE].filter(
			() => random() < 0.4
		);
		return speakAs(world, liar, ({ to, bytes, body }) => {
			const isHeld = cases.includes(body.case) || (body.case === 'signed' && kinds.includes(body.value.kind));
			return isHeld && (!deaf || deaf.has(to)) ? [] : [bytes];
		});
	}),
	/** It proposes, and nothing comes of its proposals: all that a view timer must not be fooled by (R8). */
	'a leader proposes and never finishes': row(3, 'leaders', (world, _random, liar) => {
		const silence = speakAs(world, liar, ({ bytes, body }) => {
			const isEnd = body.case === 'blockCertificate' || body.case === 'certifiedBlock';
			return isEnd || (body.case === 'signed' && body.value.kind === Kind.COMMIT) ? [] : [bytes];
		});
		const deafness = hearAs(world, liar, ({ bytes, body }) =>
			body.case === 'blockCertificate' || (body.case === 'signed' && body.value.kind === Kind.COMMIT)
				? []
				: [bytes]
		);
		return together(silence, deafness, offerForEver(world, liar));
	}),
	/** It hears of no other leader, and goes on (R10). */
	'a leader stays in an old view': row(2, 'leaders', (world, _random, liar) =>
		hearAs(world, liar, ({ bytes, body }) => {
			const isNews =
				body.case === 'leaderChange' ||
				body.case === 'newView' ||
				(body.case === 'signed' && body.value.kind === Kind.VIEW_CHANGE);
			return isNews ? [] : [bytes];
		})
	),
	/** What it said and heard, of old views and epochs too, comes again. */
	'a liar replays': row(3, 'members', (world, random, liar) => {
		const kept: Uint8Array[] = [];
		return tap(world.hub, ({ from, to, bytes }) => {
			if (from !== liar.id && to !== liar.id) return [bytes];
			if (kept.length < MAX_KEPT) kept.push(bytes);
			else if (random() < 0.1) kept[Math.floor(random() * MAX_KEPT)] = bytes;
			if (from === liar.id && random() < 0.3)
				injectBytes(world.hub, liar.id, pick(random, [to, anyone(world, random)]), pick(random, kept));
			return [bytes];
		});
	}),
	/** R6: rounds that it has prepared, and whose blocks may be certified, are not in its NewViews. */
	'a liar hides what it prepared': row(3, 'members', (world, random, liar) => {
		const prod = askForViews(world, random, liar, 2);
		const hide = speakAs(world, liar, ({ to, bytes, body }) => {
			if (body.case !== 'newView') return [bytes];
			void hiding(world, liar, body.value, random).then((lie) => lie && say(world, liar, to, lie));
			return [];
		});
		return together(prod, hide);
	}),
	/** R6: null rounds, and other blocks, in place of what its NewViews mean. */
	'a leader chooses other rounds': row(3, 'members', (world, random, liar) => {
		const fooled = some(world, random);
		return speakAs(world, liar, ({ to, bytes, body }) => {
			if (body.case !== 'leaderChange' || !isOwn(body.value.signed!, liar) || !fooled.has(to)) return [bytes];
			void choosingOtherwise(world, liar, body.value, random).then((lie) => say(world, liar, to, lie));
			return random() < 0.3 ? [bytes] : [];
		});
	}),
	/** R6: alone it moves nobody, however high it asks. */
	'a liar asks for high views': row(2, 'members', (world, random, liar) =>
		askForViews(world, random, liar, 1000)
	),
	'a liar sends bad bodies': row(2, 'members', (world, random, liar) => {
		const theft = steal(world, random, liar);
		const spoil = speakAs(world, liar, ({ to, bytes, body }) => {
			if (random() < 0.5) return [bytes];
			switch (body.case) {
				case 'transactions': {
					const transactions = body.value.transactions.map((one) => damaged(one, random));
					return [encoded({ case: body.case, value: { ...body.value, transactions } })];
				}
				case 'certifiedBlock': {
					// Its last bytes are a transaction's signature, which no id commits to.
					const transactions =
						random() < 0.4
							? body.value.transactions.map(withOtherEnd)
							: [...body.value.transactions].reverse().slice(random() < 0.5 ? 0 : 1);
					return [encoded({ case: body.case, value: { ...body.value, transactions } })];
				}
				case 'proposalResponse': {
					const proposal = damaged(body.value.proposal, random);
					return [encoded({ case: body.case, value: { ...body.value, proposal } })];
				}
				default:
					return to === liar.id ? [] : [bytes];
			}
		});
		return together(theft, spoil);
	}),
	/** Its blocks do not hold, and it says that it has more of them than anybody. */
	'a liar answers syncs falsely': row(2, 'members', (world, random, liar) =>
		speakAs(world, liar, ({ bytes, body }) => {
			if (body.case === 'heartbeat' && random() < 0.5) {
				const finalHeight = body.value.finalHeight + 1 + Math.floor(random() * 50);
				return [encoded({ case: body.case, value: { ...body.value, finalHeight } })];
			}
			if (body.case !== 'syncResponse') return [bytes];
			const blocks = body.value.blocks.map((block) => damaged(block, random));
			return random() < 0.3 ? [] : [encoded({ case: body.case, value: { ...body.value, blocks } })];
		})
	),
	/** R17: a bit of its memory has changed, and it goes on as if it had not. */
	'a member computes otherwise': row(2, 'members', (world, random, liar) => {
		const { chain } = liar.running!.node;
		const { height } = chain.head;
		const accounts = [...chain.state.rows()].filter(
			(one) => one.value && one.height < height && one.key.startsWith(ACCOUNT_PREFIX)
		);
		if (accounts.length === 0) return null;
		const { key, value } = pick(random, accounts);
		const { balance } = decodeMessage(AccountStateSchema, value!, MAX_PACKET_BYTES);
		const wrong = create(AccountStateSchema, { balance: balance + 1n });
		world.checkers.damaged.add(chain);
		chain.state.apply([{ key, value: toBinary(AccountStateSchema, wrong) }], height);
		return () => {};
	}),
	/** R26: transactions whose signatures some implementations take and others do not. */
	'a liar pays with torsion': row(3, 'members', (world, random, liar) => {
		if (!world.options.hasBothSuites) return null;
		const key = torsionKey(Uint8Array.from({ length: 32 }, () => Math.floor(random() * 256)));
		world.torsionKeys.add(toHex(key.publicKey));
		return again(world, 500, () => {
			const node = liar.running?.node;
			if (!node?.partition) return;
			const { body, message } = payment(world, random, key.publicKey, liar);
			const transactions = [signedTransaction(body, key.sign(message))];
			for (const to of node.partition.members)
				say(world, liar, to, {
					case: 'transactions',
					value: { $typeName: 'tabwave.v1.TransactionBatch', transactions }
				});
		});
	}),
	/** R5: everything else goes its way, so that nobody has a reason to ask for another leader. */
	'a leader withholds certificates': row(2, 'leaders', (world, _random, liar) =>
		speakAs(world, liar, ({ bytes, body }) =>
			body.case === 'blockCertificate' || body.case === 'certifiedBlock' ? [] : [bytes]
		)
	),
	/** Members that are well are declared silent, and an honest Booter is complained of. */
	'a liar complains': row(2, 'members', (world, random, liar) =>
		again(world, 400, () => void complain(world, random, liar))
	),
	/** In the manner of ByzzFuzz: small changes of its own messages, signed again or not, and rounds in which nothing arrives. */
	'a liar mutates its messages': row(5, 'members', mutateAs),
	/** One identity runs twice; each of its peers hears the one, or the other, or both. */
	'a twin': row(5, 'leaders', startTwin)
} satisfies Record<string, Fault>;

const LOWER_VOTES: readonly Kind[] = [Kind.PREPARE, Kind.COMMIT];
const UPPER_VOTES: readonly Kind[] = [Kind.SIGN, Kind.DONE, Kind.STATUS];
const WITHHELD: readonly Packet['body']['case'][] = [
	'blockCertificate',
	'certifiedBlock',
	'newView',
	'leaderChange',
	'next',
	'orderCommit',
	'finality',
	'partitionVote',
	'partitionStatus',
	'transactions',
	'proposalResponse'
];

function withOtherEnd(bytes: Uint8Array): Uint8Array {
	return bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));
}

/** Where a vote on a round stands, whatever it says. */
function slotOf({ partition, epoch, view, slot, kind }: Signed): string {
	return [partition, epoch, view, slot, kind > Kind.COMMIT ? kind : 'round'].join('/');
}

function isOwn({ sender }: Signed, liar: Tab): boolean {
	return sender.every((byte, i) => byte === liar.signer.publicKey[i]);
}

/** As good as the first: the same transactions without the last, or in another order, or another one. */
function otherProposal(world: World, liar: Tab, { payload }: Signed): Uint8Array {
	const proposal = decodeProposal(payload);
	const ids = splitHashes(proposal.transactionIds);
	const other = liar.running?.node.pool.waiting(1, 1e6, { has: () => false })[0];
	const others =
		ids.length > 1
			? world.random() < 0.5
				? ids.slice(0, -1)
				: [...ids].reverse()
			: [other ? fromHex(other) : flipped(ids[0]!)];
	return toBinary(
		ProposalSchema,
		create(ProposalSchema, { ...proposal, transactionIds: joinHashes(others) })
	);
}

/** Proposals that cannot come to an end, one after another, and then the same again: nobody has what they name. */
function offerForEver(world: World, liar: Tab): () => void {
	const said = new Map<string, Promise<Signed>>();
	let turn = 0;
	return again(world, 300, () => {
		const node = liar.running?.node;
		const { pbft, partition } = node ?? {};
		if (!pbft?.isLeader || !partition) return;
		const { chainId, topology } = node!.chain;
		const { id, epoch, members } = partition;
		// Above what its own driver may have proposed by now: it says one thing a round.
		const slot = topology.lastRoundId(id) + 8 + (turn++ % 8);
		const place = [epoch, pbft.view, slot].join('/');
		let offer = said.get(place);
		if (!offer) {
			const transactionIds = Uint8Array.from({ length: 32 }, () => Math.floor(world.random() * 256));
			const fields = { chainId, partition: id, epoch, roundId: slot, transactionIds };
			const payload = toBinary(ProposalSchema, create(ProposalSchema, fields));
			const digest = proposalId(payload);
			const statement = { kind: Kind.PRE_PREPARE, partition: id, epoch, view: pbft.view, attempt: 0 };
			said.set(place, (offer = signAs(world, liar, { ...statement, slot, digest }, payload)));
		}
		void offer.then((signed) => {
			for (const member of members)
				if (member !== liar.id) say(world, liar, member, { case: 'signed', value: signed });
		});
	});
}

/** Asks the members for a view somewhere above the present one. */
function askForViews(world: World, random: Random, liar: Tab, reach: number): () => void {
	return again(world, 500, () => {
		const node = liar.running?.node;
		if (!node?.partition || !node.pbft) return;
		const { id, epoch, members } = node.partition;
		const view = node.pbft.view + 1 + Math.floor(random() * reach);
		const digest = new Uint8Array(32);
		const statement = { kind: Kind.VIEW_CHANGE, partition: id, epoch, view, attempt: 0, slot: 0, digest };
		void signAs(world, liar, statement).then((signed) => {
			for (const member of members)
				if (member !== liar.id) say(world, liar, member, { case: 'signed', value: signed });
		});
	});
}

async function hiding(
	world: World,
	liar: Tab,
	newView: NewView,
	random: Random
): Promise<Packet['body'] | null> {
	const content = decodeMessage(NewViewContentSchema, newView.signed!.payload, MAX_PACKET_BYTES);
	const isKept = content.prepared.map(() => random() < 0.3);
	const prepared = content.prepared.filter((_, i) => isKept[i]);
	const payload = toBinary(NewViewContentSchema, { ...content, prepared });
	const statement = { ...newView.signed!, digest: payloadDigest(payload) };
	const signed = await signAs(world, liar, statement, payload);
	return {
		case: 'newView',
		value: { ...newView, signed, certificates: newView.certificates.filter((_, i) => isKept[i]) }
	};
}

async function choosingOtherwise(
	world: World,
	liar: Tab,
	leaderChange: LeaderChange,
	random: Random
): Promise<Packet['body']> {
	const content = decodeMessage(LeaderChangeContentSchema, leaderChange.signed!.payload, MAX_PACKET_BYTES);
	const choices = content.choices.map((choice) =>
		random() < 0.7 ? { ...choice, blockId: NO_PAYLOAD } : choice
	);
	const isCut = random() < 0.3;
	const payload = toBinary(LeaderChangeContentSchema, {
		...content,
		choices: isCut ? choices.slice(0, -1) : choices
	});
	const statement = { ...leaderChange.signed!, digest: payloadDigest(payload) };
	return {
		case: 'leaderChange',
		value: { ...leaderChange, signed: await signAs(world, liar, statement, payload) }
	};
}

/** Transactions in another's name. */
function steal(world: World, random: Random, liar: Tab): () => void {
	return again(world, 500, () => {
		const node = liar.running?.node;
		if (!node) return;
		const victim = pick(random, world.tabs);
		const { body, message } = payment(world, random, victim.signer.publicKey, liar);
		void liar.signer.sign(message).then((signature) =>
			say(world, liar, anyone(world, random), {
				case: 'transactions',
				value: {
					$typeName: 'tabwave.v1.TransactionBatch',
					transactions: [signedTransaction(body, signature)]
				}
			})
		);
	});
}

async function complain(world: World, random: Random, liar: Tab): Promise<void> {
	const node = liar.running?.node;
	if (!node?.partition) return;
	const { id, epoch, members } = node.partition;
	const { height } = node.chain.head;
	const silence: Statement = {
		kind: Kind.SILENCE,
		partition: id,
		epoch,
		view: 0,
		attempt: 0,
		slot: height,
		digest: fromHex(pick(random, members))
	};
	say(world, liar, world.booterId, { case: 'signed', value: await signAs(world, liar, silence) });
	const booter = world.booterId;
	const name = pick(random, ['BooterStalls', 'BooterCensors', 'BooterEquivocates'] as const);
	const grievance = { name, booter, waiting: null, sinceHeight: 0, nexts: [] };
	const payload = encodeComplaint(grievance, fromHex(booter));
	const statement = complaintStatement(node.partition, node.booters.current?.term ?? 0, height, payload);
	say(world, liar, booter, { case: 'signed', value: await signAs(world, liar, statement, payload) });
}
