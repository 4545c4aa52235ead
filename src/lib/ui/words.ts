/**
 * Codes of the node turned into words. Every table has a fallback, so that a code this page does not know yet is still
 * shown as a sentence with the code in it, never as a blank.
 */
import type { Activity, BidInfo, EvidenceInfo, LinkStatusPath, Role, RoundStatus, Stuck } from './types.ts';
import type { JoinCheck } from '#lib/node/tab/tab.ts';
import { m } from './paraglide/messages.js';

type Words = () => string;

const ACTIVITY: Record<Activity, { name: Words; doing: Words }> = {
	starting: { name: m.activity_starting, doing: m.doing_starting },
	connecting: { name: m.activity_connecting, doing: m.doing_connecting },
	ready: { name: m.activity_ready, doing: m.doing_ready },
	joining: { name: m.activity_joining, doing: m.doing_joining },
	'catching-up': { name: m.activity_catching_up, doing: m.doing_catching_up },
	voting: { name: m.activity_voting, doing: m.doing_voting },
	away: { name: m.activity_away, doing: m.doing_away },
	offline: { name: m.activity_offline, doing: m.doing_offline },
	duplicate: { name: m.activity_duplicate, doing: m.doing_duplicate },
	halted: { name: m.activity_halted, doing: m.doing_halted }
};

export type Tone = 'neutral' | 'accent' | 'good' | 'caution' | 'bad' | 'leader';

const ACTIVITY_TONE: Record<Activity, Tone> = {
	starting: 'neutral',
	connecting: 'neutral',
	ready: 'accent',
	joining: 'accent',
	'catching-up': 'accent',
	voting: 'good',
	away: 'caution',
	offline: 'bad',
	duplicate: 'caution',
	halted: 'bad'
};

export const activityName = (activity: Activity): string => ACTIVITY[activity].name();
/** A sentence: what the node is doing now, and what to do about it where that is up to a person. */
export const activityDoing = (activity: Activity): string => ACTIVITY[activity].doing();
export const activityTone = (activity: Activity): Tone => ACTIVITY_TONE[activity];

const HALTED: Record<string, Words> = {
	StorageLost: m.halted_storage_lost,
	StorageFull: m.error_storage_full,
	StorageCorrupt: m.error_storage_corrupt,
	StorageNewer: m.error_storage_newer
};

/** Why the node stopped, and what to do. @param code of the status' `halted`, or the error that kept it from starting */
export const haltedWords = (code: string | null): string => (HALTED[code ?? ''] ?? m.doing_halted)();

/** Why the node did not start, and what to do. @param code name of the error that kept it from starting */
export const startErrorWords = (code: string): string =>
	(code === 'ProtocolMismatch' ? m.error_protocol_mismatch : HALTED[code])?.() ?? m.check_error({ code });

const ROLE: Record<Role, { name: Words; means: Words }> = {
	leader: { name: m.role_leader, means: m.role_leader_means },
	follower: { name: m.role_follower, means: m.role_follower_means },
	observer: { name: m.role_observer, means: m.role_observer_means }
};

export const roleName = (role: Role): string => ROLE[role].name();
export const roleMeans = (role: Role): string => ROLE[role].means();

const PATH: Record<LinkStatusPath, Words> = {
	direct: m.path_direct,
	relayed: m.path_relayed,
	down: m.path_down
};

export const pathName = (path: LinkStatusPath): string => PATH[path]();

const PHASE: Record<RoundStatus['phase'], Words> = {
	'pre-prepared': m.phase_pre_prepared,
	prepared: m.phase_prepared,
	committed: m.phase_committed,
	certified: m.phase_certified
};

export const phaseName = (phase: RoundStatus['phase']): string => PHASE[phase]();

const BID_STATE: Record<BidInfo['state'], Words> = {
	open: m.bid_open,
	taken: m.bid_taken,
	expired: m.bid_expired,
	committed: m.bid_committed,
	revealed: m.bid_revealed,
	forfeited: m.bid_forfeited
};

export const bidStateName = (state: BidInfo['state']): string => BID_STATE[state]();

const TRANSACTION_STATUS: Record<string, Words> = {
	ok: m.tx_ok,
	failed: m.tx_failed,
	skipped: m.tx_skipped,
	pending: m.tx_pending
};

