//! What one socket sends and is sent.
//!
//! Reading, acting and writing go on side by side: a peer that reads slowly
//! can still act, and an action that takes long holds up no event, nor hides
//! that the peer lives.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::protocol::action::{Action, Rejected, read_frame};
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError as WebSocketViolation;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use super::closing;
use crate::actions::{Caller, perform};
use crate::connection::Connected;
use crate::events;
use crate::frame::OutFrame;
use crate::outbox::Close;

/// A WebSocket of a client.
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// What is written before the socket is flushed.
const BATCH: usize = 16 << 10;

/// How long a client's first actions wait for its first rooms: so that it
/// hears what they bring about, but can act while the bus is away.
const FIRST_ROOMS_PATIENCE: Duration = Duration::from_secs(5);

/// How many frames may wait for an action that goes on. Past that the socket is
/// not read.
const WAITING_FRAMES: usize = 8;

/// How a session ends.
#[derive(Debug)]
pub(super) enum End {
    /// The peer closed, and was answered, or is not there any more.
    Gone,
    /// The server closes.
    Close(Close),
}

/// Serves one socket to its end.
pub(super) async fn run(connected: Connected, socket: Socket) {
    let (sink, stream) = socket.split();
    let mut writer = Writer {
        connected: &connected,
        sink,
    };
    let mut reader = Reader {
        connected: &connected,
        stream,
        waiting: VecDeque::new(),
        end: None,
    };
    let actor = Actor {
        caller: Caller {
            identity: connected.identity.clone(),
            connection: Some(connected.connection().clone()),
        },
        connected: &connected,
        patience: Instant::now() + FIRST_ROOMS_PATIENCE,
    };
    let end = tokio::select! {
        end = reader.run(&actor) => end,
        end = writer.run() => end,
    };
    let (Writer { sink, .. }, Reader { stream, .. }) = (writer, reader);
    if let (End::Close(close), Ok(socket)) = (end, sink.reunite(stream)) {
        events::closed(&connected, &close);
        connected.end();
        closing::close(socket, &close).await;
    }
}

/// A message that asks for something.
enum Frame {
    Text(Utf8Bytes),
    Binary,
}

struct Reader<'a> {
    connected: &'a Connected,
    stream: SplitStream<Socket>,
    /// Read while an action goes on.
    waiting: VecDeque<Frame>,
    /// Set when nothing more can be read.
    end: Option<End>,
}

impl Reader<'_> {
    /// Has the client's frames carried out one after the other, to the last
    /// one that can be read.
    async fn run(&mut self, actor: &Actor<'_>) -> End {
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                let mut acting = pin!(actor.on_frame(frame));
                loop {
                    tokio::select! {
                        () = &mut acting => break,
                        () = self.read(), if self.may_read() => {}
                    }
                }
            } else if let Some(end) = self.end.take() {
                return end;
            } else {
                self.read().await;
            }
        }
    }

    fn may_read(&self) -> bool {
        self.end.is_none() && self.waiting.len() < WAITING_FRAMES
    }

    async fn read(&mut self) {
        let Some(message) = self.stream.next().await else {
            self.end = Some(End::Gone);
            return;
        };
        self.connected.note_heard();
        match message {
            Ok(Message::Text(text)) => self.waiting.push_back(Frame::Text(text)),
            Ok(Message::Binary(_)) => self.waiting.push_back(Frame::Binary),
            // The engine answers pings and the close by itself, as the next
            // read goes on.
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {}
            Err(error) => self.end = Some(end_of(&error)),
        }
    }
}

struct Actor<'a> {
    connected: &'a Connected,
    caller: Caller,
    /// Until when the first rooms are waited for. Past it the client acts all
    /// the same.
    patience: Instant,
}

impl Actor<'_> {
    async fn on_frame(&self, frame: Frame) {
        let _ = timeout_at(self.patience, self.connected.joined_first_rooms()).await;
        match frame {
            Frame::Text(text) => self.on_text(text.as_bytes()).await,
            Frame::Binary => self.on_binary(),
        }
    }

    async fn on_text(&self, json: &[u8]) {
        let gateway = self.connected.gateway();
        let frame = match read_frame(json, gateway.settings().max_depth) {
            Ok(frame) => frame,
            Err(rejected) => return self.refuse(rejected),
        };
        let event = answer_of(&frame.action);
        match perform(gateway, &self.caller, frame).await {
            Ok(json) => {
                self.connected.outbox.push(&OutFrame::answer(event, json));
            }
            Err(rejected) => self.refuse(rejected),
        }
    }

    fn on_binary(&self) {
        let content = "Binary frames are not understood: send JSON in text frames.";
        self.refuse(Rejected {
            id: None,
            error: ProtocolError::new(ErrorCode::InvalidMessage, content),
        });
    }

    fn refuse(&self, Rejected { id, error }: Rejected) {
        events::refused(error.code);
        let json = frame::error(id.as_ref(), &error);
        self.connected
            .outbox
            .push(&OutFrame::answer(Event::Error, json));
    }
}

struct Writer<'a> {
    connected: &'a Connected,
    sink: SplitSink<Socket, Message>,
}

impl Writer<'_> {
    /// Sends what the outbox holds, as fast as the peer reads.
    async fn run(&mut self) -> End {
        loop {
            let batch = self.connected.next(BATCH).await;
            let mut messages: Vec<_> = batch.frames.iter().map(text).collect();
            if batch.ping {
                messages.push(Message::Ping(Bytes::new()));
            }
            if let Some(end) = self.send(messages).await {
                return end;
            }
            if let Some(close) = batch.close {
                return End::Close(close);
            }
        }
    }

    /// Sends `messages`; returns how the session ends if it does meanwhile.
    async fn send(&mut self, messages: Vec<Message>) -> Option<End> {
        let sending = async {
            for message in messages {
                self.sink.feed(message).await?;
            }
            self.sink.flush().await
        };
        tokio::select! {
            biased;
            sent = sending => match sent {
                Ok(()) => None,
                // Reading fails as well, and tells how the session ends.
                Err(_) => std::future::pending().await,
            },
            close = self.connected.outbox.closed() => Some(End::Close(close)),
        }
    }
}

fn text(frame: &Arc<OutFrame>) -> Message {
    Message::Text(frame.json.clone())
}

fn answer_of(action: &Action) -> Event {
    match action {
        Action::Ping(_) => Event::Pong,
        Action::SendMessage(_)
        | Action::Typing(_)
        | Action::Cancel(_)
        | Action::Subscribe(_)
        | Action::Unsubscribe(_) => Event::Ack,
    }
}

/// How a session ends whose peer cannot be read any more.
fn end_of(error: &Error) -> End {
    let code = if matches!(error, Error::Capacity(_)) {
        CloseCode::FrameTooLarge
    } else if matches!(error, Error::Utf8(_)) {
        CloseCode::InvalidUtf8
    } else if let Error::Protocol(violation) = error
        && *violation != WebSocketViolation::ResetWithoutClosingHandshake
    {
        CloseCode::ProtocolError
    } else {
        return End::Gone;
    };
    End::Close(code.into())
}
