/** Golden transcripts of the lower tier: each file of testdata is a story of one partition, and what came of it. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../crypto/hex.ts';
import { joinHashes, proposalId } from '../../ledger/block.ts';
import { ProposalSchema } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { LeaderChangeContentSchema } from '../../wire/gen/tabwave/v1/view_change_pb.js';
import { Kind, payloadDigest } from '../statement.ts';
import { signedBy, TEST_CHAIN_ID, testMembers } from '../testing/members.ts';
import { Stage, transactionId } from '../testing/stage.ts';
import { play } from '../testing/transcript.ts';

const FOLDER = join(import.meta.dirname, 'testdata');

describe('transcripts', () => {
	for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.txt')))
		it(file, async () => {
			const path = join(FOLDER, file);
			const written = readFileSync(path, 'utf8');
			const happened = await play(written, await performer());
			if (process.env['UPDATE_TRANSCRIPTS']) writeFileSync(path, happened);
			else expect(happened).toBe(written);
		});

	it('are there', () => expect(existsSync(FOLDER)).toBe(true));
});

/** The commands of a transcript. */
async function performer() {
	let stage = new Stage(await testMembers(4));
	/** Kinds of lines that are told; all where empty. */
	let shown: string[] = [];
	/** Messages that get lost, as `KIND from to`; `*` is any. */
	let lost: string[][] = [];
	const all = (): string[] => stage.members.map(({ id }) => stage.name(id));
	const running = (): string[] => all().filter((name) => stage.cores.has(stage.id(name)));
	const commands: Record<string, (words: string[]) => Promise<void> | void> = {
		async members([count]) {
			stage = new Stage(await testMembers(Number(count)));
			lost = [];
		},
		/** give TRANSACTIONS [to MEMBERS] */
		async give([transactions, , ...names]) {
			for (const transaction of transactions!)
				await stage.give(transaction, names.length > 0 ? names : running());
		},
		/** tick COUNT [MEMBERS] */
		tick: ([count, ...names]) => stage.tick(Number(count), names.length > 0 ? names : running()),
		kill: (names) => names.forEach((name) => stage.kill(name)),
		async start(names) {
			for (const name of names) await stage.start(name);
		},
		/** The others take it for dead, or alive. */
		dead: (names) => names.forEach((name) => stage.dead.add(stage.id(name))),
		alive: (names) => names.forEach((name) => stage.dead.delete(stage.id(name))),
		/** lose KIND FROM TO */
		lose(rule) {
			lost.push(rule);
			stage.reaches = (from, to, kind) =>
				!lost.some(([k, f, t]) => [k, f, t].every((part, i) => part === '*' || part === [kind, from, to][i]));
		},
		/** Nothing gets lost any more. */
		mend() {
			lost = [];
			stage.reaches = () => true;
		},
		heartbeats: () => stage.heartbeats(),
		/** certificate FROM ROUND TO: sent again */
		certificate: ([from, roundId, to]) => stage.certificate(from!, Number(roundId), to!),
		/** ledger ROUND [MEMBERS] */
		ledger: ([roundId, ...names]) => stage.ledger(Number(roundId), names.length > 0 ? names : running()),
		/** ask MEMBER VIEW: a ViewChange that its core did not make */
		ask: ([from, view]) =>
			stage.inject(
				from!,
				{ kind: Kind.VIEW_CHANGE, view: Number(view), slot: 0, digest: new Uint8Array(32) },
				undefined,
				running().filter((name) => name !== from)
			),
		/** propose MEMBER VIEW ROUND TRANSACTIONS to MEMBERS: a PrePrepare that its core did not make */
		async propose([from, view, roundId, transactions, , ...to]) {
			const payload = toBinary(
				ProposalSchema,
				create(ProposalSchema, {
					chainId: TEST_CHAIN_ID,
					partition: 1,
					epoch: 1,
					roundId: Number(roundId),
					transactionIds: joinHashes([...transactions!].map((name) => fromHex(transactionId(name))))
				})
			);
			const digest = proposalId(payload);
			const statement = { kind: Kind.PRE_PREPARE, view: Number(view), slot: Number(roundId), digest };
			await stage.inject(from!, statement, payload, to);
		},
		/** lie MEMBER: its LeaderChange makes every choice a null round */
		lie([liar]) {
			stage.tamper = async (from, body) => {
				if (from !== liar || body.case !== 'leaderChange') return body;
				const content = fromBinary(LeaderChangeContentSchema, body.value.signed!.payload);
				for (const choice of content.choices) choice.blockId = new Uint8Array(0);
				const payload = toBinary(LeaderChangeContentSchema, content);
				const { kind, partition, epoch, view, attempt, slot } = body.value.signed!;
				const statement = { kind, partition, epoch, view, attempt, slot, digest: payloadDigest(payload) };
				const member = stage.members.find(({ id }) => id === stage.id(liar!))!;
				const signed = await signedBy(member, statement, payload);
				return { case: 'leaderChange', value: { ...body.value, signed } };
			};
		},
		/** Tells only lines that hold one of these words. */
		show(words) {
			shown = words;
		},
		/** crash MEMBER KIND: it goes down when this is on disk and before it is sent */
		crash([name, kind]) {
			stage.crashBefore = { name: name!, kind: kind! };
		},
		/** Why each member is stuck: what is missing, and in how many ticks it acts by itself. */
		why(names) {
			for (const name of names.length > 0 ? names : running()) {
				const wait = stage.core(name).waiting(stage.pools.get(stage.id(name))!.size > 0);
				const missing = wait?.missing.map((id) => (/^(..)\1{31}$/.test(id) ? 'transaction' : stage.name(id)));
				stage.lines.push(
					wait
						? `${name} ${wait.reason} ${missing!.join()}, ${wait.ticks === null ? 'others act' : `acts in ${wait.ticks}`}`
						: `${name} waits for nothing`
				);
			}
		},
		/** Where everyone stands. */
		stand() {
			for (const name of all()) {
				const core = stage.cores.get(stage.id(name));
				const where = !core
					? 'down'
					: `${core.isLeader ? 'leads' : core.isActive ? 'in' : 'joined'} v${core.view}`;
				stage.lines.push(`${name} ${where}`);
			}
		}
	};
	return async (command: string, words: string[]): Promise<string[]> => {
		const from = stage.lines.length;
		const perform = commands[command];
		if (!perform) throw new Error(`a transcript has no command "${command}"`);
		const before = stage;
		await perform(words);
		return stage.lines
			.slice(before === stage ? from : 0)
			.filter(
				(line) =>
					shown.length === 0 ||
					['stand', 'why'].includes(command) ||
					shown.some((word) => line.split(' ').includes(word))
			);
	};
}
