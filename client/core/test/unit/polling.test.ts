// Plain requests: what is asked for is asked for once at a time.
import { expect, test, vi } from 'vitest';
import { connect } from '../../src/index.js';

/** A server of which each answer takes a moment; `together` is how many histories it was asked for at once, at the most. */
function slowServer() {
  let asked = 0;
  const told = { together: 0, posted: 0 };
  const answering: typeof fetch = async (input, init) => {
    const isHistory = new URL(String(input)).pathname.endsWith('/history');
    told.together = Math.max(told.together, (asked += Number(isHistory)));
    await new Promise((resolve) => setTimeout(resolve, 20));
    asked -= Number(isHistory);
    if (isHistory) return Response.json({ epoch: 'e1', events: [], has_more: false });
    told.posted += 1;
    const { id } = JSON.parse(String(init?.body));
    const data = { message_id: id, session_id: 's1', room: 'user:u1', epoch: 'e1', seq: told.posted };
    return Response.json({ type: 'ack', id, data });
  };
  return { told, answering };
}

test('what is said while the rooms are being read does not have them read twice at a time', async () => {
  const { told, answering } = slowServer();
  const chat = connect({ url: 'http://chat.example', getToken: () => 'token', mode: 'http', pollMs: 1, historyLimit: 0, fetch: answering });
  for (let at = 0; at < 5; at++) await chat.send(`number ${at}`, { ai: false }).acked;
  await vi.waitFor(() => expect(told.posted).toBe(5));
  expect(told.together).toBe(1);
  chat.close();
});

/** A server whose log of one's own room grows by as much at once as it is told, and keeps only the newest so many. */
function logOf(keeps: number) {
  const events: object[] = [];
  let last = 0;
  const at = (seq: number) => ({ type: 'new_message', room: 'user:me', epoch: 'e1', seq, ts: 0, data: { message_id: `m${seq}`, content: `${seq}` } });
  const answering: typeof fetch = async (input) => {
    const { pathname, searchParams } = new URL(String(input));
    if (!decodeURIComponent(pathname).endsWith('user:me/history')) return Response.json({ epoch: 'e1', events: [], has_more: false });
    const limit = Number(searchParams.get('limit'));
    const after = searchParams.get('after');
    const found = events.filter((event) => (event as { seq: number }).seq > Number(after));
    const page = after === null ? found.slice(-limit) : found.slice(0, limit);
    return Response.json({ epoch: 'e1', events: page, has_more: page.length < found.length });
  };
  const grow = (by: number) => {
    for (let count = 0; count < by; count++) events.push(at(++last));
    events.splice(0, events.length - keeps);
  };
  return { answering, grow };
}

async function hearing(keeps: number) {
  const log = logOf(keeps);
  log.grow(3);
  const heard: number[] = [];
  const resets: [string, number][] = [];
  const chat = connect({ url: 'http://chat.example', getToken: () => 'token', mode: 'http', pollMs: 1, fetch: log.answering });
  chat.on('event', (event) => 'seq' in event && heard.push(event.seq));
  chat.on('reset', ({ room, reason, events }) => room === 'user:me' && resets.push([reason, events.at(-1)?.seq ?? 0]));
  await vi.waitFor(() => expect(resets).toEqual([['joined', 3]]));
  return { chat, log, heard, resets };
}

test('more than a page between two polls is read on, and nothing of it missed', async () => {
  const { chat, log, heard, resets } = await hearing(5_000);
  log.grow(1_203);
  await vi.waitFor(() => expect(heard.length).toBe(1_203), { timeout: 10_000 });
  expect(heard).toEqual(Array.from({ length: 1_203 }, (_, at) => at + 4));
  expect([resets.length, chat.anomalies.gaps]).toEqual([1, 0]);
  chat.close();
});

test('what the log no longer keeps is a loss, so the room is shown anew', async () => {
  const { chat, log, resets } = await hearing(10);
  log.grow(100);
  await vi.waitFor(() => expect(resets).toEqual([['joined', 3], ['lost', 103]]), { timeout: 10_000 });
  expect(chat.anomalies.gaps).toBe(0);
  chat.close();
});

test('what a proxy on the way refuses is that message, and the connection stays', async () => {
  const answering: typeof fetch = async (_input, init) =>
    init?.method === 'POST'
      ? new Response('<h1>Forbidden</h1>', { status: 403 })
      : Response.json({ epoch: 'e1', events: [], has_more: false });
  const options = { getToken: () => 'token', mode: 'http', pollMs: 1, historyLimit: 0, messageTries: 1 } as const;
  const chat = connect({ url: 'http://chat.example', ...options, fetch: answering });
  const states: string[] = [];
  chat.on('state', ({ name }) => states.push(name));
  const { acked } = chat.send('select * from messages', { ai: false });
  await expect(acked).rejects.toMatchObject({ code: 'unreachable', message: 'Something on the way answers 403.' });
  expect(chat.outbox.entries).toMatchObject([{ state: 'failed' }]);
  expect(states).toEqual(['ready']);
  chat.close();
});

test('a question whose answer the log keeps no more is asked after no more', async () => {
  const asked: string[] = [];
  const answering: typeof fetch = async (input, init) => {
    const { pathname } = new URL(String(input));
    asked.push(pathname);
    if (init?.method === 'POST') {
      const { id } = JSON.parse(String(init.body));
      return Response.json({ type: 'ack', id, data: { message_id: 'm1', session_id: 's', room: 'user:u1', epoch: 'e1', seq: 1 } });
    }
    if (pathname.includes('/messages/')) return Response.json({ message_id: 'r1', state: 'done' });
    return Response.json({ epoch: 'e1', events: [], has_more: false });
  };
  const chat = connect({ url: 'http://chat.example', getToken: () => 'token', mode: 'http', pollMs: 1, historyLimit: 0, fetch: answering });
  await chat.send('why?').acked;
  const rounds = () => asked.filter((path) => path.endsWith('tenant/history')).length;
  await vi.waitFor(() => expect(asked).toContain('/api/messages/m1'));
  const before = rounds();
  await vi.waitFor(() => expect(rounds()).toBeGreaterThan(before + 3));
  expect(asked.filter((path) => path === '/api/messages/m1')).toHaveLength(1);
  chat.close();
});
