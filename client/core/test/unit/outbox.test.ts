import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Entry } from '../../src/index.js';
import { Outbox, type OutboxOptions } from '../../src/outbox/outbox.js';
import type { ClientFrame, DurableEvent, ErrorFrame } from '../../src/protocol/frames.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const DEFAULTS: OutboxOptions = { outboxLimit: 100, whenFull: 'refuse', messageTries: 3, messageTimeoutMs: 30_000 };

const logged = (message_id: string, seq: number) => ({ epoch: 'e', seq, data: { message_id } }) as unknown as DurableEvent;

function outbox(options: Partial<OutboxOptions> = {}) {
  const changes: Entry[] = [];
  const sent: ClientFrame[] = [];
  const box = new Outbox(
    { ...DEFAULTS, ...options },
    { onChange: (entry) => changes.push(entry) },
  );
  const error = (id: string | undefined, frame: Partial<ErrorFrame>) =>
    box.onError({ type: 'error', id: id ?? '', code: 'internal', content: '', canRetry: true, fatal: false, ...frame });
  const ack = (id: string | undefined, seq = 1) =>
    box.onAck(id ?? '', { message_id: `m${seq}`, session_id: 's', room: 'user:u1', epoch: 'e', seq });
  return {
    box,
    changes,
    sent,
    error,
    ack,
    say: (text: string, session = 's') => box.put({ user_input: text, session_id: session }),
    up: (perMinute = 60, maxBytes?: number) =>
      box.onUp((frame) => sent.push(frame), {
        user_id: 'u1',
        server_time: 0,
        messages_per_minute: perMinute,
        ...(maxBytes === undefined ? {} : { max_message_bytes: maxBytes }),
      }),
    texts: () => sent.map(({ data }) => (data as { user_input: string }).user_input),
    last: () => sent.at(-1)?.id,
    /** The log was read anew, in another life of it than the acks are of. */
    reset: (events: DurableEvent[], epoch = 'f') => box.onReset({ room: 'user:u1', epoch, events }),
  };
}

test('what is written offline goes out in order, one at a time in a session', () => {
  const one = outbox();
  for (const text of ['a', 'b', 'c']) one.say(text);
  one.say('x', 'other');
  expect(one.sent).toEqual([]);
  one.up();
  expect(one.texts()).toEqual(['a', 'x']);
  one.ack(one.sent[0]?.id);
  expect(one.texts()).toEqual(['a', 'x', 'b']);
});

test('what has no answer is sent again in its place, under its id', async () => {
  const one = outbox();
  one.up();
  const { entry, acked } = one.say('a');
  one.say('b');
  one.box.onDown();
  expect(one.box.entries.map(({ state }) => state)).toEqual(['queued', 'queued']);
  one.up();
  expect(one.sent.map(({ id }) => id)).toEqual([entry.id, entry.id]);
  one.ack(entry.id, 7);
  expect(await acked).toMatchObject({ seq: 7 });
  expect(one.texts()).toEqual(['a', 'a', 'b']);
});

describe('a full one', () => {
  test('refuses the newest, and says so', () => {
    const one = outbox({ outboxLimit: 2 });
    one.say('a');
    one.say('b');
    expect(() => one.say('c')).toThrow(expect.objectContaining({ code: 'outbox_full', limit: 2 }));
    one.up();
    one.ack(one.last());
    one.say('c');
  });

  test('drops the oldest where it may, and reports it', async () => {
    const one = outbox({ outboxLimit: 2, whenFull: 'dropOldest' });
    const { entry, acked } = one.say('a');
    one.say('b');
    one.say('c');
    expect(one.box.entries.map(({ data }) => data.user_input)).toEqual(['b', 'c']);
    expect(one.changes).toContainEqual(expect.objectContaining({ id: entry.id, state: 'gone' }));
    await expect(acked).rejects.toMatchObject({ code: 'dropped' });
  });

  test('never drops what is on its way', () => {
    const one = outbox({ outboxLimit: 1, whenFull: 'dropOldest' });
    one.up();
    one.say('a');
    expect(() => one.say('b')).toThrow(expect.objectContaining({ code: 'outbox_full' }));
  });
});

