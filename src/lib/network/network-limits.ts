/** Bounds and times of the links, each with its reason. Frames have theirs in wire/limits.ts. */
import { PROTOCOL_VERSION } from '#lib/wire/protocol-version.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The one protocol between two nodes: those of another version have no link. */
export const LINK_PROTOCOL = `/tabwave/${PROTOCOL_VERSION}.0.0`;

/** Bytes that wait for one peer in the page, or are not acknowledged: four whole frames, about half a second of a slow home uplink at full rate. */
export const MAX_SEND_QUEUE_BYTES = 8 * MIB;

/** Of these, bulk leaves so much to votes: some 8,000 of 250 bytes, which is many rounds of the largest partition. */
export const URGENT_RESERVE_BYTES = 2 * MIB;

/** What one turn sends to a peer is one frame up to this size, about 50 ms of a slow uplink; beyond it votes do not wait for bodies. */
export const BULK_TURN_BYTES = 64 * KIB;

/** In a turn with bulk: votes, requests and heartbeats are smaller than this; what names or carries transactions is not. */
export const SMALL_PACKET_BYTES = 512;

/**
 * Bytes of one data-channel message; larger frames are split. libp2p's 16 KiB is for other implementations. All browsers take
 * 64 KiB, with which a megabyte there and back takes 70 ms in place of 105 (Chromium 156); 200 KiB gains nothing more.
 */
export const DATA_CHANNEL_MESSAGE_BYTES = 64 * KIB;

/** What came is acknowledged as often: so much is kept of a link that rests, and a full one pays a packet of ten bytes for it. */
export const ACKNOWLEDGE_BYTES = 32 * KIB;

/** The first bytes of a stream, one way: longer than a dial, since the page that answers may be busy. */
export const HELLO_TIMEOUT_MS = 5_000;

/** A link that broke is gone on with for so long: what a relay takes to restart, and tabs to reach each other over it. */
export const RESUME_MS = 10_000;

/** Another path is there sooner, as a rule. After this the node hears that a direct link that broke is down. */
export const BROKEN_MS = 750;

/** Bytes on their way across the page's MessagePort, per direction: what a busy main thread may fall behind in a second. */
export const MAX_PORT_BYTES = 32 * MIB;

/** The receiving end of the port reports what it took at least this often. */
export const PORT_REPORT_BYTES = 256 * KIB;

/** Dials at once: 12 tabs that all dialled each other at once ended with 49 of 66 links. */
export const MAX_CONCURRENT_DIALS = 4;

/** A direct dial takes 130–300 ms; one that takes ten times that has lost its race and is better begun again. */
export const DIRECT_DIAL_TIMEOUT_MS = 3_000;

/** Two tries: the first may meet the dial race, a second failure means that the network does not let WebRTC through. */
export const DIRECT_TRIES = 2;

/** Through the relay a dial is two round trips; on a loaded machine some hundred milliseconds. */
export const RELAYED_DIAL_TIMEOUT_MS = 5_000;

/** Where no direct link ever formed, nobody waits longer than this for the first one: the relay carries the traffic meanwhile. */
export const DIRECT_PATIENCE_MS = 1_200;

/** The same once several direct dials have shown that this network is slow or closed. */
export const DIRECT_PATIENCE_SUSPECTED_MS = 300;

/** This many direct dials failed and none ever formed: begin with the relay, try the direct way in the background. */
export const DIRECT_FAILURES_TO_DOUBT = 4;

/** Between two tries to turn a relayed link into a direct one, doubling up to the cap. */
export const UPGRADE_FIRST_MS = 15_000;
/** The same where other links are direct: this one had bad luck. */
export const UPGRADE_KNOWN_FIRST_MS = 1_000;
export const UPGRADE_CAP_MS = 300_000;
/** Few: the link is there already, and dials that fail cost the others their turn. */
export const MAX_CONCURRENT_UPGRADES = 2;

/** Between two tries to reach a wanted peer. The cap is what a returned tab waits at worst. */
export const REDIAL_FIRST_MS = 250;
export const REDIAL_CAP_MS = 3_000;

/** The higher id dials. The lower one does so too after this wait: the other side may not know of it yet. */
export const LOWER_ID_WAIT_MS = 1_500;

/** A second stream from a peer within this time is a glare; after it the older one is dead and its peer came back. */
export const GLARE_WINDOW_MS = 1_000;

/** Between two tries to reach a relay that was there a moment ago: it restarts in about a second, and 60 tabs come back at once. */
export const RELAY_REDIAL_FIRST_MS = 400;
export const RELAY_RESTART_MS = 15_000;

/** The same when it stays away: each try is a line in a browser's console. */
export const RELAY_REDIAL_MS = 1_000;

/** The same for one replica of several that stays away: what its return may have to wait, and each try is a line in a browser's console. */
export const RELAY_REDIAL_CAP_MS = 4_000;

/** A WebSocket, noise, yamux and a reservation: some ten milliseconds, or several seconds while 60 tabs come at once. */
export const RELAY_DIAL_TIMEOUT_MS = 8_000;

/** Links from peers that this node did not ask for: newcomers that sync before they are members. */
export const MAX_UNEXPECTED_PEERS = 16;

/** Peers that may be wanted: a partition, with room for lists from a broken caller. An RTCPeerConnection each, of 500 a page. */
export const MAX_WANTED_PEERS = 128;

/** A connection that carries no link after this time is closed. Longer than a dial with all its tries. */
export const IDLE_CONNECTION_MS = 15_000;

/** Round trips are measured this often: a message alone costs 340 µs of CPU. */
export const PING_INTERVAL_MS = 4_000;

/** A link that is silent for so long is asked at once, and again as often. Nodes send heartbeats twice a second, so few are. */
export const PROBE_MS = 1_000;

/**
 * A link that has been silent for so long, and has not answered, is shown as down: its tab crashed or froze. It is kept meanwhile,
 * since a page that is only busy speaks again.
 */
export const QUIET_MS = 2_250;

/** Without a byte for this long a link is dead: two pings were lost, which a link that delivers in order does not do. */
export const SILENCE_MS = 12_000;

/** Pings answered per link and second; more are an attack and are ignored. */
export const MAX_PINGS_PER_S = 20;

/**
 * Seconds' worth of frames that may come at once: what a link holds back while its receiver sleeps or its relay restarts, up to
 * the silence that ends it.
 */
export const FRAME_BURST_S = 12;

/** A peer that broke the framing is not linked again for this long. */
export const VIOLATION_HOLD_OFF_MS = 30_000;

/** Peers held off at a time; the oldest is let go first. */
export const MAX_HELD_OFF = 256;

/** The clock of dials, pings and silence. */
export const TICK_MS = 250;
