import { expect, it } from 'vitest';
import { replicaLinks } from './describe.ts';

it('shows a link to each of genesis’ replicas, by the operator’s names, and to nobody else', () => {
	const links = [
		{ peer: 'a', path: 'direct', rttMs: 7 },
		{ peer: 'b', path: 'down', rttMs: null },
		{ peer: 'tab', path: 'direct', rttMs: 1 }
	] as const;
	const names = new Map([
		['a', 'first'],
		['b', 'second'],
		['tab', 'stranger']
	]);
	expect(replicaLinks(['b', 'a', 'c'], links, names)).toEqual([
		{ id: 'b', name: 'second', path: 'down', rttMs: null },
		{ id: 'a', name: 'first', path: 'direct', rttMs: 7 },
		{ id: 'c', name: '', path: 'down', rttMs: null }
	]);
});
