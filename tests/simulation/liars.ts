/** For the simulation of membership: members whose keys are made to sign two things in one place (R24). */
import { create } from '@bufbuild/protobuf';
import { type Kind, statementBytes } from '#lib/consensus/statement.ts';
import { SignedSchema, type Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { inject, tap, type Sent } from './wiretap.ts';
import type { Tab, World } from './world.ts';

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
	return tap(world.hub, (sent) => {
		const { from, to, bytes, body } = sent;
		if (from !== tab.id || body.case !== 'signed' || !kinds.includes(body.value.kind) || !isFooled(sent))
			return [bytes];
		void forged(world, tab, body.value).then((value) =>
			inject(world.hub, tab.id, to, { case: 'signed', value })
		);
		return andTruth ? [bytes] : [];
	});
}

/** The same statement of another content. */
async function forged(world: World, tab: Tab, signed: Signed): Promise<Signed> {
	const digest = signed.digest.map((byte) => byte ^ 0xff);
	const { chainId } = world.booter!.node.chain;
	const message = statementBytes(chainId, { ...signed, digest }, tab.signer.publicKey);
	return create(SignedSchema, {
		...signed,
		digest,
		signature: await tab.signer.sign(message),
		payload: new Uint8Array(0)
	});
}
