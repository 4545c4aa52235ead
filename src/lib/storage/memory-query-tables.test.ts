import { MemoryQueryTables } from './memory-query-tables.ts';
import { queryTablesContract } from './query-tables.contract.ts';

const places = new Map<string, MemoryQueryTables>();
queryTablesContract('memory', (place) => {
	const tables = places.get(place) ?? new MemoryQueryTables();
	places.set(place, tables);
	return tables;
});
