/**
 * Browser tests in a network of their own: no other machine is reached, and none reaches them. Chromium needs an
 * interface with an address and a default route before it offers a candidate, so there is a pair of virtual ones.
 */
import { spawnSync } from 'node:child_process';

const SETUP = [
	'ip link set lo up',
	'ip link add d0 type veth peer name d1',
	'ip link set d1 up',
	'ip addr add 10.77.0.1/24 dev d0',
	'ip link set d0 up',
	'ip route add default via 10.77.0.254'
].join(' && ');

/** @returns {boolean} whether this machine lets us make one */
export function canIsolate() {
	if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
	return spawnSync('unshare', ['-n', 'sh', '-c', SETUP], { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {[string, string[]]} the same command inside a new namespace
 */
export function isolated(command, args) {
	return ['unshare', ['-n', 'sh', '-c', `${SETUP} && exec "$0" "$@"`, command, ...args]];
}
