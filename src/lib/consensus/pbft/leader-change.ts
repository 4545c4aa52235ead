/** R6: the leader of a view gathers NewViews, and makes of q of them the LeaderChange that begins the view. */
import { create, toBinary } from '@bufbuild/protobuf';
import { MAX_PACKET_BYTES } from '../../wire/limits.ts';
import {
	LeaderChangeSchema,
	PreparedCertificateSchema,
	type LeaderChange,
	type LeaderChangeContent,
	type NewView,
	type NewViewContent,
	type PreparedCertificate
} from '../../wire/gen/tabwave/v1/view_change_pb.js';
import { chooseRounds } from './choose-rounds.ts';
import { claimOf } from './validation/leader-change.ts';

/** A NewView that holds: its signatures and all that it proves were checked. */
export interface HeldNewView {
	sender: string;
	view: number;
	newView: NewView;
	content: NewViewContent;
}

export class NewViews {
	/** The one of the highest view of each member. */
	readonly #held = new Map<string, HeldNewView>();

	add(newView: HeldNewView): void {
		const before = this.#held.get(newView.sender);
		if (!before || before.view < newView.view) this.#held.set(newView.sender, newView);
	}

	/** In the order in which they came. */
	of(view: number): HeldNewView[] {
		return [...this.#held.values()].filter((held) => held.view === view);
	}

	/** Of lower views nothing can come any more. */
	forgetBelow(view: number): void {
		for (const [sender, held] of this.#held) if (held.view < view) this.#held.delete(sender);
	}
}

/** Room that a LeaderChange leaves in its packet: for the leader's own signature, the choices and the proof. */
const RESERVED_BYTES = 512 * 1024;

/**
 * The LeaderChange that q NewViews make, all but the leader's own signature.
 * @returns null where it would not fit a packet. With the largest partition and window that genesis allows, that takes every
 * round to be prepared with another block in each of four views; the next view's NewViews then are others.
 */
export function assemble(
	newViews: HeldNewView[]
): { leaderChange: LeaderChange; content: LeaderChangeContent } | null {
	const content = chooseRounds(newViews.map((held) => held.content));
	const { lastRoundId } = content;
	const certificates = new Map<string, PreparedCertificate>();
	for (const { newView } of newViews)
		for (const certificate of newView.certificates)
			if (certificate.roundId > lastRoundId) certificates.set(claimOf(certificate), certificate);
	const bytes =
		newViews.reduce((sum, { newView }) => sum + newView.signed!.payload.length, 0) +
		[...certificates.values()].reduce((sum, certificate) => sum + certificateBytes(certificate), 0);
	if (bytes > MAX_PACKET_BYTES - RESERVED_BYTES) return null;
	const highest = newViews.find((held) => held.content.lastRoundId === lastRoundId)!;
	const leaderChange = create(LeaderChangeSchema, {
		newViews: newViews.map(({ newView }) => newView.signed!),
		certificates: [...certificates.values()],
		proof: highest.newView.proof
	});
	return { leaderChange, content };
}

function certificateBytes(certificate: PreparedCertificate): number {
	return toBinary(PreparedCertificateSchema, certificate).length;
}
