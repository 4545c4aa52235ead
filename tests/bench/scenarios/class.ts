/**
 * A class of 60 from one address: how long until all have their link and their reservation, and how long after the relay was
 * killed and listens again. Nodes in Node.js stand in for the tabs, all in this process; their handshakes are in the figures.
 */
import { readFileSync } from 'node:fs';
import type { NodeNetwork } from '#lib/network/node-network.ts';
import { headlessLinks } from '../../../relay/testing/headless.ts';
import { KillableRelay } from '../../../relay/testing/killable-relay.ts';
import { waitForValue } from '../../browser/harness/tabs.ts';
import { ascending, quantile, several, type Report } from '../report.ts';

const CLASS = 60;

export async function wholeClass(report: Report, times: number): Promise<void> {
	const name = `${CLASS} tabs at one address`;
	const relay = new KillableRelay('[partitions]\ncount = 1\n');
	let tabs: NodeNetwork[] = [];
	try {
		await relay.start();
		const openMs = performance.now();
		tabs = await Promise.all(Array.from({ length: CLASS }, (_, i) => headlessLinks(relay.origin, 1 + i)));
		await everybody(relay, tabs);
		report.add(name, 'until all have link and reservation', (performance.now() - openMs) / 1000, 's', '≤ 10');
		report.add(name, 'memory of the relay', megabytes(relay.pid), 'MB');

		const back: number[] = [];
		for (let i = 0; i < times; i++) {
			await relay.kill();
			await relay.start();
			const listensMs = performance.now();
			await everybody(relay, tabs);
			back.push((performance.now() - listensMs) / 1000);
		}
		report.details[name] = { back };
		const sorted = ascending(back);
		report.add(name, 'longest from listening again to all back', sorted.at(-1)!, 's', '≤ 3');
		report.add(name, 'p50 / p95 of that', several([quantile(sorted, 0.5), quantile(sorted, 0.95)], 2), 's');

		const leaveMs = performance.now();
		await Promise.all(tabs.map((tab) => tab.stop()));
		tabs = [];
		await waitForValue(
			() => relay.tabs(),
			({ connections, reservations }) => connections + reservations === 0,
			{ what: 'free slots' }
		);
		report.add(name, 'until all slots are free after they left', performance.now() - leaveMs, 'ms');
	} finally {
		await Promise.all(tabs.map((tab) => tab.stop()));
		await relay.dispose();
	}
}

async function everybody(relay: KillableRelay, tabs: NodeNetwork[]): Promise<void> {
	await waitForValue(
		() => relay.tabs(),
		({ connections, reservations }) =>
			connections === CLASS &&
			reservations === CLASS &&
			tabs.every((tab) => tab.links().some(({ path }) => path === 'direct')),
		{ what: `${CLASS} links and reservations` }
	);
}

/** Resident, as Linux counts it; NaN elsewhere. */
function megabytes(pid: number): number {
	try {
		return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
	} catch {
		return NaN;
	}
}
