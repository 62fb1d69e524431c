import { expect, test, vi } from 'vitest';
import type { Entry } from '../../src/index.js';
import { browserStorage, type KeyValue, storageOn } from '../../src/storage/index.js';

function values(): KeyValue & { all: Map<string, string> } {
  const all = new Map<string, string>();
  return {
    all,
    get: (key) => all.get(key) ?? null,
    set: (key, value) => void all.set(key, value),
    remove: (key) => void all.delete(key),
  };
}

const entry = (id: string, more: Partial<Entry> = {}): Entry => ({
  id,
  data: { user_input: id },
  createdAt: Date.now(),
  state: 'queued',
  tries: 0,
  ...more,
});

const quiet = { onGone: () => {}, onError: () => {} };

test('a token is made once for all who ask', async () => {
  const storage = storageOn(values());
  let made = 0;
  const make = async () => `token ${(made += 1)}`;
  const tokens = await Promise.all([storage.token('t', make), storage.token('t', make)]);
  expect(tokens).toEqual(['token 1', 'token 1']);
  storage.dropToken('t', 'another one');
  expect(await storage.token('t', make)).toBe('token 1');
  storage.dropToken('t', 'token 1');
  expect(await storage.token('t', make)).toBe('token 2');
});

test('what waits is there for the next page, what is settled is not', async () => {
  const kept = values();
  const first = storageOn(kept).shelf('s', quiet);
  first.save([entry('a'), entry('b', { state: 'sending' }), entry('c', { state: 'failed' })]);
  await vi.waitFor(() => expect(kept.all.size).toBe(1));
  const second = storageOn(kept).shelf('s', quiet);
  expect((await second.take()).map(({ id, state }) => [id, state])).toEqual([
    ['a', 'queued'],
    ['b', 'queued'],
    ['c', 'failed'],
  ]);
  expect(await second.take()).toEqual([]);
  second.save([]);
  await vi.waitFor(() => expect(kept.all.size).toBe(0));
});

test('tabs do not overwrite each other', async () => {
  const storage = storageOn(values());
  const [one, other] = [storage.shelf('s', quiet), storage.shelf('s', quiet)];
  one.save([entry('a')]);
  other.save([entry('b')]);
  one.save([entry('a'), entry('a2')]);
  await storage.token('after them', async () => 't');
  const third = storage.shelf('s', quiet);
  expect((await third.take()).map(({ id }) => id).sort()).toEqual(['a', 'a2', 'b']);
});

test('what is older than a day is not sent by itself: the server would not know it again', async () => {
  const kept = values();
  const storage = storageOn(kept);
  storage.shelf('s', quiet).save([entry('old', { createdAt: Date.now() - 25 * 3_600_000 })]);
  await storage.token('after it', async () => 't');
  expect(await storage.shelf('s', quiet).take()).toMatchObject([{ id: 'old', state: 'failed', error: { code: 'expired' } }]);
});

test('a storage that is full says so, and what is no list is none', async () => {
  const kept = values();
  const onError = vi.fn();
  const full = { ...kept, set: () => { throw new Error('quota') } };
  storageOn(full).shelf('s', { ...quiet, onError }).save([entry('a')]);
  await vi.waitFor(() => expect(onError).toHaveBeenCalledWith(expect.objectContaining({ code: 'storage' })));
  kept.all.set('s', '{"not":"a list"}');
  expect(await storageOn(kept).shelf('s', quiet).take()).toEqual([]);
});

test('what another tab has settled is gone here', async () => {
  const kept = values();
  let changed = () => {};
  const onGone = vi.fn();
  const onEnd = vi.fn();
  const shelf = storageOn({ ...kept, watch: (_, onChange) => { changed = onChange; return onEnd } }).shelf('s', { ...quiet, onGone });
  await shelf.take();
  shelf.save([entry('a'), entry('b')]);
  await vi.waitFor(() => expect(kept.all.size).toBe(1));
  kept.all.set('s', JSON.stringify([{ id: 'b' }]));
  changed();
  await vi.waitFor(() => expect(onGone.mock.calls).toEqual([['a']]));
  shelf.close();
  expect(onEnd).toHaveBeenCalledOnce();
  // What is written while it is closed is for the next page.
  shelf.save([entry('c')]);
  await vi.waitFor(() => expect(kept.all.get('s')).toContain('"c"'));
});

test('where a browser has no storage there is none', () => {
  expect(browserStorage(null)).toBeNull();
});

test('what could not be kept once is kept with what comes next', async () => {
  const kept = values();
  let isFull = true;
  const set = kept.set.bind(kept);
  const one = storageOn({ ...kept, set: (key, value) => (isFull ? Promise.reject(new Error('full')) : set(key, value)) });
  const told: string[] = [];
  const gone: string[] = [];
  const shelf = one.shelf('s', { onGone: (id) => gone.push(id), onError: ({ code }) => told.push(code) });
  kept.all.set('s', JSON.stringify([entry('of another tab')]));
  shelf.save([entry('a')]);
  await vi.waitFor(() => expect(told).toEqual(['storage']));
  isFull = false;
  shelf.save([entry('a'), entry('b')]);
  await vi.waitFor(() => expect(JSON.parse(kept.all.get('s') ?? '[]').map(({ id }: Entry) => id)).toEqual(['of another tab', 'a', 'b']));
  expect(gone).toEqual([]);
});