export const transactionStatusName = (status: string): string => TRANSACTION_STATUS[status]?.() ?? status;

const FUNCTION: Record<string, Words> = {
	IssueAPChannelInfo: m.fn_issue_ap,
	IssueBidingPriceInfo: m.fn_issue_bid,
	IssueChannelSwitchInfo: m.fn_issue_switch,
	UpdateAPChannelInfo: m.fn_update_ap,
	BidReplaced: m.fn_bid_replaced,
	BidsExpired: m.fn_bids_expired,
	IssueBidingCommitInfo: m.fn_issue_bid_commit,
	IssueBidingRoundInfo: m.fn_issue_bid_round,
	BidsForfeited: m.fn_bids_forfeited,
	IssueGrantHeartbeatInfo: m.fn_grant_heartbeat,
	IssueGrantRelinquishInfo: m.fn_grant_relinquish,
	GrantsRenewed: m.fn_grants_renewed,
	GrantExpired: m.fn_grant_expired,
	GrantRelinquished: m.fn_grant_relinquished,
	transfer: m.fn_transfer,
	Transferred: m.fn_transfer
};

/** What a contract's function does, in a few words; its own name where this page knows none. */
export const functionMeaning = (name: string): string | null => FUNCTION[name]?.() ?? null;

const COLUMN: Record<string, Words> = {
	antennaHeight: m.column_antenna_height,
	band: m.column_band,
	channels: m.column_channels,
	coverageRadius: m.column_radius,
	eirp: m.column_eirp,
	idleChannels: m.column_idle_channels,
	occupancy: m.column_occupancy
};

/** Columns of an import, as one phrase. */
export const columnNames = (columns: readonly string[]): string =>
	columns.map((column) => COLUMN[column]?.() ?? column).join(m.list_comma());

const MECHANISM: Record<string, Words> = {
	seed: m.mechanism_seed,
	greedy: m.mechanism_greedy,
	mcafee: m.mechanism_mcafee,
	veritas: m.mechanism_veritas,
	trust: m.mechanism_trust,
	optimal: m.mechanism_optimal
};

export const mechanismMeaning = (name: string): string => MECHANISM[name]?.() ?? name;

const STUCK: Record<string, Words> = {
	WaitingForPrePrepare: m.stuck_pre_prepare,
	WaitingForPrepares: m.stuck_prepares,
	WaitingForCommits: m.stuck_commits,
	WaitingForCertificate: m.stuck_certificate,
	WaitingForBodies: m.stuck_bodies,
	WaitingForTransactions: m.stuck_bodies,
	WaitingForNext: m.stuck_next,
	WaitingForSigns: m.stuck_signs,
	WaitingForOrderCommit: m.stuck_order_commit,
	WaitingForDones: m.stuck_dones,
	WaitingForFinality: m.stuck_dones,
	WaitingForBooter: m.stuck_booter,
	WaitingForRelay: m.stuck_relay,
	TooManyStrangers: m.error_too_many_strangers,
	WaitingForLinks: m.stuck_links,
	WaitingForMembers: m.stuck_members,
	WaitingForQuorum: m.stuck_members,
	WaitingForPartitions: m.stuck_partitions,
	WaitingForRecovery: m.stuck_recovery,
	WaitingForOperator: m.stuck_operator,
	WaitingForLeader: m.stuck_leader,
	WaitingForSync: m.stuck_sync,
	ViewChange: m.stuck_view_change,
	WaitingForNewViews: m.stuck_new_views,
	WaitingForLeaderChange: m.stuck_leader_change,
	WaitingForProposal: m.stuck_proposal,
	WaitingForMembership: m.stuck_membership,
	OrderRefused: m.stuck_refused,
	BooterElection: m.stuck_booter_election,
	BooterStalls: m.stuck_booter_stalls,
	BooterCensors: m.stuck_booter_censors,
	BooterEquivocates: m.stuck_booter_equivocates
};

export function stuckReason(stuck: Stuck): string {
	return STUCK[stuck.reason]?.() ?? m.stuck_other({ code: stuck.reason });
}

