// What closes a connection, and what then becomes of those who wait.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describe, whyOf } from '../../src/index.js';
import { Cluster, type Node, tokenOf } from './support/cluster.js';
import { Person } from './support/person.js';
import { Proxy } from './support/proxy.js';

let cluster: Cluster;
let gateway: Node;
const people: Person[] = [];

beforeAll(async () => {
  cluster = await Cluster.start();
  gateway = await cluster.gateway();
});

afterAll(async () => {
  for (const one of people) one.client.close();
  await cluster?.end();
});

function person(options: ConstructorParameters<typeof Person>[0]): Person {
  const one = new Person({ minDelayMs: 200, maxDelayMs: 1_000, ...options });
  people.push(one);
  return one;
}

test('a token that nobody believes closes it for good, and says why', async () => {
  const one = person({ url: gateway.url, getToken: () => `${tokenOf('forged')}x` });
  const closed = await one.hears('it is closed', 'state', ({ name }) => name === 'closed');
  expect(closed).toMatchObject({ comesBack: 'never', reason: { error: { code: 'unauthorized' } } });
  expect([whyOf(one.client.state), describe(one.client.state)]).toEqual(['token_refused', 'Your sign-in was not accepted.']);
  await expect(one.client.cancel('00-x')).rejects.toMatchObject({ code: 'unauthorized' });
  await expect(one.client.send('nobody takes this').acked).rejects.toMatchObject({ code: 'unauthorized' });
});

test('while it is closed nobody is left waiting, and what waits is sent after all', async () => {
  const one = person({ url: gateway.url, user: 'closes' });
  const before = one.client.send('before', { ai: false });
  const asked = one.client.setStatus('away');
  one.client.close();
  const after = one.client.send('after', { ai: false });
  for (const promise of [before.acked, asked, after.acked, one.client.read('tenant', 1), one.client.ping()]) {
    await expect(promise).rejects.toMatchObject({ code: 'closed', canRetry: false });
  }
  expect(one.client.outbox.entries.map(({ id, state }) => [id, state])).toEqual([
    [before.id, 'queued'],
    [after.id, 'queued'],
  ]);
  one.client.reconnect();
  await one.hears('it is sent', 'outbox', ({ id, state }) => id === after.id && state === 'sent');
});

test('who gives up leaves nobody waiting, and tries again when something is sent', async () => {
  const way = await Proxy.to(gateway.url);
  const { port } = way;
  await way.shut();
  const one = person({ url: `http://127.0.0.1:${port}`, user: 'gives-up', giveUp: true, offlineAfter: 1, minDelayMs: 10, maxDelayMs: 20 });
  await expect(one.client.send('in vain', { ai: false }).acked).rejects.toMatchObject({ code: 'closed' });
  expect(one.client.state).toMatchObject({ name: 'closed', comesBack: 'when_you_act' });
  expect(whyOf(one.client.state)).toBe('gave_up');
  await way.open(port);
  await one.client.send('and again', { ai: false }).acked;
  expect(one.client.outbox.entries).toEqual([]);
  await way.shut();
});

test('an idle connection is closed, and comes back when something is sent', async () => {
  const idle = await cluster.gateway('0', { WEBSOCKET_IDLE_TIMEOUT: '1s' });
  const one = person({ url: idle.url, user: 'idle' });
  const closed = await one.hears('it is closed', 'state', ({ name }) => name === 'closed');
  expect(closed).toMatchObject({ comesBack: 'when_you_act', reason: { closeCode: 4509 } });
  await one.client.send('back', { ai: false }).acked;
  expect(one.states.slice(0, 4)).toEqual(['connecting', 'ready', 'closed', 'recovering']);
});

test('who is disconnected by an operator stays away', async () => {
  const one = person({ url: gateway.url, user: 'expelled' });
  await one.isUp();
  const authorization = `Bearer ${tokenOf('boss', { roles: ['admin'] })}`;
  const answer = await fetch(`${gateway.url}/api/users/expelled/disconnect`, { method: 'POST', headers: { authorization } });
  expect(answer.status).toBe(200);
  const closed = await one.hears('it is closed', 'state', ({ name }) => name === 'closed');
  expect(closed).toMatchObject({ comesBack: 'never', reason: { closeCode: 4510 } });
  const from = one.told.length;
  one.client.reconnect();
  await one.isUp(from);
});

test.each(['streaming', 'http'] as const)('a page whose origin no tenant names is told why it stays outside, over %s', async (mode) => {
  // As a browser does, which no page can talk out of it.
  const fromElsewhere: typeof fetch = (input, init) => fetch(input, { ...init, headers: { ...init?.headers, origin: 'https://elsewhere.example' } });
  const one = person({ url: gateway.url, user: 'elsewhere', mode, fetch: fromElsewhere });
  const closed = await one.hears('it is refused', 'state', ({ name }) => name === 'closed');
  expect(closed).toMatchObject({ comesBack: 'never', reason: { error: { code: 'forbidden', status: 403 } } });
  expect(whyOf(closed)).toBe('origin_refused');
});
