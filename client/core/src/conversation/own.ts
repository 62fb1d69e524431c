import type { Entry } from '../outbox/entry.js';
import type { NewMessageEvent } from '../protocol/frames.js';

/** Clocks may differ by so much, in milliseconds. */
const SKEW_MS = 300_000;

/**
 * Which of the log's messages are those of the outbox. An `ack` tells for sure; but the log's event
 * may come before it, and then it is told by what was said.
 */
export class OwnMessages {
  /** The entry of each message that came out of this outbox. */
  readonly #entryOf = new Map<string, string>();
  /** The message that each entry is taken for. */
  readonly #messageOf = new Map<string, string>();

  /** The key under which a stored message is shown. */
  keyOf(messageId: string): string {
    return this.#entryOf.get(messageId) ?? messageId;
  }

  /** Whether the entry is shown as a stored message. */
  isStored(entryId: string): boolean {
    return this.#messageOf.has(entryId);
  }

  /** It is this one for sure. Gives the message that was taken for it and is not. */
  onAck(entryId: string, messageId: string): string | undefined {
    const guessed = this.#messageOf.get(entryId);
    if (guessed === messageId) return undefined;
    this.forget(entryId);
    this.#claim(entryId, messageId);
    return guessed;
  }

  /** One's own user has said something: one of these entries may be it. */
  onStored({ data, ts }: NewMessageEvent, entries: readonly Entry[]): void {
    if (this.#entryOf.has(data.message_id)) return;
    const isIt = ({ id, data: mine, state, createdAt, ack }: Entry) => {
      if (this.#messageOf.has(id)) return false;
      // The outbox took it for lost too early.
      if (state === 'failed' && ack?.message_id === data.message_id) return true;
      const isThere = (mine.session_id ?? data.session_id) === data.session_id && ts > createdAt - SKEW_MS;
      return state === 'sending' && isThere && mine.user_input === data.content;
    };
    const entry = entries.find(isIt);
    if (entry) this.#claim(entry.id, data.message_id);
  }

  /** The entry is not stored, or not any more. */
  forget(entryId: string): void {
    const messageId = this.#messageOf.get(entryId);
    this.#messageOf.delete(entryId);
    if (messageId !== undefined) this.#entryOf.delete(messageId);
  }

  #claim(entryId: string, messageId: string): void {
    this.#entryOf.set(messageId, entryId);
    this.#messageOf.set(entryId, messageId);
  }
}
