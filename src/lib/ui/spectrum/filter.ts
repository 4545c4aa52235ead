/** Rows of a table that a person looks for: every word of the query is somewhere in it. */
export function matches(query: string, fields: readonly (string | number)[]): boolean {
	const words = query.toLowerCase().split(/\s+/).filter(Boolean);
	if (words.length === 0) return true;
	const text = fields.join(' ').toLowerCase();
	return words.every((word) => text.includes(word));
}
