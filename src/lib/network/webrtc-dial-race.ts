/**
 * Mends a race in @libp2p/webrtc 6.0: 11–26 % of the dials between browsers time out without this.
 *
 * The dialler opens a data channel named `init`, waits for it to open, and closes it. The other side closes the same
 * channel as soon as it sees it, often before the dialler saw it open; then the dialler waits for an event that never comes.
 * So an incoming `init` channel ignores its own `close`: the dialler closes it in a moment anyway, and the end of the
 * connection closes it in any case. Channels that this page created are not touched.
 *
 * It changes prototypes, so that it holds whenever libp2p is loaded; import it once, before the first dial.
 */
const ours = new WeakSet<RTCDataChannel>();

if (typeof RTCPeerConnection !== 'undefined' && typeof RTCDataChannel !== 'undefined') {
	const createDataChannel = RTCPeerConnection.prototype.createDataChannel;
	RTCPeerConnection.prototype.createDataChannel = function (this: RTCPeerConnection, ...args) {
		const channel = createDataChannel.apply(this, args);
		ours.add(channel);
		return channel;
	};

	const close = RTCDataChannel.prototype.close;
	RTCDataChannel.prototype.close = function (this: RTCDataChannel) {
		if (this.label === 'init' && !ours.has(this)) return;
		close.call(this);
	};
}
