import type { DurableEvent } from '../protocol/frames.js';

/** What did not come as it should have. */
export interface Anomalies {
  /** Came again, or too late. */
  duplicates: number;
  /** Came before what precedes it. */
  reordered: number;
  /** Was never there: the reader may not see it, or it is lost. */
  gaps: number;
}

/** More than so many are not held back for one that is missing. */
const MOST = 64;

/** The durable events of one room: each once, in order. */
export class Sequence {
  /** The last event that was given out. */
  last: number;
  readonly #anomalies: Anomalies;
  readonly #holdMs: number;
  readonly #give: (event: DurableEvent) => void;
  readonly #held = new Map<number, DurableEvent>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `holdMs`: how long one that is missing keeps back those after it, in milliseconds. */
  constructor(last: number, anomalies: Anomalies, holdMs: number, give: (event: DurableEvent) => void) {
    this.last = last;
    this.#anomalies = anomalies;
    this.#holdMs = holdMs;
    this.#give = give;
  }

  accept(event: DurableEvent): void {
    const { seq } = event;
    if (seq <= this.last || this.#held.has(seq)) {
      this.#anomalies.duplicates += 1;
      return;
    }
    this.#held.set(seq, event);
    this.#flow();
    clearTimeout(this.#timer);
    if (this.#held.size > MOST) this.#giveUp();
    else if (this.#held.size) this.#timer = setTimeout(() => this.#giveUp(), this.#holdMs);
  }

  /** All up to `seq` is known from elsewhere. */
  skipTo(seq: number): void {
    this.last = Math.max(this.last, seq);
    for (const held of this.#held.keys()) if (held <= this.last) this.#held.delete(held);
    this.#flow();
  }

  /** What is held back is given out no more. */
  close(): void {
    clearTimeout(this.#timer);
  }

  /** Gives out what follows. */
  #flow(): void {
    for (let next; (next = this.#held.get(this.last + 1)); ) {
      this.#held.delete(++this.last);
      if (this.#held.size) this.#anomalies.reordered += 1;
      this.#give(next);
    }
  }

  /** What is missing does not come: goes on behind it. */
  #giveUp(): void {
    while (this.#held.size) {
      this.#anomalies.gaps += 1;
      this.last = Math.min(...this.#held.keys()) - 1;
      this.#flow();
    }
  }
}
