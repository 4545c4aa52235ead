/**
 * For tests: the upper tier alone. A Booter and its partitions' members, their own cores and validators over their own chains,
 * with a driver that does what it promises (persist, then send) and writes down who said what. Messages go one by one in
 * the order in which they were sent; `reaches` may lose them, and `onWrite` stops a node at a persist boundary.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { fromHex, toHex } from '../../../crypto/hex.ts';
import type { Verification } from '../../../crypto/suite.ts';
import { decodeFinalBlock, decodeHeader, joinHashes, proposalId } from '../../../ledger/block.ts';
import type { Contract } from '../../../ledger/contract.ts';
import { LedgerError } from '../../../ledger/errors.ts';
import {
	encodeGenesis,
	epochKey,
	GENESIS_DEFAULTS,
	partitionKey,
	readGenesis,
	roundKey,
	type GenesisBlock,
	type GenesisFields
} from '../../../ledger/genesis.ts';
import type { VersionedRow } from '../../../ledger/state.ts';
import { parseTransaction, signedTransaction, unsignedTransaction } from '../../../ledger/transaction.ts';
import { PartitionStateSchema, RoundStateSchema } from '../../../wire/gen/tabwave/v1/contracts_pb.js';
import {
	BlockCertificateSchema,
	JoinRequestSchema,
	ProposalSchema,
	SignedSchema,
	type CertifiedBlock,
	type OrderCertificate,
	type Signed
} from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Next, Packet } from '../../../wire/gen/tabwave/v1/wire_pb.js';
import { checkOrderCertificate, checkPartitionVotes, commitStatement } from '../../certificates.ts';
import type { Effects, Persist, Target, Vote } from '../../effects.ts';
import { JOIN_VALID_HEIGHTS } from '../../membership/change.ts';
import { recoveryOf } from '../../membership/recovery.ts';
import { quorum } from '../../quorum.ts';
import { Kind, payloadDigest, signedCheck, statementBytes, type Statement } from '../../statement.ts';
import { receive, testMembers, testSuite, type TestMember } from '../../testing/members.ts';
import { leaderOf } from '../../topology.ts';
import { ballotName } from '../ballot.ts';
import { BooterCore } from '../booter/booter.ts';
import { addBooterEffects, type BooterEffects } from '../booter/booter-effects.ts';
import { certifiedBodyOf, toCertifiedBlock, type CertifiedBody } from '../certified-block.ts';
import { Chain, type ChainHead, type Commit } from '../chain.ts';
import { decodeLockProof } from '../lock.ts';
import { checkNext } from '../next.ts';
import { OpenBallot } from '../booter/open-ballot.ts';
import { checkPartitionRefusal, checkRefuse, readRefusal } from '../refusal.ts';
import { checkPartitionStatus, checkStatus, checkStatusRequest, type Voters } from '../status.ts';
import { Voter, type VoterEffects } from '../voter.ts';

export const RESEND_TICKS = 10;
export const CARRY_TO_ALL_TICKS = 60;
export const START_MS = 1_700_000_000_000;
const TICK_MS = 50;
/** The Booter's records. */
const BALLOT_KEY = 'ballot';
const ORDER_COMMIT_KEY = 'ballot-order-commit';
/** The head that every test starts from: the height of the entries that made the partitions. */
const FIRST_HEIGHT = 1;

/** A counter: each call adds what its argument says, so that two executions are equal only where they really are. */
export function counter(adds = 1): Contract {
	return {
		name: 'counter',
		functions: {
			add(context, args) {
				const before = context.state.get('counter/value')?.[0] ?? 0;
				context.state.set('counter/value', Uint8Array.of((before + adds * (args[0] ?? 1)) & 0xff));
			}
		}
	};
}

/** What survives a crash. */
interface Disk {
	head: ChainHead;
	state: Map<string, VersionedRow>;
	records: Map<string, Uint8Array>;
	blocks: Map<number, Uint8Array>;
}

