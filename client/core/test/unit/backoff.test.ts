import { describe, expect, test } from 'vitest';
import { delayBefore } from '../../src/connection/backoff.js';

const spread = { minDelayMs: 1_000, maxDelayMs: 30_000, jitter: 1 };
const [least, most] = [() => 1, () => 0];

describe('how long to wait', () => {
  test('first a quarter of a second at the most, whatever the jitter', () => {
    expect(delayBefore(1, spread, () => 0)).toBe(0);
    expect(delayBefore(1, spread, () => 0.999)).toBeLessThan(250);
  });

  test('then 1, 2, 4 … and at the most 30 seconds', () => {
    const longest = [2, 3, 4, 5, 6, 7, 8, 1_000, Infinity].map((retry) => delayBefore(retry, spread, most));
    expect(longest).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000]);
  });

  test('all of it is left to chance, or a tenth', () => {
    expect(delayBefore(4, spread, least)).toBe(0);
    expect(delayBefore(4, { ...spread, jitter: 0.1 }, least)).toBe(3_600);
    expect(delayBefore(4, { ...spread, jitter: 0.1 }, most)).toBe(4_000);
  });
});
