import { CauserieError, errorOf, noAnswer } from '../errors.js';
import { bytesOf } from '../bytes.js';
import { newId } from '../ids.js';
import type { ClientFrame, ErrorFrame, Greeting } from '../protocol/frames.js';
import type { SendMessage, SendMessageAck } from '../protocol/generated/types.js';
import type { Reset } from '../rooms/rooms.js';
import type { Entry } from './entry.js';
import { Pace } from './pace.js';

export interface OutboxOptions {
  /** How many messages may wait. */
  outboxLimit: number;
  /** When full: the newest is refused, or the oldest dropped. */
  whenFull: 'refuse' | 'dropOldest';
  /** After so many tries that failed a message is `failed`. */
  messageTries: number;
  /** How long an answer is waited for on a live connection, in milliseconds. */
  messageTimeoutMs: number;
}

export interface OutboxEvents {
  onChange(entry: Entry): void;
}

/** What an entry waits for, beside what all may see of it. */
interface Waiting {
  entry: Entry;
  /** It is not sent before, by `performance.now()`. */
  notBefore: number;
  /** Who sent it, while that page lives. */
  settle?: { resolve(ack: SendMessageAck): void; reject(error: CauserieError): void };
  timer?: ReturnType<typeof setTimeout>;
}

/** The shortest wait for what has failed once, in milliseconds; it doubles with each failure. */
const AGAIN_MS = 1_000;
const MOST_MS = 10_000;

/** What was sent is remembered, for when the server loses a part of its log. */
const REMEMBERED = 100;

