/**
 * A walk over encoded protobuf, before it is decoded, that holds what the decoder does not: lengths nest, wire types are
 * the schema's, a singular field and a oneof occur once, and fields and depth are bounded. Contents of strings and bytes
 * are skipped, so the cost goes with the number of fields and not with their size.
 */
import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { DecodeError } from './decode-error.ts';
import { MAX_MESSAGE_DEPTH, MAX_MESSAGE_FIELDS } from './limits.ts';

/** @throws DecodeError */
export function checkStructure(schema: DescMessage, bytes: Uint8Array): void {
	walkMessage(shapeOf(schema), { bytes, offset: 0, fields: 0 }, bytes.length, 1);
}

interface Walk {
	bytes: Uint8Array;
	offset: number;
	fields: number;
}

interface FieldShape {
	name: string;
	wireType: number;
	/** Repeated numbers come packed in one record, or one by one. */
	packable: boolean;
	/** Where a submessage is inside. */
	message: MessageShapes | null;
	/** Bits that are set once the field was seen: a oneof's fields share one. 0 for repeated fields. */
	once: number;
}

interface MessageShapes {
	name: string;
	fields: Map<number, FieldShape>;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** Bits of one number; messages with more singular fields would need a wider mark. */
const MAX_SINGULAR_FIELDS = 31;

const shapes = new WeakMap<DescMessage, MessageShapes>();

function walkMessage(shape: MessageShapes, walk: Walk, end: number, depth: number): void {
	if (depth > MAX_MESSAGE_DEPTH)
		throw new DecodeError('too-deep', `${shape.name} is nested deeper than ${MAX_MESSAGE_DEPTH}`);
	let seen = 0;
	while (walk.offset < end) {
		if (++walk.fields > MAX_MESSAGE_FIELDS)
			throw new DecodeError('too-many-fields', `a message holds more than ${MAX_MESSAGE_FIELDS} fields`);
		const tag = readVarint32(walk, end, shape);
		const number = tag >>> 3;
		const wireType = tag & 7;
		if (number === 0) throw new DecodeError('malformed', `${shape.name} has a field with number 0`);
		const field = shape.fields.get(number);
		if (field === undefined) {
			skip(walk, end, wireType, shape);
			continue;
		}
		if (field.once !== 0) {
			if (seen & field.once)
				throw new DecodeError('field-repeated', `${shape.name}.${field.name}, or its oneof, is there twice`);
			seen |= field.once;
		}
		if (wireType !== field.wireType && !(field.packable && wireType === LENGTH))
			throw new DecodeError('wrong-wire-type', `${shape.name}.${field.name} has wire type ${wireType}`);
		if (wireType !== LENGTH) {
			skip(walk, end, wireType, shape);
			continue;
		}
		const fieldEnd = readEnd(walk, end, shape);
		if (field.message !== null) walkMessage(field.message, walk, fieldEnd, depth + 1);
		else if (field.packable) walkPacked(field, walk, fieldEnd, shape);
		else walk.offset = fieldEnd;
	}
}

function walkPacked(field: FieldShape, walk: Walk, end: number, shape: MessageShapes): void {
	while (walk.offset < end) {
		if (++walk.fields > MAX_MESSAGE_FIELDS)
			throw new DecodeError('too-many-fields', `a message holds more than ${MAX_MESSAGE_FIELDS} fields`);
		skip(walk, end, field.wireType, shape);
	}
}

function skip(walk: Walk, end: number, wireType: number, shape: MessageShapes): void {
	switch (wireType) {
		case VARINT:
			skipVarint64(walk, end, shape);
			return;
		case FIXED64:
			walk.offset += 8;
			break;
		case FIXED32:
			walk.offset += 4;
			break;
		case LENGTH:
			walk.offset = readEnd(walk, end, shape);
			return;
		default:
			// Groups are not in proto3; nothing of ours ever sends one.
			throw new DecodeError('wrong-wire-type', `${shape.name} has a field of wire type ${wireType}`);
	}
	if (walk.offset > end) throw truncated(shape);
}

function readEnd(walk: Walk, end: number, shape: MessageShapes): number {
	const length = readVarint32(walk, end, shape);
	if (length > end - walk.offset) throw truncated(shape);
	return walk.offset + length;
}

/** A tag or a length. Padding is refused: both are canonical in every encoder. */
function readVarint32(walk: Walk, end: number, shape: MessageShapes): number {
	const bytes = walk.bytes;
	let value = 0;
	for (let count = 0; count < 5; count++) {
		if (walk.offset >= end) throw truncated(shape);
		const byte = bytes[walk.offset++]!;
		if (count === 4 && byte > 0x0f) break;
		value |= (byte & 0x7f) << (7 * count);
		if (byte < 0x80) {
			if (byte === 0 && count > 0) break;
			return value >>> 0;
		}
	}
	throw new DecodeError('malformed', `${shape.name} has a tag or length that is padded or passes 32 bits`);
}

function skipVarint64(walk: Walk, end: number, shape: MessageShapes): void {
	for (let count = 0; count < 10; count++) {
		if (walk.offset >= end) throw truncated(shape);
		if (walk.bytes[walk.offset++]! < 0x80) return;
	}
	throw new DecodeError('malformed', `${shape.name} has a number of more than 10 bytes`);
}

function truncated(shape: MessageShapes): DecodeError {
	return new DecodeError('truncated', `${shape.name} ends inside a field, or passes its parent's end`);
}

function shapeOf(schema: DescMessage): MessageShapes {
	let shape = shapes.get(schema);
	if (shape === undefined) {
		shape = { name: schema.name, fields: new Map() };
		// Before the fields, so that a message that contains itself finds it.
		shapes.set(schema, shape);
		fillShape(shape, schema);
	}
	return shape;
}

function fillShape(shape: MessageShapes, schema: DescMessage): void {
	const marks = new Map<object, number>();
	for (const field of schema.fields) {
		let once = 0;
		if (field.fieldKind !== 'list' && field.fieldKind !== 'map') {
			const holder: object = field.oneof ?? field;
			once = marks.get(holder) ?? 0;
			if (once === 0) {
				if (marks.size === MAX_SINGULAR_FIELDS)
					throw new RangeError(`${schema.name} has more than ${MAX_SINGULAR_FIELDS} singular fields`);
				once = 1 << marks.size;
				marks.set(holder, once);
			}
		}
		const wireType = wireTypeOf(field);
		shape.fields.set(field.number, {
			name: field.name,
			wireType,
			packable: field.fieldKind === 'list' && wireType !== LENGTH,
			message: submessageOf(field),
			once
		});
	}
}

function submessageOf(field: DescField): MessageShapes | null {
	if (field.fieldKind === 'message' || (field.fieldKind === 'list' && field.listKind === 'message'))
		return shapeOf(field.message);
	return null;
}

function wireTypeOf(field: DescField): number {
	if (field.fieldKind === 'map')
		throw new RangeError(`${field.name}: maps have no order, and are not in our schema`);
	if (field.enum !== undefined) return VARINT;
	if (field.message !== undefined) return LENGTH;
	switch (field.scalar) {
		case ScalarType.STRING:
		case ScalarType.BYTES:
			return LENGTH;
		case ScalarType.DOUBLE:
		case ScalarType.FIXED64:
		case ScalarType.SFIXED64:
			return FIXED64;
		case ScalarType.FLOAT:
		case ScalarType.FIXED32:
		case ScalarType.SFIXED32:
			return FIXED32;
		default:
			return VARINT;
	}
}
