/**
 * The changes of members of a chain, without the blocks between them: what a newcomer needs in order to believe a checkpoint (R23).
 *
 * It knows genesis. Each change is final by the partitions as the changes before it have made them, and its header names, under
 * the voters' signatures, the partitions that they saw below it: a change that was left out would show there. At the end, the state
 * that the checkpoint's voters signed must hold the same partitions in the same epochs. See docs/consensus.md, "Snapshots".
 */
import { equalBytes } from '../../crypto/hex.ts';
import type { Verification } from '../../crypto/suite.ts';
import { blockHash, decodeHeader, decodeMembershipChange, membershipChangeId } from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { partitionIds, type GenesisBlock } from '../../ledger/genesis.ts';
import { Overlay, VersionedState, type StateValue } from '../../ledger/state.ts';
import type { BlockHeader, FinalBlock, MembershipChange } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { applyMembershipChange, checkMembershipChange, membershipSignatures } from '../membership/change.ts';
import { Topology, topologyDigest } from '../topology.ts';
import { checkFinality, type ChainHead } from './chain.ts';

/** Rows that nothing but changes of members write: those of a checkpoint are the same, or it is of another history. */
const MEMBERSHIP_PREFIXES = ['partition/', 'epoch/', 'banned/', 'invitation/', 'admitted/'];

/** A checkpoint's block, all but its signatures checked. */
export interface CheckedCheckpoint {
	head: ChainHead;
	root: Uint8Array;
	checks: Verification[];
}

export class MemberHistory {
	readonly #genesis: GenesisBlock;
	readonly #state = new VersionedState();
	readonly #ids: number[];
	readonly topology: Topology;
	readonly changes: { height: number; change: MembershipChange }[] = [];

	constructor(genesis: GenesisBlock) {
		this.#genesis = genesis;
		this.#state.apply(genesis.writes, 0);
		this.#ids = partitionIds(genesis.fields);
		this.topology = new Topology(this.#state, this.#ids);
	}

	/** Of the last change. */
	get height(): number {
		return this.changes.at(-1)?.height ?? 0;
	}

	/**
	 * Takes the next change.
	 * @returns the signature checks without which it must not be believed
	 * @throws LedgerError
	 */
	follow(block: FinalBlock): Verification[] {
		const header = this.#headerOf(block);
		const { height } = header;
		if (block.certificate || !equalBytes(membershipChangeId(block.entry), header.lowerBlockId))
			throw invalid(`block ${height} is no change of members, or carries another one`);
		if (!equalBytes(header.topologyDigest, topologyDigest(this.#state, this.#ids)))
			throw invalid(`a change of members below block ${height} was left out`);
		const { fields, chainId } = this.#genesis;
		const change = decodeMembershipChange(block.entry);
		const checks = [
			...checkFinality(block, header, this.topology, this.#genesis),
			...membershipSignatures(change, fields.operator, chainId)
		];
		const overlay = new Overlay(this.#state, height);
		const timeMs = Number(header.timeMs);
		const context = { state: this.#state, genesis: fields, chainId, height, timeMs };
		checkMembershipChange(change, context);
		if (change.partition !== header.partition || change.epoch !== header.epoch)
			throw invalid(`the header of block ${height} does not match its change of members`);
		applyMembershipChange(change, overlay, context);
		this.#state.apply(overlay.writes(), height);
		this.changes.push({ height, change });
		return checks;
	}

	/** The block of a checkpoint above all the changes. @throws LedgerError */
	checkpoint(block: FinalBlock): CheckedCheckpoint {
		const last = this.changes.at(-1);
		const header = decodeHeader(block.header);
		const { height, stateDigest, timeMs, stateRoot } = header;
		const hash = blockHash(block.header);
		// The checkpoint may be a change of members itself: then it was followed, and its own voters were those before it.
		const isChange = last?.height === height;
		if (!isChange) this.#headerOf(block);
		if (stateRoot.length === 0) throw invalid(`block ${height} is no checkpoint`);
		return {
			head: { height, hash, stateDigest, timeMs: Number(timeMs) },
			root: stateRoot,
			checks: checkFinality(block, header, this.topology, this.#genesis)
		};
	}

	/** That a state has the members which these changes make. @throws LedgerError */
	checkState(values: StateValue[]): void {
		const own = new Map<string, StateValue>();
		for (const value of this.#state.values()) if (isOfMembers(value.key)) own.set(value.key, value);
		for (const { key, value, height } of values) {
			if (!isOfMembers(key)) continue;
			const known = own.get(key);
			if (!known || known.height !== height || !equalBytes(known.value, value))
				throw invalid(`its state has another ${key} than the changes of members make`);
			own.delete(key);
		}
		for (const key of own.keys()) throw invalid(`its state lacks ${key}, which the changes of members make`);
	}

	#headerOf(block: FinalBlock): BlockHeader {
		const header = decodeHeader(block.header);
		// A list begins with the voters of its first block: they are those of the last change.
		const first = block.finality?.height ?? 0;
		if (header.height <= this.height || first <= this.height)
			throw invalid(`block ${header.height} is not above the change of members at ${this.height}`);
		return header;
	}
}

function isOfMembers(key: string): boolean {
	return MEMBERSHIP_PREFIXES.some((prefix) => key.startsWith(prefix));
}

function invalid(why: string): LedgerError {
	return new LedgerError('SnapshotInvalid', `a snapshot does not hold: ${why}`);
}
