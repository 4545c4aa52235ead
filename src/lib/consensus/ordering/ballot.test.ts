import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { create } from '@bufbuild/protobuf';
import { OrderCertificateSchema } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { DecodeError } from '../../wire/codec.ts';
import { toHex } from '../../crypto/hex.ts';
import { blockingCount, faultyBound } from '../quorum.ts';
import { ballotName, compareBallots, MAX_BALLOT_NUMBER, supportedBallot } from './ballot.ts';
import { decodeLockProof, encodeLockProof, highestLock, lockReference, statusDigest } from './lock.ts';

fc.configureGlobal({ seed: 14 });

const number = fc.integer({ min: 0, max: MAX_BALLOT_NUMBER });
const ballot = fc.record({ term: number, attempt: number });

describe('ballots', () => {
	it('are ordered by term, then by attempt', () => {
		expect(compareBallots({ term: 2, attempt: 0 }, { term: 1, attempt: 9 })).toBeGreaterThan(0);
		expect(compareBallots({ term: 2, attempt: 0 }, { term: 2, attempt: 1 })).toBeLessThan(0);
		expect(compareBallots({ term: 2, attempt: 1 }, { term: 2, attempt: 1 })).toBe(0);
		expect(ballotName({ term: 2, attempt: 1 })).toBe('2.1');
	});

	it('that liars claim are not believed: with f liars, f + 1 claims hold an honest one', () => {
		fc.assert(
			fc.property(fc.array(ballot, { maxLength: 8 }), fc.array(ballot, { maxLength: 3 }), (honest, lies) => {
				const supported = supportedBallot([...lies, ...honest], lies.length + 1);
				if (honest.length === 0) expect(supported).toBeNull();
				else expect(honest.some((one) => compareBallots(one, supported!) >= 0)).toBe(true);
			})
		);
	});

	it('the highest that so many have reached is named, in whatever order they say it', () => {
		const claims = [
			{ term: 2, attempt: 5 },
			{ term: 1, attempt: 9 },
			{ term: 3, attempt: 0 }
		];
		const [second, lowest, highest] = claims;
		expect([1, 2, 3, 4].map((count) => supportedBallot(claims, count))).toEqual([
			highest,
			second,
			lowest,
			null
		]);
	});

	it('that enough refuse are ended by an honest member: more than f of them', () => {
		for (let n = 1; n <= 64; n++) expect(blockingCount(n)).toBeGreaterThan(faultyBound(n));
		expect([1, 2, 3, 4, 5, 6, 7].map(blockingCount)).toEqual([1, 1, 2, 2, 2, 3, 3]);
	});
});

describe('locks', () => {
	const commit = (term: number, attempt: number, fill: number) =>
		create(OrderCertificateSchema, {
			term,
			attempt,
			height: 5,
			contentDigest: new Uint8Array(32).fill(fill),
			blockHashes: new Uint8Array(32)
		});

	it('have a digest of their own for every ballot and result, and one for none', () => {
		const locks = [commit(1, 0, 1), commit(1, 0, 2), commit(0, 1, 1), commit(1, 1, 1)].map(lockReference);
		const digests = [undefined, ...locks].map((lock) => toHex(statusDigest(lock)));
		expect(new Set(digests).size).toBe(5);
	});

	it('the highest is that of the highest ballot', () => {
		const [low, high] = [lockReference(commit(1, 5, 1)), lockReference(commit(2, 0, 1))];
		expect(highestLock([undefined, low, high, undefined])).toBe(high);
		expect(highestLock([high, low])).toBe(high);
		expect(highestLock([undefined])).toBeUndefined();
	});

	it('travel with their content, and none as nothing', () => {
		const lock = { orderCommit: commit(1, 0, 1), content: Uint8Array.of(1, 2, 3) };
		expect(decodeLockProof(encodeLockProof(lock))).toMatchObject(lock);
		expect(encodeLockProof(null)).toHaveLength(0);
		expect(decodeLockProof(new Uint8Array(0))).toBeNull();
		expect(() => decodeLockProof(Uint8Array.of(0xff))).toThrow(DecodeError);
	});
});
