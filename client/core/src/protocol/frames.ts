// The frames of `picasso-chat-v1`, put together from the types that are generated.
import type {
  AiProcessingEnd,
  AiProcessingError,
  AiProcessingStart,
  Authenticate,
  Cancel,
  Delete,
  Epoch,
  MessageDelta,
  MessageDeleted,
  MessageRead,
  MessageRestart,
  MessageSnapshot,
  NewMessage,
  ProtocolError,
  Read,
  Ready,
  Reply,
  Room,
  SendMessage,
  SetStatus,
  Subscribe,
  Subscribed,
  Typing,
  TypingIndicator,
  Unsubscribe,
  UserJoined,
  UserLeft,
  UserStatusChanged,
  WarningIssued,
} from './generated/types.js';

/** An event that the room's log keeps. */
export interface Durable<Type extends string, Data> {
  /** 1, 2, 3 … in the room. */
  seq: number;
  epoch: Epoch;
  /** Milliseconds since 1970. */
  ts: number;
  type: Type;
  room: Room;
  data: Data;
}

/** An event that is not replayed. */
export interface Transient<Type extends string, Data> {
  /** Milliseconds since 1970. */
  ts: number;
  type: Type;
  room: Room;
  data: Data;
}

export type NewMessageEvent = Durable<'new_message', NewMessage>;
export type MessageEvent = Durable<'message', Reply>;
export type MessageDeletedEvent = Durable<'message_deleted', MessageDeleted>;
export type DeltaEvent = Transient<'message_delta', MessageDelta>;
export type SnapshotEvent = Transient<'message_snapshot', MessageSnapshot>;
export type RestartEvent = Transient<'message_restart', MessageRestart>;
export type StartEvent = Transient<'ai_processing_start', AiProcessingStart>;

/** What a room carries. Events that your own servers publish look alike, with types of theirs. */
export type RoomEvent =
  | NewMessageEvent
  | MessageEvent
  | MessageDeletedEvent
  | DeltaEvent
  | SnapshotEvent
  | RestartEvent
  | StartEvent
  | Transient<'ai_processing_end', AiProcessingEnd>
  | Transient<'ai_processing_error', AiProcessingError>
  | Transient<'message_read', MessageRead>
  | Transient<'typing_indicator', TypingIndicator>
  | Transient<'user_joined', UserJoined>
  | Transient<'user_left', UserLeft>
  | Transient<'user_status_changed', UserStatusChanged>
  | Transient<'warning_issued', WarningIssued>;

/** An event with a place in its room's log. */
export type DurableEvent = Extract<RoomEvent, { seq: number }>;

/** What a connection is told when it begins; by plain requests no more than what has to be there. */
export type Greeting = Partial<Ready> & Pick<Ready, 'user_id' | 'server_time' | 'messages_per_minute'>;

export type ReadyFrame = { type: 'ready'; data: Greeting };
export type SubscribedFrame = { type: 'subscribed' } & Subscribed;
export type UnsubscribedFrame = { type: 'unsubscribed'; room: Room };
export type AckFrame = { type: 'ack'; id: string; data: unknown };
export type PongFrame = { type: 'pong'; action: 'pong'; id?: string; server_time: number; data?: unknown };
export type ErrorFrame = { type: 'error'; id?: string } & ProtocolError;

/** All that a server sends. */
export type ServerFrame =
  | ReadyFrame
  | SubscribedFrame
  | UnsubscribedFrame
  | AckFrame
  | PongFrame
  | ErrorFrame
  | RoomEvent;

/** The `data` of each action. */
export interface Actions {
  sendMessage: SendMessage;
  typing: Typing;
  cancel: Cancel;
  subscribe: Subscribe;
  unsubscribe: Unsubscribe;
  read: Read;
  delete: Delete;
  status: SetStatus;
  authenticate: Authenticate;
  ping: unknown;
}

/** All that a client sends. */
export type ClientFrame = {
  [Action in keyof Actions]: { action: Action; id?: string; data?: Actions[Action] };
}[keyof Actions];

/** Whether an event has a place in its room's log. */
export function isDurable(event: RoomEvent): event is DurableEvent {
  return 'seq' in event;
}
