import { afterAll, beforeAll, expect, test } from 'vitest';
import { Conversation, type ConversationOptions, type Snapshot } from '../../src/conversation/index.js';
import { Cluster, type Node } from './support/cluster.js';
import { Person } from './support/person.js';
import { Proxy } from './support/proxy.js';

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

/** A person's conversation, and every list that was ever shown of it. */
class Talk {
  readonly person: Person;
  readonly conversation: Conversation;
  readonly shown: Snapshot[] = [];

  constructor({ url = gateway.url, ...options }: ConstructorParameters<typeof Person>[0] | { url?: string; user: string }, of: ConversationOptions = {}) {
    this.person = new Person({ url, minDelayMs: 200, maxDelayMs: 1_000, ...options });
    people.push(this.person);
    this.conversation = new Conversation(this.person.client, of);
    this.conversation.subscribe(() => this.shown.push(this.conversation.snapshot));
  }

  get lines(): string[] {
    return this.conversation.snapshot.messages.map(({ text, state }) => `${text} ${state}`);
  }

  async is(what: string, isIt: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        unsubscribe();
        settle();
      };
      const look = () => {
        const { snapshot } = this.conversation;
        if (isIt(snapshot)) end(() => resolve(snapshot));
      };
      const timer = setTimeout(() => end(() => reject(new Error(`${what}: it is ${JSON.stringify(this.lines)}`))), 30_000);
      const unsubscribe = this.conversation.subscribe(look);
      look();
    });
  }

  /** No message was ever shown twice. */
  hadNoDoubles(): void {
    for (const { messages } of this.shown) {
      const ids = messages.flatMap(({ id }) => (id === undefined ? [] : [id]));
      expect(new Set(ids).size).toBe(ids.length);
      expect(new Set(messages.map(({ key }) => key)).size).toBe(messages.length);
    }
  }
}

const isIdle = ({ messages, status }: Snapshot) => status === 'idle' && messages.at(-1)?.role === 'assistant';

test('what is asked is shown once, and its reply as it grows', async () => {
  const one = new Talk({ user: 'asks' }, { sessionId: 's' });
  await one.is('read', ({ isLoading }) => !isLoading);
  const text = 'one two three '.repeat(20).trim();
  one.conversation.send(text);
  await one.is('the reply', isIdle);
  expect(one.lines).toEqual([`${text} sent`, `You said: ${text} sent`]);
  one.hadNoDoubles();
  const questions = one.shown.filter(({ messages }) => messages.length).map(({ messages }) => messages.filter(({ text: of }) => of === text).length);
  expect(new Set(questions)).toEqual(new Set([1]));
  const states = one.shown.map(({ messages }) => messages[0]?.state ?? '').filter((state, at, all) => state && state !== all[at - 1]);
  expect(states).toEqual(['queued', 'sent']);
  expect(new Set(one.shown.map(({ messages }) => messages[0]?.key).filter(Boolean)).size).toBe(1);
});

test('what was written offline is sent when there is a way', async () => {
  const way = await Proxy.to(gateway.url);
  proxies.push(way);
  const { port, url } = way;
  await way.shut();
  const one = new Talk({ url, user: 'offline' });
  for (const text of ['a', 'b', 'c']) one.conversation.send(text, { ai: false });
  expect(one.lines).toEqual(['a queued', 'b queued', 'c queued']);
  await way.open(port);
  await one.is('all sent', ({ messages }) => messages.length === 3 && messages.every(({ state }) => state === 'sent'));
  expect(one.lines).toEqual(['a sent', 'b sent', 'c sent']);
  one.hadNoDoubles();
});

test('an ack that is lost makes no second message', async () => {
  const way = await Proxy.to(gateway.url);
  proxies.push(way);
  const one = new Talk({ url: way.url, user: 'unanswered', mode: 'streaming' });
  await one.is('read', ({ isLoading }) => !isLoading);
  way.swallowsAnswers = true;
  one.conversation.send('once', { ai: false });
  // The stream shows it before the answer that is never heard.
  await one.is('it is stored', ({ messages }) => messages.some(({ state }) => state === 'sent'));
  way.swallowsAnswers = false;
  way.cut();
  await one.person.hears('the ack of the second try', 'outbox', ({ state }) => state === 'sent');
  expect(one.lines).toEqual(['once sent']);
  one.hadNoDoubles();
});

test('a later page shows the same, and reads back', async () => {
  const one = new Talk({ user: 'returns', historyLimit: 4 });
  await one.is('read', ({ isLoading }) => !isLoading);
  for (let at = 1; at <= 3; at++) {
    one.conversation.send(`question ${at}`);
    await one.is('its reply', (snapshot) => snapshot.messages.length === 2 * at && isIdle(snapshot));
  }
  const later = new Talk({ user: 'returns', historyLimit: 4 });
  await later.is('the end of it', ({ isLoading }) => !isLoading);
  expect(later.lines).toEqual(one.lines.slice(2));
  expect(later.conversation.snapshot.hasOlder).toBe(true);
  await later.conversation.loadOlder();
  expect(later.lines).toEqual(one.lines);
  expect(later.conversation.snapshot.hasOlder).toBe(false);
});

test('what is said while the list was not looked at is there when it is again', async () => {
  const one = new Talk({ user: 'looks-away' });
  const other = new Talk({ user: 'looks-away' });
  for (const talk of [one, other]) await talk.is('read', ({ isLoading }) => !isLoading);
  const away = new Conversation(one.person.client);
  const stop = away.subscribe(() => {});
  stop();
  await Promise.resolve();
  other.conversation.send('missed', { ai: false });
  await one.is('heard', ({ messages }) => messages.length === 1);
  expect(away.snapshot.messages).toEqual([]);
  const seen = new Promise<void>((resolve) => away.subscribe(() => away.snapshot.messages.length === 1 && resolve()));
  await seen;
  expect(away.snapshot.messages).toMatchObject([{ text: 'missed', isOwn: true, state: 'sent' }]);
});

test('deleted messages go everywhere', async () => {
  const [one, other] = [new Talk({ user: 'deletes' }), new Talk({ user: 'deletes' })];
  for (const talk of [one, other]) await talk.is('read', ({ isLoading }) => !isLoading);
  const { message_id, room } = await one.conversation.send('regretted', { ai: false }).acked;
  await other.is('shown', ({ messages }) => messages.length === 1);
  await one.person.client.delete(room, message_id);
  for (const talk of [one, other]) await talk.is('gone', ({ messages }) => messages.length === 0);
});

test('what the server has lost is shown as failed, and sent anew', async () => {
  const own = await Cluster.start();
  try {
    const node = await own.gateway();
    const one = new Talk({ url: node.url, user: 'loses' });
    await one.is('read', ({ isLoading }) => !isLoading);
    await one.conversation.send('lost', { ai: false }).acked;
    await own.loseData();
    await one.is('failed', ({ messages }) => messages[0]?.state === 'failed');
    expect(one.conversation.snapshot.messages).toMatchObject([{ text: 'lost', error: { code: 'lost' } }]);
    one.conversation.retry();
    await one.is('sent anew', ({ messages }) => messages[0]?.state === 'sent');
    expect(one.lines).toEqual(['lost sent']);
  } finally {
    people.at(-1)?.client.close();
    await own.end();
  }
});
