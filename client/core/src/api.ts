// What a client offers, and tells.
import type { State } from './connection/state.js';
import type { CauserieError } from './errors.js';
import type { Entry } from './outbox/entry.js';
import type { DurableEvent, Greeting, RoomEvent } from './protocol/frames.js';
import type { ConversationContext, IfBusy, SendMessageAck, Status } from './protocol/generated/types.js';
import type { Reply } from './rooms/replies.js';
import type { Membership, Reset } from './rooms/rooms.js';
import type { Anomalies } from './rooms/sequence.js';
import type { Typing } from './typing/watcher.js';

/** What a client tells. */
export interface ClientEvents {
  /** The connection's state has changed. */
  state: State;
  /** Something was said or done in a room: durable events once and in order. */
  event: RoomEvent;
  /** A reply has begun, grown or ended. */
  reply: Reply;
  /** A message of one's own has changed its state. */
  outbox: Entry;
  /** Somebody has begun or stopped to type. */
  typing: Typing;
  /** A room is to be shown anew. */
  reset: Reset;
  /** A room was joined or left. */
  room: Membership;
  /** What went wrong and answers nothing that was asked. */
  error: CauserieError;
}

/** How a message is sent. */
export interface SendOptions {
  /** Where it is said; one's own room if left out. */
  room?: string;
  /** The conversation that it belongs to. Without it each message begins a new one. */
  sessionId?: string;
  /** Whether the AI shall answer; it does if left out. */
  ai?: boolean;
  /** What to do while an earlier question of the session is being answered; `queue` if left out. */
  ifBusy?: IfBusy;
  /** What was said before, as far as the server does not know it. */
  context?: ConversationContext;
  /** Own notes, handed on with the message. */
  metadata?: Record<string, unknown>;
}

/** A message that was taken. */
export interface Sending {
  /** The client's id of it, by which `outbox` tells how it fares. */
  id: string;
  /**
   * Where it is stored, once it is. Fails as soon as the message is `failed` or `gone`, and, though it
   * stays in the outbox, when the connection is `closed`: should it be sent after all, `outbox` tells.
   * Who does not listen need not handle that.
   */
  acked: Promise<SendMessageAck>;
}

/** A part of a room's log. */
export interface History {
  epoch: string;
  /** Ascending. */
  events: DurableEvent[];
  /** Whether there is more in the direction of reading. */
  hasMore: boolean;
}

/** Which part of a room's log; without `before` and `after` the newest. */
export interface HistoryRange {
  /** Only events with a smaller `seq`. */
  before?: number;
  /** Only events with a greater `seq`, the oldest of them. */
  after?: number;
  /** 1–500; 50 if left out. */
  limit?: number;
}

/** Messages that wait or have failed. */
export interface OutboxView {
  /** In order. */
  readonly entries: readonly Entry[];
  /** Sends what has failed once more: the one of this `id`, or all. */
  retry(id?: string): void;
  /** Takes back what is not sent: the one of this `id`, or all. */
  clear(id?: string): void;
}

/** A client of one server, for one person. */
export interface Client {
  /** What the connection is now. */
  readonly state: State;
  /** What the server told of the present connection, or of the last one: whom it speaks for, for one. */
  readonly ready: Greeting | null;
  /** Rooms that the present connection is in. */
  readonly rooms: string[];
  /** Replies that are being made. */
  readonly replies: Reply[];
  /** Events that came twice, late, or not at all, so far. */
  readonly anomalies: Readonly<Anomalies>;
  readonly outbox: OutboxView;

  /** Listens to an event; the function that is returned stops it. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void;
  /**
   * Sends a message, now or as soon as there is a connection.
   *
   * @throws {CauserieError} `outbox_full`; `message_too_large` over 32 KiB, `invalid_message` if empty.
   */
  send(text: string, options?: SendOptions): Sending;
  /** Ends a reply: `messageId` is its own, or its question's. */
  cancel(messageId: string): Promise<void>;
  /** Deletes a message. */
  delete(room: string, messageId: string): Promise<void>;
  /** Tells a room that all up to `seq` was read. */
  read(room: string, seq: number): Promise<void>;
  /** Tells one's rooms what one is. */
  setStatus(status: Status): Promise<void>;
  /** Call it with each key that is pressed: the room is told as often as it needs to be. */
  typing(room?: string): void;
  /** The text was deleted. Sending it says as much. */
  stopTyping(room?: string): void;
  /** Who types in a room. */
  typists(room?: string): readonly string[];
  /**
   * Joins a room, now and on each connection to come. Who does not listen need not handle its failure:
   * `room` tells of it.
   */
  join(room: string): Promise<void>;
  /** Leaves a room. */
  leave(room: string): Promise<void>;
  /** Reads a part of a room's log. */
  history(room?: string, range?: HistoryRange): Promise<History>;
  /** How long the server takes to answer, in milliseconds; fails where there is no connection. */
  ping(): Promise<number>;
  /** Connects again, after `closed`. */
  reconnect(): void;
  /** Ends the connection, until `reconnect`. What waits stays in the outbox, and in its storage. */
  close(): void;
}
