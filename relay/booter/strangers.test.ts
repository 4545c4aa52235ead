import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { Kind } from '#lib/consensus/statement.ts';
import { SignedSchema } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { PacketSchema } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { SyncAnswers, isForStrangers } from './strangers.ts';

const signed = (kind: Kind) =>
	create(PacketSchema, { body: { case: 'signed', value: create(SignedSchema, { kind }) } });

describe('what a Booter reads from strangers', () => {
	it('is how to come in and the chain, and nothing of what else a packet can hold', () => {
		const bodies = PacketSchema.oneofs.find(({ name }) => name === 'body')!.fields;
		const read = bodies
			.map(({ localName }) => localName)
			.filter((name) => isForStrangers({ body: { case: name, value: {} } } as never));
		expect(read.sort()).toEqual([
			'assignmentRequest',
			'heartbeat',
			'snapshotRequest',
			'syncRequest',
			'syncResponse'
		]);
	});

	it('is a request to join or to leave, and no other statement', () => {
		const kinds = Object.values(Kind).filter((kind): kind is Kind => typeof kind === 'number');
		expect(kinds.filter((kind) => isForStrangers(signed(kind)))).toEqual([Kind.JOIN, Kind.LEAVE]);
	});
});

describe('answers from the disk', () => {
	it('are given to one peer four at a time, whatever others ask', async () => {
		const answers = new SyncAnswers();
		const ends: (() => void)[] = [];
		let begun = 0;
		const answer = (): Promise<void> => {
			begun++;
			return new Promise((resolve) => ends.push(resolve));
		};
		const given = Array.from({ length: 9 }, () => answers.give('a', answer));
		expect(begun).toBe(4);
		given.push(answers.give('b', answer));
		expect(begun).toBe(5);
		for (const end of ends) end();
		await Promise.all(given);
		await answers.give('a', async () => void begun++);
		expect(begun).toBe(6);
	});

	it('that fail leave their place to the next', async () => {
		const answers = new SyncAnswers();
		const failing = async (): Promise<void> => {
			throw new Error('the disk');
		};
		for (let i = 0; i < 5; i++) await expect(answers.give('a', failing)).rejects.toThrow('the disk');
	});
});
