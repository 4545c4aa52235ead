/** For property tests only: arbitrary messages of any schema, with every field, oneof and nesting that it has. */
import { create, ScalarType, type DescField, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import fc from 'fast-check';

export function anyMessage<Schema extends DescMessage>(schema: Schema): fc.Arbitrary<MessageShape<Schema>> {
	const parts: Record<string, fc.Arbitrary<unknown>> = {};
	for (const member of schema.members)
		parts[member.localName] =
			member.kind === 'oneof'
				? fc.oneof(
						...member.fields.map((field) =>
							anyValue(field).map((value) => ({ case: field.localName, value }))
						)
					)
				: anyField(member);
	return fc.record(parts).map((init) => create(schema, init as never));
}

function anyField(field: DescField): fc.Arbitrary<unknown> {
	if (field.fieldKind === 'list') return fc.array(anyValue(field), { maxLength: 3 });
	// An absent submessage and an empty one are two things.
	if (field.fieldKind === 'message') return fc.option(anyValue(field), { nil: undefined });
	return anyValue(field);
}

function anyValue(field: DescField): fc.Arbitrary<unknown> {
	if (field.message) return anyMessage(field.message);
	if (field.enum)
		return fc.oneof(fc.constantFrom(...field.enum.values.map((value) => value.number)), fc.nat());
	switch (field.scalar) {
		case ScalarType.BYTES:
			return fc.uint8Array({ maxLength: 40 });
		case ScalarType.STRING:
			return fc.string({ unit: 'grapheme', maxLength: 20 });
		case ScalarType.BOOL:
			return fc.boolean();
		case ScalarType.UINT32:
			return fc.nat({ max: 0xffffffff });
		case ScalarType.UINT64:
			return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
		case ScalarType.INT64:
		case ScalarType.SINT64:
			return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
		case ScalarType.INT32:
		case ScalarType.SINT32:
			return fc.integer();
		default:
			throw new RangeError(`${field.toString()}: the schema has no such scalars yet`);
	}
}
