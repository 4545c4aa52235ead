/**
 * For tests: runs a transcript, that is a scripted scenario with what came of each step below it, in the manner of etcd's
 * testdata. Blocks are commands, a line of dashes, and their output; `#` begins a comment. A block that begins with `quietly`
 * prints nothing.
 *
 * | command | what it does |
 * |---|---|
 * | cluster VOTERS [learners=…] [limit=number …] | new replicas with empty disks |
 * | join N | a replica that knows nothing and waits for a leader |
 * | stored N VOTERS terms=… [term=number vote=N] | a replica with a log of entries of these terms on its disk |
 * | campaign N | N asks for votes |
 * | tick N [count], election-timeout N | time passes at N alone |
 * | pass [count] | time passes everywhere, and all letters are delivered after each tick |
 * | propose N TEXT | |
 * | change N voters=… [learners=…] [joint, explicit] | a change of membership |
 * | leave-joint N | |
 * | transfer N [M], forget-leader N | |
 * | deliver N … [from=…] | what lies there for these is delivered; the answers lie there then |
 * | settle [N …] | letters among these are delivered until there are none |
 * | drop N … | what lies there for these is lost |
 * | link-down N M, link-up N M | N is told about its link to M |
 * | snapshot N, restart N | |
 * | waiting N yes/no, head-moved N | R21's notices |
 * | roles, progress N, log N, applied N | shows |
 */
import { configurationOf } from '../configuration.ts';
import { DEFAULT_RAFT_LIMITS, type RaftLimits } from '../limits.ts';
import { RaftEntryType } from '../messages.ts';
import type { Membership, Transition } from '../raft.ts';
import { entryRecord, snapshotRecord, stateRecord } from '../records.ts';
import { bytesOf, Cluster, type Letter } from './cluster.ts';
import {
	describeConfiguration,
	describeEffects,
	describeEntry,
	describeMessage,
	describeProgress,
	describeRole,
	nameOf
} from './describe.ts';

const DIVIDER = '----';
const QUIETLY = 'quietly';

/** @returns the transcript with the output that came of its commands */
export function runTranscript(text: string): string {
	const story = new Story();
	const paragraphs = text.trim().split(/\n{2,}/);
	return paragraphs.map((paragraph) => runParagraph(story, paragraph)).join('\n\n') + '\n';
}

function runParagraph(story: Story, paragraph: string): string {
	const lines = paragraph.split('\n');
	const end = lines.indexOf(DIVIDER);
	const script = end < 0 ? lines : lines.slice(0, end);
	const commands = script.filter((line) => !line.startsWith('#'));
	if (commands.length === 0) return paragraph;
	const isQuiet = commands[0] === QUIETLY;
	const output = (isQuiet ? commands.slice(1) : commands).flatMap((command) => story.run(command));
	return [...script, DIVIDER, ...(isQuiet ? ['ok'] : output.length > 0 ? output : ['nothing happens'])].join(
		'\n'
	);
}

class Story {
	#cluster = this.#emptyCluster({});
	#output: string[] = [];
	/** What each replica was seen to be, so that only news is told. */
	readonly #seen = new Map<string, { role: string; configuration: string }>();

