/** A value at a time. */
export interface Point {
  /** Hours. */
  readonly at: number;
  readonly value: number;
}

/** A straight line through points. */
export interface Trend {
  /** Change of the value per hour. */
  readonly slope: number;
  /** Of the slope; NaN for fewer than three points. */
  readonly standardError: number;
  /** The slope is above this with a confidence of 95 %. */
  readonly atLeast: number;
}

/** One-sided 95 % of the normal distribution. */
const z = 1.645;

/**
 * Least squares. Samples of memory are not independent of each other: what a collection left stays until the next one. So
 * the standard error is that of `n (1 - r) / (1 + r)` points, with r the correlation of neighbouring residuals.
 */
export function trend(points: readonly Point[]): Trend {
  const count = points.length;
  const [meanAt, meanValue] = [mean(points.map(({ at }) => at)), mean(points.map(({ value }) => value))];
  let [squares, products] = [0, 0];
  for (const { at, value } of points) {
    squares += (at - meanAt) ** 2;
    products += (at - meanAt) * (value - meanValue);
  }
  if (count < 3 || squares === 0) return { slope: Number.NaN, standardError: Number.NaN, atLeast: Number.NaN };
  const slope = products / squares;
  const residuals = points.map(({ at, value }) => value - meanValue - slope * (at - meanAt));
  const variance = residuals.reduce((sum, each) => sum + each ** 2, 0) / (count - 2);
  const r = Math.min(0.99, Math.max(0, correlation(residuals)));
  const standardError = Math.sqrt((variance / squares) * ((1 + r) / (1 - r)));
  return { slope, standardError, atLeast: slope - z * standardError };
}

/** Of each value with the one after it; 0 when all are equal. */
function correlation(residuals: readonly number[]): number {
  let [products, squares] = [0, 0];
  for (const [at, each] of residuals.entries()) {
    squares += each ** 2;
    if (at > 0) products += each * residuals[at - 1]!;
  }
  return squares === 0 ? 0 : products / squares;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}
