import type { CauserieError } from '../errors.js';
import type { Entry } from '../outbox/entry.js';

/** Where messages that wait outlive their page: one for each person. */
export interface Shelf {
  /** What is there that was not taken or put there by this client. From now on `ShelfEvents` are told. */
  take(): Promise<Entry[]>;
  /** Keeps these, as far as they are not settled, instead of what this client put there before. */
  save(entries: readonly Entry[]): void;
  /** Nothing is told any more, until something is taken. What is saved is kept all the same. */
  close(): void;
}

/** What a shelf tells. */
export interface ShelfEvents {
  /** Somebody else who shares it has settled this one. */
  onGone(id: string): void;
  onError(error: CauserieError): void;
}

/** Where a client keeps what shall outlive its page. */
export interface Storage {
  /** The token of this name; where there is none `make` makes it, once for all who share the storage. */
  token(name: string, make: () => Promise<string>): Promise<string>;
  /** It was refused; one that somebody else has put there since stays. */
  dropToken(name: string, token: string): void;
  shelf(name: string, events: ShelfEvents): Shelf;
}
