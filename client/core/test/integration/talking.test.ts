import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster, type Node, ORIGIN } from './support/cluster.js';
import { Person } from './support/person.js';

let cluster: Cluster;
let gateway: Node;
const people: Person[] = [];

function person(options: Omit<ConstructorParameters<typeof Person>[0], 'url'> = {}): Person {
  const one = new Person({ url: gateway.url, ...options });
  people.push(one);
  return one;
}

beforeAll(async () => {
  cluster = await Cluster.start();
  gateway = await cluster.gateway();
});

afterAll(async () => {
  for (const one of people) one.client.close();
  await cluster?.end();
});

describe.each(['websocket', 'streaming', 'http'] as const)('over %s', (mode) => {
  const user = `talks-by-${mode}`;
  const talker = () => person({ mode, user, pollMs: 100 });

  test('a message is stored, and its reply grows to what the log keeps', async () => {
    const one = talker();
    await one.hears('its own room', 'reset', ({ room }) => room === `user:${user}`);
    expect(one.client.state).toEqual({ name: 'ready', transport: mode });
    const text = 'one two three '.repeat(20).trim();
    const { id, acked } = one.client.send(text, { sessionId: 's1' });
    const ack = await acked;
    expect(ack).toMatchObject({ session_id: 's1', room: `user:${user}` });
    const whole = await one.hears('the reply', 'reply', ({ state, inReplyTo }) => state === 'done' && inReplyTo === ack.message_id);
    expect(whole.text).toBe(`You said: ${text}`);
    const states = one.told.flatMap(({ name, value }) => (name === 'outbox' && value.id === id ? [value.state] : []));
    expect(states).toEqual(['queued', 'sending', 'sent']);
    // What was shown meanwhile was always a beginning of it.
    const shown = one.told.flatMap(({ name, value }) => (name === 'reply' && value.messageId === whole.messageId ? [value.text] : []));
    for (const part of shown) expect(whole.text.startsWith(part)).toBe(true);
    if (mode !== 'http') expect(new Set(shown).size).toBeGreaterThan(5);
    expect(one.durable(`user:${user}`).map(({ type }) => type)).toEqual(['new_message', 'message']);
    one.client.close();
  });

  test('a room of others is joined, heard and left', async () => {
    const [one, other] = [talker(), person({ user: `other-${mode}` })];
    await Promise.all([one.isUp(), other.isUp()]);
    await one.client.join('project:p1');
    await one.hears('what was said there before', 'reset', ({ room }) => room === 'project:p1');
    const text = `hello by ${mode}`;
    await other.client.send(text, { room: 'project:p1', ai: false }).acked;
    await one.hears('the message', 'event', (event) => event.type === 'new_message' && event.data.content === text);
    await one.client.leave('project:p1');
    expect(one.client.rooms).not.toContain('project:p1');
    other.client.close();
    one.client.close();
  });

  test('a room that is not one’s own is refused, and the rest goes on', async () => {
    const one = talker();
    await one.isUp();
    // Nobody waits for this one, which is no unhandled rejection: that would fail the tests.
    void one.client.join('project:hidden');
    await one.hears('it is refused', 'room', ({ room, error }) => room === 'project:hidden' && error?.code === 'forbidden');
    await expect(one.client.join('project:secret')).rejects.toMatchObject({ code: 'forbidden' });
    await one.client.send('still here', { ai: false }).acked;
    expect(one.states).toEqual(['connecting', 'ready']);
    one.client.close();
  });

  test('of rooms that are named together those that are refused hold up no other', async () => {
    const rooms = ['project:hidden', 'project:p1', 'project:secret'];
    const one = person({ mode, user, pollMs: 100, rooms });
    for (const refused of ['project:hidden', 'project:secret']) {
      await one.hears(refused, 'room', ({ room, error }) => room === refused && error?.code === 'forbidden');
    }
    await one.hears('the one that is allowed', 'room', ({ room, isJoined }) => room === 'project:p1' && isJoined);
    // Those that are asked for at once share a connection.
    const from = one.told.length;
    for (const room of ['project:hidden', 'project:p2']) void one.client.join(room);
    await one.hears('the refusal', 'room', ({ room, error }) => room === 'project:hidden' && error?.code === 'forbidden', from);
    await one.hears('another', 'room', ({ room, isJoined }) => room === 'project:p2' && isJoined);
    expect(one.client.rooms).toContain('project:p1');
    one.client.close();
  });

  test('a message that is too large as a whole fails, and the rest goes on', async () => {
    const one = talker();
    await one.isUp();
    const context = { messages: [{ role: 'user' as const, content: 'x'.repeat(120_000) }] };
    await expect(one.client.send('short', { context }).acked).rejects.toMatchObject({ code: 'message_too_large' });
    await one.client.send('still here', { ai: false }).acked;
    expect(one.states).toEqual(['connecting', 'ready']);
    one.client.close();
  });

  test('a reply is cancelled', async () => {
    const one = talker();
    await one.isUp();
    const { message_id } = await one.client.send('word '.repeat(2_000), { sessionId: 's2' }).acked;
    await one.client.cancel(message_id);
    const end = await one.hears('the end', 'reply', ({ state, inReplyTo }) => state === 'done' && inReplyTo === message_id);
    expect(end.message?.finish_reason).toBe('cancelled');
    one.client.close();
  });
});

