import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientConfig } from '../../src/rollout/index.js';
import { Cluster, type Node, tokenOf } from './support/cluster.js';
import { Person } from './support/person.js';
import { Proxy } from './support/proxy.js';

let cluster: Cluster;
let node: Node;
let way: Proxy;

beforeAll(async () => {
  cluster = await Cluster.start({ ROLLOUT_PERCENTAGE: '0', ROLLOUT_FLAGS: 'beta' });
  node = await cluster.gateway();
  way = await Proxy.to(node.url);
});

afterAll(async () => {
  await way?.shut();
  await cluster?.end();
});

test('who is not to use WebSockets does not, and gets through all the same', async () => {
  const told = await clientConfig({ url: node.url, getToken: () => tokenOf('rolled') });
  expect(told).toEqual({ mode: 'streaming', flags: ['beta'], userId: 'rolled' });
  const { mode } = told;
  way.gathersStreams = true;
  const one = new Person({ url: way.url, user: 'rolled', mode, connectTimeoutMs: 200, minDelayMs: 10, maxDelayMs: 20, pollMs: 100 });
  await one.hears('it falls back', 'state', (state) => state.name === 'fallback' && state.transport === 'http');
  way.gathersStreams = false;
  await one.hears('it streams', 'state', (state) => state.name === 'ready' && state.transport === 'streaming');
  expect(way.asked).not.toContain('UPGRADE /ws');
  one.client.close();
});
