import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Heartbeat } from '../../src/connection/heartbeat.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function heartbeat() {
  const [onSilence, onDeath] = [vi.fn(), vi.fn()];
  const beats = { heartbeatMs: 25_000, pongTimeoutMs: 5_000 };
  return { heart: new Heartbeat(beats, onSilence, onDeath), onSilence, onDeath };
}

test('after silence it asks, and without an answer the connection is dead', () => {
  const { heart, onSilence, onDeath } = heartbeat();
  heart.heard();
  vi.advanceTimersByTime(24_999);
  expect(onSilence).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(onSilence).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(4_999);
  expect(onDeath).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(onDeath).toHaveBeenCalledOnce();
});

test('whatever comes is a sign of life', () => {
  const { heart, onSilence, onDeath } = heartbeat();
  heart.heard();
  for (let at = 0; at < 10; at++) {
    vi.advanceTimersByTime(29_000);
    heart.heard();
  }
  expect(onSilence).toHaveBeenCalledTimes(10);
  expect(onDeath).not.toHaveBeenCalled();
});

test('a machine that slept asks again before it gives up', () => {
  const { heart, onSilence, onDeath } = heartbeat();
  heart.heard();
  heart.probe();
  // The clock goes on while timers do not.
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(5_000);
  expect(onDeath).not.toHaveBeenCalled();
  expect(onSilence).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(5_000);
  expect(onDeath).toHaveBeenCalledOnce();
});

test('it stops', () => {
  const { heart, onSilence } = heartbeat();
  heart.heard();
  heart.stop();
  vi.advanceTimersByTime(100_000);
  expect(onSilence).not.toHaveBeenCalled();
});
