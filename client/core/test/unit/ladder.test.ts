import { expect, test } from 'vitest';
import { Ladder } from '../../src/connection/ladder.js';

const three = () => new Ladder(['websocket', 'streaming', 'http'], 3);

test('three failures lead down, and at the bottom up again', () => {
  const ladder = three();
  const tried = Array.from({ length: 10 }, () => {
    const { current } = ladder;
    ladder.onBlocked('path');
    return current;
  });
  expect(tried).toEqual([
    ...Array(3).fill('websocket'),
    ...Array(3).fill('streaming'),
    ...Array(3).fill('http'),
    'websocket',
  ]);
});

test('what the server has switched off is not tried again', () => {
  const ladder = three();
  ladder.onBlocked('gone');
  expect(ladder.current).toBe('streaming');
});

test('a good connection in between begins the count anew', () => {
  const ladder = three();
  ladder.onBlocked('path');
  ladder.onBlocked('path');
  ladder.use('websocket');
  ladder.onGood();
  ladder.onBlocked('path');
  expect(ladder.current).toBe('websocket');
  // One that was cut off at once is none.
  ladder.onBlocked('path');
  ladder.use('websocket');
  ladder.onBlocked('path');
  expect(ladder.current).toBe('streaming');
});

test('better ones are tried in turn, more and more seldom', () => {
  const ladder = three();
  ladder.use('http');
  const trials = Array.from({ length: 8 }, () => ladder.nextTrial());
  expect(trials.map(({ name }) => name).slice(0, 4)).toEqual(['websocket', 'streaming', 'websocket', 'streaming']);
  expect(trials.map(({ afterMs }) => afterMs / 1_000)).toEqual([5, 10, 20, 40, 80, 160, 300, 300]);
});
