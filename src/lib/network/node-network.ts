/**
 * The network of a headless node in Node.js: WebSocket to the relay, and the relay's circuits to everyone else. Node.js has
 * no WebRTC, so every link but the relay's says 'relayed'.
 */
import { FramedNetwork } from './framed-network.ts';
import { Libp2pLinks } from './libp2p-links.ts';
import type { LinkSettings } from './port-messages.ts';

export class NodeNetwork extends FramedNetwork {
	/** @param settings - as for a tab; `direct` and `iceServers` have no effect */
	constructor(settings: LinkSettings) {
		super(new Libp2pLinks({ ...settings, direct: false }), {
			maxFramesPerSecond: () => settings.maxFramesPerSecond ?? Infinity
		});
	}
}
