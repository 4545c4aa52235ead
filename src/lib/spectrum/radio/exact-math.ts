/**
 * Logarithms and powers that are the same to the last bit in every engine, for numbers that go onto the chain (R18).
 *
 * Math.log10, Math.pow and Math.sin are "implementation-approximated" (ECMA-262, 21.3.2): V8, SpiderMonkey and JavaScriptCore may
 * differ in the last bit, and so may two versions of one. What is not free is + − * / on Numbers: IEEE 754 binary64, rounded to
 * nearest, ties to even (ECMA-262, 6.1.6.1), and nothing may contract a * b + c into one rounding. Here is nothing else, so
 * the result is one and the same sequence of roundings everywhere. Math.sqrt, which callers use for a distance, is exact on
 * every engine too: IEEE 754 demands it of the machine's instruction, which all engines call.
 */

const LN_2 = 0.6931471805599453;
const LOG10_2 = 0.3010299956639812;
const LOG10_E = 0.4342944819032518;
const LOG2_E = 1.4426950408889634;
const LOG2_10 = 3.321928094887362;
const SQRT_2 = 1.4142135623730951;

/** Base-10 logarithm, within 1e-13 of the true one. @param x - above 0; others give what Math.log10 gives */
export function log10(x: number): number {
	const parts = split(x);
	return typeof parts === 'number' ? parts : parts.exponent * LOG10_2 + lnNearOne(parts.mantissa) * LOG10_E;
}

/** Base-2 logarithm, exact for powers of two. @param x - above 0; others give what Math.log2 gives */
export function log2(x: number): number {
	const parts = split(x);
	return typeof parts === 'number' ? parts : parts.exponent + lnNearOne(parts.mantissa) * LOG2_E;
}

/** 2^x, exact for whole x. Underflows to 0 and overflows to Infinity. */
export function pow2(x: number): number {
	if (x !== x) return x;
	if (x >= 1024) return Infinity;
	if (x < -1075) return 0;
	const whole = Math.floor(x + 0.5);
	const power = (x - whole) * LN_2;
	// e^power for |power| ≤ 0.35: the term after the last one is below 1e-18.
	let sum = 1;
	for (let n = EXP_TERMS; n >= 1; n--) sum = 1 + (sum * power) / n;
	return scale(sum, whole);
}

/** 10^x, within a relative 1e-13 for |x| ≤ 300. */
export function pow10(x: number): number {
	return pow2(x * LOG2_10);
}

const EXP_TERMS = 15;
/** |s| ≤ 0.172, so the term after s^21/21 is below 1e-18. */
const LN_LAST_ODD = 21;

/** ln m for m in √½ … √2: 2 artanh s with s = (m−1)/(m+1), as its series (Abramowitz & Stegun 4.1.27). */
function lnNearOne(mantissa: number): number {
	const s = (mantissa - 1) / (mantissa + 1);
	const square = s * s;
	let sum = 0;
	for (let odd = LN_LAST_ODD; odd >= 3; odd -= 2) sum = (sum + 1 / odd) * square;
	return 2 * s * (1 + sum);
}

/** x = mantissa · 2^exponent with the mantissa in √½ … √2, or the logarithm itself where x is not a positive number. */
function split(x: number): { mantissa: number; exponent: number } | number {
	if (x === 0) return -Infinity;
	if (!(x > 0)) return NaN;
	if (x === Infinity) return Infinity;
	let mantissa = x;
	let exponent = 0;
	// Dividing and multiplying by powers of two rounds nothing: a subnormal gains bits, nothing else loses any.
	for (const [factor, bits] of POWERS) {
		while (mantissa >= factor) {
			mantissa /= factor;
			exponent += bits;
		}
		while (mantissa < 1 / factor) {
			mantissa *= factor;
			exponent -= bits;
		}
	}
	if (mantissa >= SQRT_2) {
		mantissa /= 2;
		exponent++;
	} else if (mantissa < SQRT_2 / 2) {
		mantissa *= 2;
		exponent--;
	}
	return { mantissa, exponent };
}

/** Literals: ** is as free as Math.pow. */
const POWERS: readonly (readonly [number, number])[] = [
	[18_446_744_073_709_551_616, 64],
	[65_536, 16],
	[16, 4],
	[2, 1]
];

/** x · 2^exponent, in steps that no intermediate result leaves the range by. */
function scale(x: number, exponent: number): number {
	let result = x;
	let left = exponent;
	for (const [factor, bits] of POWERS) {
		for (; left >= bits; left -= bits) result *= factor;
		for (; left <= -bits; left += bits) result /= factor;
	}
	return result;
}
