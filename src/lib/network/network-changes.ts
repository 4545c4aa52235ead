/** When a browser's network may be another one than before, or may be there again. Nothing happens where there is no browser. */

/** @returns stops listening */
export function onNetworkChange(listener: () => void): () => void {
	const onVisible = (): void => {
		// A page that a person returns to may have slept through the change.
		if (document.visibilityState === 'visible') listener();
	};
	const { connection } = (globalThis.navigator ?? {}) as { connection?: EventTarget };
	const page = typeof document === 'undefined' ? undefined : document;
	globalThis.addEventListener?.('online', listener);
	connection?.addEventListener('change', listener);
	page?.addEventListener('visibilitychange', onVisible);
	return () => {
		globalThis.removeEventListener?.('online', listener);
		connection?.removeEventListener('change', listener);
		page?.removeEventListener('visibilitychange', onVisible);
	};
}
