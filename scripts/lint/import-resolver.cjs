/** Tells eslint-plugin-boundaries where an import leads: Node's own rules, with the "imports" of package.json. */
const { dirname, resolve } = require('node:path');

exports.interfaceVersion = 2;

const ROOT = resolve(__dirname, '..', '..');

/** @param {string} source @param {string} file */
exports.resolve = (source, file) => {
	const path = source.startsWith('#lib/')
		? resolve(ROOT, 'src', 'lib', source.slice('#lib/'.length))
		: source.startsWith('.')
			? resolve(dirname(file), source)
			: null;
	// Whether the file is there is the compiler's question.
	return path === null ? { found: false } : { found: true, path };
};
