import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { RoomEvent } from '../../src/index.js';
import { TypingSender } from '../../src/typing/sender.js';
import { TypingWatcher } from '../../src/typing/watcher.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('the first key is told at once, the others as often as is needed, and the end after three seconds', () => {
  const told: (readonly [number, boolean])[] = [];
  const sender = new TypingSender((_, is) => told.push([Date.now() - start, is]));
  const start = Date.now();
  for (let at = 0; at < 50; at++) {
    sender.type('user:me');
    vi.advanceTimersByTime(100);
  }
  vi.advanceTimersByTime(10_000);
  expect(told.map(([, is]) => is)).toEqual([true, true, true, false]);
  expect(told.map(([at]) => at)).toEqual([0, 2_000, 4_000, 7_900]);
});

test('who stops and begins again is told twice a second at the most', () => {
  let told = 0;
  const sender = new TypingSender((_, is) => (told += is ? 1 : 0));
  for (let at = 0; at < 100; at++) {
    sender.type('user:me');
    vi.advanceTimersByTime(50);
    sender.stop('user:me');
    vi.advanceTimersByTime(50);
  }
  expect(told).toBeLessThanOrEqual(20);
});

const typing = (user_id: string, is_typing: boolean) =>
  ({ ts: 1, type: 'typing_indicator', room: 'project:p1', data: { user_id, is_typing } }) as RoomEvent;

test('who is shown as typing is not for ever', () => {
  const told: (readonly string[])[] = [];
  const watcher = new TypingWatcher(({ users }) => told.push(users));
  watcher.onEvent(typing('u2', true));
  vi.advanceTimersByTime(3_000);
  watcher.onEvent(typing('u2', true));
  vi.advanceTimersByTime(3_999);
  expect(told).toEqual([['u2']]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual([['u2'], []]);
});

test('the assistant types until its reply is there', () => {
  const watcher = new TypingWatcher(() => {});
  watcher.onEvent(typing('assistant', true));
  vi.advanceTimersByTime(60_000);
  expect(watcher.users('project:p1')).toEqual(['assistant']);
  watcher.onEvent({ type: 'message', room: 'project:p1', data: {} } as RoomEvent);
  expect(watcher.users('project:p1')).toEqual([]);
});
