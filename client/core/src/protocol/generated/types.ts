// Generated from the Rust types in shared/src/protocol. To write it again:
// WRITE_DOCS=1 cargo test -p causerie-shared --test generated

/**
 * A customer of the installation: internal, and in tokens.
 */
export type TenantId = string;

/**
 * A tenant's public name, in widgets.
 */
export type TenantHash = string;

/**
 * A person within a tenant. Visitors' ids begin with [`UserId::VISITOR_PREFIX`].
 */
export type UserId = string;

/**
 * A project within a tenant.
 */
export type ProjectId = string;

/**
 * One conversation thread with the AI, within its room.
 */
export type SessionId = string;

/**
 * One socket or stream of a client.
 */
export type ConnectionId = string;

/**
 * A question or a reply. It begins with its room's partition, so that it
 * can be found without naming the room.
 */
export type MessageId = string;

/**
 * What events are addressed to, within a tenant.
 */
export type Room = string;

/**
 * A room as a client names it: `user:me` still stands for the caller.
 */
export type RoomName = string;

/**
 * Names one life of a room's log: 8–16 of `a-z 0-9`.
 */
export type Epoch = string;

/**
 * A person's message: a question to the AI, unless `ai` is false.
 */
export type SendMessage = { 
/**
 * The text: 1 byte to 32 KiB of UTF-8.
 */
user_input: string, 
/**
 * The conversation that it belongs to; a new one where there is none.
 */
session_id?: SessionId, 
/**
 * Where it is said; `user:me` where neither this nor `project_id` is given.
 */
room?: RoomName, 
/**
 * Short for the room `project:{id}`.
 */
project_id?: ProjectId, 
/**
 * Whether the AI shall answer.
 */
ai?: boolean, 
/**
 * What to do while the session's earlier question is being answered.
 */
if_busy?: IfBusy, 
/**
 * What was said before, as the client remembers it.
 */
conversation_context?: ConversationContext, 
/**
 * The client's own notes; handed on in `new_message`.
 */
metadata?: Record<string, unknown>, 
/**
 * Must be the tenant's of the connection.
 */
tenant_hash?: TenantHash, };

/**
 * What to do with a question whose session is busy.
 */
export type IfBusy = "queue" | "reject" | "interrupt";

/**
 * Earlier turns of a conversation, as a client remembers them.
 */
export type ConversationContext = { 
/**
 * The turns, oldest first.
 */
messages?: Array<ContextMessage>, 
/**
 * The client's count of turns; not used.
 */
turn?: number, };

/**
 * One earlier turn.
 */
export type ContextMessage = { 
/**
 * Who spoke.
 */
role: ContextRole, 
/**
 * What was said.
 */
content: string, };

/**
 * Who spoke in a conversation. There is no `system`: nobody but the
 * installation speaks for it.
 */
export type ContextRole = "user" | "assistant";

/**
 * Whether a person is typing.
 */
export type Typing = { 
/**
 * Whether they are.
 */
is_typing: boolean, 
/**
 * Where; `user:me` where there is none.
 */
room?: RoomName, };

/**
 * Ends a reply.
 */
export type Cancel = { 
/**
 * The reply, or its question.
 */
message_id: MessageId, };

/**
 * Joins a room.
 */
export type Subscribe = { 
/**
 * Which.
 */
room: RoomName, 
/**
 * With `seq`: the position from which to recover.
 */
epoch?: Epoch, 
/**
 * With `epoch`: the position from which to recover.
 */
seq?: number, };

/**
 * Leaves a room.
 */
export type Unsubscribe = { 
/**
 * Which.
 */
room: RoomName, };

/**
 * Tells a room how far somebody has read.
 */
export type Read = { 
/**
 * Which.
 */
room: RoomName, 
/**
 * The last event that they have read.
 */
seq: number, };

/**
 * Deletes a message.
 */
export type Delete = { 
/**
 * Where it was said.
 */
room: RoomName, 
/**
 * Which.
 */
message_id: MessageId, };

/**
 * Says what the user is.
 */
export type SetStatus = { 
/**
 * What.
 */
status: Status, };

/**
 * What a user says to be.
 */
export type Status = "online" | "away" | "busy";

/**
 * Renews a live connection.
 */
export type Authenticate = { 
/**
 * A token of the same user.
 */
token: string, };

/**
 * `ready`, the first frame of a connection.
 */
export type Ready = { 
/**
 * This connection.
 */
connection_id: ConnectionId, 
/**
 * The tenant's id.
 */
tenant: TenantId, 
/**
 * Whom the connection speaks for.
 */
user_id: UserId, 
/**
 * The node that serves it.
 */
node: string, 
/**
 * The server's clock, in milliseconds since 1970.
 */
server_time: number, 
/**
 * The server pings after this much silence.
 */
heartbeat_interval_ms: number, 
/**
 * The server closes after this long without an action.
 */
idle_timeout_ms: number, 
/**
 * The most bytes that a frame may have.
 */
max_message_bytes: number, 
/**
 * The most messages that the connection may send in a minute.
 */
messages_per_minute: number, 
/**
 * A visitor's token, so that a reconnect is the same user.
 */
token?: string, };

