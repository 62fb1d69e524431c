// What a place does not have is done without.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connect } from '../../src/index.js';

beforeEach(() => void vi.stubGlobal('WebSocket', undefined));
afterEach(() => void vi.unstubAllGlobals());

/** A server that says that it is ready, and nothing more. */
function server() {
  const asked: string[] = [];
  const answering: typeof fetch = async (input) => {
    const { pathname } = new URL(String(input));
    asked.push(pathname);
    if (pathname !== '/api/events') return new Response('{}');
    const ready = { type: 'ready', data: { user_id: 'u1', server_time: 0, messages_per_minute: 60 } };
    const stream = new ReadableStream({
      start: (told) => told.enqueue(new TextEncoder().encode(`event: ready\ndata: ${JSON.stringify(ready)}\n\n`)),
    });
    return new Response(stream, { headers: { 'content-type': 'text/event-stream' } });
  };
  return { asked, answering };
}

test.each([
  ['the platform has none', {}],
  ['the page wants none', { WebSocket: null }],
])('without a WebSocket it streams at once, as the best that there is: %s', async (_, given) => {
  const { asked, answering } = server();
  const chat = connect({ url: 'http://chat.example', getToken: () => 'token', mode: 'auto', fetch: answering, ...given });
  const names: string[] = [];
  chat.on('state', ({ name }) => names.push(name));
  await vi.waitFor(() => expect(chat.state).toEqual({ name: 'ready', transport: 'streaming' }));
  // No other way was tried before.
  expect([names.at(-1), asked[0]]).toEqual(['ready', '/api/events']);
  expect(names).not.toContain('recovering');
  chat.close();
});
