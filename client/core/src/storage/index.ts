import { type KeyValue, storageOn } from './key-value.js';
import type { Storage } from './storage.js';

export { type KeyValue, type Maybe, storageOn } from './key-value.js';
export type { Shelf, ShelfEvents, Storage } from './storage.js';

/** As much of the Web Storage API as is needed. */
export interface WebStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/**
 * Keeps a visitor's token and the messages that wait in this browser's `localStorage`, or in another
 * Web Storage, as `sessionStorage`, which each tab has for itself. Where the browser allows none it
 * gives `null`, which is as good as no storage.
 */
export function browserStorage(storage: WebStorage | null = ownStorage()): Storage | null {
  if (!storage) return null;
  const values: KeyValue = {
    get: (key) => storage.getItem(key),
    set: (key, value) => storage.setItem(key, value),
    remove: (key) => storage.removeItem(key),
  };
  const locks = globalThis.navigator?.locks;
  if (locks) values.alone = async (name, work) => (await locks.request(name, work)) as Awaited<ReturnType<typeof work>>;
  if (typeof globalThis.addEventListener === 'function') {
    values.watch = (key, onChange) => {
      const onStorage = (event: StorageEvent) => event.key === key && onChange();
      addEventListener('storage', onStorage);
      return () => removeEventListener('storage', onStorage);
    };
  }
  return storageOn(values);
}

/** Even to look at it fails where the person has forbidden it. */
function ownStorage(): WebStorage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}
