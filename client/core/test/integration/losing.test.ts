// Where Redis loses its data: each test has a cluster of its own.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Cluster, type Node } from './support/cluster.js';
import { Person } from './support/person.js';
import type { Options } from '../../src/index.js';

let lossy: Cluster;
let node: Node;
let one: Person | undefined;

beforeEach(async () => {
  lossy = await Cluster.start();
  node = await lossy.gateway();
});

afterEach(async () => {
  one?.client.close();
  await lossy.end();
});

const room = (user: string) => `user:${user}`;

test('a redis that loses its data: what is gone is told, and sent again by hand', async () => {
  one = new Person({ url: node.url, user: 'loses' });
  await one.hears('its room', 'reset', ({ room: of }) => of === room('loses'));
  const { id } = one.client.send('gone', { ai: false });
  await one.hears('it is sent', 'outbox', (entry) => entry.id === id && entry.state === 'sent');
  await lossy.loseData();
  const reset = await one.hears('it was lost', 'reset', ({ reason, room: of }) => reason === 'lost' && of === room('loses'));
  expect(reset.events).toEqual([]);
  const failed = await one.hears('it has failed', 'outbox', (entry) => entry.id === id && entry.state === 'failed');
  expect(failed.error).toMatchObject({ code: 'lost', canRetry: true });
  one.client.outbox.retry(id);
  await one.hears('it is stored again', 'outbox', (entry) => entry.id !== id && entry.state === 'sent');
  expect((await one.client.history()).events).toHaveLength(1);
});

test('what is stored while the log is read anew is not taken for lost', async () => {
  let onAnswer: (() => Promise<void>) | undefined;
  const slow: Options['fetch'] = async (input, init) => {
    const answer = await fetch(input, init);
    if (`${input}`.includes('user%3Araces/history')) await onAnswer?.();
    return answer;
  };
  one = new Person({ url: node.url, user: 'races', fetch: slow });
  await one.hears('its room', 'reset', ({ room: of }) => of === room('races'));
  const gone = one.client.send('gone', { ai: false });
  await gone.acked;
  let release = () => {};
  const isRead = new Promise<void>((tell) => {
    onAnswer = () => {
      tell();
      return new Promise((resolve) => (release = resolve));
    };
  });
  await lossy.loseData();
  await isRead;
  await one.client.send('kept', { ai: false }).acked;
  release();
  const failed = await one.hears('one has failed', 'outbox', ({ state }) => state === 'failed');
  expect(failed.id).toBe(gone.id);
  expect(one.client.outbox.entries.map(({ id }) => id)).toEqual([gone.id]);
});
