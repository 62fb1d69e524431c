import { CauserieError } from '../errors.js';
import type { Entry } from '../outbox/entry.js';
import type { Shelf, ShelfEvents, Storage } from './storage.js';

/** A value now, or later. */
export type Maybe<T> = T | Promise<T>;

/** Something that keeps texts by their names, as the Web Storage API does. */
export interface KeyValue {
  get(key: string): Maybe<string | null>;
  set(key: string, value: string): Maybe<void>;
  remove(key: string): Maybe<void>;
  /** Runs `work` while nobody else who shares this runs any under the same name. */
  alone?<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Tells that somebody else who shares this has changed the value of `key`, until it is stopped. */
  watch?(key: string, onChange: () => void): () => void;
}

/** A client's storage on top of something that keeps texts. */
export function storageOn(values: KeyValue): Storage {
  // Without a lock of its own there is one for this page at least.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(_name: string, work: () => Promise<T>): Promise<T> => {
    const result = last.then(work, work);
    last = result.catch(() => {});
    return result;
  };
  const alone = values.alone?.bind(values) ?? inTurn;
  const quietly = (work: Promise<unknown>) => void work.catch(() => {});
  return {
    token: (name, make) =>
      alone(name, async () => {
        // Even to look may be forbidden.
        const kept = await Promise.resolve(values.get(name)).catch(() => null);
        if (kept) return kept;
        const made = await make();
        quietly((async () => values.set(name, made))());
        return made;
      }),
    dropToken: (name, token) =>
      quietly(
        alone(name, async () => {
          if ((await values.get(name)) === token) await values.remove(name);
        }),
      ),
    shelf: (name, events) => new KeyValueShelf(values, alone, name, events),
  };
}

/** The server knows an `id` again for so long, in milliseconds. */
const KNOWN_FOR_MS = 24 * 3_600_000;

type Kept = Pick<Entry, 'id' | 'data' | 'createdAt' | 'tries'> & { isFailed?: boolean };

/**
 * Tabs share a shelf: each of them sends what it finds there, under the same ids, so that nothing is
 * stored twice; and what one of them has settled is gone for all.
 */
class KeyValueShelf implements Shelf {
  readonly #values: KeyValue;
  readonly #alone: NonNullable<KeyValue['alone']>;
  readonly #key: string;
  readonly #events: ShelfEvents;
  #stopWatching: (() => void) | undefined;
  /** What this tab has put or found there. */
  #known = new Set<string>();
  /** What is to be written. */
  #mine: Kept[] | null = null;

  constructor(values: KeyValue, alone: NonNullable<KeyValue['alone']>, key: string, events: ShelfEvents) {
    this.#values = values;
    this.#alone = alone;
    this.#key = key;
    this.#events = events;
  }

  close(): void {
    this.#stopWatching?.();
    this.#stopWatching = undefined;
  }

  async take(): Promise<Entry[]> {
    this.#stopWatching ??= this.#values.watch?.(this.#key, () => {
      this.#alone(this.#key, () => this.#compare()).catch(() => {});
    });
    const found = (await this.#read()).filter(({ id }) => !this.#known.has(id));
    for (const { id } of found) this.#known.add(id);
    const oldest = Date.now() - KNOWN_FOR_MS;
    return found.map(({ isFailed, ...entry }) => {
      if (!isFailed && entry.createdAt >= oldest) return { ...entry, state: 'queued' };
      return { ...entry, state: 'failed', error: new CauserieError('expired', 'This was not sent.') };
    });
  }

  save(entries: readonly Entry[]): void {
    const isWriting = this.#mine !== null;
    this.#mine = entries.map(keptOf);
    // What changes before it is written is written with it.
    if (!isWriting) this.#alone(this.#key, () => this.#write()).catch((cause: unknown) => this.#onFailure(cause));
  }

  async #write(): Promise<void> {
    const mine = this.#mine ?? [];
    this.#mine = null;
    const ids = new Set(mine.map(({ id }) => id));
    const others = (await this.#read()).filter(({ id }) => !this.#known.has(id) && !ids.has(id));
    const all = [...others, ...mine];
    if (all.length) await this.#values.set(this.#key, JSON.stringify(all));
    else await this.#values.remove(this.#key);
    this.#known = ids;
  }

  #onFailure(cause: unknown): void {
    const content = 'Messages that wait cannot be kept: they go with this page.';
    this.#events.onError(new CauserieError('storage', content, { cause }));
  }

  async #compare(): Promise<void> {
    const there = new Set((await this.#read()).map(({ id }) => id));
    for (const id of this.#known) if (!there.has(id)) this.#events.onGone(id);
  }

  async #read(): Promise<Kept[]> {
    try {
      const text = await this.#values.get(this.#key);
      const kept = text ? (JSON.parse(text) as unknown) : [];
      return Array.isArray(kept) ? (kept as Kept[]) : [];
    } catch {
      return [];
    }
  }
}

function keptOf({ id, data, createdAt, tries, state }: Entry): Kept {
  return { id, data, createdAt, tries, ...(state === 'failed' ? { isFailed: true } : {}) };
}
