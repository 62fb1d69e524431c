import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
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

test('a share that is changed while a gateway runs is told to who asks next, and moves nobody who is there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'causerie-rollout-'));
  const file = join(folder, 'causerie.toml');
  const roll = (keys: string) => writeFileSync(file, `[rollout]\n${keys}\n`);
  try {
    // `docs/rollout.md` reckons where this user stands: just below 25 %.
    roll('percentage = 24');
    const gateway = await cluster.gateway('0', { CAUSERIE_CONFIG: file, ROLLOUT_PERCENTAGE: '', ROLLOUT_FLAGS: '' });
    const told = async () => (await clientConfig({ url: gateway.url, getToken: () => tokenOf('u1') })).mode;
    const connected = async () => {
      const one = new Person({ url: gateway.url, user: 'u1', mode: await told() });
      await one.isUp();
      return one;
    };
    const early = await connected();
    expect(early.client.state).toEqual({ name: 'ready', transport: 'streaming' });
    roll('percentage = 25');
    await vi.waitFor(async () => expect(await told()).toBe('auto'), { timeout: 20_000 });
    const late = await connected();
    expect(late.client.state).toEqual({ name: 'ready', transport: 'websocket' });
    roll('percentage = 100\nenabled = false\nfallback = "http"');
    await vi.waitFor(async () => expect(await told()).toBe('http'), { timeout: 20_000 });
    for (const one of [early, late]) {
      await one.client.send('still here', { ai: false }).acked;
      expect(one.states).toEqual(['connecting', 'ready']);
      one.client.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