test('a log is read page by page', async () => {
  const one = person({ user: 'reads', historyLimit: 0 });
  await one.isUp();
  for (let at = 1; at <= 5; at++) await one.client.send(`message ${at}`, { ai: false }).acked;
  const newest = await one.client.history('user:me', { limit: 2 });
  expect(newest.events.map(({ seq }) => seq)).toEqual([4, 5]);
  expect(newest.hasMore).toBe(true);
  const older = await one.client.history('user:me', { before: 4, limit: 10 });
  expect(older.events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect(older.hasMore).toBe(false);
  await expect(one.client.history('project:secret')).rejects.toMatchObject({ code: 'forbidden' });
});

test('who joins later is shown what was said before', async () => {
  const one = person({ user: 'early' });
  await one.isUp();
  await one.client.send('before', { ai: false }).acked;
  const late = person({ user: 'early' });
  const reset = await late.hears('what was said', 'reset', ({ room }) => room === 'user:early');
  expect(reset).toMatchObject({ reason: 'joined', hasMore: false });
  expect(reset.events.map((event) => (event.type === 'new_message' ? event.data.content : ''))).toEqual(['before']);
});

test('others are told within 100 ms who is typing, and when it is over', async () => {
  const room = 'project:p2';
  const [other, ...typists] = ['watches', 'types1', 'types2', 'types3', 'types4', 'types5'].map((user) => person({ user, rooms: [room] })) as [Person, ...Person[]];
  // What comes while a room is being read is held back.
  for (const each of [other, ...typists]) await each.hears('what was said there', 'reset', (reset) => reset.room === room);
  const delays: number[] = [];
  for (const { client } of typists) {
    const hears = async (what: string, isTyping: boolean) => {
      const start = performance.now();
      const user = client.ready?.user_id ?? '';
      await other.hears(what, 'typing', (typing) => typing.room === room && typing.users.includes(user) === isTyping, other.told.length);
      delays.push(performance.now() - start);
    };
    client.typing(room);
    await hears('typing', true);
    client.stopTyping(room);
    await hears('no more', false);
  }
  delays.sort((a, b) => a - b);
  expect(delays[delays.length / 2]).toBeLessThan(100);
});

test('who sends what was typed types no more', async () => {
  const [one, other] = [person({ user: 'types', rooms: ['project:p2'] }), person({ user: 'watches', rooms: ['project:p2'] })];
  for (const each of [one, other]) await each.hears('it has joined', 'room', ({ room }) => room === 'project:p2');
  one.client.typing('project:p2');
  await other.hears('typing', 'typing', ({ room, users }) => room === 'project:p2' && users.includes('types'));
  one.client.send('done', { room: 'project:p2', ai: false });
  await other.hears('no more', 'typing', ({ room, users }) => room === 'project:p2' && users.length === 0);
});

test('who has it switched off is not told of as typing', async () => {
  const silent = person({ user: 'silent', rooms: ['project:p2'], enableTypingIndicators: false });
  const other = person({ user: 'listens', rooms: ['project:p2'] });
  // What comes while a room is being read is in its `reset`, and no event.
  for (const each of [silent, other]) await each.hears('what was said there', 'reset', ({ room }) => room === 'project:p2');
  silent.client.typing('project:p2');
  silent.client.send('said silently', { room: 'project:p2', ai: false });
  await other.hears('the message', 'event', (event) => event.type === 'new_message' && event.data.content === 'said silently');
  expect(other.told.filter(({ name }) => name === 'typing')).toEqual([]);
});

test('the server’s time to answer is measured on each transport', async () => {
  for (const mode of ['websocket', 'streaming', 'http'] as const) {
    const one = person({ mode, user: 'measures' });
    await one.isUp();
    expect(await one.client.ping()).toBeGreaterThan(0);
  }
});

test('a visitor in Node gets in where its requests say from which page, as a page would', async () => {
  const visit = (headers: Record<string, string>) =>
    person({
      tenantHash: 'acme-hash',
      fetch: (input, init) => fetch(input, { ...init, headers: { ...init?.headers, ...headers } }),
    });
  const refused = visit({}).client.send('from nowhere', { ai: false }).acked;
  await expect(refused).rejects.toMatchObject({ code: 'forbidden' });
  const one = visit({ origin: ORIGIN });
  await one.client.send('from a page', { ai: false }).acked;
  expect(one.client.state).toEqual({ name: 'ready', transport: 'websocket' });
});

test('what is too long or empty is refused at once', () => {
  const one = person({ user: 'long' });
  expect(() => one.client.send('ü'.repeat(16 * 1024 + 1))).toThrow(expect.objectContaining({ code: 'message_too_large' }));
  expect(() => one.client.send('')).toThrow(expect.objectContaining({ code: 'invalid_message' }));
});
