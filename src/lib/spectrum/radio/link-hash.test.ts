import { expect, it } from 'vitest';
import { HASHED_LINKS, hashOfRandomLinks } from './link-hash.ts';

it('is the same for the same links, pinned for every engine', () => {
	expect(HASHED_LINKS).toBe(10_000);
	expect(hashOfRandomLinks()).toBe('d50d7860236e8a0dd4b34adab1c6aee09e64c0afae9b030980ea6a026dd81803');
});

it('differs by seed and by count', () => {
	expect(new Set([hashOfRandomLinks(50, 1), hashOfRandomLinks(50, 2), hashOfRandomLinks(51, 1)]).size).toBe(
		3
	);
});
