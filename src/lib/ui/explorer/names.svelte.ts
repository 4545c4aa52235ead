/** Nicknames by account id, as far as the network knows them. */
import { live } from '../state/live.svelte.ts';

/** Call it while a component is being set up. */
export function liveNames(): { readonly current: ReadonlyMap<string, string> } {
	const network = live((api) => api.node.network(), { everyMs: 10_000 });
	const names = $derived(
		new Map(
			(network.value?.partitions ?? []).flatMap((partition) =>
				partition.members.map((member) => [member.id, member.nickname])
			)
		)
	);
	return {
		get current() {
			return names;
		}
	};
}
