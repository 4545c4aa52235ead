/** Tells eslint-plugin-boundaries where an import leads: Node's own rules, with the "imports" of package.json. */
const { existsSync } = require('node:fs');
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
	return path !== null && existsSync(path) ? { found: true, path } : { found: false };
};
