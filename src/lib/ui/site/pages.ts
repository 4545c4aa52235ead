/** Every page of the site, by its route's id. SvelteKit's own list would bring the names of all files of the build along. */
import type { RouteId } from '$app/types';

export const PAGES: readonly RouteId[] = [
	'/',
	'/join',
	'/node',
	'/spectrum',
	'/explorer',
	'/explorer/account/[id]',
	'/explorer/block/[id]',
	'/explorer/find/[query]',
	'/explorer/transaction/[id]'
];
