/**
 * For tests: a cluster under everything that a network and a disk may do, from one seed. Messages are lost, doubled, late and
 * overtaken; links are cut, one way or both; replicas freeze, and crash before and after their writes; the membership changes,
 * leadership is handed over, logs are compacted, and heads stall. It is checked all the time that it is safe (safety.ts), and,
 * when the faults have stopped, that the cluster decides again and all its replicas learn of it.
 */
import type { Persist } from '../../effects.ts';
import { replicasOf } from '../configuration.ts';
import { CampaignReason, type RaftMessage } from '../messages.ts';
import { Raft, type RaftEffects } from '../raft.ts';
import { bytesOf, overTheWire } from './cluster.ts';
import { Safety, SafetyError, type Machine } from './safety.ts';

export interface Turmoil {
	/** Share of messages that are lost, 0…1. */
	loss: number;
	duplication: number;
	/** A message is up to this late; those of one link overtake each other. */
	maxDelayTicks: number;
	/** Chance per tick that some links are cut, or a replica freezes or crashes. */
	cuts: number;
	freezes: number;
	crashes: number;
	/** The same for who leads, beside: a log that half of them have got is what the rules of R19 are for. */
	leaderCrashes: number;
	/** -1 sends entries one by one. */
	maxAppendBytes: number;
	/** Chance per tick of a wish: a proposal, a change of membership, a hand-over. */
	proposals: number;
	changes: number;
	transfers: number;
	/** Chance per tick that a replica is told that blocks wait, or do not, or that the head has moved. */
	stalls: number;
}

const FAULTS_AND_WISHES = [
	'cuts',
	'freezes',
	'crashes',
	'leaderCrashes',
	'proposals',
	'changes',
	'transfers',
	'stalls'
] as const;

/** What happened in a run, so that it can be shown that each kind did. */
export type Counts = Record<
	| 'elections'
	| 'stall elections'
	| 'decided'
	| 'lost'
	| 'doubled'
	| 'cut off'
	| 'freezes'
	| 'crashes before the write'
	| 'crashes after the write'
	| 'entries that gave way'
	| 'snapshots'
	| 'snapshots installed'
	| 'membership changes'
	| 'transfers',
	number
>;

const ELECTION_TICKS = 10;
/** Elections may collide, and a snapshot go in pieces: this many election timeouts after the last fault all is well. */
const HEALING_TIMEOUTS = 25;

interface Host {
	id: string;
	disk: Map<string, Uint8Array>;
	/** Null while it is down. */
	raft: Raft | null;
	machine: Machine;
	downTicks: number;
	frozenTicks: number;
}

interface Flight {
	from: string;
	to: string;
	message: RaftMessage;
	atTick: number;
}

export class World {
	readonly counts: Counts = {
		elections: 0,
		'stall elections': 0,
		decided: 0,
		lost: 0,
		doubled: 0,
		'cut off': 0,
		freezes: 0,
		'crashes before the write': 0,
		'crashes after the write': 0,
		'entries that gave way': 0,
		snapshots: 0,
		'snapshots installed': 0,
		'membership changes': 0,
		transfers: 0
	};
	readonly #random: () => number;
	#turmoil: Turmoil;
	readonly #hosts = new Map<string, Host>();
	#flights: Flight[] = [];
	/** Links that are cut, as `from>to`, and until when. */
	readonly #cuts = new Map<string, number>();
	#tick = 0;
	#proposals = 0;
	readonly #safety = new Safety(() => `at tick ${this.#tick}\n${this.describe()}`);

	constructor(random: () => number, voters: number, spares: number, turmoil: Turmoil) {
		this.#random = random;
		this.#turmoil = turmoil;
		const ids = Array.from({ length: voters + spares }, (_, i) => String(i + 1).padStart(2, '0'));
		const bootstrap = { voters: ids.slice(0, voters) };
		for (const id of ids) {
			const host = this.#newHost(id);
			this.#hosts.set(id, host);
			this.#boot(host, ids.indexOf(id) < voters ? bootstrap : null);
		}
	}

