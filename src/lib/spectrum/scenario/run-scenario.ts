/**
 * A scenario from its first step to its last, with the whole market in one hand: what a study compares and a class looks at. The
 * hash over every step says whether two runs were the same, on whatever machine.
 */
import { sha256 } from '../../crypto/hash.ts';
import { toHex } from '../../crypto/hex.ts';
import type { OwnAccessPoint } from '../access-point.ts';
import { mechanismNamed } from '../mechanisms/registry.ts';
import { marketOf, withTrades } from './access-point-market.ts';
import { occupancyProcess } from './occupancy-process.ts';
import { conflictsAfter, runRounds } from './rounds.ts';
import { accessPointsOf, type Scenario } from './scenario.ts';
import { allocationOf, type SweepCase } from './sweep.ts';

export interface ScenarioStep {
	step: number;
	buyers: number;
	sellers: number;
	trades: number;
	welfare: bigint;
	revenue: bigint;
	/** Mean over access points after the trades. */
	meanOccupancyPpm: number;
	/** Must be 0. */
	conflictingPairs: number;
}

export interface ScenarioRun {
	steps: ScenarioStep[];
	/** As they are in the end. */
	accessPoints: OwnAccessPoint[];
	/** SHA-256 over every trade of every step, and over the end; lower-case hex. */
	hash: string;
}

/** @throws UnknownMechanismError where the scenario did not come from parseScenario */
export function runScenario(scenario: Scenario): ScenarioRun {
	const { seed, conflictDistancePercent } = scenario;
	const mechanism = mechanismNamed(scenario.mechanism);
	const process = occupancyProcess(scenario.process, seed);
	const steps: ScenarioStep[] = [];
	const lines: string[] = [];
	let accessPoints = accessPointsOf(scenario).map((ap) => ({ ...ap, issued: true }));
	for (let step = 0; step < scenario.steps; step++) {
		const moved = new Map(process.step(accessPoints).map((ap) => [ap.id, ap]));
		const before = accessPoints.map((ap) => moved.get(ap.id) ?? ap);
		const market = marketOf(before, { conflictDistancePercent, seed });
		const { trades, welfare, revenue } = runRounds(mechanism, market);
		accessPoints = withTrades(before, trades);
		lines.push(JSON.stringify([step, allocationOf(trades)]));
		steps.push({
			step,
			buyers: market.buyers.length,
			sellers: market.sellers.length,
			trades: trades.length,
			welfare,
			revenue,
			meanOccupancyPpm: meanOccupancyPpm(accessPoints),
			conflictingPairs: conflictsAfter(market, trades).length
		});
	}
	for (const { id, channels, occupancyPpm } of accessPoints)
		lines.push(JSON.stringify([id, channels, occupancyPpm]));
	return { steps, accessPoints, hash: toHex(sha256(new TextEncoder().encode(lines.join('\n')))) };
}

/** The scenario's market as a sweep takes it, once for each of these seeds: other places, other demand. */
export function* casesOf(scenario: Scenario, seeds: Iterable<number>): Generator<SweepCase> {
	for (const seed of seeds) {
		const accessPoints = accessPointsOf({ ...scenario, seed });
		const { conflictDistancePercent, name } = scenario;
		yield { group: name, market: marketOf(accessPoints, { conflictDistancePercent, seed }) };
	}
}

function meanOccupancyPpm(accessPoints: readonly OwnAccessPoint[]): number {
	return Math.floor(accessPoints.reduce((sum, ap) => sum + ap.occupancyPpm, 0) / accessPoints.length);
}
