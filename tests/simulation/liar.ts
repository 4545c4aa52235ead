/** What a Byzantine member can do: it runs the real driver, and between that and the network sits a hand that holds its key. */
import { create } from '@bufbuild/protobuf';
import { transferArguments } from '#lib/ledger/transfer.ts';
import { unsignedTransaction } from '#lib/ledger/transaction.ts';
import { statementBytes, type Kind, type Statement } from '#lib/consensus/statement.ts';
import { SignedSchema, type Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { pick, type Random } from './random.ts';
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

/** Every so often. @returns what ends it */
export function again(world: World, everyMs: number, run: () => void): () => void {
	let cancel = world.time.after(everyMs, function next() {
		cancel = world.time.after(everyMs, next);
		run();
	});
	return () => cancel();
}

/** Peers of all kinds, each with even odds. */
export function some(world: World, random: Random): ReadonlySet<string> {
	return new Set([...world.tabs.map(({ id }) => id), world.booterId].filter(() => random() < 0.5));
}

export function anyone(world: World, random: Random): string {
	return pick(random, [...world.tabs.map(({ id }) => id), world.booterId]);
}

export function damaged(bytes: Uint8Array, random: Random): Uint8Array {
	const copy = bytes.slice();
	if (copy.length > 0 && random() < 0.7)
		copy[Math.floor(random() * copy.length)]! ^= 1 << Math.floor(random() * 8);
	return copy;
}

/** Unsigned, from any account to a tab's. */
export function payment(
	world: World,
	random: Random,
	from: Uint8Array,
	to: Tab
): { body: Uint8Array; message: Uint8Array } {
	const { chain } = world.booter!.node;
	return unsignedTransaction(from, {
		contract: 'transfer',
		function: 'transfer',
		arguments: transferArguments(to.signer.publicKey, 1n),
		chainId: chain.chainId,
		nonce: Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256)),
		expiryHeight: chain.head.height + 50
	});
}

export interface Lies {
	kinds: readonly Kind[];
	/** Who is told something else than the liar's own core says. */
	isFooled(sent: Sent): boolean;
	/** Whether who is fooled hears the truth as well. */
	andTruth?: boolean;
}

/** From now on the tab lies. @returns an end to it */
export function lie(world: World, tab: Tab, { kinds, isFooled, andTruth = false }: Lies): () => void {
	world.liars.add(tab.id);
	return speakAs(world, tab, (sent) => {
		const { to, bytes, body } = sent;
		if (body.case !== 'signed' || !kinds.includes(body.value.kind) || !isFooled(sent)) return [bytes];
		// The same statement of another content.
		const digest = body.value.digest.map((byte) => byte ^ 0xff);
		resign(world, tab, to, body.value, { digest, payload: new Uint8Array(0) });
		return andTruth ? [bytes] : [];
	});
}