/**
 * `subscribed`: from where a room's stream goes on.
 */
export type Subscribed = { 
/**
 * The room, canonical.
 */
room: Room, 
/**
 * The life of its log.
 */
epoch: Epoch, 
/**
 * The last event that the client is taken to have.
 */
seq: number, 
/**
 * Whether nothing was missed that does not follow now.
 */
recovered: boolean, };

/**
 * The `data` of the `ack` of `sendMessage`.
 */
export type SendMessageAck = { 
/**
 * The stored message.
 */
message_id: MessageId, 
/**
 * The conversation it belongs to.
 */
session_id: SessionId, 
/**
 * Its room, canonical.
 */
room: Room, 
/**
 * The life of the room's log.
 */
epoch: Epoch, 
/**
 * Its place in the log.
 */
seq: number, };

/**
 * The `data` of the `ack` of `cancel`.
 */
export type CancelAck = { 
/**
 * The reply that ends.
 */
message_id: MessageId, };

/**
 * The `data` of the `ack` of `delete`.
 */
export type DeleteAck = { 
/**
 * The message that is there no more.
 */
message_id: MessageId, };

/**
 * The `data` of the `ack` of `subscribe` and `unsubscribe`.
 */
export type RoomAck = { 
/**
 * The room, canonical.
 */
room: Room, };

/**
 * The `data` of an `ack` that has nothing to tell.
 */
export type EmptyAck = Record<symbol, never>;

/**
 * An error as a client sees it, in a frame or as the body of a response.
 */
export type ProtocolError = { 
/**
 * What went wrong.
 */
code: ErrorCode, 
/**
 * One sentence that tells a person what to do. It never holds a secret,
 * a stack or another tenant's data.
 */
content: string, 
/**
 * Whether the same request may succeed later.
 */
canRetry: boolean, 
/**
 * How long to wait before trying again, in milliseconds.
 */
retry_after_ms?: number, 
/**
 * What the limit that was met is counted for.
 */
scope?: Scope, 
/**
 * The limit that was met.
 */
limit?: number, 
/**
 * Whether the server closes the connection next.
 */
fatal: boolean, };

/**
 * What went wrong, as a word that a program can act on.
 */
export type ErrorCode = "invalid_json" | "invalid_message" | "unknown_action" | "unauthorized" | "forbidden" | "not_found" | "conflict" | "message_too_large" | "rate_limited" | "budget_exceeded" | "internal" | "ai_unavailable" | "overloaded" | "ai_timeout";

/**
 * What a limit is counted for.
 */
export type Scope = "connection" | "ip" | "user" | "tenant" | "node";

/**
 * `new_message`: a person said something.
 */
export type NewMessage = { 
/**
 * The message.
 */
message_id: MessageId, 
/**
 * The conversation it belongs to.
 */
session_id: SessionId, 
/**
 * Who said it.
 */
user_id: UserId, 
/**
 * Always [`Role::User`].
 */
role: Role, 
/**
 * What they said.
 */
content: string, 
/**
 * The client's own notes.
 */
metadata: Record<string, unknown>, };

/**
 * Who said something.
 */
export type Role = "user" | "assistant";

/**
 * `message`: a reply, whole. It ends its reply in every respect.
 */
export type Reply = { 
/**
 * The reply.
 */
message_id: MessageId, 
/**
 * The conversation it belongs to.
 */
session_id: SessionId, 
/**
 * The question.
 */
in_reply_to: MessageId, 
/**
 * Always [`Role::Assistant`].
 */
role: Role, 
/**
 * The whole text, as far as it came.
 */
content: string, 
/**
 * What the reply was drawn from.
 */
sources: unknown[], 
/**
 * How it ended.
 */
finish_reason: FinishReason, 
/**
 * How it was made.
 */
metadata: ReplyMetadata, };

/**
 * How a reply was made. Times are in milliseconds.
 */
export type ReplyMetadata = { 
/**
 * From the claim of the question to the end of the reply.
 */
response_time: number, 
/**
 * The model that answered, where one did.
 */
model_used: string | null, 
/**
 * Tokens of the reply, where the backend told.
 */
token_count: number | null, 
/**
 * Tokens of the question and its context, where the backend told.
 */
prompt_tokens: number | null, 
/**
 * From the claim of the question to the reply's first text.
 */
time_to_first_token: number | null, 
/**
 * The attempt that ended it; 0 where none was begun.
 */
attempt: number, };

