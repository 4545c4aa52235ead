/**
 * The relay as a process that can be killed, without the site: `node relay-child.ts DATA PORT INI`. It says its port to who
 * started it.
 */
import { parseNetworkIni } from '../config/network-ini.ts';
import { startRelay } from '../relay.ts';

const [dataDirectory, port, ini] = process.argv.slice(2) as [string, string, string];
const relay = await startRelay({
	config: parseNetworkIni(ini),
	host: '127.0.0.1',
	port: Number(port),
	dataDirectory,
	siteDirectory: null
});
process.send!(relay.port);
// Who started it is gone.
process.on('disconnect', () => process.exit(0));
