/** What one account has in this contract, counted: it bounds what one key can add to everyone's state. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Refused, type StateView } from '../../ledger/contract.ts';
import { OwnerStateSchema } from '../../wire/gen/tabwave/v1/spectrum_pb.js';
import { ownerKey } from './keys.ts';
import { MAX_ACCESS_POINTS_PER_OWNER, MAX_COMMITMENTS_PER_ACCOUNT } from './limits.ts';

/** @throws Refused `TooManyAccessPoints` */
export function countAccessPoint(state: StateView, account: string): void {
	const owner = readOwner(state, account);
	if (owner.accessPoints >= MAX_ACCESS_POINTS_PER_OWNER)
		throw new Refused(
			'TooManyAccessPoints',
			`one owner registers at most ${MAX_ACCESS_POINTS_PER_OWNER} access points`
		);
	writeOwner(state, account, { ...owner, accessPoints: owner.accessPoints + 1 });
}

/** @throws Refused `TooManyCommitments` */
export function countCommitment(state: StateView, account: string): void {
	const owner = readOwner(state, account);
	if (owner.commitments >= MAX_COMMITMENTS_PER_ACCOUNT)
		throw new Refused(
			'TooManyCommitments',
			`one buyer has at most ${MAX_COMMITMENTS_PER_ACCOUNT} commitments that are not revealed`
		);
	writeOwner(state, account, { ...owner, commitments: owner.commitments + 1 });
}

/** It was revealed, or forfeited. */
export function releaseCommitment(state: StateView, account: string): void {
	const owner = readOwner(state, account);
	writeOwner(state, account, { ...owner, commitments: owner.commitments - 1 });
}

interface Owner {
	accessPoints: number;
	commitments: number;
}

function readOwner(state: StateView, account: string): Owner {
	const bytes = state.get(ownerKey(account));
	if (!bytes) return { accessPoints: 0, commitments: 0 };
	const { accessPoints, commitments } = fromBinary(OwnerStateSchema, bytes);
	return { accessPoints, commitments };
}

function writeOwner(state: StateView, account: string, owner: Owner): void {
	state.set(ownerKey(account), toBinary(OwnerStateSchema, create(OwnerStateSchema, owner)));
}
