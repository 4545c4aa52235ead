/** The screen after a start: where to join, in the order in which people look for it. */
import { renderUnicodeCompact } from 'uqr';
import type { RunningRelay } from '../relay.ts';
import type { ReplicaStatus } from '../replicas.ts';
import { WORDS } from './words.ts';

export interface Paint {
	bold(text: string): string;
	dim(text: string): string;
	/** White on black whatever the terminal's own colours: phones read that best. */
	qr(line: string): string;
}

export function paint(color: boolean): Paint {
	if (!color) return { bold: String, dim: String, qr: String };
	return {
		bold: (text) => `\x1b[1m${text}\x1b[22m`,
		dim: (text) => `\x1b[2m${text}\x1b[22m`,
		qr: (line) => `\x1b[97;40m${line}\x1b[0m`
	};
}

export function greeting(relay: RunningRelay, { bold, dim, qr }: Paint): string {
	const { local, lan } = relay.origins;
	const joinOrigin = new URL(relay.joinUrl).origin;
	const lines = [
		'',
		`  ${bold('Tabwave')}  ${relay.name}`,
		dim(
			`  ${relay.chainId.slice(0, 16)}  ${relay.continued ? WORDS.continued(relay.finalHeight) : WORDS.started}`
		),
		''
	];
	lines.push(...cluster(relay, { bold, dim }));
	if (local !== null) lines.push(`  ${WORDS.here}   ${bold(local)}`);
	for (const origin of lan) lines.push(`  ${WORDS.lan}   ${bold(origin)}`);
	if (lan.length === 0) lines.push(`  ${WORDS.noLan}`);
	lines.push(`  ${WORDS.code}   ${bold(relay.joinCode)}   ${dim(`${joinOrigin}/j/${relay.joinCode}`)}`, '');
	for (const line of renderUnicodeCompact(relay.joinUrl, { border: 2 }).split('\n'))
		lines.push(`  ${qr(line)}`);
	if (relay.tls?.isSelfMade) lines.push('', `  ${WORDS.selfMade(relay.tls.fingerprint)}`);
	// A link of a few hundred characters is for the QR; the code above says the same.
	lines.push('', `  ${relay.joinUrl.length <= 100 ? relay.joinUrl : dim(relay.joinUrl)}`);
	lines.push(`  ${relay.admission === 'open' ? WORDS.open : WORDS.invitation}`, `  ${dim(WORDS.stop)}`, '');
	return lines.join('\n');
}

/** Which replica this is, and whether the others are there: nothing where the relay is alone. */
function cluster(relay: RunningRelay, { bold, dim }: Pick<Paint, 'bold' | 'dim'>): string[] {
	if (relay.replicas.length < 2) return [];
	const line = ({ name, address, state }: ReplicaStatus): string =>
		state === 'self'
			? `  ${WORDS.replica}   ${bold(name)}   ${dim(address ?? '')}`
			: `  ${WORDS.others}   ${name}   ${dim(`${address}   ${WORDS.replicaStates[state]}`)}`;
	const isSelf = ({ state }: ReplicaStatus): boolean => state === 'self';
	const lines = [
		...relay.replicas.filter(isSelf),
		...relay.replicas.filter((replica) => !isSelf(replica))
	].map(line);
	if (relay.newClusterFile !== null) lines.push('', `  ${WORDS.newClusterFile(relay.newClusterFile)}`);
	return [...lines, ''];
}