interface Host {
	name: string;
	member: TestMember;
	disk: Disk;
	contract: Contract;
	chain: Chain;
	/** Stopped at a persist boundary; `restart` brings it up again. */
	isDown: boolean;
	skewMs: number;
}

export interface MemberHost extends Host {
	partition: number;
	voter: Voter;
	bodies: Map<string, CertifiedBody>;
}

export interface BooterHost extends Host {
	core: BooterCore;
	/** The last in which it led. */
	term: number;
	log: OpenBallot;
}

interface Mail {
	from: string;
	to: string;
	body: Packet['body'];
	label: string;
}

export interface TiersOptions {
	/** Members of each partition. */
	partitions: number[];
	genesis?: Partial<GenesisFields>;
}

export class Tiers {
	readonly genesis: GenesisBlock;
	readonly members = new Map<string, MemberHost>();
	readonly transcript: string[] = [];
	readonly #strangers: TestMember[];
	readonly #operator: TestMember;
	booter: BooterHost;
	/** Commits by any node: one hash a height, or the test fails at once. */
	readonly #final = new Map<number, string>();
	readonly #mail: Mail[] = [];
	readonly #views = new Map<number, number>();
	#nonce = 0;
	tick = 0;
	/** Whether a message arrives; `what` is as in the transcript. */
	reaches: (from: string, to: string, what: string) => boolean = () => true;
	/** What becomes of every Next on its way. */
	tamperNext: ((next: Next) => Promise<Next>) | null = null;
	/** Where a node stops: before what it asked for is durable, or after that and before anything leaves. */
	onWrite: (who: string, persist: Persist[], commits: Commit[]) => 'before' | 'after' | null = () => null;

	static async create({ partitions, genesis = {} }: TiersOptions): Promise<Tiers> {
		const [operator, booter, ...strangers] = await testMembers(5);
		const members: TestMember[][] = [];
		for (const count of partitions) members.push(await testMembers(count));
		const tiers = new Tiers(
			partitions,
			{ operator: operator!, booter: booter!, strangers, members },
			genesis
		);
		await tiers.#handleBooter(tiers.booter.core.lead(++tiers.booter.term, null));
		return tiers;
	}

