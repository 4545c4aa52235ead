/** The wall clock as a rune, once a second, for "3 s ago". Runs only while something reads it. */
import { createSubscriber } from 'svelte/reactivity';

const subscribe = createSubscriber((update) => {
	const timer = setInterval(update, 1000);
	return () => clearInterval(timer);
});

export const clock = {
	/** Milliseconds since the epoch. */
	get nowMs(): number {
		subscribe();
		return Date.now();
	}
};
