/** What a Booter's key can be made to sign that its core never would. */
import { create, toBinary } from '@bufbuild/protobuf';
import { statusRequestStatement } from '#lib/consensus/ordering/status.ts';
import { statementBytes, type Statement } from '#lib/consensus/statement.ts';
import { encodeMembershipChange, nextMembers } from '#lib/consensus/membership/change.ts';
import { fromHex } from '#lib/crypto/hex.ts';
import { contentDigest, decodeContent, membershipChangeId } from '#lib/ledger/block.ts';
import {
	EvictionSchema,
	OrderContentSchema,
	OrderEntrySchema,
	SignedSchema,
	type OrderContent,
	type Signed
} from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { Next, Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { pick } from './random.ts';
import { inject, tap, type Sent } from './wiretap.ts';
import type { World } from './world.ts';

export type Lie = (content: OrderContent) => OrderContent;

export function booterId(world: World): string {
	return world.booter!.network.self;
}

/** The same order at another time: as good as the first, and another block. */
export function later(byMs: bigint): Lie {
	return (content) => ({ ...content, timeMs: content.timeMs + byMs });
}

/** In place of the order: some member of some partition goes, without proof. */
export function evicting(world: World): Lie {
	return (content) => {
		const active = world.booter!.node.chain.topology.active().filter(({ members }) => members.length > 1);
		if (active.length === 0) return later(1n)(content);
		const partition = pick(world.random, active);
		const evictions = [{ member: fromHex(pick(world.random, partition.members)), silences: [] }].map((one) =>
			create(EvictionSchema, one)
		);
		const change = { partition: partition.id, epoch: partition.epoch + 1, joins: [], leaves: [], evictions };
		const bytes = encodeMembershipChange({ ...change, members: nextMembers(change, partition) });
		const entry = create(OrderEntrySchema, {
			partition: partition.id,
			epoch: partition.epoch + 1,
			id: membershipChangeId(bytes),
			membershipChange: bytes
		});
		return { ...content, entries: [entry] };
	};
}

/** Some are told a lie in place of what the Booter's core says. @param tell how; default: in its place, to whom it was sent */
export function replaceNexts(
	world: World,
	isFooled: (sent: Sent) => boolean,
	lie: Lie,
	tell?: (body: Packet['body']) => void
): () => void {
	const booter = booterId(world);
	return tap(world.hub, (sent) => {
		const { from, to, bytes, body } = sent;
		if (from !== booter || body.case !== 'next' || !isFooled(sent)) return [bytes];
		const { statuses, lock } = body.value;
		void forge(world, body.value, lie, 0, { statuses, lock }).then((forged) =>
			tell ? tell(forged) : inject(world.hub, booter, to, forged)
		);
		return [];
	});
}

/** @param ahead attempts above the Next that the lie is made of */
export async function forge(
	world: World,
	next: Next,
	lie: Lie,
	ahead: number,
	justification: Pick<Next, 'statuses'> & Partial<Pick<Next, 'lock'>>
): Promise<Packet['body']> {
	const { kind, partition, epoch, view, attempt, slot, payload: honest } = next.signed!;
	const payload = toBinary(OrderContentSchema, lie(decodeContent(honest)));
	const digest = contentDigest(payload);
	const statement = { kind, partition, epoch, view, attempt: attempt + ahead, slot, digest };
	const signed = await signAsBooter(world, statement, payload);
	return {
		case: 'next',
		value: { $typeName: 'tabwave.v1.Next', signed, previous: next.previous, ...justification }
	};
}

export async function statusRequest(
	world: World,
	term: number,
	attempt: number,
	height: number
): Promise<Signed> {
	return signAsBooter(world, statusRequestStatement({ term, attempt }, height));
}

async function signAsBooter(world: World, statement: Statement, payload?: Uint8Array): Promise<Signed> {
	const { signer, node } = world.booter!;
	const signature = await signer.sign(statementBytes(node.chain.chainId, statement, signer.publicKey));
	return create(SignedSchema, { ...statement, sender: signer.publicKey, signature, payload });
}
