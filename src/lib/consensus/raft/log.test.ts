import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../ledger/errors.ts';
import type { Persist } from '../effects.ts';
import { configurationOf, encodeConfiguration } from './configuration.ts';
import { RaftLog, type Entry } from './log.ts';
import { RaftEntryType } from './messages.ts';
import { readRecords, snapshotRecord, stateRecord } from './records.ts';
import { bytesOf, textOf } from './testing/cluster.ts';

const FIRST = configurationOf({ voters: ['01', '02', '03'] });
const SECOND = configurationOf({ voters: ['01', '02'] });
const EMPTY = { index: 0, term: 0, configuration: FIRST, data: new Uint8Array(0) };

class Disk {
	readonly records = new Map<string, Uint8Array>();

	write(persist: Persist[]): void {
		for (const { key, value } of persist.splice(0)) {
			if (value) this.records.set(key, value);
			else this.records.delete(key);
		}
	}

	read() {
		return readRecords([...this.records].map(([key, value]) => ({ key, value })));
	}
}

function entriesOf(from: number, ...terms: number[]): Entry[] {
	return terms.map((term, i) => {
		const index = from + i;
		return { index, term, type: RaftEntryType.DATA, data: bytesOf(`${term}/${index}`) };
	});
}

/** A log with entries of these terms, and its disk. */
function logOf(...terms: number[]): { log: RaftLog; disk: Disk; persist: Persist[] } {
	const disk = new Disk();
	const persist: Persist[] = [snapshotRecord(EMPTY, EMPTY)];
	const log = new RaftLog(readRecords([]), EMPTY);
	log.append(EMPTY, entriesOf(1, ...terms), persist);
	disk.write(persist);
	return { log, disk, persist };
}

function termsOf(log: RaftLog): number[] {
	return log.entriesBetween(log.start.index + 1, log.lastIndex).map(({ term }) => term);
}

describe('append', () => {
	it('follows on a place that is there, and on no other', () => {
		const { log, persist } = logOf(1, 1, 2);
		expect(log.append({ index: 3, term: 1 }, entriesOf(4, 3), persist)).toBeNull();
		expect(log.append({ index: 4, term: 2 }, entriesOf(5, 3), persist)).toBeNull();
		expect(persist).toEqual([]);
		expect(log.append({ index: 3, term: 2 }, entriesOf(4, 3), persist)).toEqual({ index: 4, term: 3 });
		expect(termsOf(log)).toEqual([1, 1, 2, 3]);
	});

	it('leaves what is the same: an old message must not cut off what came after it', () => {
		const { log, persist } = logOf(1, 1, 2, 2);
		expect(log.append({ index: 1, term: 1 }, entriesOf(2, 1), persist)).toEqual({ index: 2, term: 1 });
		expect(log.append({ index: 1, term: 1 }, [], persist)).toEqual({ index: 1, term: 1 });
		expect(termsOf(log)).toEqual([1, 1, 2, 2]);
		expect(persist).toEqual([]);
	});

	it('drops all from the first that differs, on the disk as well', () => {
		const { log, disk, persist } = logOf(1, 1, 2, 2, 2);
		log.append({ index: 1, term: 1 }, entriesOf(2, 1, 3), persist);
		expect(termsOf(log)).toEqual([1, 1, 3]);
		disk.write(persist);
		expect(disk.read().entries.map(({ term }) => term)).toEqual([1, 1, 3]);
	});

	it('never changes what is committed', () => {
		const { log, persist } = logOf(1, 1, 2);
		log.commitTo(2);
		expect(() => log.append({ index: 1, term: 1 }, entriesOf(2, 3), persist)).toThrow(InvariantError);
	});

	it('takes no entry of a lower term than the last', () => {
		const { log, persist } = logOf(2);
		expect(() => log.append({ index: 1, term: 2 }, entriesOf(2, 1), persist)).toThrow(InvariantError);
	});
});

describe('the commit index', () => {
	it('only grows, and not past the end', () => {
		const { log } = logOf(1, 1);
		expect(log.commitTo(1)).toBe(true);
		expect(log.commitTo(1)).toBe(false);
		expect(() => log.commitTo(3)).toThrow(InvariantError);
		expect(log.commit).toBe(1);
	});
});

