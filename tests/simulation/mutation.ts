/**
 * In the manner of ByzzFuzz (Winter et al., OOPSLA 2023): small changes of a Byzantine process's own messages that know their
 * structure, and protocol rounds in which nothing comes through. They find what random bytes never reach.
 */
import type { Statement } from '#lib/consensus/statement.ts';
import { Kind } from '#lib/consensus/statement.ts';
import type { Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { End } from './faults.ts';
import { resign, say, signAs, speakAs } from './liar.ts';
import { between, pick, type Random } from './random.ts';
import { encoded } from './wiretap.ts';
import type { Tab, World } from './world.ts';

/** How long one mutation is kept up: about the length of a protocol round, so that a whole phase is wrong in the same way. */
const ROUND_MS = 400;

type Mutation = (signed: Signed, random: Random) => Partial<Statement>;

export const MUTATIONS: Record<string, Mutation> = {
	'view + 1': ({ view }) => ({ view: view + 1 }),
	'view - 1': ({ view }) => ({ view: Math.max(0, view - 1) }),
	'slot + 1': ({ slot }) => ({ slot: slot + 1 }),
	'slot - 1': ({ slot }) => ({ slot: Math.max(0, slot - 1) }),
	'epoch + 1': ({ epoch }) => ({ epoch: epoch + 1 }),
	'epoch - 1': ({ epoch }) => ({ epoch: Math.max(0, epoch - 1) }),
	'attempt + 1': ({ attempt }) => ({ attempt: attempt + 1 }),
	'attempt - 1': ({ attempt }) => ({ attempt: Math.max(0, attempt - 1) }),
	digest: ({ digest }, random) => ({
		digest: digest.map((byte, i) => (i === Math.floor(random() * 32) ? byte ^ 1 : byte))
	}),
	partition: ({ partition }) => ({ partition: partition + 1 }),
	kind: ({ kind }, random) => ({
		kind: pick(random, KINDS_LIKE.find((kinds) => kinds.includes(kind)) ?? [kind])
	})
};

/** A message of one kind read as one of another. */
const KINDS_LIKE: readonly (readonly Kind[])[] = [
	[Kind.PRE_PREPARE, Kind.PREPARE, Kind.COMMIT],
	[Kind.SIGN, Kind.DONE, Kind.STATUS, Kind.REFUSE],
	[Kind.NEW_VIEW, Kind.LEADER_CHANGE]
];

/** Every so often another mutation, for some of the peers; and now and then a round that is lost. */
export function mutateAs(world: World, random: Random, liar: Tab): End {
	let name = '';
	let fooled: ReadonlySet<string> = new Set();
	let isSigned = true;
	let untilMs = 0;
	const turn = (): void => {
		if (world.time.nowMs < untilMs) return;
		untilMs = world.time.nowMs + between(random, 0.5 * ROUND_MS, 2 * ROUND_MS);
		name = random() < 0.15 ? 'lost' : random() < 0.25 ? 'none' : pick(random, Object.keys(MUTATIONS));
		fooled = new Set([...world.tabs.map(({ id }) => id), world.booterId].filter(() => random() < 0.6));
		isSigned = random() < 0.7;
	};
	return speakAs(world, liar, ({ to, bytes, body }) => {
		turn();
		const signed =
			body.case === 'signed'
				? body.value
				: body.case === 'newView' || body.case === 'leaderChange'
					? body.value.signed
					: undefined;
		if (name === 'none' || !signed || !fooled.has(to)) return [bytes];
		if (name === 'lost') return [];
		const change = MUTATIONS[name]!(signed, random);
		if (body.case === 'signed') {
			if (!isSigned) return [encoded({ case: body.case, value: { ...signed, ...change } })];
			resign(world, liar, to, signed, change);
			return [];
		}
		void signAs(world, liar, { ...signed, ...change }, signed.payload).then((lie) => {
			if (body.case === 'newView')
				say(world, liar, to, { case: body.case, value: { ...body.value, signed: lie } });
			else if (body.case === 'leaderChange')
				say(world, liar, to, { case: body.case, value: { ...body.value, signed: lie } });
		});
		return [];
	});
}
