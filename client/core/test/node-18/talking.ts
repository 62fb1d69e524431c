// The built packages in the oldest Node that they are for: plain, since vitest needs a newer one.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type Client, type ClientEvents, connect, type Options, whyOf } from '@causerie/client';
import { Conversation } from '@causerie/client/conversation';
import { type Quality, QualityMonitor } from '@causerie/client/quality';
import { clientConfig } from '@causerie/client/rollout';
import { storageOn } from '@causerie/client/storage';
import { WebSocket } from 'ws';
import { Cluster, tokenOf } from '../integration/support/cluster.js';

const PATIENCE_MS = 30_000;

/** The next of this name that is as wanted. */
function next<Name extends keyof ClientEvents>(chat: Client, name: Name, isIt: (value: ClientEvents[Name]) => boolean): Promise<ClientEvents[Name]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no such ${name}; it is ${JSON.stringify(chat.state)}`)), PATIENCE_MS);
    const stop = chat.on(name, (value) => {
      if (!isIt(value)) return;
      clearTimeout(timer);
      stop();
      resolve(value);
    });
  });
}

const isReady = (chat: Client) => next(chat, 'state', ({ name }) => name === 'ready');

async function answerTo(chat: Client, text: string): Promise<string> {
  const done = next(chat, 'reply', ({ state, text: answer }) => state === 'done' && answer === `You said: ${text}`);
  await chat.send(text, { sessionId: 's1' }).acked;
  return (await done).text;
}

test(`in Node ${process.version}`, async (t) => {
  const cluster = await Cluster.start();
  const open: Client[] = [];
  try {
    let gateway = await cluster.gateway();
    const chatOf = (user: string, options: Partial<Options> = {}) => {
      const chat = connect({ url: gateway.url, getToken: () => tokenOf(user), pollMs: 50, minDelayMs: 100, ...options });
      open.push(chat);
      return chat;
    };
    const withSocket = { WebSocket: WebSocket as unknown as NonNullable<Options['WebSocket']> };

    for (const mode of ['websocket', 'streaming', 'http'] as const) {
      await t.test(`asks, is answered, cancels and reads what was said, over ${mode}`, async () => {
        const chat = chatOf(`by-${mode}`, { mode, ...withSocket });
        await isReady(chat);
        assert.deepEqual(chat.state, { name: 'ready', transport: mode });
        assert.equal(await answerTo(chat, 'hello'), 'You said: hello');
        const { message_id: question } = await chat.send('word '.repeat(2_000), { sessionId: 's2' }).acked;
        const ended = next(chat, 'reply', ({ state, inReplyTo }) => state === 'done' && inReplyTo === question);
        await chat.cancel(question);
        assert.equal((await ended).message?.finish_reason, 'cancelled');
        const { events } = await chat.history();
        assert.deepEqual(events.map(({ type }) => type), ['new_message', 'message', 'new_message', 'message']);
        assert.ok((await chat.ping()) >= 0);
        chat.close();
        assert.equal(whyOf(chat.state), 'closed');
      });
    }

    await t.test('streams, where it is given no WebSocket', async () => {
      const chat = chatOf('without');
      await isReady(chat);
      assert.deepEqual(chat.state, { name: 'ready', transport: 'streaming' });
      chat.close();
    });

    await t.test('comes back from a gateway that was killed, and sends what waited', async () => {
      const chat = chatOf('killed', withSocket);
      await isReady(chat);
      const lost = next(chat, 'state', ({ name }) => name === 'recovering');
      await gateway.program.end();
      await lost;
      const { acked } = chat.send('written meanwhile', { ai: false });
      gateway = await cluster.gateway(gateway.port);
      assert.equal((await acked).room, 'user:killed');
      chat.close();
    });

    await t.test('its other entries work', async () => {
      const kept = new Map<string, string>();
      const storage = storageOn({ get: (key) => kept.get(key) ?? null, set: (key, value) => void kept.set(key, value), remove: (key) => void kept.delete(key) });
      const chat = chatOf('entries', { storage, ...withSocket });
      const conversation = new Conversation(chat, { sessionId: 's1' });
      const monitors: QualityMonitor[] = [];
      const stop = conversation.subscribe(() => {});
      const measured = new Promise<string>((resolve) => {
        const onChange = ({ grade, latencyMs }: Quality) => latencyMs !== null && resolve(grade);
        monitors.push(new QualityMonitor(chat, { intervalMs: 50, onChange }));
      });
      await isReady(chat);
      await answerTo(chat, 'hello');
      assert.deepEqual(conversation.snapshot.messages.map(({ role }) => role), ['user', 'assistant']);
      assert.notEqual(await measured, 'offline');
      stop();
      for (const monitor of monitors) monitor.stop();
      chat.close();
      assert.equal((await clientConfig({ url: gateway.url, getToken: () => tokenOf('entries') })).mode, 'auto');
    });
  } finally {
    for (const chat of open) chat.close();
    await cluster.end();
  }
});
