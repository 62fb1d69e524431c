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
  readonly #anomalies: Anomalies;
  #last: number;
  #held = new Map<number, DurableEvent>();

  constructor(last: number, anomalies: Anomalies) {
    this.#last = last;
    this.#anomalies = anomalies;
  }

  /** The last event that was given out. */
  get last(): number {
    return this.#last;
  }

  /** Whether some wait for an earlier one. */
  get isHolding(): boolean {
    return this.#held.size > 0;
  }

  /** What can be given out now that this has come. */
  accept(event: DurableEvent): DurableEvent[] {
    if (event.seq <= this.#last || this.#held.has(event.seq)) {
      this.#anomalies.duplicates += 1;
      return [];
    }
    this.#held.set(event.seq, event);
    const ready = this.#following();
    this.#anomalies.reordered += Math.max(ready.length - 1, 0);
    return this.#held.size > MOST ? [...ready, ...this.release()] : ready;
  }

  /** What was held back, in order: what is missing does not come. */
  release(): DurableEvent[] {
    const events = [...this.#held.values()].sort((a, b) => a.seq - b.seq);
    for (const event of events) {
      if (event.seq > this.#last + 1) this.#anomalies.gaps += 1;
      this.#last = event.seq;
    }
    this.#held.clear();
    return events;
  }

  /** All up to `seq` is known from elsewhere. */
  skipTo(seq: number): DurableEvent[] {
    this.#last = Math.max(this.#last, seq);
    for (const held of [...this.#held.keys()]) if (held <= this.#last) this.#held.delete(held);
    return this.#following();
  }

  #following(): DurableEvent[] {
    const events: DurableEvent[] = [];
    for (let next; (next = this.#held.get(this.#last + 1)); ) {
      this.#held.delete(next.seq);
      this.#last = next.seq;
      events.push(next);
    }
    return events;
  }
}