	private constructor(
		partitions: number[],
		keys: { operator: TestMember; booter: TestMember; strangers: TestMember[]; members: TestMember[][] },
		fields: Partial<GenesisFields>
	) {
		this.#operator = keys.operator;
		this.#strangers = keys.strangers;
		this.genesis = readGenesis(
			encodeGenesis({
				...GENESIS_DEFAULTS,
				createdMs: BigInt(START_MS - 1000),
				operator: keys.operator.signer.publicKey,
				booters: [keys.booter.signer.publicKey, keys.strangers[0]!.signer.publicKey],
				contracts: ['counter'],
				partitions: partitions.map((_, i) => ({
					$typeName: 'tabwave.v1.PartitionGenesis',
					id: i + 1,
					maxMembers: 16
				})),
				...fields
			})
		);
		const host = this.#host('booter', keys.booter, keys.members);
		this.booter = { ...host, core: this.#core(host), term: 0, log: new OpenBallot() };
		keys.members.forEach((list, i) =>
			list.forEach((member, j) => {
				const name = `${i + 1}${'abcdefghijklmnop'[j]}`;
				this.members.set(name, this.#memberHost(name, member, i + 1, keys.members));
			})
		);
	}

	/** Another Booter of genesis, which is not running: a second face, or a second Booter. */
	get otherBooter(): TestMember {
		return this.#strangers[0]!;
	}

	/** Somebody of whom genesis knows nothing. */
	get stranger(): TestMember {
		return this.#strangers[1]!;
	}

	member(name: string): MemberHost {
		return this.members.get(name)!;
	}

	/** Who has a vote above the head that all start from. */
	get voters(): Voters {
		return votersOf(this.booter.chain);
	}

	/** Moves a partition to its next leader. */
	async changeLeader(partition: number): Promise<void> {
		const view = (this.#views.get(partition) ?? 0) + 1;
		this.#views.set(partition, view);
		await this.#handleBooter(this.booter.core.leaderChanged(partition, view));
		for (const host of this.#of(partition))
			if (!host.isDown) await this.#handleMember(host, host.voter.leaderChanged());
	}

	leaderOf(partition: number): MemberHost {
		const members = this.#of(partition);
		const id = leaderOf(
			members.map(({ member }) => member.id),
			this.#views.get(partition) ?? 0
		);
		return members.find(({ member }) => member.id === id)!;
	}

	/** A block that a partition certified: one call of the counter. */
	async certify(partition: number, roundId: number, adds = 1): Promise<CertifiedBody> {
		const members = this.#of(partition);
		const { signer } = members[0]!.member;
		const nonce = new Uint8Array(16);
		new DataView(nonce.buffer).setUint32(0, ++this.#nonce);
		const { body, message } = unsignedTransaction(signer.publicKey, {
			chainId: this.genesis.chainId,
			contract: 'counter',
			function: 'add',
			arguments: Uint8Array.of(adds),
			nonce,
			expiryHeight: 200
		});
		const bytes = signedTransaction(body, await signer.sign(message));
		const transaction = parseTransaction(bytes, this.genesis.chainId, bytes.length);
		const proposal = toBinary(
			ProposalSchema,
			create(ProposalSchema, {
				chainId: this.genesis.chainId,
				partition,
				epoch: 1,
				roundId,
				transactionIds: joinHashes([transaction.idBytes])
			})
		);
		const certificate = create(BlockCertificateSchema, {
			partition,
			epoch: 1,
			view: 0,
			roundId,
			blockId: proposalId(proposal)
		});
		for (const { member } of members.slice(0, quorum(members.length))) {
			const { sender, signature } = await this.sign(member, commitStatement(certificate));
			certificate.commits.push({ $typeName: 'tabwave.v1.MemberSignature', member: sender, signature });
		}
		return certifiedBodyOf(proposal, certificate, [transaction]);
	}

	/** Gives a certified block to its partition's members, and by their leader to the Booter. */
	async handUp(body: CertifiedBody, holders = this.#of(body.proposal.partition)): Promise<void> {
		for (const holder of holders) {
			holder.bodies.set(body.id, body);
			await this.#handleMember(holder, holder.voter.body(body.id));
		}
		await this.#handleBooter(this.booter.core.certified(body));
	}

	/** Everyone has the block, and the Booter orders it. */
	async spread(body: CertifiedBody): Promise<void> {
		await this.handUp(body, [...this.members.values()]);
	}

	/** The Booter hears that somebody wants to join a partition. */
	async join(member: TestMember, partition: number): Promise<void> {
		const payload = toBinary(JoinRequestSchema, create(JoinRequestSchema, { nickname: 'new' }));
		const slot = FIRST_HEIGHT + JOIN_VALID_HEIGHTS / 2;
		const digest = payloadDigest(payload);
		const statement = { kind: Kind.JOIN, partition, epoch: 0, view: 0, attempt: 0, slot, digest };
		const signed = await this.sign(member, statement, payload);
		await this.#handleBooter(this.booter.core.request(signed));
	}

	async sign(member: TestMember, statement: Statement, payload?: Uint8Array): Promise<Signed> {
		const { publicKey } = member.signer;
		const signature = await member.signer.sign(statementBytes(this.genesis.chainId, statement, publicKey));
		return create(SignedSchema, { ...statement, sender: publicKey, signature, payload });
	}

	/** Sends a packet as if `from` had. */
	post(from: string, to: string, body: Packet['body']): void {
		this.#mail.push({ from, to, body, label: labelOf(body) });
	}

	/** Delivers until nothing is under way. */
	async settle(): Promise<void> {
		for (let mail = this.#mail.shift(); mail; mail = this.#mail.shift()) await this.#deliver(mail);
	}

	/** Lets time pass for everyone, and delivers what comes of it. */
	async ticks(count: number): Promise<void> {
		for (let i = 0; i < count; i++) {
			this.tick += 1;
			if (!this.booter.isDown) await this.#handleBooter(this.booter.core.tick(this.#clock(this.booter)));
			for (const host of this.members.values())
				if (!host.isDown) await this.#handleMember(host, host.voter.tick());
			await this.settle();
		}
	}

	/** Lets a node continue from what its disk holds. */
	async restart(name: string): Promise<void> {
		if (name === 'booter') {
			const { booter } = this;
			booter.isDown = false;
			booter.chain = this.#chain(booter);
			booter.core = this.#core(booter);
			booter.log = logOf(booter);
			await this.#handleBooter(booter.core.lead(++booter.term, booter.log.logged));
			for (const [partition, view] of this.#views)
				await this.#handleBooter(booter.core.leaderChanged(partition, view));
			return;
		}
		const host = this.member(name);
		host.isDown = false;
		host.chain = this.#chain(host);
		host.bodies = new Map();
		host.voter = this.#voter(host);
		host.voter.restore(recordsOf(host));
	}

	/** A member that never was at this height: its disk has the blocks, and no vote. */
	async restartWithoutVotes(name: string): Promise<void> {
		const { bodies, disk } = this.member(name);
		disk.records.clear();
		await this.restart(name);
		for (const body of bodies.values()) this.member(name).bodies.set(body.id, body);
	}

	crash(name: string): void {
		(name === 'booter' ? this.booter : this.member(name)).isDown = true;
	}

	/** Takes what has been written down since the last call, or what of it says one of these things. */
	story(...about: string[]): string[] {
		const lines = this.transcript.splice(0);
		return about.length === 0 ? lines : lines.filter((line) => about.some((what) => line.includes(what)));
	}

	/** Heads of all nodes that run, as `height`. */
	heights(): number[] {
		return [...this.members.values(), this.booter]
			.filter((host) => !host.isDown)
			.map((host) => host.chain.head.height);
	}

	/** The operator signs that a partition has lost its quorum. @param remaining names of those that stay */
	async recover(
		partition: number,
		remaining: string[],
		fields: { silentSinceMs?: number } = {}
	): Promise<void> {
		const view = this.booter.chain.topology.partition(partition)!;
		const { recovery, message } = recoveryOf(view, {
			chainId: this.genesis.chainId,
			remaining: remaining.map((name) => this.member(name).member.id),
			retire: false,
			silentSinceMs: START_MS - Number(this.genesis.fields.recoverySilenceMs),
			automatic: true,
			...fields
		});
		const signature = await this.#operator.signer.sign(message);
		const signed = { $typeName: 'tabwave.v1.SignedRecovery' as const, recovery, signature };
		await this.#handleBooter(this.booter.core.recover(signed));
	}

	/** The Booter hears a partition's quorum again. */
	async heardAgain(partition: number): Promise<void> {
		await this.#handleBooter(this.booter.core.heardAgain(partition));
	}

	/** A final block as a node's disk has it. */
	block(name: string, height: number) {
		const { disk } = name === 'booter' ? this.booter : this.member(name);
		const block = decodeFinalBlock(disk.blocks.get(height)!);
		return { block, header: decodeHeader(block.header), finality: block.finality! };
	}

	async #deliver({ from, to, body: sent, label }: Mail): Promise<void> {
		const isTampered = sent.case === 'next' && this.tamperNext !== null;
		const body: Packet['body'] = isTampered
			? { case: 'next', value: await this.tamperNext!(sent.value) }
			: sent;
		const target = to === 'booter' ? this.booter : this.members.get(to);
		if (!target || target.isDown || !this.reaches(from, to, label)) return;
		try {
			if (target === this.booter) await this.#toBooter(body);
			else await this.#toMember(target as MemberHost, from, body);
		} catch (error) {
			if (!(error instanceof LedgerError)) throw error;
			this.transcript.push(`${to} refuses ${label} of ${from}: ${error.reason}`);
		}
	}

	async #toMember(host: MemberHost, from: string, body: Packet['body']): Promise<void> {
		const { chain, voter } = host;
		const voters = votersOf(chain);
		const isNext = (height: number): boolean => height === chain.head.height + 1;
		switch (body.case) {
			case 'signed': {
				const signed = body.value;
				if (!isNext(signed.slot)) return;
				if (signed.kind === Kind.STATUS_REQUEST) {
					await hold(checkStatusRequest(signed, voters));
					await this.#handleMember(host, voter.statusRequest(signed));
					return;
				}
				const partition = chain.topology.partition(signed.partition);
				if (signed.kind === Kind.STATUS) await hold(checkStatus(signed, voters));
				else if (signed.kind === Kind.REFUSE) await hold(checkRefuse(signed, partition, chain.chainId));
				else await hold([signedCheck(chain.chainId, signed)]);
				await this.#handleMember(host, voter.vote(receive(signed)));
				return;
			}
			case 'next':
				await this.#next(host, body.value, voters);
				return;
			case 'orderCommit':
				if (!isNext(body.value.height)) return;
				await hold(certificateChecks(Kind.SIGN, body.value, voters));
				await this.#handleMember(host, voter.orderCommit(body.value));
				return;
			case 'finality':
				if (!isNext(body.value.height)) return;
				await hold(certificateChecks(Kind.DONE, body.value, voters));
				await this.#handleMember(host, voter.finality(body.value, true));
				return;
			case 'certifiedBlock': {
				const held = this.#read(body.value);
				host.bodies.set(held.id, held);
				await this.#handleMember(host, voter.body(held.id));
				return;
			}
			case 'certifiedBlockRequest': {
				const held = host.bodies.get(toHex(body.value.blockId));
				if (held?.certificate.view === body.value.view)
					this.#send(host.name, from, { case: 'certifiedBlock', value: toCertifiedBlock(held) });
			}
		}
	}

	async #next(host: MemberHost, next: Next, voters: Voters): Promise<void> {
		const { previous } = next;
		if (previous && previous.height === host.chain.head.height + 1) {
			await hold(certificateChecks(Kind.DONE, previous, voters));
			await this.#handleMember(host, host.voter.finality(previous, false));
		}
		const isOwnHeight = next.signed?.slot === host.chain.head.height + 1;
		if (!isOwnHeight) return;
		const { fields } = this.genesis;
		const { maxBlocksPerNext } = fields;
		const { checks } = checkNext(next, votersOf(host.chain), {
			maxBlocksPerNext,
			isOwnHeight,
			recovery: fields
		});
		await hold(checks);
		await this.#handleMember(host, host.voter.next(next, this.#clock(host)));
	}

	async #toBooter(body: Packet['body']): Promise<void> {
		const { chain, core } = this.booter;
		switch (body.case) {
			case 'certifiedBlock':
				await this.#handleBooter(core.certified(this.#read(body.value)));
				return;
			case 'certifiedBlockRequest': {
				const held = core.body(toHex(body.value.blockId), body.value.view);
				if (held)
					for (const { name } of this.members.values())
						this.#send('booter', name, { case: 'certifiedBlock', value: toCertifiedBlock(held) });
				return;
			}
			case 'partitionVote': {
				const vote = body.value;
				if (vote.height <= chain.head.height) return;
				const partition = chain.topology.partition(vote.votes!.partition);
				await hold(checkPartitionVotes(vote.kind, vote, vote.votes!, partition, chain.chainId));
				await this.#handleBooter(core.vote(vote));
				return;
			}
			case 'partitionStatus':
				if (body.value.height !== chain.head.height + 1) return;
				await hold(checkPartitionStatus(body.value, votersOf(chain)));
				await this.#handleBooter(core.status(body.value));
				return;
			case 'partitionRefusal': {
				const partition = chain.topology.partition(body.value.partition);
				await hold(checkPartitionRefusal(body.value, partition, chain.chainId));
				await this.#handleBooter(core.refusal(body.value));
			}
		}
	}

	async #handleMember(host: MemberHost, effects: VoterEffects): Promise<void> {
		const signed = await this.#perform(host, effects);
		if (!signed) return;
		for (const own of signed) await this.#handleMember(host, host.voter.vote(receive(own)));
	}

	async #handleBooter(effects: BooterEffects): Promise<void> {
		this.#record(effects);
		for (const note of effects.notes) this.transcript.push(`booter: ${note}`);
		if (effects.higherTerm !== null) this.transcript.push(`booter steps down for term ${effects.higherTerm}`);
		if (!(await this.#perform(this.booter, effects)) || !effects.operator) return;
		const { operator } = effects;
		const { signature } = await this.sign(this.#operator, operator);
		await this.#handleBooter(this.booter.core.operatorSigned(operator, signature));
	}

	/** R20: a log of one replica, on its disk: what is written down there is committed. */
	#record(effects: BooterEffects): void {
		const { core, log } = this.booter;
		for (let data = effects.entries.shift(); data; data = effects.entries.shift()) {
			const entry = log.apply(data)!;
			effects.persist.push({
				key: entry.body.case === 'ballot' ? BALLOT_KEY : ORDER_COMMIT_KEY,
				value: data
			});
			if (entry.body.case === 'ballot') effects.persist.push({ key: ORDER_COMMIT_KEY, value: null });
			addBooterEffects(effects, core.recorded(entry, log.logged));
		}
	}

	/** Persist, then send. @returns what was signed, or null where the node stopped */
	async #perform(host: Host, effects: Effects & { commits: Commit[] }): Promise<Signed[] | null> {
		const signed = await Promise.all(
			effects.votes.map(({ statement, payload }) => this.sign(host.member, statement, payload))
		);
		const stop =
			effects.persist.length + effects.commits.length > 0
				? this.onWrite(host.name, effects.persist, effects.commits)
				: null;
		if (stop !== 'before') this.#write(host, effects);
		if (stop) {
			this.transcript.push(`${host.name} crashes ${stop} the write`);
			host.isDown = true;
			return null;
		}
		effects.votes.forEach((vote, i) => this.#sendVote(host, vote, signed[i]!));
		const told = new Set<unknown>();
		for (const { to, packet } of effects.send) {
			const label = labelOf(packet);
			const names = this.#targets(host, [to]);
			// What goes to many at once is one line.
			const together = effects.send.filter((other) => other.packet.value === packet.value);
			if (!told.has(packet.value))
				this.#tell(
					host,
					label,
					together.flatMap((other) => this.#names(host, other.to))
				);
			told.add(packet.value);
			for (const name of names) this.#mail.push({ from: host.name, to: name, body: packet, label });
		}
		return signed;
	}

	#sendVote(host: Host, vote: Vote, signed: Signed): void {
		const body = vote.packet?.(signed) ?? { case: 'signed' as const, value: signed };
		const label = labelOf(body);
		this.#tell(
			host,
			label,
			vote.to.flatMap((to) => this.#names(host, to))
		);
		for (const name of this.#targets(host, vote.to))
			this.#mail.push({ from: host.name, to: name, body, label });
	}

	#write(host: Host, { persist, commits }: { persist: Persist[]; commits: Commit[] }): void {
		const { disk } = host;
		for (const { key, value } of persist) {
			if (value) disk.records.set(key, value);
			else disk.records.delete(key);
		}
		for (const commit of commits) {
			for (const row of commit.state) disk.state.set(row.key, row);
			for (const block of commit.blocks) {
				disk.blocks.set(block.height, block.bytes);
				const hash = toHex(block.hash);
				const known = this.#final.get(block.height) ?? hash;
				if (known !== hash) throw new Error(`agreement: ${host.name} has another block ${block.height}`);
				this.#final.set(block.height, hash);
			}
			disk.head = commit.head;
			const [first] = commit.blocks;
			const heights =
				first!.height === commit.head.height ? `${first!.height}` : `${first!.height}…${commit.head.height}`;
			this.transcript.push(`${host.name} commits ${heights}`);
		}
	}

	#tell(host: Host, label: string, to: string[]): void {
		this.transcript.push(`${host.name} ${label}${to.length > 0 ? ` → ${[...new Set(to)].join(' ')}` : ''}`);
	}

	#send(from: string, to: string, body: Packet['body']): void {
		const label = labelOf(body);
		this.transcript.push(`${from} ${label} → ${to}`);
		this.#mail.push({ from, to, body, label });
	}