/**
 * Messages, from when they were written until the server has stored them. Of each session one is on
 * its way at a time, so that none overtakes another that the server had no room for; sessions do not
 * wait for each other.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #events: OutboxEvents;
  readonly #pace = new Pace();
  #waiting = new Map<string, Waiting>();
  #sent: Entry[] = [];
  #send: ((frame: ClientFrame) => void) | null = null;
  /** Nothing at all is sent before, by `performance.now()`. */
  #pausedUntil = 0;
  /** The server takes no longer frame, in bytes. */
  #maxBytes = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: OutboxOptions, events: OutboxEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** What waits or has failed, in order. */
  get entries(): Entry[] {
    return [...this.#waiting.values()].map(({ entry }) => entry);
  }

  /**
   * Takes a message. `acked` tells where it is stored, or why it is not; who does not care need not
   * listen.
   *
   * @throws {CauserieError} `outbox_full`
   */
  put(data: SendMessage): { entry: Entry; acked: Promise<SendMessageAck> } {
    this.#makeRoom();
    const entry: Entry = { id: newId(), data, createdAt: Date.now(), state: 'queued', tries: 0 };
    const waiting = this.#add(entry);
    const acked = new Promise<SendMessageAck>((resolve, reject) => (waiting.settle = { resolve, reject }));
    // Who asked need not listen: the entry's state tells the same.
    acked.catch(() => {});
    this.#flush();
    return { entry, acked };
  }

  /** Takes what an earlier page has left, as much as it is. */
  adopt(entries: readonly Entry[]): void {
    for (const entry of entries) if (!this.#waiting.has(entry.id)) this.#add(entry);
    // What is on its way is not overtaken; before that the order is that in which they were written.
    const inOrder = [...this.#waiting].sort(([, a], [, b]) => a.entry.createdAt - b.entry.createdAt);
    if (!this.#send) this.#waiting = new Map(inOrder);
    this.#flush();
  }

  /** Sends what has failed once more; `id` names one, else all. */
  retry(id?: string): void {
    for (const waiting of [...this.#waiting.values()]) {
      const { entry } = waiting;
      if (entry.state !== 'failed' || (id && entry.id !== id)) continue;
      // What the server had stored and lost it would take for a repeat.
      const isKnown = /lost|expired/.test(`${entry.error?.code}`);
      if (isKnown) this.#waiting.delete(entry.id);
      const again = isKnown ? newId() : entry.id;
      this.#add({ ...entry, id: again, state: 'queued', tries: 0, createdAt: Date.now(), error: undefined });
    }
    this.#flush();
  }

  /** Drops what waits; `id` names one, else all. What is on its way may be stored all the same. */
  clear(id?: string, why = new CauserieError('cleared', 'Taken back.')): void {
    for (const waiting of this.#waiting.values()) if (!id || waiting.entry.id === id) this.#drop(waiting, why);
    this.#flush();
  }

  /** A connection is there: all that has no answer goes out, in order. */
  onUp(send: (frame: ClientFrame) => void, { messages_per_minute, max_message_bytes = Infinity }: Greeting): void {
    this.onDown();
    this.#send = send;
    this.#maxBytes = max_message_bytes;
    this.#pace.begin(messages_per_minute);
    this.#flush();
  }

  /** The connection is gone: what was on its way is sent again, in its place. */
  onDown(): void {
    this.#send = null;
    clearTimeout(this.#timer);
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      if (waiting.entry.state === 'sending') this.#change(waiting, { state: 'queued' });
    }
  }

  /** No connection is tried: who waits is told so. The messages stay, for when there is one. */
  onClosed(error: CauserieError): void {
    for (const { settle } of this.#waiting.values()) settle?.reject(error);
  }

  /** Whether the answer was for a message. */
  onAck(id: string, ack: SendMessageAck): boolean {
    const waiting = this.#waiting.get(id);
    if (!waiting) return false;
    clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    const entry: Entry = { ...waiting.entry, state: 'sent', ack, error: undefined };
    this.#sent = [...this.#sent, entry].slice(-REMEMBERED);
    this.#events.onChange(entry);
    waiting.settle?.resolve(ack);
    this.#flush();
    return true;
  }

  /** Whether the answer was for a message. */
  onError(frame: ErrorFrame): boolean {
    const waiting = this.#waiting.get(frame.id ?? '');
    if (!waiting) return false;
    clearTimeout(waiting.timer);
    const error = errorOf(frame);
    const isLimited = frame.code === 'rate_limited';
    if (isLimited || frame.code === 'overloaded') {
      // Nothing is wrong with the message: it keeps its place, and counts no try.
      const until = performance.now() + (frame.retry_after_ms ?? AGAIN_MS);
      if (isLimited) {
        this.#pausedUntil = until;
        this.#pace.refund();
      }
      waiting.notBefore = until;
      this.#change(waiting, { state: 'queued', error });
    } else if (!frame.canRetry || frame.code === 'conflict') {
      this.#fail(waiting, error);
    } else {
      this.#onFailure(waiting, error);
    }
    this.#flush();
    return true;
  }

  /**
   * The end of a room's log was read anew: where nothing stands in the place of what was stored the
   * server has lost it, unless that is before these events. What this life of the log has stored is
   * not lost: it came after what was read.
   */
  onReset({ room, epoch, events }: Pick<Reset, 'room' | 'epoch' | 'events'>): void {
    const isLost = ({ ack }: Entry) =>
      ack?.room === room &&
      ack.epoch !== epoch &&
      ack.seq >= (events[0]?.seq ?? 0) &&
      !events.some((event) => event.seq === ack.seq && event.epoch === ack.epoch);
    const lost = this.#sent.filter(isLost);
    this.#sent = this.#sent.filter((entry) => !lost.includes(entry));
    for (const entry of lost) this.#fail(this.#add(entry), new CauserieError('lost', 'The server lost it.'));
  }

  // ------------------------------------------------------------------- inside

  #add(entry: Entry): Waiting {
    const waiting = { entry, notBefore: 0 };
    this.#waiting.set(entry.id, waiting);
    this.#events.onChange(entry);
    return waiting;
  }

  #makeRoom(): void {
    const { outboxLimit, whenFull } = this.#options;
    if (this.#waiting.size < outboxLimit) return;
    const all = [...this.#waiting.values()];
    const oldest = whenFull === 'dropOldest' ? all.find(({ entry }) => entry.state !== 'sending') : undefined;
    if (!oldest) {
      const content = `${outboxLimit} messages wait.`;
      throw new CauserieError('outbox_full', content, { limit: outboxLimit });
    }
    this.#drop(oldest, new CauserieError('dropped', 'A later one took its place.', { limit: outboxLimit }));
  }

  #drop(waiting: Waiting, error: CauserieError): void {
    clearTimeout(waiting.timer);
    this.#waiting.delete(waiting.entry.id);
    this.#events.onChange({ ...waiting.entry, state: 'gone', error });
    waiting.settle?.reject(error);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    const send = this.#send;
    if (!send) return;
    const busy = new Set<string>();
    let earliest = Infinity;
    for (const waiting of this.#waiting.values()) {
      const { entry, notBefore } = waiting;
      const lane = laneOf(entry.data);
      if (entry.state === 'failed' || busy.has(lane)) continue;
      busy.add(lane);
      if (entry.state === 'sending') continue;
      const now = performance.now();
      const wait = Math.max(this.#pausedUntil - now, notBefore - now, this.#pace.wait(now));
      if (wait > 0) {
        earliest = Math.min(earliest, wait);
        continue;
      }
      const frame: ClientFrame = { action: 'sendMessage', id: entry.id, data: entry.data };
      const limit = this.#maxBytes;
      if (bytesOf(JSON.stringify(frame)) > limit) {
        // The server would end the connection for it, and the next one as well.
        this.#fail(waiting, new CauserieError('message_too_large', `It has more than ${limit} bytes.`, { limit }));
        busy.delete(lane);
        continue;
      }
      this.#pace.spend(now);
      this.#dispatch(waiting, frame, send);
    }
    if (earliest < Infinity) this.#timer = setTimeout(() => this.#flush(), earliest);
  }

  #dispatch(waiting: Waiting, frame: ClientFrame, send: (frame: ClientFrame) => void): void {
    this.#change(waiting, { state: 'sending' });
    waiting.timer = setTimeout(() => {
      this.#onFailure(waiting, noAnswer());
      this.#flush();
    }, this.#options.messageTimeoutMs);
    send(frame);
  }

  #onFailure(waiting: Waiting, error: CauserieError): void {
    const tries = waiting.entry.tries + 1;
    if (tries >= this.#options.messageTries) return this.#fail(waiting, error, tries);
    const backoff = Math.min(AGAIN_MS * 2 ** (tries - 1), MOST_MS);
    waiting.notBefore = performance.now() + (error.retryAfterMs ?? backoff);
    this.#change(waiting, { state: 'queued', tries, error });
  }

  #fail(waiting: Waiting, error: CauserieError, tries = waiting.entry.tries): void {
    this.#change(waiting, { state: 'failed', tries, error });
    waiting.settle?.reject(error);
  }

  #change(waiting: Waiting, change: Partial<Entry>): void {
    waiting.entry = { ...waiting.entry, ...change };
    this.#events.onChange(waiting.entry);
  }
}

/** Messages of one lane go one after the other. */
function laneOf({ room, session_id }: SendMessage): string {
  return `${room ?? 'user:me'} ${session_id}`;
}
