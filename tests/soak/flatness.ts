/** Whether what was sampled over time is flat: the slope of the line of least squares, held against a bound. */

export interface Line {
	/** For each unit of x. */
	slope: number;
	/** Standard error of the slope; Infinity with fewer than three points, which any line goes through. */
	slopeError: number;
}

/** @param points - x and y */
export function leastSquares(points: readonly (readonly [number, number])[]): Line {
	const n = points.length;
	const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
	const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
	const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
	const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
	if (n < 3) return { slope, slopeError: Infinity };
	const squares = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
	return { slope, slopeError: Math.sqrt(squares / (n - 2) / spread) };
}

/** Growth stands out from the samples' noise where it is so many standard errors; one line in a thousand does so by chance. */
const STANDING_OUT = 3;

/**
 * A slope above the bound is growth, where it stands out from the noise. A run so short that its noise hides such a slope says so by
 * the error beside it.
 */
export function isFlat({ slope, slopeError }: Line, bound: number): boolean {
	return slope <= bound || slope <= STANDING_OUT * slopeError;
}
