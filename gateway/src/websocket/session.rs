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

use causerie_shared::protocol::action::{Action, ClientFrame, ClientId, Rejected, read_frame};
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::rate;
use futures::FutureExt;

use super::acting::{Actor, no_text};
use super::closing;
use super::codec::Message;
use super::reading::{Reading, Unreadable};
use crate::audit::{Note, What};
use crate::connection::{Connected, Ended};
use crate::events;
use crate::limits::across::met;
use crate::limits::{self, Pace, TooFast};
use crate::outbox::{Call, Close};

/// How many frames may wait for an action that goes on. Past that the socket is
/// not read.
const WAITING_FRAMES: usize = 8;

/// How a session ends.
#[derive(Debug)]
enum End {
    /// The peer is not there any more.
    Gone,
    /// The peer has closed, with this code, and is being answered.
    Answered(Option<u16>),
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
    /// Made when something is asked for.
    pace: Option<Box<Pace>>,
    /// Read while an action goes on.
    waiting: VecDeque<Asked>,
    acting: Option<Acting>,
    /// Set when nothing more is read.
    end: Option<End>,
}

/// Serves one socket to its end.
pub(super) async fn run(connected: Connected, reading: Reading) {
    let mut session = Session::new(connected, reading);
    let end = poll_fn(|cx| session.poll_end(cx)).await;
    session.acting = None;
    // On the heap, as an action is.
    Box::pin(session.close(end)).await;
}

impl Session {
    fn new(connected: Connected, reading: Reading) -> Self {
        Self {
            connected,
            reading,
            pace: None,
            waiting: VecDeque::new(),
            acting: None,
            end: None,
        }
    }

