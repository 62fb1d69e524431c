import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster, type Node, ORIGIN, tokenOf } from './support/cluster.js';
import { Person, SOCKET } from './support/person.js';
import { Proxy } from './support/proxy.js';
import { type Options, whyOf } from '../../src/index.js';

let cluster: Cluster;
let gateway: Node;
const people: Person[] = [];
const proxies: Proxy[] = [];

beforeAll(async () => {
  cluster = await Cluster.start();
  gateway = await cluster.gateway();
});

afterAll(async () => {
  for (const one of people) one.client.close();
  for (const proxy of proxies) await proxy.shut();
  await cluster?.end();
});

function person(options: ConstructorParameters<typeof Person>[0]): Person {
  const one = new Person({ minDelayMs: 200, maxDelayMs: 1_000, ...options });
  people.push(one);
  return one;
}

async function proxy(): Promise<Proxy> {
  const one = await Proxy.to(gateway.url);
  proxies.push(one);
  return one;
}

const room = (user: string) => `user:${user}`;

test('a gateway killed in mid-reply: the reply comes whole, and nothing twice', async () => {
  const first = await cluster.gateway('0', { NODE_NAME: 'to-be-killed' });
  const way = await Proxy.to(first.url);
  proxies.push(way);
  const one = person({ url: way.url, user: 'killed' });
  await one.hears('its room', 'reset', ({ room: of }) => of === room('killed'));
  const text = 'word '.repeat(300).trim();
  const { message_id } = await one.client.send(text, { sessionId: 's' }).acked;
  await one.hears('its beginning', 'reply', (reply) => reply.text.length > 100);
  way.upstream = gateway.url;
  await first.program.end();
  const whole = await one.hears('the whole', 'reply', ({ state, inReplyTo }) => state === 'done' && inReplyTo === message_id);
  expect(whole.text).toBe(`You said: ${text}`);
  expect(one.states).toEqual(['connecting', 'ready', 'recovering', 'ready']);
  expect(one.durable(room('killed')).map(({ seq, type }) => [seq, type])).toEqual([
    [1, 'new_message'],
    [2, 'message'],
  ]);
  // It went on from where it was: what was shown was always a beginning.
  for (const { name, value } of one.told) {
    if (name === 'reply') expect(whole.text.startsWith(value.text)).toBe(true);
  }
  expect(one.client.anomalies.gaps).toBe(0);
});

test.each(['websocket', 'streaming', 'http'] as const)('what is said while away is recovered in order, over %s', async (mode) => {
  const user = `away-${mode}`;
  const way = await proxy();
  const one = person({ url: way.url, user, mode, pollMs: 100 });
  await one.hears('its room', 'reset', ({ room: of }) => of === room(user));
  const other = person({ url: gateway.url, user });
  await other.isUp();
  await other.client.send('before', { ai: false }).acked;
  await one.hears('the one before', 'event', (event) => event.type === 'new_message');
  const { port } = way;
  await way.shut();
  await one.hears('it notices', 'state', ({ name }) => name === 'recovering');
  for (let at = 0; at < 20; at++) await other.client.send(`missed ${at}`, { ai: false }).acked;
  await way.open(port);
  await one.hears('the last one', 'event', (event) => event.type === 'new_message' && event.data.content === 'missed 19');
  expect(one.durable(room(user)).map(({ seq }) => seq)).toEqual(Array.from({ length: 21 }, (_, at) => at + 1));
  expect(one.told.some(({ name, value }) => name === 'reset' && value.reason === 'lost')).toBe(false);
});

