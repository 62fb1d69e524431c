//! The names of all events.

use schemars::JsonSchema;
use serde::Serialize;

macro_rules! events {
    ($($group:literal: $($(#[$doc:meta])* $variant:ident = $name:literal $($durable:ident)?),+;)+) => {
        /// A reserved event name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
        pub enum Event {
            $($(
                #[doc = concat!("`", $name, "`")]
                #[serde(rename = $name)]
                $variant,
            )+)+
        }

        impl Event {
            /// All reserved names.
            pub const ALL: &[Self] = &[$($(Self::$variant,)+)+];

            /// The name that travels as `type`.
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$variant => $name,)+)+ }
            }

            /// What the event is about.
            pub const fn group(self) -> &'static str {
                match self { $($(Self::$variant => $group,)+)+ }
            }

            /// Whether the room's log keeps it, with a `seq`.
            pub const fn is_durable(self) -> bool {
                match self { $($(Self::$variant => events!(@ $($durable)?),)+)+ }
            }

            /// The event of that name.
            pub fn named(name: &str) -> Option<Self> {
                match name { $($($name => Some(Self::$variant),)+)+ _ => None }
            }
        }
    };
    (@) => { false };
    (@ durable) => { true };
}

events! {
    "connection":
        Ready = "ready",
        Subscribed = "subscribed",
        Unsubscribed = "unsubscribed",
        Ack = "ack",
        Pong = "pong",
        Error = "error",
        ConnectionError = "connection_error",
        AuthenticationSuccess = "authentication_success",
        AuthenticationFailed = "authentication_failed",
        ConnectionRestored = "connection_restored";
    "chat":
        NewMessage = "new_message" durable,
        Message = "message" durable,
        MessageDelta = "message_delta",
        MessageSnapshot = "message_snapshot",
        MessageRestart = "message_restart",
        MessageDeleted = "message_deleted" durable,
        MessageRead = "message_read",
        TypingIndicator = "typing_indicator",
        TypingStop = "typing_stop",
        UserTyping = "user_typing",
        ChatStatusUpdate = "chat_status_update";
    "ai":
        AiProcessingStart = "ai_processing_start",
        AiProcessingProgress = "ai_processing_progress",
        AiProcessingEnd = "ai_processing_end",
        AiProcessingError = "ai_processing_error";
    "project":
        ProjectCreated = "project_created" durable,
        ProjectUpdated = "project_updated" durable,
        ProjectDeleted = "project_deleted" durable,
        ProjectJoined = "project_joined",
        ProjectLeft = "project_left";
    "users":
        UserJoined = "user_joined",
        UserLeft = "user_left",
        UserStatusChanged = "user_status_changed";
    "status":
        SystemStatusUpdate = "system_status_update",
        HealthCheck = "health_check",
        MetricsUpdate = "metrics_update",
        PerformanceAlert = "performance_alert" durable;
    "memory":
        MemoryStored = "memory_stored" durable,
        MemoryUpdated = "memory_updated" durable,
        MemoryDeleted = "memory_deleted" durable,
        ContextAnalysisComplete = "context_analysis_complete",
        ContextSummaryUpdated = "context_summary_updated",
        SimilarIssuesFound = "similar_issues_found";
    "admin":
        BroadcastMessage = "broadcast_message" durable,
        SystemNotification = "system_notification" durable,
        MaintenanceMode = "maintenance_mode" durable,
        ServerShutdown = "server_shutdown";
    "faults":
        ErrorOccurred = "error_occurred",
        WarningIssued = "warning_issued",
        RecoveryAttempt = "recovery_attempt";
    "dialects":
        Connect = "connect",
        Disconnect = "disconnect",
        MessageProcessed = "message_processed",
        AiResponseGenerated = "ai_response_generated",
        ChatResponse = "chat_response",
        System = "system";
}

impl Event {
    /// Whether it belongs to the life of connections, messages or replies, so that
    /// clients would take it for Causerie's own: nobody else publishes it.
    pub fn is_of_life_cycle(self) -> bool {
        matches!(
            self.group(),
            "connection" | "chat" | "ai" | "users" | "dialects"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_event() {
        for &event in Event::ALL {
            assert_eq!(Event::named(event.name()), Some(event));
        }
        assert_eq!(Event::named("nothing"), None);
    }

    #[test]
    fn the_log_keeps_what_the_protocol_says() {
        assert!(Event::NewMessage.is_durable() && Event::Message.is_durable());
        assert!(!Event::MessageDelta.is_durable());
        assert_eq!(Event::ALL.iter().filter(|e| e.is_durable()).count(), 13);
    }
}