	#names(host: Host, to: Target): string[] {
		return to === 'members' ? ['all'] : this.#targets(host, [to]);
	}

	#targets(host: Host, to: Target[]): string[] {
		return to
			.flatMap((target) => {
				if (target === this.booter.member.id) return ['booter'];
				const partition = (host as Partial<MemberHost>).partition;
				return [...this.members.values()]
					.filter((other) =>
						target === 'members' ? other.partition === partition : other.member.id === target
					)
					.map(({ name }) => name);
			})
			.filter((name) => name !== host.name);
	}

	#of(partition: number): MemberHost[] {
		return [...this.members.values()].filter((host) => host.partition === partition);
	}

	#clock(host: Host): number {
		return START_MS + this.tick * TICK_MS + host.skewMs;
	}

	/** Its signatures are this harness' own. */
	#read(block: CertifiedBlock): CertifiedBody {
		const { chainId, fields } = this.genesis;
		return certifiedBodyOf(
			block.proposal,
			block.certificate!,
			block.transactions.map((bytes) => parseTransaction(bytes, chainId, fields.maxTransactionBytes))
		);
	}

	#memberHost(name: string, member: TestMember, partition: number, members: TestMember[][]): MemberHost {
		const host = this.#host(name, member, members) as MemberHost;
		host.partition = partition;
		host.bodies = new Map();
		host.voter = this.#voter(host);
		return host;
	}

	#host(name: string, member: TestMember, members: TestMember[][]): Host {
		const disk = foundedDisk(this.genesis, members);
		const host = { name, member, disk, contract: counter(), isDown: false, skewMs: 0 } as unknown as Host;
		host.chain = this.#chain(host);
		return host;
	}

	/** Gives a member another contract, before anything has happened: its results differ from then on. */
	replaceContract(name: string, contract: Contract): void {
		const host = this.member(name);
		host.contract = contract;
		host.chain = this.#chain(host);
		host.voter = this.#voter(host);
	}

	/** Lets a member believe that the ledger holds a partition's rounds up to this one, before anything has happened. */
	believeRounds(name: string, partition: number, lastRoundId: number): void {
		const value = toBinary(RoundStateSchema, create(RoundStateSchema, { epoch: 1, lastRoundId }));
		this.believe(name, roundKey(partition), value);
	}

	/** Lets a member believe that the ledger holds this, before anything has happened. */
	believe(name: string, key: string, value: Uint8Array): void {
		const host = this.member(name);
		host.disk.state.set(key, { key, value, height: FIRST_HEIGHT, previous: null });
		host.chain = this.#chain(host);
		host.voter = this.#voter(host);
	}

	#chain(host: Host): Chain {
		const { head, state, blocks } = host.disk;
		const chain = new Chain(this.genesis, [host.contract], { head, state: [...state.values()] });
		for (const bytes of blocks.values()) chain.remember(bytes);
		return chain;
	}

	#voter(host: MemberHost): Voter {
		return new Voter({
			chain: host.chain,
			self: host.member.id,
			bodies: {
				get: (id, view) => {
					const body = host.bodies.get(id);
					return body?.certificate.view === view ? body : undefined;
				}
			},
			leader: () => this.leaderOf(host.partition).member.id,
			resendTicks: RESEND_TICKS,
			carryToAllTicks: CARRY_TO_ALL_TICKS
		});
	}

	#core(host: Host): BooterCore {
		const core = new BooterCore({
			chain: host.chain,
			resendTicks: RESEND_TICKS,
			gatherTicks: 1,
			gapTicks: 20,
			readBlock: (block) => this.#read(block)
		});
		const last = host.disk.blocks.get(host.chain.head.height);
		core.restore((last && decodeFinalBlock(last).finality) ?? null);
		return core;
	}
}

