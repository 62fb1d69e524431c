import type { CauserieError } from '../errors.js';
import type { Entry } from '../outbox/entry.js';
import type { MessageEvent, NewMessageEvent } from '../protocol/frames.js';
import type { FinishReason, Reply as WholeReply } from '../protocol/generated/types.js';
import type { Reply } from '../rooms/replies.js';

/**
 * What has become of a message. `queued`: it waits, or is on its way. `sent`: the room's log has it,
 * a whole reply as well. `streaming`: a reply that grows. `cancelled`: a reply that was ended early.
 * `failed`: `error` says why, where that is known; one's own can be retried. Of one that is `queued` it
 * says why it has to wait.
 */
export type MessageState = 'queued' | 'sent' | 'failed' | 'streaming' | 'cancelled';

/** A message of a conversation. Each change of it makes a new object; one that is the same is unchanged. */
export interface ChatMessage {
  /** Names it in a list, from when it was written: it stays the same when the message is stored. */
  readonly key: string;
  /** The server's id of it, once it has one. */
  readonly id: string | undefined;
  readonly role: 'user' | 'assistant';
  /** Who said it; of a reply, and of one's own before there was a connection, undefined. */
  readonly userId: string | undefined;
  readonly isOwn: boolean;
  readonly sessionId: string | undefined;
  /** Of a reply: its question's `id`. */
  readonly inReplyTo: string | undefined;
  /** Text, never HTML. */
  readonly text: string;
  /** When it was said, in milliseconds since 1970: by the server's clock once it is stored. */
  readonly at: number;
  /** Its place in the room's log, once it has one. */
  readonly seq: number | undefined;
  readonly state: MessageState;
  readonly error: CauserieError | undefined;
  /** The notes that were sent with it. */
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
  /** Of a reply that has ended: all that was told of it, its sources among them. */
  readonly reply: WholeReply | undefined;
}

const ENDED: Readonly<Record<FinishReason, MessageState>> = {
  stop: 'sent',
  length: 'sent',
  cancelled: 'cancelled',
  error: 'failed',
};

/** What a person has said and the log has. */
export function ofPerson({ data, seq, ts }: NewMessageEvent, key: string, isOwn: boolean): ChatMessage {
  return {
    key,
    id: data.message_id,
    role: 'user',
    userId: data.user_id,
    isOwn,
    sessionId: data.session_id,
    inReplyTo: undefined,
    text: data.content,
    at: ts,
    seq,
    state: 'sent',
    error: undefined,
    metadata: data.metadata,
    reply: undefined,
  };
}

/** A reply that has ended. */
export function ofReply({ data, seq, ts }: MessageEvent, error: CauserieError | undefined): ChatMessage {
  return {
    key: data.message_id,
    id: data.message_id,
    role: 'assistant',
    userId: undefined,
    isOwn: false,
    sessionId: data.session_id,
    inReplyTo: data.in_reply_to,
    text: data.content,
    at: ts,
    seq,
    state: ENDED[data.finish_reason],
    error,
    metadata: undefined,
    reply: data,
  };
}

/** A reply that grows, or of which nothing more is known. `at`: when it was first heard of. */
export function ofGrowing({ messageId, sessionId, inReplyTo, text, state }: Reply, at: number): ChatMessage {
  return {
    key: messageId,
    id: messageId,
    role: 'assistant',
    userId: undefined,
    isOwn: false,
    sessionId,
    inReplyTo,
    text,
    at,
    seq: undefined,
    state: state === 'lost' ? 'failed' : 'streaming',
    error: undefined,
    metadata: undefined,
    reply: undefined,
  };
}

/** One's own, as the outbox tells of it. */
export function ofEntry({ id, data, createdAt, state, ack, error }: Entry, userId: string | undefined): ChatMessage {
  const isSent = state === 'sent';
  const hasFailed = state === 'failed' || state === 'gone';
  return {
    key: id,
    id: isSent ? ack?.message_id : undefined,
    role: 'user',
    userId,
    isOwn: true,
    sessionId: isSent ? ack?.session_id : data.session_id,
    inReplyTo: undefined,
    text: data.user_input,
    at: createdAt,
    seq: isSent ? ack?.seq : undefined,
    state: isSent ? 'sent' : hasFailed ? 'failed' : 'queued',
    error,
    metadata: data.metadata,
    reply: undefined,
  };
}

/** The one that was, if the other is like it. */
export function unchanged<T extends object>(was: T | undefined, now: T): T {
  const names = Object.keys(now) as (keyof T)[];
  return was && names.every((name) => was[name] === now[name]) ? was : now;
}
