/** For property tests only: bytes from anybody. Sound ones that a wire or a liar has damaged, and ones that never were sound. */
import fc from 'fast-check';

const change = fc.tuple(
	fc.nat(),
	fc.nat({ max: 255 }),
	fc.constantFrom('set', 'set', 'flip', 'insert', 'remove', 'end', 'double')
);

/** Bytes of `sound` after one to three changes. */
export function mutated(sound: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
	return fc.tuple(sound, fc.array(change, { minLength: 1, maxLength: 3 })).map(([original, changes]) => {
		let bytes = [...original];
		for (const [place, value, kind] of changes) {
			const at = place % (bytes.length + 1);
			if (kind === 'set') bytes[at] = value;
			else if (kind === 'flip') bytes[at] = (bytes[at] ?? 0) ^ (1 << (value % 8));
			else if (kind === 'end') bytes = bytes.slice(0, at);
			else if (kind === 'double') bytes.splice(at, 0, ...bytes.slice(at, at + value));
			else bytes.splice(at, kind === 'remove' ? 1 : 0, ...(kind === 'insert' ? [value] : []));
		}
		return Uint8Array.from(bytes);
	});
}

/** One third each: sound, damaged and random. */
export function anyBytes(sound: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
	return fc.oneof(sound, mutated(sound), fc.uint8Array({ maxLength: 200 }));
}
