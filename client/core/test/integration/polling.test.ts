// Plain requests against real gateways: what happens between two of them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster, type Node } from './support/cluster.js';
import { Person } from './support/person.js';
import { Proxy } from './support/proxy.js';

/** More than two pages, of 500 events each. */
const MANY = 1_100;

const ROOM = 'project:p1';

let cluster: Cluster;
let gateway: Node;
const people: Person[] = [];

function person(options: ConstructorParameters<typeof Person>[0]): Person {
  const one = new Person(options);
  people.push(one);
  return one;
}

/** Asks only when it has something to say: that is when the next poll is. */
async function listener(url: string, user: string): Promise<Person> {
  const one = person({ url, user, mode: 'http', pollMs: 3_600_000, rooms: [ROOM] });
  await one.hears('what was said before', 'reset', ({ room }) => room === ROOM);
  return one;
}

/** Says these, from where the listener is not. */
async function say(texts: readonly string[]): Promise<void> {
  const one = person({ url: gateway.url, user: 'talker', outboxLimit: MANY });
  await one.isUp();
  // Those of one session go one after the other.
  const all = texts.map((text, at) => one.client.send(text, { room: ROOM, ai: false, sessionId: `s${at % 20}` }).acked);
  await Promise.all(all);
  one.client.close();
}

const heard = (one: Person) => one.durable(ROOM).map(({ seq }) => seq);

beforeAll(async () => {
  cluster = await Cluster.start({ LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION: '100000', LIMITS_MESSAGES_PER_MINUTE_PER_USER: '100000' });
  gateway = await cluster.gateway();
});

afterAll(async () => {
  for (const one of people) one.client.close();
  await cluster?.end();
});

test('more than two pages between two polls are all told, once and in order', async () => {
  const way = await Proxy.to(gateway.url);
  const one = await listener(way.url, 'reads-pages');
  const from = way.asked.length;
  await say(Array.from({ length: MANY }, (_, at) => `number ${at}`));
  expect(heard(one)).toEqual([]);
  await one.client.send('what have I missed?', { ai: false }).acked;
  await one.hears('the last one', 'event', (event) => 'seq' in event && event.room === ROOM && event.seq === MANY);
  expect(heard(one)).toEqual(Array.from({ length: MANY }, (_, at) => at + 1));
  expect(one.client.anomalies).toEqual({ duplicates: 0, reordered: 0, gaps: 0 });
  const pages = way.asked.slice(from).filter((asked) => asked.endsWith(`${encodeURIComponent(ROOM)}/history`));
  expect(pages.length).toBeGreaterThanOrEqual(3);
  one.client.close();
  await way.shut();
});

test('a gateway that restarts between two polls is not noticed, and nothing is missed', async () => {
  const other = await cluster.gateway();
  const one = await listener(other.url, 'hears-of-no-restart');
  await other.program.end();
  await say(['said while it was away']);
  await cluster.gateway(other.port);
  await one.client.send('anybody there?', { ai: false }).acked;
  await one.hears('what was said', 'event', (event) => event.type === 'new_message' && event.data.content === 'said while it was away');
  expect(heard(one).length).toBe(1);
  expect(one.states).toEqual(['connecting', 'ready']);
  one.client.close();
});

test('a gateway that is away when it is asked is waited for, and what was said meanwhile is told', async () => {
  const other = await cluster.gateway();
  const one = person({ url: other.url, user: 'waits', mode: 'http', pollMs: 50, minDelayMs: 100, maxDelayMs: 500, rooms: [ROOM] });
  await one.hears('what was said before', 'reset', ({ room }) => room === ROOM);
  await other.program.end();
  await one.hears('it is lost', 'state', ({ name }) => name === 'recovering');
  const { acked } = one.client.send('written meanwhile', { room: ROOM, ai: false });
  await say(['said meanwhile']);
  await cluster.gateway(other.port);
  const { seq } = await acked;
  await one.hears('its own message', 'event', (event) => 'seq' in event && event.room === ROOM && event.seq === seq);
  expect(heard(one)).toEqual([seq - 1, seq]);
  one.client.close();
});
