/** Codes of the market and of its studies turned into words; those of the node are in ../words.ts. */
import type { Candidate, PathLossName, Verdict } from '#lib/node/study/study.ts';
import { formatInteger, formatMetres } from '../format.ts';
import { m } from '../paraglide/messages.js';

type Words = () => string;

const MECHANISM_PROPERTY: Record<string, Words> = {
	seed: m.property_seed,
	greedy: m.property_greedy,
	mcafee: m.property_mcafee,
	veritas: m.property_veritas,
	trust: m.property_trust,
	optimal: m.property_optimal
};

/** What is known of a mechanism, in one sentence. */
export const mechanismProperty = (name: string): string => MECHANISM_PROPERTY[name]?.() ?? '';

const RANKING_RULE: Record<string, Words> = {
	seed: m.rule_seed,
	greedy: m.rule_greedy,
	mcafee: m.rule_zones,
	veritas: m.rule_veritas,
	trust: m.rule_zones,
	optimal: m.rule_optimal
};

/** By what it orders sellers. */
export const rankingRule = (mechanism: string): string => RANKING_RULE[mechanism]?.() ?? '';

const VERDICT: Record<Exclude<Verdict, 'conflict'>, Words> = {
	chosen: m.verdict_chosen,
	behind: m.verdict_behind,
	passed: m.verdict_passed,
	busy: m.verdict_busy,
	'nothing-idle': m.verdict_nothing_idle,
	keeps: m.verdict_keeps,
	held: m.verdict_held,
	asked: m.verdict_asked,
	'too-dear': m.verdict_too_dear
};

/** Why a candidate was not the one. */
export function verdictWords(
	{ verdict, inTheWay }: Pick<Candidate, 'verdict' | 'inTheWay'>,
	{ apName, mechanism }: { apName: (id: string) => string; mechanism: string }
): string {
	if (verdict === 'conflict')
		return m.verdict_conflict({
			channel: String(inTheWay?.channel ?? ''),
			name: inTheWay ? apName(inTheWay.id) : '',
			distance: formatMetres(inTheWay?.distanceM ?? 0),
			limit: formatMetres(inTheWay?.limitM ?? 0)
		});
	if (verdict === 'behind' && mechanism === 'seed') return m.verdict_behind_seed();
	return VERDICT[verdict]();
}

const MODEL: Record<PathLossName, Words> = {
	'free-space': m.model_free_space,
	'log-distance': m.model_log_distance,
	'umi-los': m.model_umi_los,
	'umi-nlos': m.model_umi_nlos,
	'uma-los': m.model_uma_los,
	'uma-nlos': m.model_uma_nlos,
	'inh-los': m.model_inh_los,
	'inh-nlos': m.model_inh_nlos,
	'okumura-hata': m.model_okumura_hata
};

export const modelName = (name: PathLossName): string => MODEL[name]();

const FILE_ERROR: Record<string, (inputs: { line: string }) => string> = {
	EmptyFile: m.file_empty,
	FileTooLarge: m.file_too_large,
	TooManyRows: m.file_too_many_rows,
	UnknownFormat: m.file_unknown_format,
	MalformedJson: m.file_malformed_json,
	MalformedCsv: m.file_malformed_csv,
	MissingColumn: m.file_missing_column,
	InvalidField: m.file_invalid_field
};

/** What is wrong with a file, by the stable reason of what could not read it; null where the reason is another one. */
export const fileErrorWords = (reason: string, line: number | null): string | null =>
	FILE_ERROR[reason]?.({ line: formatInteger(line ?? 1) }) ?? null;
