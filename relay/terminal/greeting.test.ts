import { expect, it } from 'vitest';
import type { RunningRelay } from '../relay.ts';
import type { ReplicaStatus } from '../replicas.ts';
import { greeting, paint } from './greeting.ts';
import { WORDS } from './words.ts';

const RELAY: RunningRelay = {
	name: 'Room 12',
	port: 7071,
	chainId: 'ab'.repeat(32),
	admission: 'open',
	origins: { local: 'http://localhost:7071', lan: [] },
	finalHeight: 0,
	joinUrl: 'http://localhost:7071/join',
	joinCode: 'ABCDEF',
	continued: false,
	replicas: [],
	newClusterFile: null,
	tls: null,
	stop: async () => undefined
};

function replica(name: string, state: ReplicaStatus['state']): ReplicaStatus {
	return { id: name, name, address: `${name}.example:7071`, state, isActive: false };
}

it('says which replica this is, and how the others are, this one first', () => {
	const replicas = [replica('east', 'linked'), replica('north', 'self'), replica('south', 'refused')];
	const lines = greeting({ ...RELAY, replicas }, paint(false)).split('\n');
	const at = (text: string): number => lines.findIndex((line) => line.includes(text));
	expect(lines[at('north')]).toContain('north.example:7071');
	expect(lines[at('east')]).toContain(WORDS.replicaStates.linked);
	expect(lines[at('south')]).toContain(WORDS.replicaStates.refused);
	expect(at('north')).toBeLessThan(at('east'));
});

it('says what is to be copied where the cluster has just begun, and nothing of replicas where there are none', () => {
	const replicas = [replica('north', 'self'), replica('south', 'down'), replica('east', 'down')];
	const newClusterFile = '/home/class/Room_12.cluster';
	expect(greeting({ ...RELAY, replicas, newClusterFile }, paint(false))).toContain(newClusterFile);
	const alone = greeting({ ...RELAY, replicas: [replica('', 'self')] }, paint(false));
	expect(alone).not.toContain(WORDS.replica);
});
