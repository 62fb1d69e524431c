import { expect, test } from 'vitest';
import type { Reply, RoomEvent } from '../../src/index.js';
import { Replies } from '../../src/rooms/replies.js';

const room = 'user:u1';

function heard() {
  const told: Reply[] = [];
  const replies = new Replies((reply) => told.push(reply));
  const on = (type: string, data: object) =>
    replies.onEvent({ ts: 1, type, room, data: { message_id: 'r1', session_id: 's1', ...data } } as unknown as RoomEvent);
  return {
    replies,
    told,
    delta: (index: number, text: string, attempt = 1) => on('message_delta', { attempt, index, text }),
    snapshot: (index: number, text: string, attempt = 1) => on('message_snapshot', { attempt, index, text, in_reply_to: 'q1' }),
    restart: (attempt: number) => on('message_restart', { attempt }),
    start: (attempt = 1) => on('ai_processing_start', { attempt, in_reply_to: 'q1' }),
    message: (content: string, attempt = 1) => on('message', { content, in_reply_to: 'q1', metadata: { attempt } }),
    get text() {
      return told.at(-1)?.text;
    },
  };
}

test('pieces are joined, and the whole replaces them', () => {
  const one = heard();
  one.start();
  one.delta(0, 'You ');
  one.delta(1, 'said');
  expect(one.text).toBe('You said');
  expect(one.replies.running).toHaveLength(1);
  one.message('You said: hi');
  expect(one.told.at(-1)).toMatchObject({ state: 'done', text: 'You said: hi', inReplyTo: 'q1' });
  expect(one.replies.running).toHaveLength(0);
});

test('a piece that is there is dropped, one that comes too early waits', () => {
  const one = heard();
  one.delta(0, 'a');
  one.delta(0, 'a');
  one.delta(2, 'c');
  expect(one.text).toBe('a');
  one.delta(1, 'b');
  expect(one.text).toBe('abc');
});

test('a snapshot replaces what there is, and later pieces go on from it', () => {
  const one = heard();
  one.delta(0, 'a');
  one.delta(3, 'd');
  one.snapshot(2, 'abc');
  expect(one.text).toBe('abcd');
  one.delta(4, 'e');
  expect(one.text).toBe('abcde');
  // Also by less, of a gateway that is a moment behind.
  one.snapshot(1, 'ab');
  one.delta(2, 'c');
  expect(one.text).toBe('abc');
});

test('a snapshot before the first piece is empty', () => {
  const one = heard();
  one.snapshot(-1, '');
  one.delta(0, 'a');
  expect(one.text).toBe('a');
});

test('another attempt begins anew, told or not; what is left of the last is dropped', () => {
  const one = heard();
  one.delta(0, 'old');
  one.restart(2);
  expect(one.text).toBe('');
  one.delta(1, 'late', 1);
  one.delta(0, 'new', 2);
  expect(one.text).toBe('new');
  one.delta(0, 'newest', 3);
  expect(one.text).toBe('newest');
  one.snapshot(5, 'old again', 2);
  expect(one.text).toBe('newest');
});

test('nothing of a reply follows its end', () => {
  const one = heard();
  one.message('whole');
  const { length } = one.told;
  one.delta(0, 'late');
  one.snapshot(0, 'late');
  one.restart(2);
  expect(one.told).toHaveLength(length);
});

test('a reply that was lost has ended, unless a snapshot follows', () => {
  const one = heard();
  one.delta(0, 'a');
  one.replies.lose('project:p1');
  expect(one.replies.running).toHaveLength(1);
  one.replies.lose(room);
  expect(one.told.at(-1)).toMatchObject({ state: 'lost', text: 'a' });
  one.snapshot(1, 'ab');
  expect(one.told.at(-1)).toMatchObject({ state: 'running', text: 'ab' });
});

test('pieces in any order, some twice, are joined exactly', () => {
  const pieces = Array.from({ length: 50 }, (_, at) => `${at} `);
  for (let round = 0; round < 100; round++) {
    const one = heard();
    const order = [...pieces.keys(), ...pieces.keys()].sort(() => Math.random() - 0.5);
    for (const at of order) one.delta(at, pieces[at] ?? '');
    expect(one.text).toBe(pieces.join(''));
  }
});
