import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { isLocalOnly, joinLink, parseJoinHash } from './invite.ts';

fc.configureGlobal({ seed: 7 });

describe('the join link', () => {
	it('keeps partition and invitation behind the hash, where no server log sees them', () => {
		const link = new URL(joinLink('http://192.168.1.20:7070', { partition: 2, invitation: 'a b&c=d' }));
		expect(link.pathname + link.search).toBe('/join');
		expect(parseJoinHash(link.hash)).toEqual({ partition: 2, invitation: 'a b&c=d' });
	});

	it('comes back as it was sent, whatever the invitation', () => {
		fc.assert(
			fc.property(
				fc.option(fc.nat({ max: 65_535 })),
				fc.option(fc.string({ minLength: 1, maxLength: 200 })),
				(partition, invitation) => {
					const { hash } = new URL(joinLink('https://tabwave.example', { partition, invitation }));
					expect(parseJoinHash(hash)).toEqual({ partition, invitation });
				}
			)
		);
	});

	it.each(['#p=-1', '#p=1e3', '#p=65536', '#p=', '#', '', '#q=3', `#i=${'x'.repeat(5000)}`])(
		'leaves out what it does not understand: %s',
		(hash) => {
			expect(parseJoinHash(hash)).toEqual({ partition: null, invitation: null });
		}
	);
});

describe('an address that other devices cannot open', () => {
	it.each(['localhost', '127.0.0.1', '127.8.0.1', '[::1]', 'tabwave.localhost'])('is %s', (name) => {
		expect(isLocalOnly(name)).toBe(true);
	});
	it.each(['192.168.1.20', '10.0.0.1', 'relay.example', '128.0.0.1', 'localhost.example'])(
		'is not %s',
		(name) => {
			expect(isLocalOnly(name)).toBe(false);
		}
	);
});
