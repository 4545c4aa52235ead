import { beforeAll, describe, expect, it } from 'vitest';
import { testMembers, type TestMember } from '../../testing/members.ts';
import { allHold, ledgerProof, viewContext } from '../../testing/view-messages.ts';
import { checkLedgerProof } from './ledger-proof.ts';

let members: TestMember[];

beforeAll(async () => {
	members = await testMembers(4);
});

describe('R9: a final block proves the last round', () => {
	it('holds with q_u partitions’ Dones', async () => {
		const checks = checkLedgerProof(await ledgerProof(members, 5), 5, viewContext(members, 5));
		expect(checks).toHaveLength(3);
		expect(await allHold(checks!)).toBe(true);
	});

	it('proves its own round alone, of its own partition and epoch', async () => {
		const context = viewContext(members, 5);
		const invalid = expect.objectContaining({ reason: 'CertificateInvalid' });
		const proof = await ledgerProof(members, 5);
		expect(() => checkLedgerProof(proof, 6, context)).toThrow(invalid);
		const [other, old] = [
			await ledgerProof(members, 5, { partition: 2 }),
			await ledgerProof(members, 5, { epoch: 2 })
		];
		expect(() => checkLedgerProof(other, 5, context)).toThrow(invalid);
		expect(() => checkLedgerProof(old, 5, context)).toThrow(invalid);
	});

	it('does not hold for another block than the one that was made final', async () => {
		const [proof, other] = [await ledgerProof(members, 5), await ledgerProof(members, 5, { height: 6 })];
		const swapped = { ...proof, finality: other.finality };
		expect(() => checkLedgerProof(swapped, 5, viewContext(members, 6))).toThrow(/names another block/);
	});

	it('does not hold without its votes', async () => {
		const proof = await ledgerProof(members, 5);
		proof.finality!.partitions[0]!.votes.pop();
		expect(() => checkLedgerProof(proof, 5, viewContext(members, 5))).toThrow(/3 are needed/);
		expect(() => checkLedgerProof({ ...proof, finality: undefined }, 5, viewContext(members, 5))).toThrow(
			/no finality proof/
		);
	});

	it('a forged vote does not hold', async () => {
		const proof = await ledgerProof(members, 5);
		proof.finality!.partitions[0]!.votes[1]!.signature[9]! ^= 1;
		expect(await allHold(checkLedgerProof(proof, 5, viewContext(members, 5))!)).toBe(false);
	});

	it('is left alone where it rests on members that this node may not know yet', async () => {
		const proof = await ledgerProof(members, 5, { height: 9 });
		expect(checkLedgerProof(proof, 5, viewContext(members, 7))).toBeNull();
		expect(checkLedgerProof(proof, 5, viewContext(members, 8))).toHaveLength(3);
	});
});
