/** Whether WebRTC has a chance in this browser. */
import type { Page } from '@playwright/test';

/** How many UDP candidates a connection finds: without any, it cannot form. */
export function candidates(page: Page): Promise<number> {
	return page.evaluate(async () => {
		const connection = new RTCPeerConnection();
		let found = 0;
		const gathered = new Promise<void>((resolve) => {
			connection.onicecandidate = ({ candidate }) => {
				if (candidate === null) resolve();
				else if (candidate.protocol === 'udp') found++;
			};
		});
		connection.createDataChannel('probe');
		await connection.setLocalDescription();
		await gathered;
		connection.close();
		return found;
	});
}