describe('failures', () => {
  test('are tried three times, longer and longer apart, and then by hand', async () => {
    const one = outbox();
    one.up();
    const { entry, acked } = one.say('a');
    one.error(entry.id, { code: 'internal' });
    vi.advanceTimersByTime(999);
    expect(one.sent).toHaveLength(1);
    vi.advanceTimersByTime(1);
    one.error(entry.id, { code: 'internal' });
    vi.advanceTimersByTime(2_000);
    expect(one.sent).toHaveLength(3);
    one.error(entry.id, { code: 'internal' });
    await expect(acked).rejects.toMatchObject({ code: 'internal' });
    expect(one.box.entries).toMatchObject([{ state: 'failed', tries: 3, error: { code: 'internal' } }]);
    vi.advanceTimersByTime(100_000);
    expect(one.sent).toHaveLength(3);
    one.box.retry(entry.id);
    expect(one.sent.map(({ id }) => id)).toEqual(Array(4).fill(entry.id));
  });

  test('that are for good end it at once, and do not hold back others', () => {
    for (const code of ['forbidden', 'conflict'] as const) {
      const one = outbox();
      one.up();
      const { entry } = one.say('a');
      one.say('b');
      one.error(entry.id, { code, canRetry: code === 'conflict' });
      expect(one.box.entries[0]).toMatchObject({ state: 'failed', tries: 0 });
      expect(one.texts()).toEqual(['a', 'b']);
    }
  });

  test('to answer within half a minute count as such', () => {
    const one = outbox();
    one.up();
    const { entry } = one.say('a');
    vi.advanceTimersByTime(31_000);
    expect(one.sent.map(({ id }) => id)).toEqual([entry.id, entry.id]);
    expect(one.box.entries[0]).toMatchObject({ state: 'sending', tries: 1 });
  });
});

describe('limits', () => {
  test('keep all messages in their places for as long as the server says', () => {
    const one = outbox();
    one.up();
    const { entry } = one.say('a');
    one.say('x', 'other');
    one.error(entry.id, { code: 'rate_limited', retry_after_ms: 5_000 });
    one.say('y', 'third');
    expect(one.texts()).toEqual(['a', 'x']);
    expect(one.box.entries[0]).toMatchObject({ state: 'queued', tries: 0 });
    vi.advanceTimersByTime(5_000);
    expect(one.texts()).toEqual(['a', 'x', 'a', 'y']);
  });

  test('are kept to on the next connection as well: they are the person’s, or the tenant’s', () => {
    const one = outbox();
    one.up();
    one.error(one.say('a').entry.id, { code: 'rate_limited', retry_after_ms: 5_000, scope: 'user' });
    one.say('x', 'other');
    one.up();
    vi.advanceTimersByTime(4_999);
    expect(one.texts()).toEqual(['a']);
    vi.advanceTimersByTime(1);
    expect(one.texts()).toEqual(['a', 'a', 'x']);
  });

  test('of the server’s room hold back that session alone, and count no try', () => {
    const one = outbox();
    one.up();
    const { entry } = one.say('a');
    one.say('b');
    for (let at = 0; at < 10; at++) {
      one.error(entry.id, { code: 'overloaded', retry_after_ms: 1_000 });
      one.say(`x${at}`, `other ${at}`);
      vi.advanceTimersByTime(1_000);
    }
    expect(one.texts().filter((text) => text === 'a')).toHaveLength(11);
    expect(one.texts()).not.toContain('b');
    expect(one.texts()).toContain('x9');
    one.ack(entry.id);
    expect(one.texts().at(-1)).toBe('b');
  });

  test('of a minute are kept to: a minute’s worth at once, then evenly', () => {
    const one = outbox({ outboxLimit: 1_000, messageTimeoutMs: 1_000_000 });
    for (let at = 0; at < 100; at++) one.say(`m${at}`, `s${at}`);
    one.up(60);
    const atOnce = one.sent.length;
    expect(atOnce).toBeGreaterThan(55);
    expect(atOnce).toBeLessThanOrEqual(60);
    vi.advanceTimersByTime(10_000);
    expect(one.sent.length - atOnce).toBe(10);
    vi.advanceTimersByTime(60_000);
    expect(one.sent).toHaveLength(100);
  });
});

