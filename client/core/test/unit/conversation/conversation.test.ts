import { describe, expect, test, vi } from 'vitest';
import { EMPTY } from '../../../src/conversation/index.js';
import { CauserieError, type DurableEvent } from '../../../src/index.js';
import { replied, said, stage } from './stage.js';

/** Until what was promised so far is kept. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

describe('a message of one’s own', () => {
  test('is shown once, from when it was written until the log has it', () => {
    const one = stage();
    one.reset([]);
    one.conversation.send('hello');
    const [{ key } = { key: '' }] = one.shown;
    expect(one.lines).toEqual(['hello queued']);
    one.up();
    one.ack(0, 'm1', 1);
    expect(one.shown).toMatchObject([{ key, id: 'm1', seq: 1, state: 'sent', isOwn: true }]);
    one.hear(said({ id: 'm1', seq: 1, text: 'hello' }));
    expect(one.shown).toMatchObject([{ key, id: 'm1', seq: 1, state: 'sent' }]);
  });

  test('is shown once where the log’s event comes before the ack', () => {
    const one = stage();
    one.reset([]);
    one.up();
    one.conversation.send('hello');
    const [{ key } = { key: '' }] = one.shown;
    one.hear(said({ id: 'm1', seq: 1, text: 'hello', session: 'main' }));
    expect(one.shown).toMatchObject([{ key, id: 'm1', state: 'sent' }]);
    const [stored] = one.shown;
    one.ack(0, 'm1', 1);
    expect(one.shown[0]).toBe(stored);
  });

  test('is not taken for the same text from another device', () => {
    const one = stage();
    one.reset([]);
    one.up();
    one.conversation.send('hello');
    const [{ key } = { key: '' }] = one.shown;
    one.hear(said({ id: 'other', seq: 1, text: 'hello', session: 'main' }));
    one.ack(0, 'mine', 2);
    expect(one.shown).toMatchObject([
      { key: 'other', id: 'other' },
      { key, id: 'mine' },
    ]);
  });

  test('has the log’s text where that differs', () => {
    const one = stage();
    one.reset([]);
    one.up();
    one.conversation.send('damn');
    one.ack(0, 'm1', 1);
    one.hear(said({ id: 'm1', seq: 1, text: '****', session: 'main' }));
    expect(one.lines).toEqual(['**** sent']);
  });

  test('that failed stays where it was written, and goes to the end when it is retried', () => {
    const one = stage();
    one.reset([said({ id: 'before', seq: 1 })]);
    one.up();
    one.conversation.send('refused');
    one.error(0, 'forbidden');
    one.hear(said({ id: 'after', seq: 2, user: 'u2' }));
    expect(one.lines).toEqual(['before sent', 'refused failed', 'after sent']);
    const failed = one.shown[1];
    expect(failed?.error?.code).toBe('forbidden');
    one.conversation.retry(failed?.key);
    expect(one.lines).toEqual(['before sent', 'after sent', 'refused queued']);
    one.ack(1, 'm3', 3);
    expect(one.lines).toEqual(['before sent', 'after sent', 'refused sent']);
  });

  test('that has to wait says why, until it is stored', () => {
    const one = stage();
    one.up();
    one.conversation.send('too soon');
    one.error(0, 'rate_limited');
    expect(one.shown[0]).toMatchObject({ state: 'queued', error: { code: 'rate_limited' } });
    one.ack(0, 'm1', 1);
    expect(one.shown[0]).toMatchObject({ state: 'sent', error: undefined });
  });

  test('that failed before the log was read stands after what was read', () => {
    const one = stage();
    one.up();
    one.conversation.send('refused');
    one.error(0, 'forbidden');
    one.reset([said({ id: 'm1', seq: 1 }), said({ id: 'm2', seq: 2 })]);
    expect(one.lines).toEqual(['m1 sent', 'm2 sent', 'refused failed']);
    one.hear(said({ id: 'm3', seq: 3 }));
    expect(one.lines).toEqual(['m1 sent', 'm2 sent', 'refused failed', 'm3 sent']);
  });

  test('is taken back while it waits', async () => {
    const one = stage();
    one.conversation.send('a');
    one.conversation.send('b');
    await one.conversation.cancel(one.shown[0]?.key);
    expect(one.lines).toEqual(['b queued']);
  });

  test('that a full outbox has dropped is shown as failed, and can be retried', () => {
    const one = stage({ outbox: { outboxLimit: 1, whenFull: 'dropOldest' } });
    one.conversation.send('a');
    one.conversation.send('b');
    expect(one.lines).toEqual(['a failed', 'b queued']);
    expect(one.shown[0]?.error?.code).toBe('dropped');
    one.up();
    one.ack(0, 'm1', 1);
    one.conversation.retry(one.shown.find(({ text }) => text === 'a')?.key);
    expect(one.lines).toEqual(['b sent', 'a queued']);
  });

  test('that the server has lost is shown as failed, and retried under another id', () => {
    const one = stage();
    one.reset([]);
    one.up();
    one.conversation.send('a');
    one.ack(0, 'm1', 1);
    one.hear(said({ id: 'm1', seq: 1, text: 'a', session: 'main' }));
    one.reset([], { reason: 'lost', epoch: 'f' });
    expect(one.lines).toEqual(['a failed']);
    expect(one.shown[0]?.error?.code).toBe('lost');
    one.conversation.retry();
    expect(one.lines).toEqual(['a queued']);
    one.ack(1, 'm2', 1);
    one.hear(said({ id: 'm2', seq: 1, text: 'a', session: 'main' }));
    expect(one.lines).toEqual(['a sent']);
  });

  test('that was stored just after the log was read stays, and its reply is waited for', () => {
    const one = stage();
    one.reset([]);
    one.up();
    one.conversation.send('late');
    one.ack(0, 'm2', 2);
    const { status } = one.conversation.snapshot;
    one.reset([said({ id: 'm1', seq: 1 })], { reason: 'lost' });
    expect(one.lines).toEqual(['m1 sent', 'late sent']);
    expect([status, one.conversation.snapshot.status]).toEqual(['waiting', 'waiting']);
    one.hear(said({ id: 'm2', seq: 2, text: 'late', session: 'main' }));
    one.hear(replied({ id: 'r', seq: 3, to: 'm2' }));
    expect(one.lines).toEqual(['m1 sent', 'late sent', 'r sent']);
    expect(one.conversation.snapshot.status).toBe('idle');
  });

  test('that was taken for lost, since the log was read in the life before, is shown once it comes', () => {
    const one = stage();
    one.reset([]);
    one.up();
    one.conversation.send('late');
    one.ack(0, 'm2', 2);
    one.reset([said({ id: 'm1', seq: 1 })], { reason: 'lost', epoch: 'before' });
    expect(one.conversation.snapshot.status).toBe('idle');
    one.hear(said({ id: 'm2', seq: 2, text: 'late', session: 'main' }));
    expect(one.lines).toEqual(['m1 sent', 'late sent']);
  });

  test('of another room or session is not shown', () => {
    const one = stage({ sessionId: 's' });
    one.client.send('elsewhere', { room: 'project:p1', sessionId: 's' });
    one.client.send('other', { sessionId: 'other' });
    one.conversation.send('here');
    expect(one.lines).toEqual(['here queued']);
  });
});

describe('a reply', () => {
  test('grows after its question, and stays there when more is asked', () => {
    const one = stage();
    one.reset([said({ id: 'q1', seq: 1 })]);
    one.start('r1', 'q1');
    one.hear(said({ id: 'q2', seq: 2 }));
    one.delta('r1', 0, 'Yes');
    expect(one.lines).toEqual(['q1 sent', 'Yes streaming', 'q2 sent']);
    expect(one.conversation.snapshot.status).toBe('streaming');
    one.hear(replied({ id: 'r1', seq: 3, to: 'q1', text: 'Yes.' }));
    expect(one.lines).toEqual(['q1 sent', 'Yes. sent', 'q2 sent']);
    expect(one.conversation.snapshot.status).toBe('idle');
  });

  test('changes nothing but itself as it grows', () => {
    const one = stage();
    one.reset([said({ id: 'q0', seq: 1 }), said({ id: 'q1', seq: 2 })]);
    one.start('r1', 'q1');
    one.delta('r1', 0, 'a');
    const before = one.shown;
    const told = one.told;
    one.delta('r1', 1, 'b');
    expect(one.told).toBe(told + 1);
    expect(one.shown).not.toBe(before);
    expect(one.shown[0]).toBe(before[0]);
    expect(one.shown[1]).toBe(before[1]);
    expect(one.shown[2]).toMatchObject({ key: 'r1', text: 'ab', at: before[2]?.at });
  });

  test('is waited for from when its question is stored', () => {
    const one = stage();
    one.reset([]);
    one.up();
    one.conversation.send('for people', { ai: false });
    one.ack(0, 'm1', 1);
    expect(one.conversation.snapshot.status).toBe('idle');
    one.conversation.send('question');
    expect(one.conversation.snapshot.status).toBe('idle');
    one.ack(1, 'm2', 2);
    expect(one.conversation.snapshot.status).toBe('waiting');
    one.start('r', 'm2');
    expect(one.conversation.snapshot.status).toBe('streaming');
  });

  test('is waited for on, where the log is read before it begins', () => {
    const one = stage();
    one.up();
    one.conversation.send('question');
    one.ack(0, 'm1', 1);
    one.reset([said({ id: 'm1', seq: 1, text: 'question', session: 'main' })]);
    expect(one.conversation.snapshot.status).toBe('waiting');
    one.reset([said({ id: 'm1', seq: 1 }), replied({ id: 'r', seq: 2, to: 'm1' })], { reason: 'lost' });
    expect(one.conversation.snapshot.status).toBe('idle');
  });

  test('that began before the ack of its question is not waited for', () => {
    const one = stage();
    one.reset([]);
    one.up();
    one.conversation.send('question');
    one.hear(said({ id: 'm1', seq: 1, text: 'question', session: 'main' }));
    one.hear(replied({ id: 'r', seq: 2, to: 'm1' }));
    one.ack(0, 'm1', 1);
    expect(one.conversation.snapshot.status).toBe('idle');
  });

  test('that has failed or was cancelled says so', () => {
    const one = stage();
    one.reset([]);
    const error = { message_id: 'r1', code: 'ai_timeout', canRetry: true };
    one.hear({ type: 'ai_processing_error', ts: 1, room: 'user:u1', data: error });
    one.hear(replied({ id: 'r1', seq: 1, to: 'q1', finish: 'error' }));
    one.hear(replied({ id: 'r2', seq: 2, to: 'q2', finish: 'cancelled' }));
    expect(one.lines).toEqual(['r1 failed', 'r2 cancelled']);
    expect(one.shown[0]?.error).toMatchObject({ code: 'ai_timeout', canRetry: true });
  });

  test('of which the end is lost is shown until the log is read', () => {
    const one = stage();
    one.reset([said({ id: 'q1', seq: 1 })]);
    one.start('r1', 'q1');
    one.delta('r1', 0, 'half');
    one.lose();
    expect(one.lines).toEqual(['q1 sent', 'half failed']);
    one.reset([said({ id: 'q1', seq: 1 }), replied({ id: 'r1', seq: 2, to: 'q1', text: 'whole' })], { reason: 'lost' });
    expect(one.lines).toEqual(['q1 sent', 'whole sent']);
  });

  test('is cancelled by its key, by its question’s, or as whatever is being answered', async () => {
    const one = stage();
    one.reset([said({ id: 'q1', seq: 1 })]);
    one.start('r1', 'q1');
    await one.conversation.cancel('r1');
    await one.conversation.cancel('q1');
    await one.conversation.cancel();
    expect(one.calls.filter((call) => call.startsWith('cancel'))).toEqual(['cancel r1', 'cancel q1', 'cancel r1']);
  });

  test('that has ended by then is cancelled without a fuss; what fails else is told', async () => {
    const one = stage();
    one.reset([]);
    one.start('r1', 'q1');
    one.client.cancel = () => Promise.reject(new CauserieError('not_found', 'gone'));
    await one.conversation.cancel('r1');
    one.client.cancel = () => Promise.reject(new CauserieError('forbidden', 'no'));
    await expect(one.conversation.cancel('r1')).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('the log', () => {
  test('read anew leaves what is as it was', () => {
    const one = stage();
    vi.setSystemTime(5_000);
    const events = [said({ id: 'q1', seq: 1 }), replied({ id: 'r1', seq: 2, to: 'q1' })];
    one.reset(events);
    const before = one.conversation.snapshot;
    const told = one.told;
    one.reset(events, { reason: 'lost' });
    expect(one.conversation.snapshot).toBe(before);
    expect(one.told).toBe(told);
    one.reset([...events, said({ id: 'q2', seq: 3 })], { reason: 'lost' });
    expect(one.shown[1]).toBe(before.messages[1]);
    expect(one.lines).toEqual(['q1 sent', 'r1 sent', 'q2 sent']);
    vi.useRealTimers();
  });

  test('is read where the room was joined before', async () => {
    const one = stage({ isThere: true });
    expect(one.conversation.snapshot.isLoading).toBe(true);
    one.hear(said({ id: 'm2', seq: 2 }));
    one.asked[0]?.answer([said({ id: 'm1', seq: 1 })]);
    await settled();
    expect(one.conversation.snapshot).toMatchObject({ isLoading: false, hasOlder: false });
    expect(one.lines).toEqual(['m1 sent', 'm2 sent']);
  });

  test('is read page by page, backwards', async () => {
    const one = stage();
    one.reset([said({ id: 'm9', seq: 9 })], { hasMore: true });
    expect(one.conversation.snapshot.hasOlder).toBe(true);
    void one.conversation.loadOlder();
    void one.conversation.loadOlder();
    expect(one.asked).toHaveLength(1);
    expect(one.asked[0]).toMatchObject({ before: 9, limit: 50 });
    one.asked[0]?.answer([said({ id: 'm7', seq: 7 }), said({ id: 'm8', seq: 8 })]);
    await settled();
    expect(one.lines).toEqual(['m7 sent', 'm8 sent', 'm9 sent']);
    expect(one.conversation.snapshot).toMatchObject({ hasOlder: false, isLoading: false });
    await one.conversation.loadOlder();
    expect(one.asked).toHaveLength(1);
  });

  test('is read on as long as a page has nothing of the session', async () => {
    const one = stage({ sessionId: 's' });
    one.reset([said({ id: 'x9', seq: 9, session: 'other' })], { hasMore: true });
    expect(one.asked[0]).toMatchObject({ before: 9 });
    one.asked[0]?.answer([said({ id: 'x8', seq: 8, session: 'other' })], true);
    await settled();
    expect(one.asked[1]).toMatchObject({ before: 8 });
    one.asked[1]?.answer([said({ id: 'm7', seq: 7 })], true);
    await settled();
    expect(one.asked).toHaveLength(2);
    expect(one.lines).toEqual(['m7 sent']);
    expect(one.conversation.snapshot).toMatchObject({ hasOlder: true, isLoading: false });
  });

  test('that could not be read can be read again', async () => {
    const one = stage({ isThere: true });
    one.asked[0]?.fail(new CauserieError('unreachable', 'nobody there'));
    await settled();
    expect(one.conversation.snapshot).toMatchObject({ isLoading: false, hasOlder: true, error: { code: 'unreachable' } });
    void one.conversation.loadOlder();
    one.asked[1]?.answer([said({ id: 'm1', seq: 1 })]);
    await settled();
    expect(one.conversation.snapshot).toMatchObject({ hasOlder: false, error: undefined });
    expect(one.lines).toEqual(['m1 sent']);
  });

  test('that is read anew makes a page void that was asked for before', async () => {
    const one = stage();
    one.reset([said({ id: 'm9', seq: 9 })], { hasMore: true });
    void one.conversation.loadOlder();
    one.reset([said({ id: 'n1', seq: 1 })], { reason: 'lost' });
    one.asked[0]?.answer([said({ id: 'm8', seq: 8 })], true);
    await settled();
    expect(one.lines).toEqual(['n1 sent']);
    expect(one.conversation.snapshot).toMatchObject({ hasOlder: false, isLoading: false });
  });
});

test('what is deleted is gone, and does not come back by a page that was read before', async () => {
  const one = stage({ isThere: true });
  one.hear(said({ id: 'm2', seq: 2 }));
  const deleted = { message_id: 'm1', user_id: 'u1' };
  one.hear({ seq: 3, epoch: 'e', ts: 1, type: 'message_deleted', room: 'user:u1', data: deleted });
  const hole = { seq: 0, epoch: 'e', ts: 1, type: 'message_deleted', room: 'user:u1', data: {} } as const;
  one.asked[0]?.answer([hole, said({ id: 'm1', seq: 1 })]);
  await settled();
  expect(one.lines).toEqual(['m2 sent']);
});

test('a room that may not be joined is told', () => {
  const one = stage({ room: 'project:secret' });
  expect(one.calls).toContain('join project:secret');
  one.emit('room', { room: 'project:secret', isJoined: false, error: new CauserieError('forbidden', 'no') });
  expect(one.conversation.snapshot).toMatchObject({ isLoading: false, error: { code: 'forbidden' } });
});

test('a room whose history the client could not read is told, and read when older messages are asked for', async () => {
  const one = stage({ room: 'project:p1' });
  one.emit('room', { room: 'project:p1', isJoined: true, error: new CauserieError('overloaded', 'later') });
  expect(one.conversation.snapshot).toMatchObject({ isLoading: false, hasOlder: true, error: { code: 'overloaded' } });
  void one.conversation.loadOlder();
  one.asked[0]?.answer([]);
  await settled();
  expect(one.conversation.snapshot).toMatchObject({ isLoading: false, hasOlder: false, error: undefined });
});

describe('subscribing', () => {
  test('ends with the last subscriber: nothing is listened to, and the room is left', async () => {
    const one = stage({ room: 'project:p1' });
    const second = one.conversation.subscribe(() => {});
    one.unsubscribe();
    await settled();
    expect(one.calls.filter((call) => call.startsWith('off'))).toEqual([]);
    second();
    await settled();
    const count = (verb: string) => one.calls.filter((call) => call.startsWith(`${verb} `)).length;
    expect(count('off')).toBe(count('on'));
    expect(one.calls.filter((call) => / project:p1$/.test(call))).toEqual(['join project:p1', 'leave project:p1']);
    expect(one.calls.at(-1)).toBe('leave project:p1');
  });

  test('again at once changes nothing', async () => {
    const one = stage({ room: 'project:p1' });
    const before = [...one.calls];
    one.unsubscribe();
    one.conversation.subscribe(() => {});
    await settled();
    expect(one.calls).toEqual(before);
  });

  test('again later shows what was shown, and reads what has come since', async () => {
    const one = stage({ isThere: true });
    one.asked[0]?.answer([said({ id: 'm1', seq: 1 })]);
    await settled();
    const [known] = one.shown;
    one.unsubscribe();
    await settled();
    one.hear(said({ id: 'm2', seq: 2 }));
    expect(one.lines).toEqual(['m1 sent']);
    one.conversation.subscribe(() => {});
    expect(one.lines).toEqual(['m1 sent']);
    const m1 = { ...said({ id: 'm1', seq: 1 }), ts: known?.at ?? 0 } as ReturnType<typeof said>;
    one.asked[1]?.answer([m1, said({ id: 'm2', seq: 2 })]);
    await settled();
    expect(one.lines).toEqual(['m1 sent', 'm2 sent']);
    expect(one.shown[0]).toBe(known);
  });

  test('before anything is known shows nothing', () => {
    expect(stage().conversation.snapshot).toEqual(EMPTY);
  });
});

test('what servers publish in the room with types of their own is no message', () => {
  const one = stage();
  const published = { ...said({ id: 'order', seq: 2 }), type: 'order_shipped', data: { order: 7 } } as unknown as DurableEvent;
  one.reset([said({ id: 'm1', seq: 1 }), published]);
  one.hear(published);
  expect(one.shown.map(({ id }) => id)).toEqual(['m1']);
});
