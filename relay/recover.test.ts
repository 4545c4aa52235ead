import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeGenesis, GENESIS_DEFAULTS } from '#lib/ledger/genesis.ts';
import { RecoveryMode } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { PartitionView } from '#lib/consensus/topology.ts';
import { RecoveryWatch } from './booter/recovery-watch.ts';
import { GENESIS_FILE } from './data-directory.ts';
import { askForRecovery, takeRecoveryWishes } from './recover.ts';
import { readRecoverArguments } from './terminal/arguments.ts';

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'tabwave-recover-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const found = (): void =>
	writeFileSync(
		join(folder, GENESIS_FILE),
		encodeGenesis({
			...GENESIS_DEFAULTS,
			createdMs: 1n,
			operator: new Uint8Array(32),
			booters: [new Uint8Array(32)]
		})
	);
const ask = (...args: string[]): void => askForRecovery(readRecoverArguments([...args, '--data', folder]));

describe('npm run recover', () => {
	it('reaches the relay of the same folder, once', () => {
		found();
		ask('--partition', '2');
		ask('--partition', '1', '--retire');
		expect(takeRecoveryWishes(folder)).toEqual([
			{ partition: 1, retire: true },
			{ partition: 2, retire: false }
		]);
		expect(takeRecoveryWishes(folder)).toEqual([]);
		expect(readdirSync(folder)).toEqual([GENESIS_FILE]);
	});

	it.each<[string, string[], string]>([
		['a partition that there cannot be', ['--partition', '9'], 'BadArgument'],
		['no partition', [], 'BadArgument'],
		['something else', ['--partition', '1', '--force'], 'BadArgument']
	])('is refused for %s', (_what, args, name) => {
		found();
		expect(() => ask(...args)).toThrow(expect.objectContaining({ name }));
		expect(takeRecoveryWishes(folder)).toEqual([]);
	});

	it('is refused where there is no chain', () => {
		expect(() => ask('--partition', '1')).toThrow(expect.objectContaining({ name: 'NoChainYet' }));
	});

	it('takes nothing else for a wish', () => {
		for (const name of ['recover-1', 'recover-0.recover', 'recover-99.retire', 'recover-1.recover.new'])
			writeFileSync(join(folder, name), '');
		writeFileSync(join(folder, 'recover-3.recover'), 'no');
		expect(takeRecoveryWishes(folder)).toEqual([]);
	});
});

describe('which partitions have lost their quorum', () => {
	const partition = (id: number, epoch = 1): PartitionView => ({
		id,
		epoch,
		members: ['a', 'b', 'c', 'd'],
		nicknames: new Map(),
		maxMembers: 16,
		sinceHeight: 1
	});
	const watchOf = (recoveryMode: RecoveryMode) =>
		new RecoveryWatch({ recoveryMode, recoverySilenceMs: 100n });
	const hears =
		(...members: string[]) =>
		(member: string) =>
			members.includes(member);

	it('is counted from when fewer than q are heard, and anew after a quorum was', () => {
		const watch = watchOf(RecoveryMode.AUTOMATIC);
		const due = (nowMs: number, ...heard: string[]) =>
			watch.look([partition(1)], hears(...heard), nowMs).map(({ dueInMs }) => dueInMs);
		expect(due(0, 'a', 'b', 'c')).toEqual([]);
		expect(due(10, 'a', 'b')).toEqual([100]);
		expect(due(60, 'a')).toEqual([50]);
		expect(due(70, 'a', 'b', 'd')).toEqual([]);
		expect(due(80, 'a', 'b')).toEqual([100]);
		expect(due(200, 'a', 'b')).toEqual([0]);
	});

	it('begins anew with an epoch', () => {
		const watch = watchOf(RecoveryMode.AUTOMATIC);
		watch.look([partition(1)], hears(), 0);
		expect(watch.look([partition(1, 2)], hears(), 90)[0]).toMatchObject({ sinceMs: 90, remaining: [] });
	});

	it('waits for the operator where genesis says so, and for no other partition', () => {
		const watch = watchOf(RecoveryMode.MANUAL);
		const look = (nowMs: number) =>
			watch.look([partition(1), partition(2)], hears('a'), nowMs).map(({ dueInMs }) => dueInMs);
		expect(look(0)).toEqual([null, null]);
		watch.wish({ partition: 2, retire: true });
		expect(look(150)).toEqual([null, 0]);
		expect(watch.wishFor(2)).toMatchObject({ partition: 2, retire: true });
		watch.look([partition(1), partition(2)], hears('a', 'b', 'c'), 160);
		expect(watch.wishFor(2)).toBeNull();
	});
});