describe('the last place within a term', () => {
	it.each([
		// The leader's side, and the follower's, of the two examples in etcd's comments on this.
		[[1, 3, 3, 3, 5, 5, 5, 5, 5], 6, 2, { index: 1, term: 1 }],
		[[1, 3, 3, 4, 4, 5, 5, 5, 6], 8, 3, { index: 3, term: 3 }],
		[[1, 1, 2], 9, 2, { index: 3, term: 2 }],
		[[2, 2], 2, 1, { index: 0, term: 0 }],
		[[2, 2], 0, 0, { index: 0, term: 0 }]
	])('of %j, at or below %i, is that of term %i', (terms, index, term, place) => {
		expect(logOf(...terms).log.lastPlaceWithin(index, term)).toEqual(place);
	});

	it('below what is kept is what was asked for: a snapshot is needed then', () => {
		const { log, persist } = logOf(1, 1, 1, 1);
		log.commitTo(4);
		log.compact(4, bytesOf(''), { entries: 1, bytes: 100 }, persist);
		expect(log.lastPlaceWithin(1, 1)).toEqual({ index: 1, term: 1 });
		expect(log.term(1)).toBeNull();
	});
});

describe('what is up to date', () => {
	it('is a later last term, or the same and no shorter', () => {
		const { log } = logOf(1, 2, 2);
		const isUpToDate = (term: number, index: number): boolean => log.isUpToDate({ term, index });
		expect([isUpToDate(3, 1), isUpToDate(2, 3), isUpToDate(2, 4)]).toEqual([true, true, true]);
		expect([isUpToDate(2, 2), isUpToDate(1, 9), isUpToDate(0, 0)]).toEqual([false, false, false]);
	});
});

describe('entries for a message', () => {
	it('are bounded in bytes and count, and at least one', () => {
		const { log } = logOf(1, 1, 1, 1);
		const indexes = (maxBytes: number, maxCount: number): number[] =>
			log.entriesFrom(2, maxBytes, maxCount).map(({ index }) => index);
		expect(indexes(100, 10)).toEqual([2, 3, 4]);
		expect(indexes(6, 10)).toEqual([2, 3]);
		expect(indexes(0, 10)).toEqual([2]);
		expect(indexes(100, 2)).toEqual([2, 3]);
		expect(log.entriesFrom(5, 100, 10)).toEqual([]);
	});
});

describe('compact', () => {
	it('keeps as many entries behind the snapshot as it is told, and all after it', () => {
		const { log, disk, persist } = logOf(1, 1, 1, 2, 2);
		log.commitTo(4);
		log.compact(4, bytesOf('state'), { entries: 2, bytes: 100 }, persist);
		disk.write(persist);
		expect([log.start, termsOf(log)]).toEqual([{ index: 2, term: 1 }, [1, 2, 2]]);
		expect(log.snapshot).toEqual({ index: 4, term: 2, configuration: FIRST, data: bytesOf('state') });
		const again = new RaftLog(disk.read(), EMPTY);
		expect([again.start, termsOf(again), again.commit]).toEqual([log.start, termsOf(log), 4]);
	});

	it('keeps them as far as their bytes allow', () => {
		const { log, persist } = logOf(1, 1, 1, 1);
		log.commitTo(4);
		log.compact(4, bytesOf(''), { entries: 9, bytes: 7 }, persist);
		expect(log.start.index).toBe(2);
		expect(log.bytesSinceSnapshot).toBe(0);
	});

	it('is of what is committed, and further than the last', () => {
		const { log, persist } = logOf(1, 1, 1);
		log.commitTo(2);
		const keep = { entries: 0, bytes: 0 };
		expect(() => log.compact(3, bytesOf(''), keep, persist)).toThrow(InvariantError);
		log.compact(2, bytesOf(''), keep, persist);
		expect(() => log.compact(2, bytesOf(''), keep, persist)).toThrow(InvariantError);
	});
});

describe('a leader’s snapshot', () => {
	it('takes the place of all, on the disk as well', () => {
		const { log, disk, persist } = logOf(1, 1, 1);
		log.commitTo(1);
		const snapshot = { index: 9, term: 4, configuration: SECOND, data: bytesOf('state') };
		log.install(snapshot, persist);
		disk.write(persist);
		for (const one of [log, new RaftLog(disk.read(), EMPTY)]) {
			expect([one.start, one.lastIndex, one.lastTerm, one.commit]).toEqual([{ index: 9, term: 4 }, 9, 4, 9]);
			expect(one.configuration).toEqual(SECOND);
		}
		expect(() => log.install({ ...snapshot, index: 9 }, persist)).toThrow(InvariantError);
	});
});

