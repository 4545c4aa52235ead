/**
 * Asks the browser whether it has any address to offer. Without a default route there is none, and every direct dial would
 * only run into its timeout. Names ending in `.local` say nothing: whether multicast reaches the others, only a dial shows.
 */

/** @returns false where a direct link cannot form; true where it may */
export async function hasIceCandidates(configuration: RTCConfiguration): Promise<boolean> {
	if (typeof RTCPeerConnection === 'undefined') return false;
	const connection = new RTCPeerConnection(configuration);
	try {
		connection.createDataChannel('probe');
		const gathered = new Promise<boolean>((resolve) => {
			connection.addEventListener('icecandidate', ({ candidate }) => {
				if (candidate && candidate.candidate !== '') resolve(true);
				else if (candidate === null) resolve(false);
			});
			setTimeout(() => resolve(true), PROBE_TIMEOUT_MS);
		});
		await connection.setLocalDescription(await connection.createOffer());
		return await gathered;
	} finally {
		connection.close();
	}
}

/** Gathering host candidates takes about 100 ms; with a STUN server that does not answer, longer: then a dial will tell. */
const PROBE_TIMEOUT_MS = 2_000;
