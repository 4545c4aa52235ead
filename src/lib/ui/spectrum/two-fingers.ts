/**
 * An attachment for pictures that two fingers zoom: `touch-action` leaves one finger to the page, which scrolls, but would let two
 * scroll it as well, and then the browser tells the picture nothing more of them.
 */
export function twoFingers(picture: HTMLElement): () => void {
	const keep = (event: TouchEvent): void => {
		if (event.touches.length > 1 && event.cancelable) event.preventDefault();
	};
	// Listeners of the markup are passive.
	picture.addEventListener('touchmove', keep, { passive: false });
	return () => picture.removeEventListener('touchmove', keep);
}
