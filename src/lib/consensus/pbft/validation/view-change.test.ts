import { beforeAll, expect, it } from 'vitest';
import { Kind, type Statement } from '../../statement.ts';
import { signedBy, testMembers, type TestMember } from '../../testing/members.ts';
import { allHold, viewContext } from '../../testing/view-messages.ts';
import { checkViewChange } from './view-change.ts';

let members: TestMember[];
let stranger: TestMember;

beforeAll(async () => {
	members = await testMembers(4);
	[stranger] = (await testMembers(1)) as [TestMember];
});

function asks(fields: Partial<Statement> = {}): Statement {
	return {
		kind: Kind.VIEW_CHANGE,
		partition: 1,
		epoch: 1,
		view: 3,
		attempt: 0,
		slot: 0,
		digest: new Uint8Array(32),
		...fields
	};
}

it('takes a ViewChange of a member, and leaves one signature to check', async () => {
	const checks = checkViewChange(await signedBy(members[1]!, asks()), viewContext(members));
	expect(checks).toHaveLength(1);
	expect(await allHold(checks)).toBe(true);
});

it('the signature is the sender’s: another one’s does not hold', async () => {
	const signed = await signedBy(members[1]!, asks());
	signed.sender = members[2]!.signer.publicKey;
	expect(await allHold(checkViewChange(signed, viewContext(members)))).toBe(false);
});

it.each<[string, Partial<Statement>]>([
	['of another kind', { kind: Kind.NEW_VIEW }],
	['of another partition', { partition: 2 }],
	['of another epoch', { epoch: 2 }],
	['to view 0', { view: 0 }],
	['with an attempt', { attempt: 1 }],
	['with a slot', { slot: 1 }],
	['with a digest', { digest: new Uint8Array(32).fill(1) }]
])('refuses one %s', async (_name, fields) => {
	const signed = await signedBy(members[1]!, asks(fields));
	expect(() => checkViewChange(signed, viewContext(members))).toThrow(
		expect.objectContaining({ reason: 'MessageMalformed' })
	);
});

it('refuses one that carries a payload', async () => {
	const signed = await signedBy(members[1]!, asks(), new Uint8Array(1));
	expect(() => checkViewChange(signed, viewContext(members))).toThrow(
		expect.objectContaining({ reason: 'MessageMalformed' })
	);
});

it('refuses one with fields of wrong size', async () => {
	const signed = { ...(await signedBy(members[1]!, asks())), signature: new Uint8Array(63) };
	expect(() => checkViewChange(signed, viewContext(members))).toThrow(
		expect.objectContaining({ reason: 'MessageMalformed' })
	);
});

it('refuses one of who is no member', async () => {
	const signed = await signedBy(stranger, asks());
	expect(() => checkViewChange(signed, viewContext(members))).toThrow(
		expect.objectContaining({ reason: 'NotMember' })
	);
});
