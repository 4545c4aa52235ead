/** Where things stand in the picture of a network: the Booter in the middle, partitions round it, seats round each. Pure. */

export interface Seat {
	x: number;
	y: number;
}

export interface PartitionPlace {
	/** Centre of the partition's ring. */
	x: number;
	y: number;
	radius: number;
	seatRadius: number;
	seats: Seat[];
}

export const DIAGRAM_WIDTH = 560;
export const DIAGRAM_HEIGHT = 400;

/** More seats than this on one ring would touch; the rest are in the table beside the picture. */
export const MAX_DRAWN_SEATS = 24;

/** The box that holds every ring and the Booter, with room for the marks on them; for the picture's `viewBox`. */
export function boundsOf(places: readonly PartitionPlace[]): {
	x: number;
	y: number;
	width: number;
	height: number;
} {
	const margin = 24;
	const booter = { x: DIAGRAM_WIDTH / 2, y: DIAGRAM_HEIGHT / 2, radius: 30 };
	const circles = [booter, ...places];
	const top = Math.min(...circles.map((circle) => circle.y - circle.radius)) - margin;
	const bottom = Math.max(...circles.map((circle) => circle.y + circle.radius)) + margin;
	return { x: 0, y: top, width: DIAGRAM_WIDTH, height: bottom - top };
}

/** @param seatCounts seats of each partition, in order */
export function placePartitions(seatCounts: readonly number[]): PartitionPlace[] {
	const count = seatCounts.length;
	if (count === 0) return [];
	const radius = count <= 2 ? 80 : count <= 4 ? 68 : 46;
	const spreadX = DIAGRAM_WIDTH / 2 - radius - 16;
	// Three put one ring right below the Booter: it must clear the box and its own seats.
	const spreadY = count === 2 ? 0 : Math.max(DIAGRAM_HEIGHT / 2 - radius - 30, radius + 78);
	return seatCounts.map((seatCount, index) => {
		// Two stand left and right; three and more start at the top left and go round.
		const angle =
			count === 1
				? Math.PI
				: count === 2
					? Math.PI * (1 + index)
					: -Math.PI / 2 + (index - 0.5) * ((2 * Math.PI) / count);
		const x = DIAGRAM_WIDTH / 2 + spreadX * Math.cos(angle);
		const y = DIAGRAM_HEIGHT / 2 + spreadY * Math.sin(angle);
		const drawn = Math.min(seatCount, MAX_DRAWN_SEATS);
		const seats = Array.from({ length: drawn }, (_, seat) => {
			const turn = (seat / Math.max(1, drawn)) * 2 * Math.PI - Math.PI / 2;
			return { x: x + radius * Math.cos(turn), y: y + radius * Math.sin(turn) };
		});
		return { x, y, radius, seatRadius: drawn > 14 ? 7 : drawn > 9 ? 8 : 10, seats };
	});
}
