/**
 * The join link. Partition and invitation stand behind `#`, so that no server log sees them: `/join#p=2&i=<invitation>`.
 */

export interface JoinHash {
	/** null where the link leaves the choice to the network. */
	partition: number | null;
	invitation: string | null;
}

/** An invitation is a signed token of a few hundred bytes; anything longer is not one. */
const MAX_INVITATION_LENGTH = 4096;
const MAX_PARTITION = 65_535;

/** Reads `location.hash`; what it does not understand it leaves out. */
export function parseJoinHash(hash: string): JoinHash {
	const values = new URLSearchParams(hash.replace(/^#/, ''));
	const partition = values.get('p') ?? '';
	const invitation = values.get('i') ?? '';
	return {
		partition: /^\d{1,5}$/.test(partition) && Number(partition) <= MAX_PARTITION ? Number(partition) : null,
		invitation: invitation !== '' && invitation.length <= MAX_INVITATION_LENGTH ? invitation : null
	};
}

/** @param origin for example `http://192.168.1.20:7070` */
export function joinLink(origin: string, { partition, invitation }: JoinHash): string {
	const values = new URLSearchParams();
	if (partition !== null) values.set('p', String(partition));
	if (invitation !== null) values.set('i', invitation);
	const hash = values.toString();
	return `${origin}/join${hash === '' ? '' : `#${hash}`}`;
}

/** Another device cannot reach a page that was opened under one of these names. */
export function isLocalOnly(hostname: string): boolean {
	return /^(localhost|127(\.\d+){3}|\[?::1\]?)$|\.localhost$/.test(hostname);
}
