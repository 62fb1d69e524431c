import { expect, test } from 'vitest';
import type { DurableEvent } from '../../src/index.js';
import { type Anomalies, Sequence } from '../../src/rooms/sequence.js';

const event = (seq: number) => ({ seq }) as unknown as DurableEvent;

function sequence(last: number) {
  const anomalies: Anomalies = { duplicates: 0, reordered: 0, gaps: 0 };
  const one = new Sequence(last, anomalies);
  const accept = (seq: number) => one.accept(event(seq)).map((given) => given.seq);
  return { one, accept, anomalies };
}

test('what comes in order is given out at once', () => {
  const { accept, one } = sequence(41);
  expect([accept(42), accept(43)]).toEqual([[42], [43]]);
  expect(one.last).toBe(43);
});

test('what comes again is dropped, and counted', () => {
  const { accept, anomalies } = sequence(2);
  expect([accept(1), accept(2), accept(3), accept(3)]).toEqual([[], [], [3], []]);
  expect(anomalies.duplicates).toBe(3);
});

test('what comes too early waits for what precedes it', () => {
  const { accept, anomalies, one } = sequence(0);
  expect([accept(3), accept(2)]).toEqual([[], []]);
  expect([one.isHolding, one.last]).toEqual([true, 0]);
  expect(accept(1)).toEqual([1, 2, 3]);
  expect(one.isHolding).toBe(false);
  expect(anomalies).toEqual({ duplicates: 0, reordered: 2, gaps: 0 });
});

test('what is missing is given up in the end, and each hole counts once', () => {
  const { one, accept, anomalies } = sequence(0);
  accept(2);
  accept(3);
  accept(7);
  expect(one.release().map(({ seq }) => seq)).toEqual([2, 3, 7]);
  expect(anomalies.gaps).toBe(2);
  expect(accept(1)).toEqual([]);
});

test('no more than some are held', () => {
  const { accept } = sequence(0);
  const given = Array.from({ length: 65 }, (_, at) => accept(at + 2));
  expect(given.at(-2)).toEqual([]);
  expect(given.at(-1)).toHaveLength(65);
});

test('what is known from elsewhere is skipped', () => {
  const { one, accept } = sequence(0);
  accept(3);
  accept(5);
  expect(one.skipTo(4).map(({ seq }) => seq)).toEqual([5]);
  expect(accept(3)).toEqual([]);
});

test('any order of arrival gives the same', () => {
  for (let round = 0; round < 200; round++) {
    const all = Array.from({ length: 20 }, (_, at) => at + 1);
    const shuffled = [...all, ...all].sort(() => Math.random() - 0.5);
    const { accept } = sequence(0);
    expect(shuffled.flatMap(accept)).toEqual(all);
  }
});
