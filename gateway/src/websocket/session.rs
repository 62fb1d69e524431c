//! What one WebSocket's task does.
//!
//! Reading, acting and sending go on side by side: a peer that reads slowly can
//! still act, and an action that takes long holds up no event, nor hides that the
//! peer lives. Most of what is sent does not pass through here: see
//! [`outbox`](crate::outbox).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use causerie_shared::protocol::action::{Action, ClientFrame, Rejected, read_frame};
use causerie_shared::protocol::close::CloseCode;
use futures::FutureExt;

use super::acting::{Actor, no_text};
use super::closing;
use super::codec::Message;
use super::reading::{Reading, Unreadable};
use crate::connection::Connected;
use crate::events;
use crate::outbox::{Call, Close};

/// How many frames may wait for an action that goes on. Past that the socket is
/// not read.
const WAITING_FRAMES: usize = 8;

/// How a session ends.
#[derive(Debug)]
enum End {
    /// The peer is not there any more.
    Gone,
    /// The peer has closed, and is being answered.
    Answered,
    /// The server closes.
    Close(Close),
}

/// An action that goes on. On the heap: it takes many times the memory of a
/// connection that rests.
type Acting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a frame asks for, or why it is refused.
type Asked = Result<ClientFrame, Rejected>;

struct Session {
    connected: Connected,
    reading: Reading,
    /// Read while an action goes on.
    waiting: VecDeque<Asked>,
    acting: Option<Acting>,
    /// Set when nothing more is read.
    end: Option<End>,
}

/// Serves one socket to its end.
pub(super) async fn run(connected: Connected, reading: Reading) {
    let mut session = Session {
        connected,
        reading,
        waiting: VecDeque::new(),
        acting: None,
        end: None,
    };
    let end = poll_fn(|cx| session.poll_end(cx)).await;
    session.acting = None;
    // On the heap, as an action is.
    Box::pin(session.close(end)).await;
}