/** What the disk has of the Booter's log. */
function logOf({ disk }: Host): OpenBallot {
	const log = new OpenBallot();
	for (const key of [BALLOT_KEY, ORDER_COMMIT_KEY]) {
		const data = disk.records.get(key);
		if (data) log.apply(data);
	}
	return log;
}

function recordsOf({ disk }: Host): { key: string; value: Uint8Array }[] {
	return [...disk.records].map(([key, value]) => ({ key, value }));
}

function foundedDisk(genesis: GenesisBlock, members: TestMember[][]): Disk {
	const state = new Map<string, VersionedRow>();
	members.forEach((list, i) => {
		const value = toBinary(
			PartitionStateSchema,
			create(PartitionStateSchema, {
				id: i + 1,
				epoch: 1,
				members: list.map(({ id }) => ({ id: fromHex(id), nickname: '' })),
				maxMembers: 16,
				sinceHeight: FIRST_HEIGHT
			})
		);
		for (const key of [partitionKey(i + 1), epochKey(i + 1, 1)])
			state.set(key, { key, value, height: FIRST_HEIGHT, previous: null });
	});
	const head = {
		height: FIRST_HEIGHT,
		hash: new Uint8Array(32).fill(0x11),
		stateDigest: genesis.stateDigest,
		timeMs: START_MS - 500
	};
	return { head, state, records: new Map(), blocks: new Map() };
}

