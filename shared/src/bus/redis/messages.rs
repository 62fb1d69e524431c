//! What is heard on channels.
//!
//! fred keeps a number of messages for whoever takes them, and drops the oldest
//! where there are more. So a task does nothing but take them.

use std::sync::Arc;

use bytes::Bytes;
use fred::types::Message;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::events;

/// What is done with what is heard.
pub(super) trait Listener: Send + Sync + 'static {
    /// A message came.
    fn on_message(&self, channel: &str, message: Bytes);
    /// Messages may have been lost, on any channel.
    fn on_gap(&self);
}

/// Takes messages from fred as fast as they come.
pub(super) async fn drain(mut messages: broadcast::Receiver<Message>, listener: Arc<dyn Listener>) {
    loop {
        match messages.recv().await {
            Ok(message) => {
                if let Some(bytes) = message.value.as_bytes() {
                    // A slice would keep the connection's whole read buffer alive.
                    listener.on_message(&message.channel, Bytes::copy_from_slice(bytes));
                }
            }
            Err(RecvError::Lagged(count)) => {
                events::messages_dropped(count);
                listener.on_gap();
            }
            Err(RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use fred::types::MessageKind;
    use fred::types::config::Server;

    use super::*;

    #[derive(Default)]
    struct Counts {
        messages: AtomicU32,
        gaps: AtomicU32,
    }

    impl Listener for Counts {
        fn on_message(&self, _channel: &str, _message: Bytes) {
            self.messages.fetch_add(1, Ordering::Relaxed);
        }

        fn on_gap(&self) {
            self.gaps.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn what_fred_dropped_is_told_as_a_gap() {
        let (fred, messages) = broadcast::channel(2);
        for _ in 0..3 {
            let message = Message {
                channel: "channel".into(),
                value: "text".into(),
                kind: MessageKind::SMessage,
                server: Server::new("127.0.0.1", 6379),
            };
            fred.send(message).unwrap();
        }
        drop(fred);
        let counts = Arc::new(Counts::default());
        drain(messages, Arc::<Counts>::clone(&counts)).await;
        let count = |counter: &AtomicU32| counter.load(Ordering::Relaxed);
        assert_eq!((count(&counts.gaps), count(&counts.messages)), (1, 2));
    }
}
