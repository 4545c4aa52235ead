import { beforeEach, describe, expect, it } from 'vitest';
import type { PartitionView } from '#lib/consensus/topology.ts';
import { RecoveryMode } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { RecoveryWatch } from './recovery-watch.ts';

const SILENCE_MS = 60_000;
const STEP_MS = 500;

let nowMs: number;
let heard: Set<string>;
let watch: RecoveryWatch;

const partition = (id: number, members: string[]): PartitionView => ({
	id,
	epoch: 3,
	members,
	nicknames: new Map(),
	maxMembers: 8,
	sinceHeight: 1
});

const TWO = [partition(1, ['a', 'b', 'c', 'd']), partition(2, ['e', 'f'])];

beforeEach(() => {
	nowMs = 1000;
	heard = new Set(['a', 'b', 'c', 'd', 'e', 'f']);
	watch = new RecoveryWatch({ recoveryMode: RecoveryMode.AUTOMATIC, recoverySilenceMs: BigInt(SILENCE_MS) });
});

/** Looks as often as heartbeats come. @returns what the last look finds, by partition: when it is due */
function lookFor(durationMs: number): Record<number, number | null> {
	const endMs = nowMs + durationMs;
	let lost = watch.look(TWO, (member) => heard.has(member), nowMs);
	while (nowMs < endMs) {
		nowMs += STEP_MS;
		lost = watch.look(TWO, (member) => heard.has(member), nowMs);
	}
	return Object.fromEntries(lost.map(({ partition: { id }, dueInMs }) => [id, dueInMs]));
}

describe('a partition of which fewer than q members are heard (R22)', () => {
	it('is due after the silence, with those that remain', () => {
		expect(lookFor(1000)).toEqual({});
		heard.delete('a');
		expect(lookFor(1000)).toEqual({});
		heard.delete('b');
		expect(lookFor(1000)).toEqual({ 1: SILENCE_MS - 1000 });
		expect(lookFor(SILENCE_MS)).toEqual({ 1: 0 });
		const [lost] = watch.look(TWO, (member) => heard.has(member), nowMs);
		expect(lost!.remaining).toEqual(['c', 'd']);
	});

	it('that is heard again begins anew when it falls silent again', () => {
		for (const member of ['a', 'b']) heard.delete(member);
		lookFor(SILENCE_MS - 1000);
		heard.add('a');
		expect(lookFor(STEP_MS)).toEqual({});
		heard.delete('a');
		expect(lookFor(1000)).toEqual({ 1: SILENCE_MS - 1000 });
	});

	it('waits for the operator where genesis says so', () => {
		watch = new RecoveryWatch({ recoveryMode: RecoveryMode.MANUAL, recoverySilenceMs: BigInt(SILENCE_MS) });
		heard.delete('e');
		expect(lookFor(2 * SILENCE_MS)).toEqual({ 2: null });
		watch.wish({ partition: 2, retire: true });
		expect(lookFor(STEP_MS)).toEqual({ 2: 0 });
		expect(watch.wishFor(2)).toMatchObject({ partition: 2, retire: true });
	});

	it('takes what another replica was asked for, tells nobody of that, and what it was asked itself stands before it', () => {
		watch = new RecoveryWatch({ recoveryMode: RecoveryMode.MANUAL, recoverySilenceMs: BigInt(SILENCE_MS) });
		heard.clear();
		lookFor(2 * SILENCE_MS);
		watch.wishElsewhere({ partition: 1, retire: true });
		watch.wishElsewhere({ partition: 2, retire: true });
		expect(lookFor(STEP_MS)).toEqual({ 1: 0, 2: 0 });
		expect(watch.asked).toEqual([]);
		watch.wish({ partition: 2, retire: false });
		watch.wishElsewhere({ partition: 2, retire: true });
		expect(watch.wishFor(2)).toMatchObject({ retire: false });
		expect(watch.asked).toMatchObject([{ partition: 2, retire: false }]);
		heard = new Set(['a', 'b', 'c', 'd', 'e', 'f']);
		lookFor(STEP_MS);
		expect([watch.wishFor(1), watch.asked]).toEqual([null, []]);
	});
});

describe('a host that hears no member at all', () => {
	beforeEach(() => heard.clear());

	it('recovers nothing by itself: it may be cut off, or its class asleep', () => {
		expect(lookFor(2 * SILENCE_MS)).toEqual({ 1: null, 2: null });
		heard.add('e');
		heard.add('f');
		expect(lookFor(STEP_MS)).toEqual({ 1: 0 });
	});

	it('does where somebody else wants to come in', () => {
		lookFor(2 * SILENCE_MS);
		watch.newcomer(nowMs);
		expect(lookFor(STEP_MS)).toEqual({ 1: 0, 2: 0 });
		expect(lookFor(SILENCE_MS)).toEqual({ 1: null, 2: null });
	});

	it('does what the operator asks for', () => {
		watch.wish({ partition: 1, retire: false });
		expect(lookFor(SILENCE_MS)).toEqual({ 1: 0, 2: null });
	});
});

it('counts no silence through which this host itself was away', () => {
	for (const member of ['a', 'b']) heard.delete(member);
	lookFor(1000);
	nowMs += 10 * SILENCE_MS;
	expect(lookFor(1000)).toEqual({ 1: SILENCE_MS - 1000 });
});
