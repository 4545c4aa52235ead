import { parseNetworkIni } from '../config/network-ini.ts';
import { startRelay } from '../relay.ts';
import type { RunningRelay } from '../relay.ts';

/** A real relay in this process, with all defaults and no site, at any free port of this machine alone. */
export function startLocalRelay(dataDirectory: string): Promise<RunningRelay> {
	return startRelay({
		config: parseNetworkIni(''),
		host: '127.0.0.1',
		port: 0,
		dataDirectory,
		siteDirectory: null
	});
}
