/** What must hold of the upper tier whatever the Booter does. A violation throws, or fails the world. */
import { checkOrderCertificate, orderVoteDigest } from '#lib/consensus/certificates.ts';
import { ballotName, compareBallots, type Ballot } from '#lib/consensus/ordering/ballot.ts';
import type { CommittedBlock } from '#lib/consensus/ordering/chain.ts';
import { readComplaint } from '#lib/consensus/ordering/complaint.ts';
import { decodeLockProof, statusDigest } from '#lib/consensus/ordering/lock.ts';
import { Kind } from '#lib/consensus/statement.ts';
import { toHex } from '#lib/crypto/hex.ts';
import { blockHash, decodeFinalBlock } from '#lib/ledger/block.ts';
import type { OrderCertificate, Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { Packet, PartitionStatus, PartitionVote } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { Violation } from './checkers.ts';
import { tap } from './wiretap.ts';
import type { World } from './world.ts';

interface Vote {
	kind: Kind;
	/** Lower-case hex. */
	member: string;
	ballot: Ballot;
	height: number;
	/** Lower-case hex. */
	digest: string;
}

export class UpperTierCheckers {
	/** The Booter has said two things: who says so tells the truth. */
	hasLied = false;
	#liars: ReadonlySet<string> = new Set();
	/** One digest for each member, height, ballot and kind. */
	readonly #votes = new Map<string, string>();
	/** The highest ballot in which a member has had a part, by member and height. */
	readonly #joined = new Map<string, Ballot>();
	/** The ballots in which a member said Done. */
	readonly #locks = new Map<string, Ballot[]>();
	/** What was proven final at a height, by content. */
	readonly #proven = new Map<number, string>();
	/** Every block that anybody has called final. */
	readonly #final = new Map<number, string>();
	readonly counts = {
		orderVotes: 0,
		statuses: 0,
		locksShown: 0,
		refusals: 0,
		proofs: 0,
		complaints: 0,
		finalBlocks: 0
	};

	/** Listens to a world from before it starts. */
	watch(world: World): void {
		this.#liars = world.liars;
		tap(world.hub, ({ from, bytes, body }) => {
			try {
				this.sent(body, from);
			} catch (error) {
				world.fail(error as Error);
			}
			const proof =
				body.case === 'finality' ? body.value : body.case === 'next' ? body.value.previous : undefined;
			if (proof) void this.#proof(world, proof).catch((error: unknown) => world.fail(error as Error));
			return [bytes];
		});
		const committed = world.checkers.committed.bind(world.checkers);
		world.checkers.committed = (who, chain, block) => {
			this.#commit(block);
			return committed(who, chain, block);
		};
	}

	/**
	 * R2, R11, R14: looks at what leaves an honest node.
	 * @param from who sends it. A leader's own votes are seen only where it carries them
	 */
	sent(body: Packet['body'], from = ''): void {
		switch (body.case) {
			case 'partitionVote':
				this.#carriedVotes(body.value, from);
				return;
			case 'partitionStatus':
				this.#carriedStatuses(body.value, from);
				return;
			case 'signed':
				this.#signed(body.value);
		}
	}

	/** No final block is ever lost: whoever runs at the end holds every block that anybody called final. */
	async end(world: World): Promise<void> {
		const stores = [
			...world.replicas.all.map(({ name, store }) => ({ name, store })),
			// A liar need not have caught up.
			...world
				.live()
				.filter(({ id }) => !this.#liars.has(id))
				.map(({ name, store }) => ({ name, store }))
		];
		for (const [height, hash] of this.#final)
			for (const { name, store } of stores) {
				const bytes = await store.block(height);
				if (!bytes) throw new Violation(`final: ${name} has lost block ${height}`);
				if (toHex(blockHash(decodeFinalBlock(bytes).header)) !== hash)
					throw new Violation(`final: ${name} holds another block ${height} than was final`);
			}
		this.counts.finalBlocks = this.#final.size;
	}

	#signed(signed: Signed): void {
		const { kind, view, attempt, slot, digest, payload } = signed;
		if (kind === Kind.REFUSE) this.counts.refusals += 1;
		if (kind === Kind.COMPLAINT) this.#complaint(signed);
		if (kind !== Kind.SIGN && kind !== Kind.DONE && kind !== Kind.STATUS) return;
		const vote: Vote = {
			kind,
			member: toHex(signed.sender),
			ballot: { term: view, attempt },
			height: slot,
			digest: toHex(digest)
		};
		if (this.#once(vote)) this.#inOrder(vote);
		if (kind === Kind.STATUS) this.#shows(vote, decodeLockProof(payload)?.orderCommit);
	}

	/** What a leader carries of others may be older than what they say by now; what it carries of its own is not. */
	#carriedVotes(carried: PartitionVote, from: string): void {
		const { kind, term, attempt, height, contentDigest, blockHashes, without, votes } = carried;
		const digest = toHex(orderVoteDigest(contentDigest, blockHashes, without));
		for (const { member } of votes!.votes) {
			const vote = { kind, member: toHex(member), ballot: { term, attempt }, height, digest };
			if (this.#once(vote) && vote.member === from) this.#inOrder(vote);
		}
	}

	#carriedStatuses({ term, attempt, height, statuses }: PartitionStatus, from: string): void {
		for (const { lock, members } of statuses!.groups)
			for (const { member } of members) {
				const digest = toHex(statusDigest(lock));
				const ballot = { term, attempt };
				const vote = { kind: Kind.STATUS, member: toHex(member), ballot, height, digest };
				const isNew = this.#once(vote);
				if (vote.member !== from) continue;
				if (isNew) this.#inOrder(vote);
				this.#shows(vote, lock);
			}
	}

	/**
	 * R11: one vote of a kind in a ballot.
	 * @returns whether it has not been seen before; liars' votes are not looked at
	 */
	#once({ kind, member, ballot, height, digest }: Vote): boolean {
		if (this.#liars.has(member)) return false;
		this.counts.orderVotes += 1;
		const slot = [member, height, ballot.term, ballot.attempt, kind].join('/');
		const before = this.#votes.get(slot);
		if (before === undefined) this.#votes.set(slot, digest);
		else if (before !== digest) throw new Violation(`R11: two votes in ${slot}`);
		return before === undefined;
	}

	/**
	 * R14: no part in a ballot below the one that was joined.
	 * @param vote not seen before: what was given earlier may be on its way to somebody else, or be said again in one turn with the joining
	 */
	#inOrder(vote: Vote): void {
		const { kind, ballot } = vote;
		const place = `${vote.member}/${vote.height}`;
		const joined = this.#joined.get(place);
		if (joined && compareBallots(ballot, joined) < 0)
			throw new Violation(`R14: a vote of ${nameOf(vote)}, which has joined ${ballotName(joined)}`);
		this.#joined.set(place, ballot);
		if (kind === Kind.DONE) this.#locks.set(place, [...(this.#locks.get(place) ?? []), ballot]);
	}

	/** R14: a Status shows the lock of every Done of a lower ballot. It may be said again once there is one of its own. */
	#shows(vote: Vote, shown: Ballot | undefined): void {
		if (this.#liars.has(vote.member)) return;
		this.counts.statuses += 1;
		if (shown) this.counts.locksShown += 1;
		const locks = this.#locks.get(`${vote.member}/${vote.height}`) ?? [];
		const isHidden = (lock: Ballot): boolean =>
			compareBallots(lock, vote.ballot) < 0 && (!shown || compareBallots(shown, lock) < 0);
		if (locks.some(isHidden)) throw new Violation(`R14: a Status of ${nameOf(vote)} hides its lock`);
	}

	#complaint(signed: Signed): void {
		this.counts.complaints += 1;
		const { name } = readComplaint(signed.payload);
		if (name === 'BooterEquivocates' && !this.hasLied && !this.#liars.has(toHex(signed.sender)))
			throw new Violation(`evidence: ${toHex(signed.sender).slice(0, 8)} frames an honest Booter`);
	}

	/** Two finality proofs of one height never differ. Only what holds is a proof. */
	async #proof(world: World, proof: OrderCertificate): Promise<void> {
		const said = `${toHex(proof.contentDigest)}/${toHex(proof.blockHashes)}`;
		if (this.#proven.get(proof.height) === said) return;
		const { genesis, chainId, topology } = world.booter!.node.chain;
		const active = topology.activeAt(proof.height - 1);
		const checks = checkOrderCertificate(Kind.DONE, proof, active, genesis.fields.operator, chainId);
		for (const check of checks) if (!(await world.suite.verify(check))) return;
		const known = this.#proven.get(proof.height);
		if (known === said) return;
		this.counts.proofs += 1;
		if (known !== undefined)
			throw new Violation(`agreement: height ${proof.height} has two finality proofs that differ`);
		this.#proven.set(proof.height, said);
	}

	#commit(block: CommittedBlock): void {
		if (!this.#final.has(block.height)) this.#final.set(block.height, toHex(block.hash));
	}
}

function nameOf({ member, height, ballot }: Vote): string {
	return `${member.slice(0, 8)} at height ${height} in ballot ${ballotName(ballot)}`;
}
