import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { State } from '../../src/index.js';
import { type Measured, type Quality, QualityMonitor } from '../../src/quality/index.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched(pings: (at: number) => number | null) {
  let state: State = { name: 'ready', transport: 'websocket' };
  let count = 0;
  const listeners = new Set<(state: State) => void>();
  const client: Measured = {
    get state() {
      return state;
    },
    ping: async () => {
      const ms = pings(count++);
      if (ms === null) throw new Error('no answer');
      return ms;
    },
    on: (_, listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const set = (next: State) => {
    state = next;
    for (const listener of listeners) listener(next);
  };
  const told: Quality[] = [];
  const monitor = new QualityMonitor(client, { intervalMs: 1_000, windowMs: 20_000, onChange: (quality) => told.push(quality) });
  return { monitor, told, set, listeners };
}

const GONE: State = { name: 'recovering', attempt: 1, retryAt: null, reason: null };
const READY: State = { name: 'ready', transport: 'websocket' };

test.each([
  [20, 'excellent'],
  [180, 'good'],
  [500, 'fair'],
  [2_000, 'poor'],
] as const)('answers in %i ms are %s', async (ms, grade) => {
  const { monitor } = watched(() => ms);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(monitor.quality).toMatchObject({ grade, latencyMs: ms, loss: 0 });
  monitor.stop();
});

test('loss, unsteadiness and interruptions lower it', async () => {
  const lossy = watched((at) => (at % 5 === 0 ? null : 20));
  const unsteady = watched((at) => (at % 2 ? 20 : 300));
  const broken = watched(() => 20);
  for (let at = 0; at < 3; at++) {
    broken.set(GONE);
    broken.set(READY);
  }
  await vi.advanceTimersByTimeAsync(15_000);
  expect(lossy.monitor.quality.grade).toBe('poor');
  expect(unsteady.monitor.quality.grade).toBe('fair');
  expect(broken.monitor.quality).toMatchObject({ grade: 'fair', interruptions: 3 });
  // What is long ago counts no more.
  await vi.advanceTimersByTimeAsync(30_000);
  expect(broken.monitor.quality.grade).toBe('excellent');
});

test('without a connection it is offline, and nothing is asked', async () => {
  let pings = 0;
  const { monitor, told, set, listeners } = watched(() => (pings += 1));
  set(GONE);
  expect(told.at(-1)?.grade).toBe('offline');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(pings).toBe(1);
  expect(told.at(-1)?.grade).toBe('offline');
  monitor.stop();
  expect(listeners.size).toBe(0);
});

test('stopped, it tells nothing, though an answer is on its way', async () => {
  const { monitor, told, set } = watched(() => 20);
  // It has just asked.
  const before = told.length;
  monitor.stop();
  await vi.advanceTimersByTimeAsync(10_000);
  set(GONE);
  expect(told).toHaveLength(before);
});
