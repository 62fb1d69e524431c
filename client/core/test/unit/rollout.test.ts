// What a page is told of which transports to use, by whatever answers.
import { afterEach, expect, test, vi } from 'vitest';
import { clientConfig } from '../../src/rollout/index.js';
import { storageOn } from '../../src/storage/index.js';

afterEach(() => void vi.useRealTimers());

const PAGE = { url: 'wss://chat.example/prefix', tenantHash: 'acme-hash' };

function answering(body: unknown, init: ResponseInit = {}) {
  const asked: { url: URL; init: RequestInit | undefined }[] = [];
  const answer: typeof fetch = async (url, init_) => {
    asked.push({ url: new URL(String(url)), init: init_ });
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), init);
  };
  return { asked, fetch: answer };
}

test('a visitor’s page asks under an id that it keeps', async () => {
  const kept = new Map<string, string>();
  const storage = storageOn({
    get: (key) => kept.get(key) ?? null,
    set: (key, value) => void kept.set(key, value),
    remove: (key) => void kept.delete(key),
  });
  const { asked, fetch } = answering({ mode: 'streaming', flags: ['beta'] });
  expect(await clientConfig({ ...PAGE, storage, fetch })).toEqual({ mode: 'streaming', flags: ['beta'] });
  await clientConfig({ ...PAGE, storage, fetch });
  const [first, second] = asked.map(({ url }) => url);
  expect(first?.origin).toBe('https://chat.example');
  expect(first?.pathname).toBe('/prefix/api/client-config');
  expect(first?.searchParams.get('t')).toBe('acme-hash');
  expect(first?.searchParams.get('visitor')).toMatch(/^[a-z0-9]{10,128}$/);
  expect(second?.href).toBe(first?.href);
});

test('who has a token asks by it, and the browser may know the answer', async () => {
  const { asked, fetch } = answering({ mode: 'auto', flags: [], user_id: 'u1' });
  const told = await clientConfig({ url: PAGE.url, getToken: () => 'the.token', fetch });
  expect(told).toEqual({ mode: 'auto', flags: [], userId: 'u1' });
  expect(asked[0]?.url.searchParams.has('t')).toBe(false);
  expect(asked[0]?.init).toMatchObject({ cache: 'default', headers: { authorization: 'Bearer the.token' } });
});

test.each([
  [{ mode: 'telepathy', flags: ['beta'] }, { mode: 'auto', flags: ['beta'] }],
  [{ mode: 'http' }, { mode: 'http', flags: [] }],
])('%j is taken for %j', async (body, told) => {
  expect(await clientConfig({ ...PAGE, fetch: answering(body).fetch })).toEqual(told);
});

test.each([
  ['a refusal', answering({ type: 'error', code: 'forbidden', content: 'No.' }, { status: 403 }).fetch, 'forbidden'],
  ['a portal', answering('<html>').fetch, 'unreachable'],
  ['nobody', () => Promise.reject(new TypeError('fetch failed')), 'unreachable'],
])('by %s it is `auto`, and says why', async (_, fetch, code) => {
  expect(await clientConfig({ ...PAGE, fetch })).toMatchObject({ mode: 'auto', flags: [], error: { code } });
});

test('whatever keeps it waiting, it goes on in time', async () => {
  vi.useFakeTimers();
  const never = () => new Promise<never>(() => {});
  const told = [clientConfig({ ...PAGE, fetch: never }), clientConfig({ ...PAGE, getToken: never })];
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await Promise.all(told)).toMatchObject(Array(2).fill({ mode: 'auto', flags: [], error: { code: 'timeout' } }));
});
