import { describe, expect, it } from 'vitest';
import { LedgerError } from '../../ledger/errors.ts';
import {
	configurationOf,
	decodeConfiguration,
	encodeConfiguration,
	enterJoint,
	isJoint,
	isSimpleChange,
	isVoter,
	leaveJoint,
	membershipFault,
	NOBODY,
	replicasOf,
	votersOf
} from './configuration.ts';
import { MAX_REPLICAS } from './limits.ts';

const THREE = configurationOf({ voters: ['03', '01', '02'], learners: ['04'] });

describe('a configuration', () => {
	it('has its ids sorted, whatever order they were named in', () => {
		expect(THREE.voters).toEqual(['01', '02', '03']);
		expect(replicasOf(THREE)).toEqual(['01', '02', '03', '04']);
	});

	it('comes back from its bytes, joint or not', () => {
		const joint = enterJoint(THREE, { voters: ['04', '05'], learners: ['01'] }, true);
		for (const one of [THREE, joint, leaveJoint(joint), NOBODY])
			expect(decodeConfiguration(encodeConfiguration(one))).toEqual(one);
		expect(() => decodeConfiguration(Uint8Array.of(0x0a, 9))).toThrow(LedgerError);
	});

	it('is joint between two, and names the voters of both', () => {
		const joint = enterJoint(THREE, { voters: ['03', '04', '05'] }, true);
		expect(isJoint(THREE)).toBe(false);
		expect(isJoint(joint)).toBe(true);
		expect(votersOf(joint)).toEqual(['01', '02', '03', '04', '05']);
		expect([isVoter(joint, '01'), isVoter(joint, '05'), isVoter(joint, '06')]).toEqual([true, true, false]);
		expect(leaveJoint(joint)).toEqual(configurationOf({ voters: ['03', '04', '05'] }));
	});

	it('makes a voter that becomes a learner wait for the end of the joint one', () => {
		const joint = enterJoint(THREE, { voters: ['01', '02'], learners: ['03'] }, true);
		expect(isVoter(joint, '03')).toBe(true);
		expect(isVoter(leaveJoint(joint), '03')).toBe(false);
	});

	it('changes simply by one voter at most', () => {
		expect(isSimpleChange(THREE, { voters: ['01', '02', '03'], learners: [] })).toBe(true);
		expect(isSimpleChange(THREE, { voters: ['01', '02'] })).toBe(true);
		expect(isSimpleChange(THREE, { voters: ['01', '02', '03', '04'] })).toBe(true);
		expect(isSimpleChange(THREE, { voters: ['01', '02', '04'] })).toBe(false);
	});
});

describe('a wished membership', () => {
	it('is refused where it is none', () => {
		expect(membershipFault({ voters: ['01'] })).toBeNull();
		expect(membershipFault({ voters: [] })).toMatch(/at least one voter/);
		expect(membershipFault({ voters: ['01', '01'] })).toMatch(/once/);
		expect(membershipFault({ voters: ['01'], learners: ['01'] })).toMatch(/once/);
		const many = Array.from({ length: MAX_REPLICAS + 1 }, (_, i) => String(i).padStart(2, '0'));
		expect(membershipFault({ voters: many.slice(1) })).toBeNull();
		expect(membershipFault({ voters: many })).toMatch(/at most/);
	});
});
