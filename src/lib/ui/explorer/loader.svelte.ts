/**
 * One page's subject, fetched by its id: asked for again when the id changes, when the node appears, and, where it was missing, as
 * the node comes to more blocks. An answer to an older question is dropped.
 */
import { untrack } from 'svelte';
import { session } from '../state/node.svelte.ts';
import type { TabwaveApi } from '#lib/node/api.ts';

export type Loaded<T> =
	| { state: 'loading' }
	| { state: 'ready'; value: T }
	| { state: 'missing' }
	| { state: 'failed'; error: Error };

/** Call it while a component is being set up. @param id is read as a rune */
export function load<T>(
	id: () => string,
	read: (api: TabwaveApi, id: string) => Promise<T>
): { readonly current: Loaded<T> } {
	let current = $state.raw<Loaded<T>>({ state: 'loading' });
	$effect(() => {
		const api = session.node?.api;
		const wanted = id();
		let stale = false;
		if (api !== undefined) {
			untrack(() => {
				current = { state: 'loading' };
				read(api, wanted).then(
					(value) => {
						if (!stale) current = { state: 'ready', value };
					},
					(reason: unknown) => {
						if (!stale) current = outcomeOf(reason);
					}
				);
			});
		}
		return () => {
			stale = true;
		};
	});
	$effect(() => {
		const node = session.node;
		const wanted = id();
		// A tab that is catching up may hold it a moment later.
		void node?.finalHeight;
		if (node === null || untrack(() => current.state) !== 'missing') return;
		let stale = false;
		read(node.api, wanted).then(
			(value) => {
				if (!stale) current = { state: 'ready', value };
			},
			// Still missing.
			() => {}
		);
		return () => {
			stale = true;
		};
	});
	return {
		get current() {
			return current;
		}
	};
}

function outcomeOf(reason: unknown): { state: 'missing' } | { state: 'failed'; error: Error } {
	const error = reason instanceof Error ? reason : new Error(String(reason));
	return error.name === 'NotFound' || error.name === 'InvalidArgument'
		? { state: 'missing' }
		: { state: 'failed', error };
}
