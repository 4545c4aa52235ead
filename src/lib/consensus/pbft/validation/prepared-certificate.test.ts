import { beforeAll, describe, expect, it } from 'vitest';
import { partitionOf, TEST_CHAIN_ID, testMembers, type TestMember } from '../../testing/members.ts';
import { allHold, preparedCertificate } from '../../testing/view-messages.ts';
import type { PreparedCertificate } from '../../../wire/gen/tabwave/v1/view_change_pb.js';
import { checkPreparedCertificate } from './prepared-certificate.ts';

let members: TestMember[];
let stranger: TestMember;

beforeAll(async () => {
	members = await testMembers(4);
	[stranger] = (await testMembers(1)) as [TestMember];
});

function check(certificate: PreparedCertificate) {
	return checkPreparedCertificate(certificate, partitionOf(members), TEST_CHAIN_ID);
}

function refuses(certificate: PreparedCertificate, why: RegExp): void {
	expect(() => check(certificate)).toThrow(expect.objectContaining({ reason: 'CertificateInvalid' }));
	expect(() => check(certificate)).toThrow(why);
}

describe('R4: a prepared certificate', () => {
	it('holds with the PrePrepare and q − 1 Prepares of others', async () => {
		const checks = check(await preparedCertificate(0, 1, 'a', [members[1]!, members[2]!], members[0]));
		expect(checks).toHaveLength(3);
		expect(await allHold(checks)).toBe(true);
	});

	it('holds with q Prepares where the round was carried over, the leader’s among them', async () => {
		expect(await allHold(check(await preparedCertificate(1, 1, 'a', members.slice(1))))).toBe(true);
	});

	it('does not hold with less than q', async () => {
		refuses(await preparedCertificate(0, 1, 'a', [members[1]!], members[0]), /2 of 4 members; 3 are needed/);
		refuses(await preparedCertificate(1, 1, 'a', members.slice(2)), /2 of 4/);
	});

	it('counts nobody twice: neither a Prepare nor the leader', async () => {
		refuses(await preparedCertificate(1, 1, 'a', [members[1]!, members[1]!, members[2]!]), /counted twice/);
		refuses(await preparedCertificate(0, 1, 'a', [members[0]!, members[1]!], members[0]), /counted twice/);
	});

	it('takes the PrePrepare of its view’s leader alone', async () => {
		refuses(
			await preparedCertificate(1, 1, 'a', [members[2]!, members[3]!], members[0]),
			/leader of its view/
		);
	});

	it('counts members alone', async () => {
		refuses(await preparedCertificate(1, 1, 'a', [members[1]!, members[2]!, stranger]), /no member/);
	});

	it('holds no more votes than there are members, and is not read further', async () => {
		refuses(
			await preparedCertificate(1, 1, 'a', [...members, stranger]),
			/more votes than there are members/
		);
	});

	it('names a block', async () => {
		const certificate = await preparedCertificate(1, 1, 'a', members.slice(1));
		certificate.blockId = new Uint8Array(31);
		refuses(certificate, /32 bytes/);
	});

	it.each<[string, (certificate: PreparedCertificate) => void]>([
		['view', (certificate) => (certificate.view = 4)],
		['round', (certificate) => (certificate.roundId = 2)],
		['block', (certificate) => (certificate.blockId = new Uint8Array(32))]
	])('says nothing about another %s than was signed', async (_name, change) => {
		const certificate = await preparedCertificate(0, 1, 'a', [members[1]!, members[2]!], members[0]);
		change(certificate);
		expect(await allHold(check(certificate))).toBe(false);
	});

	it('a Prepare is no PrePrepare, and no Commit either', async () => {
		const fresh = await preparedCertificate(0, 1, 'a', [members[1]!, members[2]!], members[0]);
		const carried = await preparedCertificate(0, 1, 'a', [members[0]!, members[1]!, members[2]!]);
		const forged = { ...fresh, prePrepare: carried.prepares[0]! };
		expect(await allHold(check(forged))).toBe(false);
	});
});
