import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { PAGES } from './pages.ts';

it('lists every page that there is', () => {
	const folder = new URL('../../../routes', import.meta.url);
	const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
	const routes = files
		.filter((file) => file.endsWith('+page.svelte'))
		.map((file) => `/${dirname(file).replaceAll('\\', '/')}`.replace(/^\/\.$/, '/'));
	expect([...PAGES].sort()).toEqual(routes.sort());
});