    /// Goes on with all that there is to do, to the end of the session.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if let Poll::Ready(close) = self.poll_outbox(cx) {
            return Poll::Ready(End::Close(close));
        }
        loop {
            self.read(cx);
            self.hang_up_if_answered(cx);
            // Then there is room for one more.
            if !ready!(self.poll_act(cx)) {
                break;
            }
        }
        match self.end.take() {
            Some(end) => Poll::Ready(end),
            None => Poll::Pending,
        }
    }

    /// Sends what waits, until the server closes.
    fn poll_outbox(&mut self, cx: &mut Context<'_>) -> Poll<Close> {
        let outbox = &self.connected.outbox;
        while !matches!(self.end, Some(End::Gone | End::Answered(_))) {
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

    /// Reads what has come, as far as there is room for it. Where there is none, signs of
    /// life are not found either.
    fn read(&mut self, cx: &mut Context<'_>) {
        while self.end.is_none() {
            if self.waiting.len() >= WAITING_FRAMES {
                return self.connected.note_unread(true);
            }
            let connected = &self.connected;
            let heard = || connected.note_heard();
            match self.reading.poll_message(cx, heard) {
                Poll::Ready(Ok(message)) => self.on_message(message),
                Poll::Ready(Err(Unreadable::Gone)) => self.end = Some(End::Gone),
                Poll::Ready(Err(Unreadable::Violation(violation))) => {
                    events::frame_refused();
                    let code = CloseCode::from(violation);
                    self.end = Some(End::Close(code.into()));
                }
                Poll::Pending => return self.connected.note_unread(false),
            }
        }
    }

    /// Ends the stream to a peer that has closed once the answer is sent: what it
    /// asked for before is carried out all the same, and may take its time.
    fn hang_up_if_answered(&self, cx: &mut Context<'_>) {
        let outbox = &self.connected.outbox;
        if matches!(self.end, Some(End::Answered(_))) && outbox.poll_sent(cx).is_ready() {
            outbox.hang_up();
        }
    }

    fn on_message(&mut self, message: Message) {
        match message {
            Message::Text(text) => {
                let max_depth = self.connected.gateway().settings().max_depth;
                self.on_asked(read_frame(text.as_bytes(), max_depth));
            }
            Message::Binary => self.on_asked(Err(no_text())),
            Message::Ping(payload) => self.connected.outbox.pong(&payload),
            Message::Pong => self.connected.note_pong(),
            Message::Close(code) => {
                self.connected.outbox.say_last(closing::answer(code));
                self.connected.end();
                self.end = Some(End::Answered(code));
            }
        }
    }

    fn on_asked(&mut self, asked: Asked) {
        events::frame_received();
        let asked = match self.check_pace(asked) {
            Ok(asked) => asked,
            // At once: who is too fast is to hear of it before what came earlier is
            // done.
            Err(refused) => return Actor::of(&self.connected).refuse(refused),
        };
        match asked {
            // At once, and nothing is waited for: who asks whether we live would
            // leave while an action waits for the bus.
            Ok(ping) if matches!(ping.action, Action::Ping(_)) => {
                let _ = Actor::of(&self.connected).act(Ok(ping)).now_or_never();
            }
            Ok(_) | Err(_) => self.waiting.push_back(asked),
        }
    }

    /// Gives back what is asked for if it may be asked for now, else why not.
    fn check_pace(&mut self, asked: Asked) -> Result<Asked, Rejected> {
        let settings = self.connected.gateway().settings();
        if !settings.limits.hold_for(self.connected.client) {
            return Ok(asked);
        }
        let now_us = rate::us(self.connected.started.elapsed());
        let pace = self.pace.get_or_insert_default();
        let error = match pace.check(&asked, &settings.limits, now_us) {
            Ok(()) => return Ok(asked),
            Err(TooFast::Wait(error)) => error,
            Err(TooFast::Abuse(error)) => {
                limits::hold_off(self.connected.gateway(), &self.connected);
                self.end = Some(End::Close(CloseCode::Abuse.into()));
                error
            }
        };
        let connection = &self.connected;
        connection
            .gateway()
            .note(|| met(Note::over(What::Limit, connection), &error));
        let id = asked.map_or_else(|rejected| rejected.id, |frame| frame.id);
        Err(Rejected {
            id: Some(id.unwrap_or_else(ClientId::generate)),
            error,
        })
    }

    /// Carries out what waits, one after the other. Whether there was anything.
    fn poll_act(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let acting = match &mut self.acting {
            Some(acting) => acting,
            None => {
                let Some(asked) = self.waiting.pop_front() else {
                    // A connection that rests keeps no memory for what may come.
                    self.waiting = VecDeque::new();
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
        let ended = match end {
            End::Gone => Ended::Unclosed,
            End::Answered(code) => {
                closing::part(&outbox, &mut self.reading).await;
                Ended::ByClient(code)
            }
            End::Close(close) => {
                events::closed(&self.connected, &close);
                self.connected.end();
                closing::close(&outbox, &mut self.reading, &close).await;
                Ended::ByServer(close.code)
            }
        };
        self.connected.disconnect(ended);
    }
}

#[cfg(test)]
mod tests {
    use causerie_shared::bus::memory::MemoryBus;
    use causerie_shared::bus::{Bus, Retention};
    use causerie_shared::position::Position;
    use causerie_shared::room::RoomKey;
    use causerie_testkit::DEADLINE;
    use causerie_testkit::client::raw::{frame, opcode};
    use futures::poll;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::oneshot;
    use tokio::task::yield_now;
    use tokio::time::sleep;

    use super::super::codec::Decoder;
    use super::*;
    use crate::connection::{Admitted, Connection};
    use crate::gateway::Gateway;
    use crate::identity::Identity;
    use crate::outbox::{Expected, Outbox, Wire};
    use crate::report::Report;
    use crate::settings::Settings;
    use crate::socket::Socket;

    /// Somebody who has just come in, and their end of the socket.
    async fn come_in() -> (Connected, Reading, TcpStream) {
        let bus: Arc<dyn Bus> = Arc::new(MemoryBus::new(Retention::default()));
        let gateway = Gateway::start(bus, Settings::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, client) = tokio::join!(listener.accept(), TcpStream::connect(address));
        let (receiving, sending) = Socket::Plain(accepted.unwrap().0).into_split();
        let admitted = Admitted {
            identity: Identity::plain("u1"),
            rooms: Vec::new(),
            slot: gateway.registry.try_reserve(1).unwrap(),
            client: std::net::Ipv4Addr::LOCALHOST.into(),
            visitor_token: None,
            report: Report::default(),
        };
        let connected = gateway.connect_socket(admitted, Wire::new(sending, true));
        let reading = Reading::new(receiving, Decoder::new(1 << 10, true), &[]);
        (connected, reading, client.unwrap())
    }

    /// It is answered at once, while that goes on.
    #[tokio::test]
    async fn a_ping_does_not_take_the_answer_of_a_message() {
        let (connected, _reading, mut client) = come_in().await;
        let outbox = &connected.outbox;
        outbox.expect(Expected::acked());
        let ping = read_frame(br#"{"action":"ping"}"#, 16).unwrap();
        Actor::of(&connected).act(Ok(ping)).await;
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains("pong") {
            tokio::select! {
                biased;
                call = poll_fn(|cx| outbox.poll_call(cx)) => panic!("{call:?}"),
                len = client.read_buf(&mut read) => assert!(len.unwrap() > 0),
                () = sleep(DEADLINE) => panic!("no pong"),
            }
        }
        // The message's own answer is still known to be on its way.
        assert!(outbox.end_expecting());
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
        assert!(!connected.outbox.has_lost(&room, &before_it, &[]));
        let message =
            br#"{"action":"sendMessage","user_input":"x","room":"project:p1","ai":false}"#;
        let message = read_frame(message, 16).unwrap();
        Actor::of(&connected).act(Ok(message)).await;
        assert!(connected.outbox.has_lost(&room, &before_it, &[]));
    }

    #[tokio::test]
    async fn what_was_asked_for_leaves_no_memory_behind() {
        let (connected, reading, mut client) = come_in().await;
        let mut session = Session::new(connected, reading);
        // The first is carried out while the second waits.
        let unsubscribe = br#"{"action":"unsubscribe","data":{"room":"project:p1"}}"#;
        let asked = frame(true, opcode::TEXT, unsubscribe);
        client.write_all(&asked.repeat(2)).await.unwrap();
        let mut read = Vec::new();
        let answers = |read: &[u8]| String::from_utf8_lossy(read).matches("ack").count();
        while answers(&read) < 2 {
            tokio::select! {
                biased;
                end = poll_fn(|cx| session.poll_end(cx)) => panic!("{end:?}"),
                len = client.read_buf(&mut read) => assert!(len.unwrap() > 0),
            }
        }
        assert!(poll!(poll_fn(|cx| session.poll_end(cx))).is_pending());
        assert_eq!(session.waiting.capacity(), 0);
    }

    /// Its pongs may stand behind what waits.
    #[tokio::test]
    async fn it_is_noted_while_nothing_is_read() {
        let (connected, reading, mut client) = come_in().await;
        let mut session = Session::new(connected, reading);
        let (done, holds_up) = oneshot::channel::<()>();
        session.acting = Some(Box::pin(holds_up.map(|_| ())));
        let unsubscribe = br#"{"action":"unsubscribe","data":{"room":"project:p1"}}"#;
        let asked = frame(true, opcode::TEXT, unsubscribe);
        client
            .write_all(&asked.repeat(WAITING_FRAMES + 1))
            .await
            .unwrap();
        while !session.connected.is_unread() {
            assert!(poll!(poll_fn(|cx| session.poll_end(cx))).is_pending());
            yield_now().await;
        }
        assert_eq!(session.waiting.len(), WAITING_FRAMES);
        done.send(()).unwrap();
        while session.connected.is_unread() {
            assert!(poll!(poll_fn(|cx| session.poll_end(cx))).is_pending());
            yield_now().await;
        }
        assert!(session.waiting.is_empty());
    }

    /// What a node keeps for each socket, though nothing happens there, is what
    /// bounds how many it can have. Besides these there are the names of the user
    /// and of rooms, and what tokio keeps of a task and of a socket.
    #[tokio::test]
    async fn a_connection_that_rests_is_small() {
        let (connected, reading, _client) = come_in().await;
        let ping = read_frame(br#"{"action":"ping"}"#, 16);
        let acting = Actor::of(&connected).act_in_rooms(ping);
        for (what, size, bound) in [
            // While it is carried out: it has room for the largest of all.
            ("action", size_of_val(&acting), 2_400),
            ("task", size_of_val(&run(connected, reading)), 280),
            ("connection", size_of::<Connection>(), 152),
            ("outbox", size_of::<Outbox>(), 224),
            ("identity", size_of::<Identity>(), 104),
        ] {
            assert!(size <= bound, "{what}: {size} bytes");
        }
    }
}
