import type { TransportName } from '../transports/transport.js';

/** The longest time between two tries of a better transport, in milliseconds. */
const LONGEST_MS = 300_000;
const FIRST_MS = 5_000;

/** Which transport is tried: down after some failures, and up again when a better one works. */
export class Ladder {
  readonly #names: readonly TransportName[];
  readonly #fallbackAfter: number;
  #at = 0;
  #failures = 0;
  #trials = 0;

  /** `names`: the best first. */
  constructor(names: readonly TransportName[], fallbackAfter: number) {
    this.#names = names;
    this.#fallbackAfter = fallbackAfter;
  }

  get current(): TransportName {
    return this.#names[this.#at] as TransportName;
  }

  get isBest(): boolean {
    return this.#at === 0;
  }

  /** The way is blocked for the present transport; for good where it is `gone`. */
  onBlocked(how: 'path' | 'gone'): void {
    this.#failures += 1;
    if (how === 'path' && this.#failures < this.#fallbackAfter) return;
    this.#failures = 0;
    this.#at = (this.#at + 1) % this.#names.length;
  }

  /** This transport is in use. */
  use(name: TransportName): void {
    this.#at = this.#names.indexOf(name);
  }

  /** The present transport has proved to work. */
  onGood(): void {
    this.#failures = 0;
    if (this.isBest) this.#trials = 0;
  }

  /** The next better transport to be tried, and after how many milliseconds. */
  nextTrial(): { name: TransportName; afterMs: number } {
    const name = this.#names[this.#trials % this.#at] as TransportName;
    const afterMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#trials);
    this.#trials += 1;
    return { name, afterMs };
  }
}
