//! What one socket sends and is sent.
//!
//! Reading and writing go on side by side: a peer that reads slowly can still
//! act, and an action that takes long holds up no event.

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
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError as WebSocketViolation;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

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
        caller: Caller {
            identity: connected.identity.clone(),
            connection: Some(connected.connection().clone()),
        },
        connected: &connected,
        stream,
    };
    let end = tokio::select! {
        end = reader.run() => end,
        end = writer.run() => end,
    };
    let (Writer { sink, .. }, Reader { stream, .. }) = (writer, reader);
    if let (End::Close(close), Ok(socket)) = (end, sink.reunite(stream)) {
        events::closed(&connected, &close);
        connected.end();
        closing::close(socket, &close).await;
    }
}

struct Reader<'a> {
    connected: &'a Connected,
    caller: Caller,
    stream: SplitStream<Socket>,
}

impl Reader<'_> {
    /// Carries out the client's frames one after the other.
    async fn run(&mut self) -> End {
        let first_rooms = self.connected.joined_first_rooms();
        // Past its patience the client acts all the same.
        let _ = timeout(FIRST_ROOMS_PATIENCE, first_rooms).await;
        while let Some(message) = self.stream.next().await {
            self.connected.note_heard();
            match message {
                Ok(Message::Text(text)) => self.on_frame(text.as_bytes()).await,
                Ok(Message::Binary(_)) => self.on_binary(),
                // The engine answers pings and the close by itself, as the
                // next read goes on.
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {
                }
                Err(error) => return end_of(&error),
            }
        }
        End::Gone
    }

    async fn on_frame(&self, json: &[u8]) {
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