const EVIDENCE: Record<EvidenceInfo['reason'], (one: EvidenceInfo) => string> = {
	DoubleVote: (one) =>
		BETWEEN_PARTITIONS.includes(one.kind)
			? m.evidence_double_vote_order({ height: one.slot })
			: m.evidence_double_vote({ view: one.view, round: one.slot }),
	HiddenLock: (one) => m.evidence_hidden_lock({ height: one.slot }),
	ProposalInvalid: (one) => m.evidence_proposal({ view: one.view, round: one.slot })
};

const BETWEEN_PARTITIONS = ['SIGN', 'DONE', 'STATUS'];

/** What a member did, as a sentence without its name. */
export const evidenceWords = (one: EvidenceInfo): string =>
	EVIDENCE[one.reason]?.(one) ?? m.evidence_other({ code: one.reason });

const CHECK_NAME: Record<JoinCheck['id'], Words> = {
	relay: m.check_relay,
	secure: m.check_secure,
	candidates: m.check_candidates,
	links: m.check_links,
	storage: m.check_storage
};

export const checkName = (id: JoinCheck['id']): string => CHECK_NAME[id]();

const CHECK_STATE: Record<JoinCheck['state'], Words> = {
	pending: m.check_pending,
	ok: m.check_ok,
	warning: m.check_warning,
	failed: m.check_failed
};

export const checkStateName = (state: JoinCheck['state']): string => CHECK_STATE[state]();

/** By check and state: what was found, and what to do where it is not well. */
const CHECK_ADVICE: Record<JoinCheck['id'], Record<JoinCheck['state'], Words>> = {
	relay: {
		pending: m.check_relay_pending,
		ok: m.check_relay_ok,
		warning: m.check_relay_warning,
		failed: m.check_relay_failed
	},
	secure: {
		pending: m.check_secure_pending,
		ok: m.check_secure_ok,
		warning: m.check_secure_warning,
		failed: m.check_secure_failed
	},
	candidates: {
		pending: m.check_candidates_pending,
		ok: m.check_candidates_ok,
		warning: m.check_candidates_warning,
		failed: m.check_candidates_failed
	},
	links: {
		pending: m.check_links_pending,
		ok: m.check_links_ok,
		warning: m.check_links_warning,
		failed: m.check_links_failed
	},
	storage: {
		pending: m.check_storage_pending,
		ok: m.check_storage_ok,
		warning: m.check_storage_warning,
		failed: m.check_storage_failed
	}
};

/** A check whose detail is the name of an error is the node's own failure to start. */
export const checkError = (check: JoinCheck): string | null =>
	/^[A-Z]\w*$/.test(check.detail) ? check.detail : null;

export function checkAdvice(check: JoinCheck): string {
	const code = check.state === 'ok' ? null : checkError(check);
	return code === null ? CHECK_ADVICE[check.id][check.state]() : m.check_error({ code });
}

const ERROR: Record<string, Words> = {
	NotFound: m.error_not_found,
	InvalidArgument: m.error_invalid_argument,
	NotConnected: m.error_not_connected,
	NotMember: m.error_not_member,
	AlreadyMember: m.error_already_member,
	KeyBanned: m.error_key_banned,
	PartitionFull: m.error_partition_full,
	InvitationRequired: m.error_invitation_required,
	InvitationInvalid: m.error_invitation_invalid,
	InvitationRevoked: m.error_invitation_revoked,
	TooManyStrangers: m.error_too_many_strangers,
	PoolFull: m.error_pool_full,
	Expired: m.error_expired,
	Timeout: m.error_timeout,
	NodeHalted: m.error_node_halted,
	Duplicate: m.error_duplicate,
	StorageLost: m.error_storage_lost,
	StorageFull: m.error_storage_full,
	StorageCorrupt: m.error_storage_corrupt,
	StorageNewer: m.error_storage_newer,
	ProtocolMismatch: m.error_protocol_mismatch,
	BadFile: m.error_bad_file,
	TooLarge: m.error_too_large,
	UnknownMechanism: m.error_unknown_mechanism,
	ManagerSettings: m.error_manager_settings
};

/** What happened and what to do, in the page's language. The node's own sentence is `error.message` (English). */
export const errorWords = (error: Error): string => ERROR[error.name]?.() ?? m.error_other();