	run(command: string): string[] {
		const [name = '', ...words] = command.trim().split(/\s+/);
		this.#output = [];
		this.#do(name, words);
		if (isBare(this.#output.at(-1))) this.#output.pop();
		return this.#output;
	}

	#do(name: string, words: string[]): void {
		const [first = '', second] = words;
		const id = idOf(first);
		const from = words.some((word) => word.startsWith('from=')) ? idsOf(words, 'from') : undefined;
		const step = (
			run: (raft: ReturnType<Cluster['raft']>) => ReturnType<ReturnType<Cluster['raft']>['tick']>
		) => {
			this.#say(`> ${first}`);
			this.#cluster.carryOut(id, run(this.#cluster.raft(id)));
		};
		switch (name) {
			case 'cluster':
				return this.#newCluster(words);
			case 'join':
				this.#say(`> ${first}`);
				this.#cluster.start(id, null);
				return;
			case 'stored':
				this.#say(`> ${first}`);
				this.#cluster.start(id, null, storedDisk(words));
				return;
			case 'campaign':
				return step((raft) => raft.campaign());
			case 'tick':
				for (let i = 0; i < Number(second ?? 1); i++) step((raft) => raft.tick());
				return;
			case 'election-timeout':
				for (let i = 0; i < 3; i++) step((raft) => raft.tick());
				return;
			case 'pass':
				for (let i = 0; i < Number(words[0] ?? 1); i++) this.#pass();
				return;
			case 'propose':
				return step((raft) => raft.propose(bytesOf(words.slice(1).join(' '))));
			case 'change':
				return step((raft) => raft.changeMembership(membershipOf(words), transitionOf(words)));
			case 'leave-joint':
				return step((raft) => raft.leaveJointConfiguration());
			case 'transfer':
				return step((raft) => raft.transferLeadership(second ? idOf(second) : null));
			case 'forget-leader':
				return step((raft) => raft.forgetLeader());
			case 'link-down':
				return step((raft) => raft.linkDown(idOf(second!)));
			case 'link-up':
				return step((raft) => raft.linkUp(idOf(second!)));
			case 'deliver':
				for (const to of words.filter((word) => !word.startsWith('from=')))
					this.#cluster.deliver(idOf(to), from, this.#read);
				return;
			case 'settle':
				return this.#cluster.settle(words.length > 0 ? words.map(idOf) : undefined, this.#read);
			case 'drop':
				for (const to of words)
					for (const { from, message } of this.#cluster.drop(idOf(to)))
						this.#say(`lost: ${nameOf(from)}→${to} ${describeMessage(message)}`);
				return;
			case 'snapshot':
				this.#say(`> ${first}`);
				return this.#cluster.snapshot(id);
			case 'restart':
				this.#say(`> ${first}`);
				this.#seen.delete(id);
				this.#cluster.restart(id);
				return;
			case 'waiting':
				return this.#cluster.raft(id).setWaiting(second === 'yes');
			case 'head-moved':
				return this.#cluster.raft(id).headMoved();
			case 'roles':
				for (const [replica, { raft }] of this.#cluster.replicas)
					this.#say(`${nameOf(replica)}: ${describeRole(raft)}`);
				return;
			case 'progress':
				return describeProgress(this.#cluster.raft(id)).forEach((line) => this.#say(line));
			case 'log':
				return this.#cluster
					.raft(id)
					.entries()
					.forEach((entry) => this.#say(describeEntry(entry.index, entry)));
			case 'applied':
				return this.#say(this.#cluster.replicas.get(id)!.applied.join(' '));
			default:
				throw new Error(`a transcript has no "${name}"`);
		}
	}

	#newCluster(words: string[]): void {
		const limits: Partial<RaftLimits> = {};
		for (const word of words) {
			const [key, value] = word.split('=') as [keyof RaftLimits, string];
			if (key in DEFAULT_RAFT_LIMITS) limits[key] = Number(value);
		}
		this.#cluster = this.#emptyCluster(limits);
		this.#seen.clear();
		const membership = membershipOf([`voters=${words[0]}`, ...words]);
		for (const id of [...membership.voters, ...(membership.learners ?? [])]) {
			this.#say(`> ${nameOf(id)}`);
			this.#cluster.start(id, membership);
		}
	}

	#pass(): void {
		for (const [id, { raft }] of this.#cluster.replicas) {
			this.#say(`> ${nameOf(id)}`);
			this.#cluster.carryOut(id, raft.tick());
		}
		this.#cluster.settle(undefined, this.#read);
	}

	#emptyCluster(limits: Partial<RaftLimits>): Cluster {
		return new Cluster({ limits }, (id, effects) => {
			this.#tellNews(id);
			for (const line of describeEffects(id, effects)) this.#say(`  ${line}`);
		});
	}

	#tellNews(id: string): void {
		const { raft } = this.#cluster.replicas.get(id)!;
		const now = { role: describeRole(raft), configuration: describeConfiguration(raft.configuration) };
		const before = this.#seen.get(id);
		this.#seen.set(id, now);
		if (now.role !== before?.role) this.#say(`  is ${now.role}`);
		if (now.configuration !== before?.configuration) this.#say(`  has ${now.configuration}`);
	}

	readonly #read = ({ from, to, message }: Letter): void => {
		this.#say(`> ${nameOf(to)} reads ${nameOf(from)}’s ${describeMessage(message).split(/[:,]/)[0]}`);
	};

	#say(line: string): void {
		// A step in which nothing happened is not told.
		if (isBare(this.#output.at(-1)) && !line.startsWith(' ')) this.#output.pop();
		this.#output.push(line);
	}
}

function isBare(line: string | undefined): boolean {
	return /^> \w+$/.test(line ?? '');
}

/** A disk as an earlier run left it: nothing committed. */
function storedDisk(words: string[]): Map<string, Uint8Array> {
	const valueOf = (key: string): string | undefined =>
		words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
	const voters = words[1]!.split(',').map(idOf);
	const terms = valueOf('terms')!.split(',').map(Number);
	const term = Number(valueOf('term') ?? terms.at(-1));
	const vote = valueOf('vote');
	const start = { index: 0, term: 0 };
	const configuration = configurationOf({ voters });
	const records = [
		stateRecord({ term, vote: vote === undefined ? null : idOf(vote), commit: 0 }),
		snapshotRecord({ ...start, configuration, data: new Uint8Array(0) }, start),
		...terms.map((term, i) => {
			const type = term === terms[i - 1] ? RaftEntryType.DATA : RaftEntryType.TERM_START;
			const data = bytesOf(type === RaftEntryType.DATA ? `${term}-${i + 1}` : '');
			return entryRecord({ index: i + 1, term, type, data });
		})
	];
	return new Map(records.map(({ key, value }) => [key, value!]));
}

function idOf(name: string): string {
	return name.padStart(2, '0');
}

function idsOf(words: string[], key: string): string[] {
	const word = words.find((one) => one.startsWith(`${key}=`));
	return word
		? word
				.slice(key.length + 1)
				.split(',')
				.map(idOf)
		: [];
}

function membershipOf(words: string[]): Membership {
	return { voters: idsOf(words, 'voters'), learners: idsOf(words, 'learners') };
}

function transitionOf(words: string[]): Transition {
	if (words.includes('explicit')) return 'explicit';
	return words.includes('joint') ? 'joint' : 'auto';
}
