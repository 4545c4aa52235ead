import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { SignedSchema, type Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { EarlyEpochs } from './early-epochs.ts';

const said = (epoch: number, slot = 1, payload = 0): Signed =>
	create(SignedSchema, { partition: 1, epoch, slot, payload: new Uint8Array(payload) });

describe('what is said in an epoch that has not begun', () => {
	it('is handed out in its order when the epoch begins, once, and all else is forgotten', () => {
		const early = new EarlyEpochs();
		early.keep({ from: 'a', signed: said(2, 1) });
		early.keep({ from: 'b', signed: said(3, 1) });
		early.keep({ from: 'b', signed: said(2, 2) });
		expect(early.take(1, 2).map(({ from, signed }) => [from, signed.slot])).toEqual([
			['a', 1],
			['b', 2]
		]);
		expect(early.take(1, 3)).toEqual([]);
	});

	it('of another partition is not handed out', () => {
		const early = new EarlyEpochs();
		early.keep({ from: 'a', signed: said(2) });
		expect(early.take(2, 2)).toEqual([]);
	});

	it('is the last of who says much, and takes nobody else’s room', () => {
		const early = new EarlyEpochs();
		early.keep({ from: 'a', signed: said(2) });
		for (let slot = 1; slot <= 100; slot++) early.keep({ from: 'b', signed: said(2, slot) });
		const taken = early.take(1, 2);
		expect(taken.filter(({ from }) => from === 'a')).toHaveLength(1);
		const slots = taken.filter(({ from }) => from === 'b').map(({ signed }) => signed.slot);
		expect([slots.length, slots.at(-1)]).toEqual([16, 100]);
	});

	it('has a bound in neighbours and in bytes', () => {
		const early = new EarlyEpochs();
		for (let i = 0; i < 100; i++) early.keep({ from: `${i}`, signed: said(2) });
		expect(early.take(1, 2)).toHaveLength(64);
		for (let i = 0; i < 40; i++) early.keep({ from: `${i}`, signed: said(2, 1, 64_000) });
		expect(early.take(1, 2)).toHaveLength(16);
	});
});
