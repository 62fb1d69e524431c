// What others than the server answer: proxies, portals, nobody.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { endOf, Server } from '../../src/transports/server.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const answering = (body: string, init: ResponseInit = {}) => new Server('wss://chat.example/prefix', async () => new Response(body, init));

test('paths stand behind that of the server, whatever the scheme', () => {
  const server = answering('');
  expect(server.url('api/actions', new URLSearchParams({ a: 'b c' })).href).toBe('https://chat.example/prefix/api/actions?a=b+c');
});

test('a portal that answers with a page of its own is not taken for the server', async () => {
  const asked = answering('<html>Log in</html>').json('api/x');
  await expect(asked).rejects.toMatchObject({ code: 'unreachable', canRetry: true, status: 200 });
});

test('a proxy’s Retry-After counts', async () => {
  const asked = answering('busy', { status: 503, headers: { 'retry-after': '7' } }).json('api/x');
  await expect(asked).rejects.toMatchObject({ code: 'unreachable', retryAfterMs: 7_000, status: 503 });
});

test.each([
  [400, 'Bad Request', 'path'],
  [200, '<html>', 'path'],
  [502, 'Bad Gateway', undefined],
  [404, '{"type":"error","code":"not_found","content":"","canRetry":false,"fatal":false}', 'gone'],
  [403, '{"type":"error","code":"forbidden","content":"","canRetry":false,"fatal":false}', undefined],
] as const)('%i %s: blocked by %s', async (status, body, isBlocked) => {
  expect((await endOf(new Response(body, { status }))).isBlocked).toBe(isBlocked);
});

test('who does not answer in time is given up', async () => {
  const hanging: typeof fetch = (_, init) =>
    new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(new Error('aborted'))));
  const asked = new Server('http://chat.example', hanging).ask('api/x', { timeoutMs: 1_000 });
  const refused = expect(asked).rejects.toMatchObject({ code: 'timeout', canRetry: true });
  await vi.advanceTimersByTimeAsync(1_000);
  await refused;
});

test('who cannot be reached is told as that', async () => {
  const failing: typeof fetch = () => Promise.reject(new TypeError('fetch failed'));
  await expect(new Server('http://chat.example', failing).ask('api/x')).rejects.toMatchObject({ code: 'unreachable' });
});
