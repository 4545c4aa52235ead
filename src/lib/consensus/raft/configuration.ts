/**
 * Who the replicas are. A configuration is in force from the moment it is in a replica's log, committed or not, so that a log
 * alone says who decides (Ongaro, "Consensus: Bridging Theory and Practice", 4.1). A change goes through a joint
 * configuration, in which everything needs a majority of the old voters and one of the new (R19).
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { fromHex, toHex } from '../../crypto/hex.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { RaftConfigurationSchema, type RaftConfiguration } from '../../wire/gen/tabwave/v1/raft_pb.js';
import { MAX_REPLICAS } from './limits.ts';

/** Ids in hex, each list sorted. */
export interface Configuration {
	readonly voters: readonly string[];
	/** The voters before, while it is joint; else empty. */
	readonly outgoing: readonly string[];
	/** They get the log, do not count and do not campaign. */
	readonly learners: readonly string[];
	/** The leader ends a joint configuration by itself once it is committed. */
	readonly autoLeave: boolean;
}

/** Whom a change of configuration leads to. */
export interface Membership {
	voters: readonly string[];
	learners?: readonly string[];
}

/** Of a replica that has been told nothing yet: it waits for a leader to write to it. */
export const NOBODY: Configuration = { voters: [], outgoing: [], learners: [], autoLeave: false };

export function configurationOf({ voters, learners = [] }: Membership): Configuration {
	return { voters: [...voters].sort(), outgoing: [], learners: [...learners].sort(), autoLeave: false };
}

export function isJoint(configuration: Configuration): boolean {
	return configuration.outgoing.length > 0;
}

/** Everyone whose vote counts somewhere, sorted. */
export function votersOf({ voters, outgoing }: Configuration): string[] {
	return [...new Set([...voters, ...outgoing])].sort();
}

/** Everyone who gets the log, sorted. */
export function replicasOf(configuration: Configuration): string[] {
	return [...new Set([...votersOf(configuration), ...configuration.learners])].sort();
}

export function isVoter({ voters, outgoing }: Configuration, id: string): boolean {
	return voters.includes(id) || outgoing.includes(id);
}

/** One voter more or less: the majorities before and after share a replica, and no joint configuration is needed. */
export function isSimpleChange(from: Configuration, to: Membership): boolean {
	const added = to.voters.filter((id) => !from.voters.includes(id));
	const removed = from.voters.filter((id) => !to.voters.includes(id));
	return added.length + removed.length <= 1;
}

export function enterJoint(from: Configuration, to: Membership, autoLeave: boolean): Configuration {
	return { ...configurationOf(to), outgoing: from.voters, autoLeave };
}

export function leaveJoint(joint: Configuration): Configuration {
	return { ...joint, outgoing: [], autoLeave: false };
}

/** What is wrong with a wished membership, or null. */
export function membershipFault({ voters, learners = [] }: Membership): string | null {
	if (voters.length === 0) return 'a cluster has at least one voter';
	if (new Set([...voters, ...learners]).size !== voters.length + learners.length)
		return 'each replica is named once, as a voter or as a learner';
	if (voters.length + learners.length > MAX_REPLICAS) return `a cluster has at most ${MAX_REPLICAS} replicas`;
	return null;
}

export function toWireConfiguration(configuration: Configuration): RaftConfiguration {
	return create(RaftConfigurationSchema, {
		voters: configuration.voters.map((id) => fromHex(id)),
		outgoing: configuration.outgoing.map((id) => fromHex(id)),
		learners: configuration.learners.map((id) => fromHex(id)),
		autoLeave: configuration.autoLeave
	});
}

export function fromWireConfiguration(wire: RaftConfiguration | undefined): Configuration {
	if (!wire) return NOBODY;
	return {
		voters: wire.voters.map(toHex),
		outgoing: wire.outgoing.map(toHex),
		learners: wire.learners.map(toHex),
		autoLeave: wire.autoLeave
	};
}

export function encodeConfiguration(configuration: Configuration): Uint8Array {
	return toBinary(RaftConfigurationSchema, toWireConfiguration(configuration));
}

/** @throws LedgerError where the bytes are no configuration */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
	try {
		return fromWireConfiguration(fromBinary(RaftConfigurationSchema, bytes));
	} catch {
		throw new LedgerError('MessageMalformed', 'an entry holds no configuration');
	}
}
