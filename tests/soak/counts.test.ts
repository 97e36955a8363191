import { expect, test } from 'vitest';
import { seeded } from '../harness/seeded.ts';
import { grows, slopeOf } from './counts.ts';

const run = (perMinute: number, noise: number) => {
  const random = seeded(3);
  return Array.from({ length: 60 }, (_, n) => ({ at: n / 2, value: 80e6 + perMinute * (n / 2) + noise * (random() - 0.5) }));
};

test('a heap that grows under its noise is told from one that only sways', () => {
  expect(grows(slopeOf(run(0, 2e6)))).toBe(false);
  expect(grows(slopeOf(run(200_000, 2e6)))).toBe(true);
  expect(grows(slopeOf(run(-500_000, 1e6)))).toBe(false);
});

test('the slope is that of the line, and its noise is none when there is none', () => {
  const { perMinute, noisePerMinute } = slopeOf(run(123_456, 0));
  expect(perMinute).toBeCloseTo(123_456, 3);
  expect(noisePerMinute).toBeLessThan(1);
});

test('of fewer than eight points nothing is said', () => {
  const steep = (points: number) => Array.from({ length: points }, (_, at) => ({ at, value: at * 1e9 }));
  expect(grows(slopeOf(steep(7)))).toBe(false);
  expect(grows(slopeOf(steep(8)))).toBe(true);
});
