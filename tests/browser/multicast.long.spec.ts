/**
 * A network that blocks multicast, as many of schools and offices do: browsers give each other names in place of addresses, and nobody
 * answers for the names. WebRTC looks possible and never forms, so members find each other through the relay.
 */
import { quietHead } from './harness/ledger-checks.ts';
import { joinAll } from './harness/partition.ts';
import { expectSound } from './harness/sound.ts';
import { openTabs, waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';
import { transfers } from './harness/transfers.ts';

test.use({ webRtc: 'by-name', ini: '[partitions]\ncount = 1\n' });

/** Of candidates that came from other tabs, in one page. */
interface Heard {
	names: number;
	addresses: number;
}

test('multicast is blocked: names of candidates lead nowhere, and members trade through the relay', async ({
	context
}) => {
	test.setTimeout(120_000);
	await context.addInitScript(blockMulticast);
	const pages = await openTabs(context, 4);
	await joinAll(pages);
	for (const page of pages)
		await waitFor(
			page,
			({ links }) => links.length === pages.length - 1 && links.every(({ path }) => path === 'relayed'),
			{ what: 'relayed links to all other members' }
		);
	for (const page of pages) await transfers(page, 2);
	await quietHead(pages);
	const heard = await Promise.all(
		pages.map((page) => page.evaluate(() => (globalThis as unknown as { heard: Heard }).heard))
	);
	console.log('candidates that were heard:', JSON.stringify(heard));
	// Each pair has tried: else it was not multicast that kept them apart.
	expect(heard.reduce((sum, { names }) => sum + names, 0)).toBeGreaterThan(pages.length);
	expect(heard.reduce((sum, { addresses }) => sum + addresses, 0)).toBe(0);
	await expectSound(pages, 8);
});

/** Init script. This machine's multicast reaches itself, so each name that comes is taken for one that nobody has. */
function blockMulticast(): void {
	const heard: Heard = { names: 0, addresses: 0 };
	(globalThis as unknown as { heard: Heard }).heard = heard;
	const unknown = (line: string): string => {
		if (!line.includes('candidate:')) return line;
		const changed = line.replace(/\S+\.local\b/, '00000000-0000-4000-8000-000000000000.local');
		heard[changed === line ? 'addresses' : 'names'] += 1;
		return changed;
	};
	const { addIceCandidate, setRemoteDescription } = RTCPeerConnection.prototype;
	// Their older forms, with callbacks, are not used here.
	type Promised<T> = (this: RTCPeerConnection, argument: T) => Promise<void>;
	const adding: Promised<RTCIceCandidateInit | null | undefined> = function (candidate) {
		if (!candidate?.candidate) return Reflect.apply(addIceCandidate, this, [candidate]);
		const { sdpMid, sdpMLineIndex, usernameFragment } = candidate;
		const line = unknown(candidate.candidate);
		const changed = { candidate: line, sdpMid, sdpMLineIndex, usernameFragment };
		return Reflect.apply(addIceCandidate, this, [changed]);
	};
	const setting: Promised<RTCSessionDescriptionInit> = function ({ type, sdp }) {
		const changed = { type, sdp: sdp?.split('\n').map(unknown).join('\n') };
		return Reflect.apply(setRemoteDescription, this, [changed]);
	};
	RTCPeerConnection.prototype.addIceCandidate = adding as typeof addIceCandidate;
	RTCPeerConnection.prototype.setRemoteDescription = setting as typeof setRemoteDescription;
}
