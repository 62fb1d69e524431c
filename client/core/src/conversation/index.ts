export { Conversation, EMPTY } from './conversation.js';
export type { ConversationOptions, Snapshot, Talking } from './conversation.js';
export { holdRoom, nameOf } from './hold.js';
export type { ChatMessage, MessageState } from './message.js';