export function votersOf({ topology, genesis, chainId }: Chain): Voters {
	const { operator, booters } = genesis.fields;
	return { active: topology.active(), operator, booters, chainId };
}

/** What every message's validator leaves to the driver. @throws LedgerError */
export async function hold(checks: Verification[]): Promise<void> {
	for (const check of checks)
		if (!(await testSuite.verify(check)))
			throw new LedgerError('SignatureInvalid', 'a signature does not hold');
}

function certificateChecks(
	kind: Kind.SIGN | Kind.DONE,
	certificate: OrderCertificate,
	{ active, operator, chainId }: Voters
): Verification[] {
	return checkOrderCertificate(kind, certificate, active, operator, chainId);
}

const KIND_NAMES: Partial<Record<Kind, string>> = {
	[Kind.STATUS_REQUEST]: 'StatusRequest',
	[Kind.STATUS]: 'Status',
	[Kind.SIGN]: 'Sign',
	[Kind.DONE]: 'Done',
	[Kind.REFUSE]: 'Refuse'
};

/** One short line for any message. */
function labelOf(body: Packet['body']): string {
	switch (body.case) {
		case 'signed': {
			const { kind, view, attempt, payload } = body.value;
			const name = `${KIND_NAMES[kind]} ${ballotName({ term: view, attempt })}`;
			if (kind === Kind.REFUSE) return `${name} ${readRefusal(body.value).name}`;
			const lock = kind === Kind.STATUS ? decodeLockProof(payload)?.orderCommit : undefined;
			return lock ? `${name} lock ${ballotName(lock)}` : name;
		}
		case 'next': {
			const { signed, statuses, lock } = body.value;
			const ballot = ballotName({ term: signed!.view, attempt: signed!.attempt });
			const shows = lock ? ` lock ${ballotName(lock)}` : statuses.length > 0 ? ' free' : '';
			return `Next ${ballot} height ${signed!.slot}${shows}`;
		}
		case 'orderCommit':
			return `OrderCommit ${ballotName(body.value)}`;
		case 'finality':
			return `Finality ${ballotName(body.value)}`;
		case 'partitionVote':
			return `carries ${KIND_NAMES[body.value.kind]}s ${ballotName(body.value)}`;
		case 'partitionStatus': {
			const lock = body.value.lock?.orderCommit;
			return `carries Statuses ${ballotName(body.value)}${lock ? ` lock ${ballotName(lock)}` : ''}`;
		}
		case 'partitionRefusal':
			return `carries refusals ${body.value.refusals.length}`;
		case 'certifiedBlock':
			return `block ${body.value.certificate!.partition}/${body.value.certificate!.roundId}`;
		case 'certifiedBlockRequest':
			return 'asks for a block';
		default:
			return body.case ?? 'nothing';
	}
}
