import { describe, expect, it } from 'vitest';
import { Emitter } from './emitter.ts';

interface Events {
	one: number;
	two: string;
}

describe('an emitter', () => {
	it('tells each listener of its own kind, in the order in which they came', () => {
		const heard: unknown[] = [];
		const events = new Emitter<Events>(() => {});
		events.on('one', (value) => heard.push(['first', value]));
		events.on('one', (value) => heard.push(['second', value]));
		events.on('two', (value) => heard.push(['other', value]));
		events.emit('one', 1);
		events.emit('two', 'x');
		expect(heard).toEqual([
			['first', 1],
			['second', 1],
			['other', 'x']
		]);
	});

	it('knows whether anybody listens', () => {
		const events = new Emitter<Events>(() => {});
		expect(events.has('one')).toBe(false);
		const stop = events.on('one', () => {});
		expect([events.has('one'), events.has('two')]).toEqual([true, false]);
		stop();
		stop();
		expect(events.has('one')).toBe(false);
	});

	it('lets a listener go, and come, while it tells', () => {
		const heard: string[] = [];
		const events = new Emitter<Events>(() => {});
		const stop = events.on('one', () => {
			heard.push('once');
			stop();
			events.on('one', () => heard.push('late'));
		});
		events.on('one', () => heard.push('always'));
		events.emit('one', 1);
		expect(heard).toEqual(['once', 'always']);
		events.emit('one', 2);
		expect(heard).toEqual(['once', 'always', 'always', 'late']);
	});

	it('reports a listener that fails, and goes on', () => {
		const reports: unknown[] = [];
		const heard: number[] = [];
		const events = new Emitter<Events>((error) => reports.push(error));
		events.on('one', () => {
			throw new Error('bad');
		});
		events.on('one', (value) => heard.push(value));
		events.emit('one', 5);
		expect(heard).toEqual([5]);
		expect(reports).toEqual([new Error('bad')]);
	});
});
