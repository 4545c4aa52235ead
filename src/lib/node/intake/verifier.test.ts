import { describe, expect, it } from 'vitest';
import { testMembers, testSuite } from '../../consensus/testing/members.ts';
import type { Verification } from '../../crypto/suite.ts';
import { Verifier } from './verifier.ts';

async function checkOf(value: number, sound = true): Promise<Verification> {
	const [member] = await testMembers(1);
	const message = new Uint8Array(4);
	new DataView(message.buffer).setUint32(0, value);
	const signature = await member!.signer.sign(message);
	if (!sound) signature[0]! ^= 1;
	return { publicKey: member!.signer.publicKey, message, signature };
}

describe('a verifier', () => {
	it('checks what comes again once, where it held', async () => {
		const verifier = new Verifier(testSuite);
		const check = await checkOf(1);
		expect(await verifier.verifyOnce(check)).toBe(true);
		expect(await verifier.verifyOnce({ ...check })).toBe(true);
		expect(verifier.checks).toBe(1);
	});

	it('checks what did not hold again: a refusal is never remembered as one', async () => {
		const verifier = new Verifier(testSuite);
		const check = await checkOf(1, false);
		expect(await verifier.verifyOnce(check)).toBe(false);
		expect(await verifier.verifyOnce(check)).toBe(false);
		expect(verifier.checks).toBe(2);
	});

	it('remembers a signature together with its key and message', async () => {
		const verifier = new Verifier(testSuite);
		const [one, other] = [await checkOf(1), await checkOf(2)];
		await verifier.verifyOnce(one);
		await verifier.verifyOnce(other);
		for (const mixed of [
			{ ...one, message: other.message },
			{ ...one, publicKey: other.publicKey },
			{ ...one, signature: other.signature },
			// The border between signature and message moved: the same bytes one behind the other.
			{
				...one,
				signature: one.signature.subarray(0, 63),
				message: Uint8Array.from([one.signature[63]!, ...one.message])
			}
		])
			expect(await verifier.verifyOnce(mixed)).toBe(false);
	});

	it('checks a transaction each time: it comes once', async () => {
		const verifier = new Verifier(testSuite);
		const check = await checkOf(1);
		expect([await verifier.verify(check), await verifier.verify(check)]).toEqual([true, true]);
		expect(verifier.checks).toBe(2);
	});

	it('takes a list where each holds, and an empty one', async () => {
		const verifier = new Verifier(testSuite);
		const sound = [await checkOf(1), await checkOf(2)];
		expect(await verifier.verifyAll(sound)).toBe(true);
		expect(await verifier.verifyAll([...sound, await checkOf(3, false)])).toBe(false);
		expect(await verifier.verifyAll([])).toBe(true);
	});

	it('forgets what is long past, and only that', async () => {
		const verifier = new Verifier(testSuite);
		const [member] = await testMembers(1);
		const make = async (value: number): Promise<Verification> => {
			const message = new Uint8Array(4);
			new DataView(message.buffer).setUint32(0, value);
			return { publicKey: member!.signer.publicKey, message, signature: await member!.signer.sign(message) };
		};
		const first = await make(0);
		await verifier.verifyOnce(first);
		for (let i = 1; i < 8192; i++) await verifier.verifyOnce(await make(i));
		await verifier.verifyOnce(first);
		expect(verifier.checks).toBe(8192);
		for (let i = 8192; i < 2 * 8192; i++) await verifier.verifyOnce(await make(i));
		await verifier.verifyOnce(first);
		expect(verifier.checks).toBe(2 * 8192);
		await verifier.verifyOnce(await make(2 * 8192));
		await verifier.verifyOnce(first);
		expect(verifier.checks).toBe(2 * 8192 + 2);
	});
});
