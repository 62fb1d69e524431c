export { CauserieProvider, useClient } from './provider.js';
export type { CauserieProviderProps } from './provider.js';
export { useChat } from './chat.js';
export type { Chat } from './chat.js';
export { useConnection } from './connection.js';
export type { ConnectionView } from './connection.js';
export { useConnectionQuality } from './quality.js';
export type { ConnectionQualityOptions } from './quality.js';
export { useOfflineQueue } from './queue.js';
export type { OfflineQueue } from './queue.js';
export { useTyping } from './typing.js';
export type { TypingView } from './typing.js';
export { usePresence } from './presence.js';
export type { PersonPresent, PresenceView } from './presence.js';
export {
  ConnectionQualityBadge,
  ConnectionQualityCard,
  ConnectionQualityIndicator,
} from './components/quality.js';
export type { ConnectionQualityProps } from './components/quality.js';
export type { QualityTexts } from './components/texts.js';
export type { ChatMessage, ConversationOptions, MessageState, Snapshot as ConversationSnapshot } from '@causerie/client/conversation';
