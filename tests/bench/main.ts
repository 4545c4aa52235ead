/**
 * Benchmarks in real tabs, over real WebRTC, with the built site and the real relay. Ratios stand before absolutes: the
 * machine's own limit is measured first, in the same browser.
 *
 *     npm run bench                             about eight minutes
 *     npm run bench -- --quick                  shorter, and without the eight tabs in one partition
 *     npm run bench -- --only trading,joining   some of the scenarios
 *     npm run bench -- --only figures           those of a tab's life: first vote, departures, a relay that restarts
 *     npm run bench -- --json bench.json        everything that was measured
 *     npm run bench -- --heap-minutes 10        memory over a longer time (1)
 *     npm run bench -- --outstanding 4000       transfers outstanding in each partition (2000)
 *     npm run bench -- --path /explorer         what the tabs show (/node)
 *     npm run bench -- --profile                where the time goes instead
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { endNetworks, withNetwork } from './bench-network.ts';
import { emptyBlockS, leastCost } from './bound.ts';
import { calibrate, type Calibration } from './calibrate.ts';
import { runInReadableCopy } from './readable-copy.ts';
import { Report, several } from './report.ts';
import { catchUp } from './scenarios/catch-up.ts';
import { wholeClass } from './scenarios/class.ts';
import { deadMembers } from './scenarios/dead-members.ts';
import { departures } from './scenarios/departures.ts';
import { failover } from './scenarios/failover.ts';
import { firstLoad } from './scenarios/first-load.ts';
import { heap } from './scenarios/heap.ts';
import { joining } from './scenarios/joining.ts';
import { profile } from './scenarios/profile.ts';
import { quiet } from './scenarios/quiet.ts';
import { relayRestart } from './scenarios/relay-restart.ts';
import { trading } from './scenarios/trading.ts';
import { viewChange } from './scenarios/view-change.ts';
import { voteWatching } from './scenarios/vote-watching.ts';

const SCENARIOS = [
	'first-load',
	'vote-watching',
	'quiet',
	'trading',
	'trading-2',
	'trading-8',
	'catch-up',
	'view-change',
	'dead-members',
	'failover',
	'joining',
	'departures',
	'relay-restart',
	'class',
	'heap'
] as const;

/** Several scenarios by one name. */
const GROUPS: Record<string, readonly string[]> = { figures: ['joining', 'departures', 'relay-restart'] };

const { values } = parseArgs({
	options: {
		quick: { type: 'boolean', default: false },
		only: { type: 'string' },
		json: { type: 'string' },
		'heap-minutes': { type: 'string', default: '1' },
		outstanding: { type: 'string', default: '2000' },
		path: { type: 'string', default: '/node' },
		profile: { type: 'boolean', default: false },
		/** Where --profile has made its copy. */
		'profile-here': { type: 'boolean', default: false }
	}
});

const measureMs = values.quick ? 8000 : 15_000;
const { path } = values;
const outstanding = positive('outstanding');
const heapMinutes = positive('heap-minutes');
const chosen = chosenScenarios();
const report = new Report();

if (values.profile) {
	const args = ['--profile-here', '--outstanding', String(outstanding), '--path', path];
	process.exitCode = await runInReadableCopy([
		...args,
		...(values.json ? ['--json', resolve(values.json)] : [])
	]);
} else {
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
		process.once(signal, () => void endNetworks().finally(() => process.exit(1)));
	if (values['profile-here'])
		await attempt('profile', () => profile(report, { outstanding, measureMs, path }));
	else await benchmarks();
	process.stdout.write(`\n${report.table()}\n`);
	const result = { rows: report.rows, failures: report.failures, details: report.details };
	if (values.json) writeFileSync(values.json, JSON.stringify(result, asPlain, '\t'));
	process.exitCode = report.failures.length > 0 ? 1 : 0;
}

