export { connect } from './client.js';
export type {
  Client,
  ClientEvents,
  History,
  HistoryRange,
  OutboxView,
  Sending,
  SendOptions,
} from './api.js';
export { CauserieError } from './errors.js';
export type { ErrorDetails, LocalErrorCode } from './errors.js';
export type { Options } from './options.js';
export type { Page, PageEvents } from './connection/page.js';
export { describe, isUp, whyOf } from './connection/state.js';
export type { Reason, State, Why } from './connection/state.js';
export type { GetToken, TokenReason } from './connection/tokens.js';
export type { Entry, EntryState } from './outbox/entry.js';
export type { Reply } from './rooms/replies.js';
export type { Membership, Reset } from './rooms/rooms.js';
export type { Anomalies } from './rooms/sequence.js';
export type { Shelf, ShelfEvents, Storage } from './storage/storage.js';
export type { Typing } from './typing/watcher.js';
export type { Mode, TransportName } from './transports/transport.js';
export type * from './protocol/frames.js';
export type {
  AiProcessingEnd,
  AiProcessingError,
  AiProcessingStart,
  ContextMessage,
  ConversationContext,
  ErrorCode,
  FinishReason,
  IfBusy,
  MessageDeleted,
  MessageDelta,
  MessageRead,
  MessageRestart,
  MessageSnapshot,
  NewMessage,
  ProtocolError,
  Ready,
  Reply as WholeReply,
  ReplyMetadata,
  Scope,
  SendMessage,
  SendMessageAck,
  Status,
  TypingIndicator,
  UserJoined,
  UserLeft,
  UserStatusChanged,
} from './protocol/generated/types.js';
