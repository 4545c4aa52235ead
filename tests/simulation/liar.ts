/** What a Byzantine member can do: it runs the real driver, and between that and the network sits a hand that holds its key. */
import { create } from '@bufbuild/protobuf';
import { statementBytes, type Statement } from '#lib/consensus/statement.ts';
import { SignedSchema, type Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { inject, tap, type Sent } from './wiretap.ts';
import type { Tab, World } from './world.ts';

/** @returns what the liar sends in its place */
export type Rewrite = (sent: Sent) => Uint8Array[];

/** All that the liar sends passes through here. @returns what ends it */
export function speakAs(world: World, liar: Tab, rewrite: Rewrite): () => void {
	return tap(world.hub, (sent) => (sent.from === liar.id ? rewrite(sent) : [sent.bytes]));
}

/** All that is sent to the liar passes through here. @returns what ends it */
export function hearAs(world: World, liar: Tab, rewrite: Rewrite): () => void {
	return tap(world.hub, (sent) => (sent.to === liar.id ? rewrite(sent) : [sent.bytes]));
}

/** Says something to one peer; a frozen or stopped liar says nothing. */
export function say(world: World, liar: Tab, to: string, body: Packet['body']): void {
	if (liar.running && !liar.running.life.stopped) inject(world.hub, liar.id, to, body);
}

/** Signs whatever it likes, with its own key and no other. */
export async function signAs(
	world: World,
	liar: Tab,
	{ kind, partition, epoch, view, attempt, slot, digest }: Statement,
	payload?: Uint8Array
): Promise<Signed> {
	const statement = { kind, partition, epoch, view, attempt, slot, digest };
	const { chainId } = world.booter!.node.chain;
	const signature = await liar.signer.sign(statementBytes(chainId, statement, liar.signer.publicKey));
	return create(SignedSchema, { ...statement, sender: liar.signer.publicKey, signature, payload });
}

/** In place of a signed message: the same with other words, signed again. */
export function resign(world: World, liar: Tab, to: string, signed: Signed, change: Partial<Signed>): void {
	const { payload, ...statement } = { ...signed, ...change };
	void signAs(world, liar, statement, payload).then((lie) =>
		say(world, liar, to, { case: 'signed', value: lie })
	);
}