test('what is written offline goes out in order, once, under the same ids', async () => {
  const way = await proxy();
  const { port } = way;
  await way.shut();
  const one = person({ url: `http://127.0.0.1:${port}`, user: 'offline' });
  const sent = Array.from({ length: 20 }, (_, at) => one.client.send(`queued ${at}`, { ai: false, sessionId: 's' }));
  await one.hears('it is offline', 'state', ({ name }) => name === 'offline');
  expect(one.client.outbox.entries.map(({ state }) => state)).toEqual(Array(20).fill('queued'));
  await way.open(port);
  const start = await one.isUp().then(() => performance.now());
  const acks = await Promise.all(sent.map(({ acked }) => acked));
  expect((performance.now() - start) / 20).toBeLessThan(50);
  expect(acks.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
  const { events } = await one.client.history();
  expect(events.map((event) => (event.type === 'new_message' ? event.data.content : ''))).toEqual(
    Array.from({ length: 20 }, (_, at) => `queued ${at}`),
  );
});

test('a message whose answer was lost is sent again under its id, and stored once', async () => {
  const way = await proxy();
  const one = person({ url: way.url, user: 'unanswered', mode: 'streaming' });
  await one.hears('its room', 'reset', ({ room: of }) => of === room('unanswered'));
  way.swallowsAnswers = true;
  const { id, acked } = one.client.send('once', { ai: false });
  // It is stored, and its sender cannot know.
  const other = person({ url: gateway.url, user: 'unanswered' });
  const there = await Promise.race([
    other.hears('it is stored', 'event', (event) => event.type === 'new_message'),
    other.hears('it is stored', 'reset', ({ events }) => events.length === 1),
  ]);
  expect(there).toBeTruthy();
  way.swallowsAnswers = false;
  way.cut();
  expect((await acked).seq).toBe(1);
  const states = one.told.flatMap(({ name, value }) => (name === 'outbox' && value.id === id ? [value.state] : []));
  expect(states).toEqual(['queued', 'sending', 'queued', 'sending', 'sent']);
  expect((await one.client.history()).events).toHaveLength(1);
});

test('where upgrades are refused it falls back to streaming, and comes back when they work', async () => {
  const way = await proxy();
  way.refusesUpgrades = true;
  const one = person({ url: way.url, user: 'blocked' });
  await one.hears('it falls back', 'state', (state) => state.name === 'fallback' && state.transport === 'streaming');
  expect(way.asked.filter((asked) => asked === 'UPGRADE /ws')).toHaveLength(3);
  await one.hears('its room', 'reset', ({ room: of }) => of === room('blocked'));
  await one.client.send('by stream', { ai: false }).acked;
  way.refusesUpgrades = false;
  await one.hears('it is back', 'state', (state) => state.name === 'ready' && state.transport === 'websocket');
  await one.client.send('by socket', { ai: false }).acked;
  await one.hears('both', 'event', (event) => event.type === 'new_message' && event.data.content === 'by socket');
  expect(one.durable(room('blocked')).map(({ seq }) => seq)).toEqual([1, 2]);
  expect(one.states).toEqual(['connecting', 'fallback', 'ready']);
});

test('where streams are gathered too it falls back to plain requests', async () => {
  const way = await proxy();
  way.refusesUpgrades = way.gathersStreams = true;
  const one = person({ url: way.url, user: 'plain', connectTimeoutMs: 300, pollMs: 100 });
  await one.hears('it falls back', 'state', (state) => state.name === 'fallback' && state.transport === 'http');
  const { message_id } = await one.client.send('hello', { sessionId: 's' }).acked;
  const reply = await one.hears('the reply', 'reply', ({ state, inReplyTo }) => state === 'done' && inReplyTo === message_id);
  expect(reply.text).toBe('You said: hello');
});

test('an outage is no reason to fall back', async () => {
  const way = await proxy();
  const one = person({ url: way.url, user: 'outage' });
  await one.isUp();
  const { port } = way;
  await way.shut();
  await one.hears('many tries', 'state', (state) => state.name === 'offline' && state.attempt > 6);
  await way.open(port);
  const from = one.told.length;
  await one.isUp(from);
  expect(one.client.state).toEqual({ name: 'ready', transport: 'websocket' });
});

test('a node that drains says when to come back, and nothing is lost', async () => {
  const draining = await cluster.gateway();
  const way = await Proxy.to(draining.url);
  proxies.push(way);
  for (const mode of ['websocket', 'streaming'] as const) person({ url: way.url, user: `drained-${mode}`, mode });
  const drained = people.slice(-2);
  await Promise.all(drained.map((one) => one.isUp()));
  way.upstream = gateway.url;
  draining.program.signal('SIGTERM');
  for (const one of drained) {
    const lost = await one.hears('it is sent away', 'state', ({ name }) => name === 'recovering');
    expect(lost).toMatchObject({ reason: { closeCode: 1012, text: expect.stringMatching(/^reconnect after=\d+$/) } });
    expect(whyOf(lost)).toBe('draining');
    await one.isUp(one.told.findIndex(({ value }) => value === lost));
    await one.client.send('still here', { ai: false }).acked;
  }
});

test.each(['websocket', 'streaming', 'http'] as const)('a token is renewed before it ends, without a break, over %s', async (mode) => {
  const asked: string[] = [];
  const getToken = (reason: string) => {
    asked.push(reason);
    return tokenOf(`renews-${mode}`, { seconds: 4 });
  };
  const one = person({ url: gateway.url, getToken, mode, pollMs: 100 });
  await one.hears('its room', 'reset', ({ room: of }) => of === room(`renews-${mode}`));
  const sending = [];
  for (let seen = 1; seen < 4; seen++) {
    await expect.poll(() => asked.length, { timeout: 20_000 }).toBeGreaterThan(seen);
    sending.push(one.client.send(`after ${seen}`, { ai: false }).acked);
  }
  expect((await Promise.all(sending)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  await one.hears('the last', 'event', (event) => event.type === 'new_message' && event.data.content === 'after 3');
  expect(one.durable(room(`renews-${mode}`)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect(new Set(asked.slice(1))).toEqual(new Set(['expiring']));
  expect(one.states).toEqual(['connecting', 'ready']);
});

test('a broker killed in mid-reply: it begins again, and comes whole', async () => {
  const own = await Cluster.start();
  const node = await own.gateway();
  const one = person({ url: node.url, user: 'restarts' });
  try {
    await one.hears('its room', 'reset', ({ room: of }) => of === room('restarts'));
    const text = 'word '.repeat(400).trim();
    const { message_id } = await one.client.send(text, { sessionId: 's' }).acked;
    await one.hears('its beginning', 'reply', (reply) => reply.text.length > 100);
    await own.replaceBroker();
    const whole = await one.hears('the whole', 'reply', ({ state, inReplyTo }) => state === 'done' && inReplyTo === message_id);
    expect(whole.text).toBe(`You said: ${text}`);
    expect(whole.attempt).toBe(2);
    expect(one.told.some(({ name, value }) => name === 'reply' && value.attempt === 2 && value.text === '')).toBe(true);
    expect(one.durable(room('restarts'))).toHaveLength(2);
    expect(one.states).toEqual(['connecting', 'ready']);
  } finally {
    one.client.close();
    await own.end();
  }
});

test('where the server has sockets switched off it streams at once', async () => {
  const without = await cluster.gateway('0', { WEBSOCKET_ENABLED: 'false' });
  const way = await Proxy.to(without.url);
  proxies.push(way);
  const one = person({ url: way.url, user: 'switched-off' });
  await one.hears('it streams', 'state', (state) => state.name === 'fallback' && state.transport === 'streaming');
  expect(way.asked.filter((asked) => asked === 'UPGRADE /ws')).toHaveLength(1);
  await one.client.send('by stream', { ai: false }).acked;
});

test('more rooms than a connection can name are joined, and recovered', async () => {
  const rooms = Array.from({ length: 40 }, (_, at) => `project:many-${at}`);
  const way = await proxy();
  const getToken = () => tokenOf('many', { projects: '*' });
  const one = person({ url: way.url, getToken, rooms, historyLimit: 0 });
  for (const each of rooms) await one.hears(each, 'room', ({ room: of, isJoined }) => of === each && isJoined);
  const { port } = way;
  await way.shut();
  const other = person({ url: gateway.url, getToken, historyLimit: 0 });
  await other.isUp();
  for (const each of rooms) await other.client.send(`to ${each}`, { room: each, ai: false }).acked;
  await way.open(port);
  for (const each of rooms) {
    await one.hears(`what was said in ${each}`, 'event', (event) => event.room === each && event.type === 'new_message');
    expect(one.durable(each)).toHaveLength(1);
  }
});

test('what one tab leaves unsent another one sends, once', async () => {
  const { storageOn } = await import('../../src/storage/index.js');
  const values = new Map<string, string>();
  const storage = storageOn({
    get: (key) => values.get(key) ?? null,
    set: (key, value) => void values.set(key, value),
    remove: (key) => void values.delete(key),
  });
  const first = person({ url: gateway.url, user: 'tabs', storage });
  await first.isUp();
  first.client.close();
  for (let at = 0; at < 3; at++) first.client.send(`left ${at}`, { ai: false, sessionId: 's' });
  await expect.poll(() => [...values.values()].join().includes('left 2')).toBe(true);
  const second = person({ url: gateway.url, user: 'tabs', storage });
  for (let at = 0; at < 3; at++) {
    await second.hears(`left ${at}`, 'outbox', ({ state, data }) => state === 'sent' && data.user_input === `left ${at}`);
  }
  // The first one cannot know, and sends them too.
  const from = first.told.length;
  first.client.reconnect();
  await first.isUp(from);
  await expect.poll(() => first.client.outbox.entries).toEqual([]);
  await expect.poll(() => values.size, { timeout: 10_000 }).toBe(0);
  const { events } = await second.client.history();
  expect(events.map((event) => (event.type === 'new_message' ? event.data.content : ''))).toEqual(['left 0', 'left 1', 'left 2']);
});

test('a token that has ended is replaced, and the connection comes back', async () => {
  const asked: string[] = [];
  const getToken = (reason: string) => {
    asked.push(reason);
    // Past the minute of leeway.
    return tokenOf('expired', asked.length === 1 ? { seconds: -120 } : {});
  };
  for (const mode of ['websocket', 'streaming', 'http'] as const) {
    asked.length = 0;
    const one = person({ url: gateway.url, getToken, mode });
    await one.isUp();
    expect(asked).toEqual(['first', 'refused']);
    await one.client.send('hello', { ai: false }).acked;
    one.client.close();
  }
});

test('a refusal says how long to stay away', async () => {
  const strict = await cluster.gateway('0', { LIMITS_EXEMPT: '', LIMITS_CONNECTIONS_PER_MINUTE_PER_USER: '2' });
  const options = { url: strict.url, user: 'eager', minDelayMs: 10, maxDelayMs: 20 };
  const [first, second] = [person(options), person(options)];
  await Promise.all([first.isUp(), second.isUp()]);
  const third = person(options);
  const state = await third.hears('it is refused', 'state', (one) => one.name === 'connecting' && one.retryAt !== null);
  expect(state).toMatchObject({ reason: { error: { code: 'rate_limited', status: 429, scope: 'user' } } });
  if (state.name !== 'connecting' || state.retryAt === null) throw new Error('it waits');
  expect(state.retryAt - Date.now()).toBeGreaterThan(5_000);
});

test('more messages than a minute allows go out at the pace that is allowed, all of them', async () => {
  const strict = await cluster.gateway('0', { LIMITS_EXEMPT: '', LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION: '600', LIMITS_REQUESTS_PER_SECOND: '10000', LIMITS_BURST: '10000' });
  const one = person({ url: strict.url, user: 'floods', outboxLimit: 1_000 });
  await one.isUp();
  const sent = Array.from({ length: 620 }, (_, at) => one.client.send(`m${at}`, { ai: false, sessionId: `s${at % 5}` }));
  const acks = await Promise.all(sent.map(({ acked }) => acked));
  expect(new Set(acks.map(({ seq }) => seq)).size).toBe(620);
  expect(one.told.some(({ name, value }) => name === 'outbox' && value.error !== undefined)).toBe(false);
  expect(one.states).toEqual(['connecting', 'ready']);
});

test('a limit that is met all the same holds messages back, in their order', async () => {
  const strict = await cluster.gateway('0', {
    LIMITS_EXEMPT: '',
    LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION: '60',
    LIMITS_REQUESTS_PER_SECOND: '5',
    LIMITS_BURST: '5',
  });
  const one = person({ url: strict.url, user: 'limited', historyLimit: 0 });
  await one.isUp();
  const sent = Array.from({ length: 20 }, (_, at) => one.client.send(`m${at}`, { ai: false, sessionId: 's' }));
  const acks = await Promise.all(sent.map(({ acked }) => acked));
  expect(acks.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
  expect(one.told.some(({ name, value }) => name === 'outbox' && value.error?.code === 'rate_limited')).toBe(true);
  expect(one.states).toEqual(['connecting', 'ready']);
});

test('a visitor is the same one when the page is opened again', async () => {
  const { browserStorage } = await import('../../src/storage/index.js');
  const values = new Map<string, string>();
  const storage = browserStorage({
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
  });
  // A browser says by itself which page asks.
  const asPage: Options['fetch'] = (input, init) => fetch(input, { ...init, headers: { ...init?.headers, origin: ORIGIN } });
  class PageSocket extends (SOCKET as unknown as new (...given: unknown[]) => WebSocket) {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { origin: ORIGIN });
    }
  }
  const visit = () => person({ url: gateway.url, tenantHash: 'acme-hash', storage, fetch: asPage, WebSocket: PageSocket });
  const first = visit();
  await first.isUp();
  const user = first.client.ready?.user_id;
  expect(user).toMatch(/^v~/);
  first.client.close();
  first.client.send('written with no connection', { ai: false });
  const second = visit();
  await second.isUp();
  expect(second.client.ready?.user_id).toBe(user);
  await second.hears('what was left is sent', 'outbox', ({ state }) => state === 'sent');
  expect((await second.client.history()).events).toHaveLength(1);
});
