/** For the simulation of membership: members whose keys are made to sign two things in one place (R24). */
import type { Kind } from '#lib/consensus/statement.ts';
import { resign, speakAs } from './liar.ts';
import type { Sent } from './wiretap.ts';
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
	return speakAs(world, tab, (sent) => {
		const { to, bytes, body } = sent;
		if (body.case !== 'signed' || !kinds.includes(body.value.kind) || !isFooled(sent)) return [bytes];
		// The same statement of another content.
		const digest = body.value.digest.map((byte) => byte ^ 0xff);
		resign(world, tab, to, body.value, { digest, payload: new Uint8Array(0) });
		return andTruth ? [bytes] : [];
	});
}
