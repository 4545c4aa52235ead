/**
 * What it costs to watch every vote for contradictions (R24): the way of a vote from its bytes to the cores with watching and
 * without, in this process and without a network, so that other work on the machine weighs on both alike.
 */
import { create } from '@bufbuild/protobuf';
import { Kind, statementBytes } from '#lib/consensus/statement.ts';
import { TestLedger } from '#lib/consensus/testing/test-ledger.ts';
import { webcryptoSuite } from '#lib/crypto/webcrypto-suite.ts';
import { EvidenceKeeper } from '#lib/node/driver/evidence-keeper.ts';
import { decodePacket, encodePacket } from '#lib/wire/codec.ts';
import { SignedSchema } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { PacketSchema } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { ascending, quantile, several, type Report } from '../report.ts';

const MEMBERS = 4;
/** Beyond what is remembered of a member, so that old votes make room all the time. */
const ROUNDS = 300;
const KINDS = [Kind.PREPARE, Kind.COMMIT, Kind.SIGN, Kind.DONE];
/** With and without in turn; the first pair is for the compiler. */
const PASSES = 6;

export async function voteWatching(report: Report): Promise<void> {
	const name = 'watching votes for evidence';
	const ledger = await TestLedger.found([MEMBERS]);
	const suite = webcryptoSuite();
	const votes: { bytes: Uint8Array; message: Uint8Array }[] = [];
	const signers = await Promise.all(ledger.members(1).map(() => suite.signer(suite.generateSeed())));
	for (let slot = 1; slot <= ROUNDS; slot++)
		for (const kind of KINDS)
			for (const [i, { publicKey, sign }] of signers.slice(1).entries()) {
				const statement = { kind, partition: 1, epoch: 1, view: 0, attempt: 0, slot, digest: digestOf(slot) };
				const message = statementBytes(ledger.chainId, statement, publicKey);
				const signature = await sign(message);
				// The member's name, so that it is watched; the signature is of a key that this process can sign with.
				const sender = ledger.members(1)[i + 1]!.signer.publicKey;
				const signed = create(SignedSchema, { ...statement, sender, signature });
				votes.push({
					bytes: encodePacket(create(PacketSchema, { body: { case: 'signed', value: signed } })),
					message
				});
			}

	const pass = async (isWatched: boolean): Promise<number> => {
		const keeper = new EvidenceKeeper({
			chain: ledger.chain,
			self: ledger.members(1)[0]!.id,
			found: () => {}
		});
		keeper.enter(ledger.chain.topology.partition(1));
		const startMs = performance.now();
		for (const [i, { bytes, message }] of votes.entries()) {
			const { body } = decodePacket(bytes);
			if (body.case !== 'signed') throw new Error('a vote is a signed message');
			const { publicKey } = signers[1 + (i % (MEMBERS - 1))]!;
			if (!(await suite.verify({ publicKey, message, signature: body.value.signature })))
				throw new Error('a signature of this benchmark does not hold');
			if (isWatched) keeper.saw(body.value, body.value.digest);
		}
		return ((performance.now() - startMs) * 1000) / votes.length;
	};
	const usOf = { without: [] as number[], watched: [] as number[] };
	for (let i = 0; i < PASSES; i++) {
		const pair = [await pass(false), await pass(true)] as const;
		if (i === 0) continue;
		usOf.without.push(pair[0]);
		usOf.watched.push(pair[1]);
	}
	report.details[name] = usOf;
	const [without, watched] = [median(usOf.without), median(usOf.watched)];
	report.add(name, 'votes a second with it ÷ without', without / watched);
	report.add(name, 'a vote without / with it', several([without, watched], 1), 'µs');
}

function digestOf(slot: number): Uint8Array {
	return new Uint8Array(32).fill(slot);
}

function median(values: number[]): number {
	return quantile(ascending(values), 0.5);
}
