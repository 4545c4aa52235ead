/** Made by scripts/lib/site-files.js while the service worker is built. */
declare module 'virtual:site-files' {
	/** Paths of all files of the build, the page itself not among them. */
	export const files: readonly string[];
	/** Of those, what few ever ask for, and what is big: left out of `files`. */
	export const filesOnDemand: readonly string[];
	/** Of the build, as in `_app/version.json`. */
	export const version: string;
}
