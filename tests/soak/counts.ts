// What a run under churn is judged by: the level that a figure returns to, and its slope against its own noise. Pure.
export interface Point {
  /** Minutes since the first. */
  at: number;
  value: number;
}
export interface Slope {
  perMinute: number;
  /** Three times the standard error of the slope: what chance alone stays below, 999 times of 1,000. */
  noisePerMinute: number;
}

const POINTS_MIN = 8;

/** Least squares. With fewer than eight points nothing can be said of the noise: it is Infinity. */
export function slopeOf(points: readonly Point[]): Slope {
  const n = points.length;
  if (n < POINTS_MIN) return { perMinute: 0, noisePerMinute: Infinity };
  const meanAt = points.reduce((sum, { at }) => sum + at, 0) / n;
  const meanValue = points.reduce((sum, { value }) => sum + value, 0) / n;
  const spread = points.reduce((sum, { at }) => sum + (at - meanAt) ** 2, 0);
  if (spread === 0) return { perMinute: 0, noisePerMinute: Infinity };
  const perMinute = points.reduce((sum, { at, value }) => sum + (at - meanAt) * (value - meanValue), 0) / spread;
  const rest = points.reduce((sum, { at, value }) => sum + (value - meanValue - perMinute * (at - meanAt)) ** 2, 0);
  return { perMinute, noisePerMinute: 3 * Math.sqrt(rest / (n - 2) / spread) };
}

/** Whether it grows: by more than its noise. */
export const grows = ({ perMinute, noisePerMinute }: Slope): boolean => perMinute > noisePerMinute;
