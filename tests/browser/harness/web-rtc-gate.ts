/** Lets WebRTC form in a page, or not, or breaks what has formed, while the page runs: as a network does that changes. */
import type { BrowserContext, Page } from '@playwright/test';

interface Gate {
	isOpen: boolean;
	isMute: boolean;
	connections: Set<RTCPeerConnection>;
}

declare global {
	var webRtcGate: Gate;
}

/** For pages that are opened from now on. The gate is closed at first. */
export async function gateWebRtc(context: BrowserContext): Promise<void> {
	await context.addInitScript(() => {
		const gate: Gate = { isOpen: false, isMute: false, connections: new Set() };
		globalThis.webRtcGate = gate;
		globalThis.RTCPeerConnection = class extends RTCPeerConnection {
			constructor(configuration?: RTCConfiguration) {
				// Without a TURN server that policy finds no candidate.
				super(gate.isOpen ? configuration : { ...configuration, iceTransportPolicy: 'relay' });
				gate.connections.add(this);
			}
		};
		const { send } = RTCDataChannel.prototype;
		RTCDataChannel.prototype.send = function (this: RTCDataChannel, data: unknown): void {
			if (!gate.isMute) Reflect.apply(send, this, [data]);
		};
	});
}

/** The network lets WebRTC through, and the browser says that it changed. */
export function openWebRtc(page: Page): Promise<void> {
	return page.evaluate(() => {
		Object.assign(globalThis.webRtcGate, { isOpen: true, isMute: false });
		globalThis.dispatchEvent(new Event('online'));
	});
}

/**
 * The network lets WebRTC through no more.
 * @param how - `closed`: connections end; `mute`: they stay, and nothing arrives
 */
export function closeWebRtc(page: Page, how: 'closed' | 'mute'): Promise<void> {
	return page.evaluate((end) => {
		const gate = globalThis.webRtcGate;
		gate.isOpen = false;
		gate.isMute = end === 'mute';
		if (end === 'closed') for (const connection of gate.connections) connection.close();
		gate.connections.clear();
	}, how);
}
