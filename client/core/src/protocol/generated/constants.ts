// Generated from the Rust types in shared/src/protocol. To write it again:
// WRITE_DOCS=1 cargo test -p causerie-shared --test generated

/** The WebSocket subprotocol. */
export const SUBPROTOCOL = 'picasso-chat-v1';
/** The most bytes of UTF-8 that a message may have. */
export const MAX_USER_INPUT = 32768;
/** The most characters that an `id` may have. */
export const MAX_CLIENT_ID_CHARS = 64;
/** Close code: node draining. */
export const DRAINING = 1012;
/** Close code: overloaded, come back later. */
export const OVERLOADED = 1013;
/** Close code: token bad or expired. */
export const UNAUTHORIZED = 4500;
/** Close code: idle. */
export const IDLE = 4509;
/** Events that a room's log keeps. */
export type DurableEvent = 'new_message' | 'message' | 'message_deleted' | 'project_created' | 'project_updated' | 'project_deleted' | 'performance_alert' | 'memory_stored' | 'memory_updated' | 'memory_deleted' | 'broadcast_message' | 'system_notification' | 'maintenance_mode';
/** All other names that are reserved. */
export type TransientEvent = 'ready' | 'subscribed' | 'unsubscribed' | 'ack' | 'pong' | 'error' | 'connection_error' | 'authentication_success' | 'authentication_failed' | 'connection_restored' | 'message_delta' | 'message_snapshot' | 'message_restart' | 'message_read' | 'typing_indicator' | 'typing_stop' | 'user_typing' | 'chat_status_update' | 'ai_processing_start' | 'ai_processing_progress' | 'ai_processing_end' | 'ai_processing_error' | 'project_joined' | 'project_left' | 'user_joined' | 'user_left' | 'user_status_changed' | 'system_status_update' | 'health_check' | 'metrics_update' | 'context_analysis_complete' | 'context_summary_updated' | 'similar_issues_found' | 'server_shutdown' | 'error_occurred' | 'warning_issued' | 'recovery_attempt' | 'connect' | 'disconnect' | 'message_processed' | 'ai_response_generated' | 'chat_response' | 'system';