	run(ticks: number): void {
		for (let i = 0; i < ticks; i++) this.#step();
	}

	/** The faults stop. @throws where the cluster does not decide again, or a replica does not learn of it */
	heal(): void {
		this.#turmoil = { ...this.#turmoil, loss: 0, duplication: 0, maxDelayTicks: 1 };
		for (const kind of FAULTS_AND_WISHES) this.#turmoil[kind] = 0;
		this.#cuts.clear();
		for (const host of this.#hosts.values()) {
			host.downTicks = 0;
			host.frozenTicks = 0;
			host.raft?.setWaiting(false);
		}
		let place: { index: number; term: number } | null = null;
		for (let i = 0; i < HEALING_TIMEOUTS * ELECTION_TICKS; i++) {
			this.#step();
			const leader = this.#leader();
			if (!leader) continue;
			if (place && this.#isLearned(place, leader)) return;
			const isDecided = place !== null && this.#safety.decidedTerm(place.index) === place.term;
			// Another leader may not have had it.
			if (!isDecided && place?.term !== leader.raft!.term) place = this.#propose(leader);
		}
		throw new SafetyError(
			`after ${HEALING_TIMEOUTS} election timeouts the cluster is not well:\n${this.describe()}`
		);
	}

	describe(): string {
		return [...this.#hosts.values()]
			.map(({ id, raft }) => {
				if (!raft) return `${id}: down`;
				const { role, term, leader, commit, lastIndex, configuration } = raft.state();
				return `${id}: ${JSON.stringify({ role, term, leader, commit, lastIndex, configuration })}`;
			})
			.join('\n');
	}

	/** Who leads now, where one does and is not about to learn otherwise. */
	#leader(): Host | null {
		const leaders = [...this.#hosts.values()].filter(({ raft }) => raft?.isActive);
		return leaders.sort((a, b) => b.raft!.term - a.raft!.term)[0] ?? null;
	}

	#isLearned({ index }: { index: number }, leader: Host): boolean {
		return replicasOf(leader.raft!.configuration).every((id) => this.#hosts.get(id)!.machine.index >= index);
	}

	#step(): void {
		this.#tick += 1;
		this.#disturb();
		const due = this.#flights.filter(({ atTick }) => atTick <= this.#tick);
		this.#flights = this.#flights.filter(({ atTick }) => atTick > this.#tick);
		for (const host of this.#hosts.values()) {
			if (!host.raft) {
				if (host.downTicks-- > 0) continue;
				this.#boot(host, null);
			}
			const mine = due.filter(({ to }) => to === host.id);
			if (host.frozenTicks > 0) {
				// It gets it all when it thaws.
				host.frozenTicks -= 1;
				this.#flights.push(...mine.map((flight) => ({ ...flight, atTick: this.#tick + 1 })));
				continue;
			}
			this.#turn(host, mine);
		}
	}

	/** One turn of a driver: several steps, whose writes are durable together or not at all, before any message leaves. */
	#turn(host: Host, flights: Flight[]): void {
		const raft = host.raft!;
		const steps: RaftEffects[] = [raft.tick()];
		for (const { from, message } of flights) steps.push(raft.message(from, overTheWire(message)));
		steps.push(...this.#wishes(host, raft));
		const { crashes, leaderCrashes } = this.#turmoil;
		const isCrash = this.#chance(crashes + (raft.isLeader ? leaderCrashes : 0));
		if (isCrash && this.#chance(0.5)) {
			this.counts['crashes before the write'] += 1;
			this.#crash(host);
			return;
		}
		for (const { persist } of steps) this.#persist(host, persist);
		this.#settle(host, raft, steps);
		if (isCrash) {
			this.counts['crashes after the write'] += 1;
			this.#crash(host);
			return;
		}
		for (const { send } of steps)
			for (const { to, packet } of send) if (packet.case === 'raft') this.#send(host.id, to, packet.value);
		if (raft.isSnapshotDue) {
			this.counts.snapshots += 1;
			const effects = raft.snapshot(host.machine.index, bytesOf(JSON.stringify(host.machine)));
			this.#persist(host, effects.persist);
		}
	}

	#wishes(host: Host, raft: Raft): RaftEffects[] {
		const { proposals, changes, transfers, stalls } = this.#turmoil;
		const steps: RaftEffects[] = [];
		if (raft.isLeader) {
			if (this.#chance(proposals)) steps.push(raft.propose(bytesOf(`proposal ${++this.#proposals}`)));
			if (this.#chance(changes)) {
				const effects = raft.changeMembership(this.#anyMembership(), this.#chance(0.3) ? 'joint' : 'auto');
				if (!effects.refusal) this.counts['membership changes'] += 1;
				steps.push(effects);
			}
			if (this.#chance(transfers)) {
				this.counts.transfers += 1;
				steps.push(raft.transferLeadership());
			}
		} else if (this.#chance(transfers / 4)) steps.push(raft.forgetLeader());
		if (this.#chance(stalls)) raft.setWaiting(this.#chance(0.9));
		if (this.#chance(stalls / 10)) raft.headMoved();
		if (this.#chance(stalls)) {
			const other = this.#anyHost().id;
			if (other !== host.id) steps.push(this.#chance(0.5) ? raft.linkDown(other) : raft.linkUp(other));
		}
		return steps;
	}

	#anyMembership() {
		const ids = [...this.#hosts.keys()].filter(() => this.#chance(0.6));
		const voters = ids.length > 0 ? ids : [this.#anyHost().id];
		const learners = voters.length > 2 && this.#chance(0.4) ? voters.splice(0, 1) : [];
		return { voters, learners };
	}

	#propose(leader: Host): { index: number; term: number } | null {
		const effects = leader.raft!.propose(bytesOf(`proposal ${++this.#proposals}`));
		this.#persist(leader, effects.persist);
		this.#settle(leader, leader.raft!, [effects]);
		for (const { to, packet } of effects.send)
			if (packet.case === 'raft') this.#send(leader.id, to, packet.value);
		return effects.proposed;
	}

	#persist(host: Host, persist: Persist[]): void {
		for (const { key, value } of persist) {
			if (value) host.disk.set(key, value);
			else host.disk.delete(key);
		}
	}

	/** What of a turn is durable is checked, and delivered. */
	#settle(host: Host, raft: Raft, steps: RaftEffects[]): void {
		const removals = steps.flatMap(({ persist }) => persist.filter(({ value }) => value === null));
		if (removals.length > 0) this.counts['entries that gave way'] += 1;
		if (steps.some(({ persist }) => persist.length > 0)) this.#safety.checkLog(raft);
		if (raft.isLeader && this.#safety.checkLeader(raft)) this.counts.elections += 1;
		for (const effects of steps) {
			if (effects.restored && effects.persist.length > 0) this.counts['snapshots installed'] += 1;
			this.#safety.deliver(host.id, host.machine, effects);
		}
		this.counts.decided = this.#safety.decided;
	}

	#send(from: string, to: string, message: RaftMessage): void {
		if (
			message.body.case === 'changeRequest' &&
			!message.body.value.preVote &&
			message.body.value.reason === CampaignReason.STALL
		)
			this.counts['stall elections'] += 1;
		if (this.#chance(this.#turmoil.loss)) {
			this.counts.lost += 1;
			return;
		}
		if ((this.#cuts.get(`${from}>${to}`) ?? 0) > this.#tick) {
			this.counts['cut off'] += 1;
			return;
		}
		const isDouble = this.#chance(this.#turmoil.duplication);
		if (isDouble) this.counts.doubled += 1;
		for (let copy = 0; copy < (isDouble ? 2 : 1); copy++) {
			const delay = 1 + Math.floor(this.#random() * this.#turmoil.maxDelayTicks);
			this.#flights.push({ from, to, message, atTick: this.#tick + delay });
		}
	}

	#disturb(): void {
		if (this.#chance(this.#turmoil.cuts)) {
			const side = new Set([...this.#hosts.keys()].filter(() => this.#chance(0.5)));
			const isOneWay = this.#chance(0.3);
			const until = this.#tick + Math.floor(this.#random() * 4 * ELECTION_TICKS);
			for (const a of this.#hosts.keys())
				for (const b of this.#hosts.keys())
					if (side.has(a) && !side.has(b)) {
						this.#cuts.set(`${a}>${b}`, until);
						if (!isOneWay) this.#cuts.set(`${b}>${a}`, until);
					}
		}
		if (this.#chance(this.#turmoil.freezes)) {
			this.counts.freezes += 1;
			this.#anyHost().frozenTicks = Math.floor(this.#random() * 3 * ELECTION_TICKS);
		}
	}

	#crash(host: Host): void {
		host.raft = null;
		host.frozenTicks = 0;
		// Every other one is back at once, in the same term.
		host.downTicks = this.#chance(0.5) ? 0 : Math.floor(this.#random() * 3 * ELECTION_TICKS);
	}

	#boot(host: Host, bootstrap: { voters: string[] } | null): void {
		host.machine = { index: 0, digest: 0 };
		host.raft = new Raft({
			self: host.id,
			records: [...host.disk].map(([key, value]) => ({ key, value })),
			bootstrap,
			electionTicks: ELECTION_TICKS,
			heartbeatTicks: 2,
			stallTicks: 2 * ELECTION_TICKS,
			random: this.#random,
			// Small, so that every bound is met.
			limits: {
				maxAppendBytes: this.#turmoil.maxAppendBytes,
				maxInflightMessages: 3,
				maxInflightBytes: 120,
				maxUncommittedBytes: 400,
				snapshotAfterEntries: 12,
				keptEntries: 4,
				snapshotPieceBytes: 20
			}
		});
		const effects = host.raft.start();
		this.#persist(host, effects.persist);
		this.#settle(host, host.raft, [{ ...effects, persist: [] }]);
		for (const { to, packet } of effects.send)
			if (packet.case === 'raft') this.#send(host.id, to, packet.value);
	}

	#newHost(id: string): Host {
		return {
			id,
			disk: new Map(),
			raft: null,
			machine: { index: 0, digest: 0 },
			downTicks: 0,
			frozenTicks: 0
		};
	}

	#anyHost(): Host {
		const hosts = [...this.#hosts.values()];
		return hosts[Math.floor(this.#random() * hosts.length)]!;
	}

	#chance(probability: number): boolean {
		return this.#random() < probability;
	}
}

/** Each seed has its own size and its own share of each fault, and is of one of four kinds. */
export function worldOf(seed: number): { world: World; describe: string } {
	const random = seededRandom(seed);
	const voters = [1, 2, 3, 3, 5, 5][Math.floor(random() * 6)]!;
	const spares = Math.floor(random() * 3);
	const share = (most: number): number => random() * most;
	const turmoil: Turmoil = {
		loss: share(0.3),
		duplication: share(0.2),
		maxDelayTicks: 1 + Math.floor(share(8)),
		cuts: share(0.03),
		freezes: share(0.02),
		crashes: share(0.02),
		leaderCrashes: share(0.01),
		maxAppendBytes: 60,
		proposals: share(0.6),
		changes: share(0.05),
		transfers: share(0.02),
		stalls: share(0.1),
		...KINDS[seed % KINDS.length]
	};
	return {
		world: new World(random, voters, spares, turmoil),
		describe: JSON.stringify({ voters, spares, ...turmoil })
	};
}

const KINDS: Partial<Turmoil>[] = [
	{},
	// Nothing is lost: what goes wrong is the order of things.
	{ loss: 0, duplication: 0, freezes: 0, crashes: 0, leaderCrashes: 0 },
	// Leaders hardly last, and logs part at every entry.
	{ leaderCrashes: 0.15, crashes: 0.05, maxAppendBytes: -1, maxDelayTicks: 4, cuts: 0.02, changes: 0 },
	// The membership is never the same for long.
	{ changes: 0.3, cuts: 0.06, leaderCrashes: 0.03, proposals: 0.1, transfers: 0 }
];

/** mulberry32 */
function seededRandom(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = state;
		mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
	};
}
