import { describe, expect, it } from 'vitest';
import { EarlyKeeper, type EarlyVerdict } from './early-keeper.ts';

const LIMITS = { ofPeer: 3, peers: 4, bytes: 100 };

/** By place: those of `now` are due, and lower ones void. */
const at =
	(now: number) =>
	(place: number): EarlyVerdict =>
		place === now ? 'now' : place > now ? 'later' : 'void';

/** Says of each packet its peer and its first byte. */
function taken(keeper: EarlyKeeper<number>, now: number): string[] {
	return keeper.take(at(now)).map(({ from, packet }) => `${from}${packet[0]}`);
}

function keeping(
	...said: [from: string, place: number, mark: number, bytes?: number][]
): EarlyKeeper<number> {
	const keeper = new EarlyKeeper<number>(LIMITS);
	for (const [from, place, mark, bytes = 1] of said)
		keeper.keep({ from, place, packet: new Uint8Array(bytes).fill(mark) });
	return keeper;
}

describe('what came before its time', () => {
	it('is taken when that has come, in each peer’s order, and once', () => {
		const keeper = keeping(['a', 5, 1], ['a', 6, 2], ['b', 5, 3], ['a', 5, 4]);
		expect(taken(keeper, 5)).toEqual(['a1', 'a4', 'b3']);
		expect(taken(keeper, 5)).toEqual([]);
		expect(taken(keeper, 6)).toEqual(['a2']);
	});

	it('is void once a later time has come', () => {
		const keeper = keeping(['a', 5, 1]);
		expect([taken(keeper, 6), taken(keeper, 5)]).toEqual([[], []]);
	});

	it('is the last of each peer: who says much costs nobody else a place', () => {
		const keeper = keeping(['honest', 5, 1]);
		for (let mark = 1; mark <= 50; mark++)
			keeper.keep({ from: 'loud', place: 5, packet: Uint8Array.of(mark) });
		expect(taken(keeper, 5)).toEqual(['honest1', 'loud48', 'loud49', 'loud50']);
	});

	it('is of a bounded number of peers, whose place is free again when nothing of them is left', () => {
		const keeper = keeping(
			...Array.from({ length: 9 }, (_, i) => [`${i}-`, 5, i] as [string, number, number])
		);
		expect(taken(keeper, 5)).toEqual(['0-0', '1-1', '2-2', '3-3']);
		keeper.keep({ from: 'late', place: 7, packet: Uint8Array.of(1) });
		expect(taken(keeper, 7)).toEqual(['late1']);
	});

	it('is bounded in bytes of all together; what was taken, void or pushed out takes none', () => {
		const keeper = keeping(['a', 4, 1, 50], ['b', 5, 2, 50], ['c', 5, 3, 1]);
		expect(taken(keeper, 5)).toEqual(['b2']);
		keeper.keep({ from: 'a', place: 6, packet: new Uint8Array(100).fill(4) });
		expect(taken(keeper, 6)).toEqual(['a4']);
		for (const mark of [5, 6, 7, 8])
			keeper.keep({ from: 'a', place: 7, packet: new Uint8Array(30).fill(mark) });
		keeper.keep({ from: 'b', place: 7, packet: new Uint8Array(11).fill(9) });
		keeper.keep({ from: 'b', place: 7, packet: new Uint8Array(10).fill(10) });
		expect(taken(keeper, 7)).toEqual(['a6', 'a7', 'a8', 'b10']);
	});
});
