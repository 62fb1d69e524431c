import type { CauserieError } from '../errors.js';
import type { SendMessage, SendMessageAck } from '../protocol/generated/types.js';

/**
 * What becomes of a message: `queued` → `sending` → `sent`; or `failed`, until it is tried again by
 * hand; or `gone` from the outbox unsent, for the reason that `error` tells.
 */
export type EntryState = 'queued' | 'sending' | 'sent' | 'failed' | 'gone';

/** A message of one's own, from when it was written. Each change of it makes a new object. */
export interface Entry {
  /** The client's id: under the same one it is never stored twice. */
  readonly id: string;
  readonly data: SendMessage;
  /** When it was written, in milliseconds since 1970. */
  readonly createdAt: number;
  readonly state: EntryState;
  /** Tries that were answered with a failure, or not at all. */
  readonly tries: number;
  /** Where it is stored, once it is `sent`. */
  readonly ack?: SendMessageAck;
  /** Why it is `failed` or `gone`, or is tried again. */
  readonly error?: CauserieError | undefined;
}