async function benchmarks(): Promise<void> {
	const machine = await calibration();
	await attempt('first-load', () => firstLoad(report));
	await attempt('vote-watching', () => voteWatching(report));
	await attempt('quiet', () => quiet(report, machine, { transfers: values.quick ? 15 : 40, path }));
	await attempt('trading', () =>
		trading(report, machine, {
			tabs: 4,
			partitions: 1,
			path,
			outstanding,
			measureMs,
			mark: '≥ 0.4'
		})
	);
	await attempt('trading-2', () =>
		trading(report, machine, { tabs: 8, partitions: 2, path, outstanding, measureMs })
	);
	await attempt('trading-8', () =>
		trading(report, machine, { tabs: 8, partitions: 1, path, outstanding, measureMs, mark: '≥ 0.5' })
	);
	await attempt('catch-up', () =>
		catchUp(report, { outstanding, loadMs: values.quick ? 10_000 : 20_000, single: 200, path })
	);
	await attempt('view-change', () => viewChange(report, values.quick ? 5 : 20));
	await attempt('dead-members', () =>
		deadMembers(report, { sizes: values.quick ? [4] : [4, 7], path, outstanding, measureMs })
	);
	await attempt('failover', () => failover(report, values.quick ? 5 : 20));
	await attempt('joining', () => joining(report, values.quick ? 5 : 20));
	await attempt('departures', () => departures(report, values.quick ? 5 : 20));
	await attempt('relay-restart', () => relayRestart(report, values.quick ? 5 : 20));
	await attempt('class', () => wholeClass(report, values.quick ? 5 : 20));
	await attempt('heap', () => heap(report, heapMinutes));
}

function calibration(): Promise<Calibration> {
	return withNetwork({}, async ({ context, relay, pids }) => {
		// A page of the same origin that starts no node.
		const machine = await calibrate(context, `${relay.url}/healthz`, pids);
		const us = (seconds: number): number => seconds * 1e6;
		const { checkByClockS, checkS, channelByteS, messageS, storeS } = machine;
		report.details.machine = { ...machine, model: cpus()[0]?.model, leastCost: leastCost(machine, 4) };
		report.add('machine', 'signature checks of 4 tabs at once', machine.checksPerSecond, 'a second');
		report.add('machine', 'the same, of one tab', machine.checksPerSecond / 4, 'a second');
		report.add('machine', 'c_v by the clock / by CPU', several([us(checkByClockS), us(checkS)]), 'µs');
		report.add('machine', 'c_B, of 1000 bytes', us(channelByteS) * 1000, 'µs');
		report.add('machine', 'a message of 200 bytes on its own', us(messageS), 'µs');
		report.add('machine', 'c_store', us(storeS), 'µs');
		report.add('machine', 'c_blk at n = 4, of its parts', us(emptyBlockS(machine, 4)) / 1000, 'ms');
		return machine;
	});
}

/** One scenario that fails takes no other with it. */
async function attempt(name: string, run: () => Promise<void>): Promise<void> {
	if (name !== 'profile' && !chosen.has(name)) return;
	try {
		await run();
	} catch (error) {
		report.failed(name, error);
	}
}

function chosenScenarios(): Set<string> {
	if (values.only === undefined)
		return new Set(SCENARIOS.filter((name) => !values.quick || name !== 'trading-8'));
	const names = values.only.split(',').flatMap((name) => GROUPS[name.trim()] ?? name.trim());
	const unknown = names.filter((name) => !(SCENARIOS as readonly string[]).includes(name));
	if (unknown.length > 0)
		throw new Error(
			`There is no scenario "${unknown.join('", "')}". Allowed: ${[...SCENARIOS, ...Object.keys(GROUPS)].join(', ')}.`
		);
	return new Set(names);
}

function positive(option: 'outstanding' | 'heap-minutes'): number {
	const value = Number(values[option]);
	if (!(value > 0)) throw new Error(`--${option} is a number above 0, and not "${values[option]}".`);
	return value;
}

/** For JSON: maps as objects. */
function asPlain(_key: string, value: unknown): unknown {
	return value instanceof Map ? Object.fromEntries(value) : value;
}