describe('the configuration in force', () => {
	const change = { index: 3, term: 1, type: RaftEntryType.CONFIGURATION, data: encodeConfiguration(SECOND) };

	it('is the last in the log, committed or not, and goes with its entry', () => {
		const { log, persist } = logOf(1, 1);
		log.append({ index: 2, term: 1 }, [change], persist);
		expect([log.configuration, log.configurationIndex]).toEqual([SECOND, 3]);
		expect(log.possibleConfigurations).toEqual([FIRST, SECOND]);
		log.append({ index: 2, term: 1 }, entriesOf(3, 2), persist);
		expect([log.configuration, log.configurationIndex]).toEqual([FIRST, 0]);
	});

	it('is the only one possible once it is committed', () => {
		const { log, persist } = logOf(1, 1);
		log.append({ index: 2, term: 1 }, [change], persist);
		log.commitTo(3);
		expect(log.possibleConfigurations).toEqual([SECOND]);
	});

	it('goes into a snapshot as it was at its entry', () => {
		const { log, disk, persist } = logOf(1, 1);
		log.append({ index: 2, term: 1 }, [change], persist);
		log.commitTo(2);
		log.compact(2, bytesOf(''), { entries: 9, bytes: 99 }, persist);
		disk.write(persist);
		expect(log.snapshot.configuration).toEqual(FIRST);
		const again = new RaftLog(disk.read(), EMPTY);
		expect([again.configuration, again.configurationIndex]).toEqual([SECOND, 3]);
	});
});

describe('a disk', () => {
	it('gives back the log after any changes', () => {
		const steps = fc.array(
			fc.record({
				back: fc.nat({ max: 4 }),
				terms: fc.array(fc.nat({ max: 2 }), { maxLength: 4 }),
				commit: fc.nat({ max: 3 }),
				kind: fc.constantFrom('append', 'append', 'append', 'compact', 'install')
			}),
			{ maxLength: 15 }
		);
		fc.assert(
			fc.property(steps, (list) => {
				const { log, disk, persist } = logOf();
				let term = 1;
				for (const { back, terms, commit, kind } of list) {
					if (kind === 'append') {
						const index = Math.max(log.commit, log.lastIndex - back);
						term += 1;
						const own = terms.map((step) => (term += step));
						log.append({ index, term: log.term(index)! }, entriesOf(index + 1, ...own), persist);
						log.commitTo(Math.min(log.lastIndex, log.commit + commit));
					} else if (kind === 'compact' && log.commit > log.snapshot.index)
						log.compact(log.commit, bytesOf('state'), { entries: back, bytes: 50 }, persist);
					else if (kind === 'install') {
						term += 1;
						const snapshot = {
							index: log.commit + 1 + commit,
							term,
							configuration: SECOND,
							data: bytesOf('s')
						};
						log.install(snapshot, persist);
					}
					persist.push(stateRecord({ term, vote: null, commit: log.commit }));
					disk.write(persist);
				}
				const again = new RaftLog(disk.read(), EMPTY);
				expect(again.start).toEqual(log.start);
				expect(again.commit).toBe(log.commit);
				expect(again.snapshot).toEqual(log.snapshot);
				expect(again.bytesSinceSnapshot).toBe(log.bytesSinceSnapshot);
				const texts = (one: RaftLog): string[] =>
					one.entriesBetween(one.start.index + 1, one.lastIndex).map(({ data }) => textOf(data));
				expect(texts(again)).toEqual(texts(log));
			}),
			{ numRuns: 300, seed: 20261 }
		);
	});

	it('with a hole in its log stops the replica', () => {
		const { disk } = logOf(1, 1, 1);
		disk.records.delete([...disk.records.keys()].find((key) => key.endsWith('2'))!);
		expect(() => disk.read()).toThrow(InvariantError);
	});

	it('that has lost what was committed stops the replica', () => {
		const { disk, persist } = logOf(1, 1);
		disk.write([...persist, stateRecord({ term: 1, vote: null, commit: 3 })]);
		expect(() => new RaftLog(disk.read(), EMPTY)).toThrow(InvariantError);
	});
});
