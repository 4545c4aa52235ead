import type { ClientInit } from '@sveltejs/kit/hooks';
import { startNode } from '#lib/ui/state/node.svelte.ts';

/** Once per page load, whatever the route, and while the route's own code is still on its way: moving between pages never touches the node. */
export const init: ClientInit = () => {
	void startNode();
};
