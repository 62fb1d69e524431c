import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { DurableEvent } from '../../src/index.js';
import { type Anomalies, Sequence } from '../../src/rooms/sequence.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function sequence(last: number, holdMs = 200) {
  const anomalies: Anomalies = { duplicates: 0, reordered: 0, gaps: 0 };
  const given: number[] = [];
  const one = new Sequence(last, anomalies, holdMs, ({ seq }) => given.push(seq));
  const accept = (...seqs: number[]) => {
    for (const seq of seqs) one.accept({ seq } as unknown as DurableEvent);
    return given.splice(0);
  };
  return { one, accept, given, anomalies };
}

test('what comes in order is given out at once', () => {
  const { accept, one, anomalies } = sequence(41);
  expect([accept(42), accept(43)]).toEqual([[42], [43]]);
  expect(one.last).toBe(43);
  expect(anomalies).toEqual({ duplicates: 0, reordered: 0, gaps: 0 });
});

test('what comes again is dropped, and counted', () => {
  const { accept, anomalies } = sequence(2);
  expect(accept(1, 2, 3, 3)).toEqual([3]);
  expect(anomalies.duplicates).toBe(3);
});

test('what comes too early waits for what precedes it', () => {
  const { accept, anomalies, one } = sequence(0);
  expect(accept(3, 2)).toEqual([]);
  expect(one.last).toBe(0);
  expect(accept(1)).toEqual([1, 2, 3]);
  expect(anomalies).toEqual({ duplicates: 0, reordered: 2, gaps: 0 });
  vi.runAllTimers();
  expect(anomalies.gaps).toBe(0);
});

test('what is missing is given up in the end, and each hole counts once', () => {
  const { accept, given, anomalies } = sequence(0);
  accept(2, 3, 7);
  vi.advanceTimersByTime(199);
  expect(given).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(given.splice(0)).toEqual([2, 3, 7]);
  expect(anomalies.gaps).toBe(2);
  expect(accept(1)).toEqual([]);
});

test('no more than some are held', () => {
  const { accept } = sequence(0);
  const many = Array.from({ length: 65 }, (_, at) => at + 2);
  expect(accept(...many.slice(0, 64))).toEqual([]);
  expect(accept(66)).toEqual(many);
});

test('what is known from elsewhere is skipped', () => {
  const { one, accept, given } = sequence(0);
  accept(3, 5);
  one.skipTo(4);
  expect(given.splice(0)).toEqual([5]);
  expect(accept(3)).toEqual([]);
});

test('closed, it gives out nothing more by itself', () => {
  const { one, accept, given } = sequence(0);
  accept(2);
  one.close();
  vi.runAllTimers();
  expect(given).toEqual([]);
});

test('any order of arrival gives the same', () => {
  for (let round = 0; round < 200; round++) {
    const all = Array.from({ length: 20 }, (_, at) => at + 1);
    const shuffled = [...all, ...all].sort(() => Math.random() - 0.5);
    expect(sequence(0).accept(...shuffled)).toEqual(all);
  }
});
