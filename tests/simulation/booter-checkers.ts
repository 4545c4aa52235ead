/** What must hold of the upper tier whatever the Booter does. A violation throws, or fails the world. */
import { checkOrderCertificate } from '#lib/consensus/certificates.ts';
import { compareBallots, type Ballot } from '#lib/consensus/ordering/ballot.ts';
import type { CommittedBlock } from '#lib/consensus/ordering/chain.ts';
import { readComplaint } from '#lib/consensus/ordering/complaint.ts';
import { decodeLockProof } from '#lib/consensus/ordering/lock.ts';
import { Kind } from '#lib/consensus/statement.ts';
import { toHex } from '#lib/crypto/hex.ts';
import { blockHash, decodeFinalBlock } from '#lib/ledger/block.ts';
import type { OrderCertificate, Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { Violation } from './checkers.ts';
import { tap } from './wiretap.ts';
import type { World } from './world.ts';

export class UpperTierCheckers {
	/** The Booter has said two things: who says so tells the truth. */
	hasLied = false;
	/** One digest for each member, height, ballot and kind. */
	readonly #votes = new Map<string, string>();
	/** The highest ballot in which a member has had a part, by member and height. */
	readonly #joined = new Map<string, Ballot>();
	/** The highest ballot in which a member said Done. */
	readonly #locked = new Map<string, Ballot>();
	/** What was proven final at a height, by content. */
	readonly #proven = new Map<number, string>();
	/** Every block that anybody has called final. */
	readonly #final = new Map<number, string>();
	readonly counts = { statuses: 0, locksShown: 0, refusals: 0, proofs: 0, complaints: 0, finalBlocks: 0 };

	/** Listens to a world from before it starts. */
	watch(world: World): void {
		tap(world.hub, ({ bytes, body }) => {
			try {
				this.sent(body);
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

	/** R2, R11, R14: looks at what leaves an honest node. */
	sent(body: Packet['body']): void {
		if (body.case !== 'signed') return;
		const signed = body.value;
		if (signed.kind === Kind.REFUSE) this.counts.refusals += 1;
		if (signed.kind === Kind.COMPLAINT) this.#complaint(signed);
		if (signed.kind === Kind.SIGN || signed.kind === Kind.DONE || signed.kind === Kind.STATUS)
			this.#vote(signed);
	}

	/** No final block is ever lost: whoever runs at the end holds every block that anybody called final. */
	async end(world: World): Promise<void> {
		const stores = [
			{ name: 'booter', store: world.booter!.store },
			...world.live().map(({ name, store }) => ({ name, store }))
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

	#vote(signed: Signed): void {
		const ballot = { term: signed.view, attempt: signed.attempt };
		const member = `${toHex(signed.sender)}/${signed.slot}`;
		const where = `${member.slice(0, 8)} at height ${signed.slot} in ballot ${ballot.term}.${ballot.attempt}`;
		const slot = `${member}/${ballot.term}/${ballot.attempt}/${signed.kind}`;
		const digest = toHex(signed.digest);
		const before = this.#votes.get(slot) ?? digest;
		if (before !== digest) throw new Violation(`R11: two votes of ${where}`);
		this.#votes.set(slot, digest);
		const joined = this.#joined.get(member);
		if (joined && compareBallots(ballot, joined) < 0)
			throw new Violation(`R14: a vote of ${where}, which has joined ${joined.term}.${joined.attempt}`);
		this.#joined.set(member, ballot);
		if (signed.kind === Kind.DONE) this.#locked.set(member, ballot);
		if (signed.kind === Kind.STATUS) this.#status(signed, this.#locked.get(member), where);
	}

	#status(signed: Signed, locked: Ballot | undefined, where: string): void {
		this.counts.statuses += 1;
		const shown = decodeLockProof(signed.payload)?.orderCommit;
		if (shown) this.counts.locksShown += 1;
		if (locked && (!shown || compareBallots(shown, locked) < 0))
			throw new Violation(`R14: a Status of ${where} hides its lock`);
	}

	#complaint(signed: Signed): void {
		this.counts.complaints += 1;
		const { name } = readComplaint(signed.payload);
		if (name === 'BooterEquivocates' && !this.hasLied)
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