/**
 * How a reply ended.
 */
export type FinishReason = "stop" | "length" | "cancelled" | "error";

/**
 * `message_delta`: the next piece of a reply.
 *
 * `text` stays the last member: a gateway joins the encoded texts into a
 * snapshot without parsing them.
 */
export type MessageDelta = { 
/**
 * The reply.
 */
message_id: MessageId, 
/**
 * The conversation it belongs to.
 */
session_id: SessionId, 
/**
 * The attempt it is of.
 */
attempt: number, 
/**
 * 0, 1, 2 … within the attempt.
 */
index: number, 
/**
 * What follows the texts before it.
 */
text: string, };

/**
 * `message_snapshot`: replaces whatever a client holds of the reply.
 */
export type MessageSnapshot = { 
/**
 * The reply.
 */
message_id: MessageId, 
/**
 * The conversation it belongs to.
 */
session_id: SessionId, 
/**
 * The question.
 */
in_reply_to: MessageId, 
/**
 * The attempt it is of.
 */
attempt: number, 
/**
 * The index of the last delta in it; −1 before the first.
 */
index: number, 
/**
 * All up to and including `index`.
 */
text: string, };

/**
 * `message_restart`: the text of a reply is empty again, after a takeover.
 */
export type MessageRestart = { 
/**
 * The reply.
 */
message_id: MessageId, 
/**
 * The attempt that begins.
 */
attempt: number, };

/**
 * `message_deleted`: somebody has deleted a message. What stands in the log in the
 * place of that message has neither.
 */
export type MessageDeleted = { 
/**
 * The message.
 */
message_id?: MessageId, 
/**
 * Who has deleted it.
 */
user_id?: UserId, };

/**
 * `message_read`: somebody has read what was said.
 */
export type MessageRead = { 
/**
 * Who.
 */
user_id: UserId, 
/**
 * The last event that they have read, as they say.
 */
seq: number, };

/**
 * `typing_indicator`: somebody is typing, or has stopped.
 */
export type TypingIndicator = { 
/**
 * A user's id, or [`ASSISTANT`].
 */
user_id: string, 
/**
 * Whether they are.
 */
is_typing: boolean, };

/**
 * `user_joined`: somebody is in the room who was not.
 */
export type UserJoined = { 
/**
 * Who.
 */
user_id: UserId, 
/**
 * The name to show, where their token has one.
 */
name: string | null, 
/**
 * What they say to be.
 */
status: Status, };

/**
 * `user_left`: somebody is in the room no more, on no device.
 */
export type UserLeft = { 
/**
 * Who.
 */
user_id: UserId, };

/**
 * `user_status_changed`: somebody in the room says to be something else.
 */
export type UserStatusChanged = { 
/**
 * Who.
 */
user_id: UserId, 
/**
 * What they say to be now.
 */
status: Status, };

/**
 * `warning_issued`, where Causerie issues it: a message holds words of a list. The words
 * are not told.
 */
export type WarningIssued = { 
/**
 * Always [`WarningReason::WordList`].
 */
reason: WarningReason, 
/**
 * What became of the message.
 */
result: Filtered, 
/**
 * How many words of lists for that are in it.
 */
words: number, 
/**
 * Who wrote it.
 */
user_id: UserId, 
/**
 * Where it was said, or would have been.
 */
room: Room, 
/**
 * The message, where it was stored.
 */
message_id?: MessageId, 
/**
 * One sentence for a person.
 */
content: string, };

/**
 * Of what a [`WarningIssued`] warns.
 */
export type WarningReason = "word_list";

/**
 * What became of a message that holds words of a list.
 */
export type Filtered = "flagged" | "masked" | "rejected";

/**
 * `ai_processing_start`: a reply is being made.
 */
export type AiProcessingStart = { 
/**
 * The reply.
 */
message_id: MessageId, 
/**
 * The conversation it belongs to.
 */
session_id: SessionId, 
/**
 * The question.
 */
in_reply_to: MessageId, 
/**
 * 1, and one more after each takeover.
 */
attempt: number, };

/**
 * `ai_processing_end`: a reply has been made, or has failed.
 */
export type AiProcessingEnd = { 
/**
 * The reply.
 */
message_id: MessageId, 
/**
 * The conversation it belongs to.
 */
session_id: SessionId, 
/**
 * The question.
 */
in_reply_to: MessageId, 
/**
 * The attempt that ended it.
 */
attempt: number, };

/**
 * `ai_processing_error`: why the `message` that follows ends in `error`.
 */
export type AiProcessingError = { 
/**
 * The reply.
 */
message_id: MessageId, 
/**
 * `ai_unavailable` or `ai_timeout`, or `internal`.
 */
code: ErrorCode, 
/**
 * Whether asking again may help.
 */
canRetry: boolean, };