impl Session {
    /// Goes on with all that there is to do, to the end of the session.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if let Poll::Ready(close) = self.poll_outbox(cx) {
            return Poll::Ready(End::Close(close));
        }
        self.read(cx);
        while ready!(self.poll_act(cx)) {
            // There is room for one more.
            self.read(cx);
        }
        match self.end.take() {
            Some(end) => Poll::Ready(end),
            None => Poll::Pending,
        }
    }

    /// Sends what waits, until the server closes.
    fn poll_outbox(&mut self, cx: &mut Context<'_>) -> Poll<Close> {
        let outbox = &self.connected.outbox;
        while !matches!(self.end, Some(End::Gone | End::Answered)) {
            match ready!(outbox.poll_call(cx)) {
                Call::Lagging(replies) => {
                    let hub = &self.connected.gateway().hub;
                    hub.resync_soon(outbox.id(), replies);
                }
                Call::Close(close) => return Poll::Ready(close),
                // What it asked for before is carried out all the same.
                Call::PeerGone => self.end = Some(End::Gone),
            }
        }
        Poll::Pending
    }

    /// Reads what has come, as far as there is room for it.
    fn read(&mut self, cx: &mut Context<'_>) {
        while self.end.is_none() && self.waiting.len() < WAITING_FRAMES {
            match self.reading.poll_message(cx) {
                Poll::Ready(Ok(message)) => self.on_message(message),
                Poll::Ready(Err(Unreadable::Gone)) => self.end = Some(End::Gone),
                Poll::Ready(Err(Unreadable::Violation(violation))) => {
                    let code = CloseCode::from(violation);
                    self.end = Some(End::Close(code.into()));
                }
                Poll::Pending => return,
            }
        }
    }

    fn on_message(&mut self, message: Message) {
        self.connected.note_heard();
        match message {
            Message::Text(text) => {
                let max_depth = self.connected.gateway().settings().max_depth;
                self.on_asked(read_frame(text.as_bytes(), max_depth));
            }
            Message::Binary => self.on_asked(Err(no_text())),
            Message::Ping(payload) => self.connected.outbox.pong(&payload),
            Message::Pong => {}
            Message::Close(code) => {
                // At once: what waits to be carried out may take its time.
                self.connected.outbox.say_last(closing::answer(code));
                self.end = Some(End::Answered);
            }
        }
    }

    fn on_asked(&mut self, asked: Asked) {
        match asked {
            // At once, and nothing is waited for: who asks whether we live would
            // leave while an action waits for the bus.
            Ok(ping) if matches!(ping.action, Action::Ping(_)) => {
                let _ = Actor::of(&self.connected).act(Ok(ping)).now_or_never();
            }
            Ok(_) | Err(_) => self.waiting.push_back(asked),
        }
    }

    /// Carries out what waits, one after the other. Whether there was anything.
    fn poll_act(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let acting = match &mut self.acting {
            Some(acting) => acting,
            None => {
                let Some(asked) = self.waiting.pop_front() else {
                    return Poll::Ready(false);
                };
                let actor = Actor::of(&self.connected);
                self.acting.insert(Box::pin(actor.act_in_rooms(asked)))
            }
        };
        ready!(acting.as_mut().poll(cx));
        self.acting = None;
        Poll::Ready(true)
    }

    async fn close(mut self, end: End) {
        let outbox = Arc::clone(&self.connected.outbox);
        match end {
            End::Gone => {}
            End::Answered => closing::part(&outbox, &mut self.reading).await,
            End::Close(close) => {
                events::closed(&self.connected, &close);
                self.connected.end();
                closing::close(&outbox, &mut self.reading, &close).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use causerie_shared::bus::memory::MemoryBus;
    use causerie_shared::bus::{Bus, Retention};
    use causerie_shared::ids::{TenantId, UserId};
    use causerie_shared::position::Position;
    use causerie_shared::room::RoomKey;
    use tokio::net::{TcpListener, TcpStream};

    use super::super::codec::Decoder;
    use super::*;
    use crate::connection::{Admitted, Connection};
    use crate::gateway::Gateway;
    use crate::identity::{Identity, Projects};
    use crate::outbox::{Outbox, Wire};
    use crate::settings::Settings;

    /// Somebody who has just come in, and their end of the socket.
    async fn come_in() -> (Connected, Reading, TcpStream) {
        let bus: Arc<dyn Bus> = Arc::new(MemoryBus::new(Retention::default()));
        let gateway = Gateway::start(bus, Settings::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, client) = tokio::join!(listener.accept(), TcpStream::connect(address));
        let (receiving, sending) = accepted.unwrap().0.into_split();
        let admitted = Admitted {
            identity: Identity {
                tenant: TenantId::new("acme").unwrap(),
                user: UserId::new("u1").unwrap(),
                name: None,
                projects: Projects::All,
                roles: Box::default(),
                expires_ms: None,
            },
            rooms: Vec::new(),
            slot: gateway.registry.try_reserve(1).unwrap(),
            visitor_token: None,
        };
        let connected = gateway.connect_socket(admitted, Wire::new(sending, true));
        let reading = Reading::new(receiving, Decoder::new(1 << 10, true), &[]);
        (connected, reading, client.unwrap())
    }

    /// So that they can be told if a new life of the room does not have it.
    #[tokio::test]
    async fn what_is_acknowledged_is_remembered() {
        let (connected, _reading, _client) = come_in().await;
        let room: RoomKey = "acme:project:p1".parse().unwrap();
        let before_it = Position {
            epoch: "bbbbbbbb".parse().unwrap(),
            seq: 0,
        };
        assert!(!connected.outbox.has_lost(&room, &before_it));
        let message =
            br#"{"action":"sendMessage","user_input":"x","room":"project:p1","ai":false}"#;
        let message = read_frame(message, 16).unwrap();
        Actor::of(&connected).act(Ok(message)).await;
        assert!(connected.outbox.has_lost(&room, &before_it));
    }

    /// What a node keeps for each socket, though nothing happens there, is what
    /// bounds how many it can have. Besides these there are the names of the user
    /// and of rooms, and what tokio keeps of a task and of a socket.
    #[tokio::test]
    async fn a_connection_that_rests_is_small() {
        let (connected, reading, _client) = come_in().await;
        for (what, size, bound) in [
            ("task", size_of_val(&run(connected, reading)), 256),
            ("connection", size_of::<Connection>(), 128),
            ("outbox", size_of::<Outbox>(), 216),
            ("identity", size_of::<Identity>(), 104),
        ] {
            assert!(size <= bound, "{what}: {size} bytes");
        }
    }
}