test('what is taken back is sent no more', async () => {
  const one = outbox();
  const [first, second] = [one.say('a'), one.say('b')];
  one.box.clear(first.entry.id);
  await expect(first.acked).rejects.toMatchObject({ code: 'cleared' });
  one.up();
  expect(one.texts()).toEqual(['b']);
  expect(one.box.entries.map(({ id }) => id)).toEqual([second.entry.id]);
});

test('what an earlier page left is sent, all of it, and once', () => {
  const one = outbox({ outboxLimit: 2 });
  const left = ['1', '2', '3'].map(
    (id): Entry => ({ id, data: { user_input: id, session_id: 's' }, createdAt: 0, state: 'queued', tries: 0 }),
  );
  one.box.adopt(left);
  one.box.adopt(left);
  one.up();
  expect(one.box.entries.map(({ id }) => id)).toEqual(['1', '2', '3']);
  expect(one.texts()).toEqual(['1']);
  expect(() => one.say('new')).toThrow(expect.objectContaining({ code: 'outbox_full' }));
});

test('what an earlier page left goes before what was written since', () => {
  const one = outbox();
  one.say('later');
  one.box.adopt([{ id: '1', data: { user_input: 'earlier', session_id: 's' }, createdAt: 0, state: 'queued', tries: 0 }]);
  one.up();
  one.ack('1');
  expect(one.texts()).toEqual(['earlier', 'later']);
});

test('what another page left does not overtake what is on its way', () => {
  const one = outbox();
  one.up();
  one.say('on its way');
  one.box.adopt([{ id: '1', data: { user_input: 'left', session_id: 's' }, createdAt: 0, state: 'queued', tries: 0 }]);
  expect(one.texts()).toEqual(['on its way']);
});

test('what is larger than the server takes fails at once, and holds up nothing', async () => {
  const one = outbox();
  const { acked } = one.say('ä'.repeat(100));
  one.say('next');
  one.up(60, 200);
  await expect(acked).rejects.toMatchObject({ code: 'message_too_large', limit: 200, canRetry: false });
  expect(one.texts()).toEqual(['next']);
});

test('what the server has lost is shown as failed, and goes out under a new id', () => {
  const one = outbox();
  one.up();
  const ids = ['a', 'b'].map((text, at) => {
    const { entry } = one.say(text);
    one.ack(entry.id, at + 1);
    return entry.id;
  });
  one.reset([logged('m1', 1)]);
  expect(one.box.entries).toMatchObject([{ id: ids[1], state: 'failed', error: { code: 'lost' } }]);
  one.box.retry();
  expect(one.texts()).toEqual(['a', 'b', 'b']);
  expect(ids).not.toContain(one.last());
});

test('what was stored while the log was read anew is not lost', () => {
  const one = outbox();
  one.up();
  one.say('a');
  one.ack(one.last(), 3);
  one.reset([logged('m2', 2)], 'e');
  expect(one.box.entries).toEqual([]);
});

test('what was deleted is not lost', () => {
  const one = outbox();
  one.up();
  one.say('a');
  one.ack(one.last(), 2);
  one.reset([logged('m1', 1), { ...logged('', 2), type: 'message_deleted', data: {} } as DurableEvent]);
  expect(one.box.entries).toEqual([]);
});

test('another event in the place of what was stored shows that it is lost', () => {
  const one = outbox();
  one.up();
  one.say('a');
  one.ack(one.last(), 2);
  one.reset([logged('m1', 1), { ...logged('x', 2), epoch: 'f' }]);
  expect(one.box.entries).toMatchObject([{ state: 'failed', error: { code: 'lost' } }]);
});

test('what is older than what was read anew may still be there', () => {
  const one = outbox();
  one.up();
  one.say('a');
  one.ack(one.last(), 3);
  one.reset([logged('m10', 10)]);
  expect(one.box.entries).toEqual([]);
});
