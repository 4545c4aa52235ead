/**
 * A tab that lies, as somebody with a modified client would run it: the real node in the real worker, with a network that says
 * two things where an honest member says one, both with the tab's own signature. liars.ts builds it and puts it in the place of the
 * site's worker.
 */
import { fromHex, toHex } from '#lib/crypto/hex.ts';
import { openSuite } from '#lib/crypto/open-suite.ts';
import type { Signer } from '#lib/crypto/suite.ts';
import { Kind, statementBytes } from '#lib/consensus/statement.ts';
import { readGenesis } from '#lib/ledger/genesis.ts';
import { PortNetwork } from '#lib/network/port-messages.ts';
import type { ToWorker } from '#lib/node/tab/worker.ts';
import { decodePacket, encodePacket } from '#lib/wire/codec.ts';
import type { Signed } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';

declare global {
	/** Of Kind: what this tab lies about. liars.ts sets it. */
	var liesAbout: readonly number[];
}

/** Whether a peer hears the lie; every second one does. */
const deceived = new Map<string, boolean>();
let identity: Promise<{ signer: Signer; chainId: Uint8Array }> | null = null;

self.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
	if (data.kind === 'start') identity = identify(data);
});

async function identify({
	seed,
	document
}: Extract<ToWorker, { kind: 'start' }>): Promise<{ signer: Signer; chainId: Uint8Array }> {
	const suite = await openSuite(readGenesis(document.genesis).fields.suite);
	return { signer: await suite.signer(seed), chainId: fromHex(document.chainId) };
}

const { send } = PortNetwork.prototype;
PortNetwork.prototype.send = function (this: PortNetwork, to, packets): void {
	void Promise.all(packets.map((packet) => told(to, packet))).then((lies) =>
		send.call(this, to, lies.flat())
	);
};

async function told(to: string, packet: Uint8Array): Promise<Uint8Array[]> {
	const decoded = decodePacket(packet);
	const { body } = decoded;
	if (body.case !== 'signed' || !isOwnLie(body.value, (await identity)!.signer)) return [packet];
	const lie = encodePacket({ ...decoded, body: { case: 'signed', value: await contradict(body.value) } });
	// A vote on an order goes to the leader alone. Who lies about results to it is shown by saying the truth as well.
	if (body.value.kind === Kind.SIGN || body.value.kind === Kind.DONE) return [lie, packet];
	// Half of the others hear the one, half the other.
	if (!deceived.has(to)) deceived.set(to, deceived.size % 2 === 0);
	return deceived.get(to) ? [lie] : [packet];
}

function isOwnLie(signed: Signed, { publicKey }: Signer): boolean {
	return globalThis.liesAbout.includes(signed.kind) && toHex(signed.sender) === toHex(publicKey);
}

/** The same vote, on something else. */
async function contradict(signed: Signed): Promise<Signed> {
	const { signer, chainId } = (await identity)!;
	const digest = signed.digest.map((byte) => byte ^ 0xff);
	const signature = await signer.sign(statementBytes(chainId, { ...signed, digest }, signer.publicKey));
	return { ...signed, digest, signature };
}

// Last: the real worker listens from here on.
await import('#lib/node/tab/worker.ts');
