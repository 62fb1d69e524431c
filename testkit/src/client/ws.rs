//! A WebSocket client.
//!
//! ```no_run
//! # async fn example(node: causerie_testkit::process::Node) {
//! use causerie_testkit::client::ws::Connect;
//! use serde_json::json;
//! let mut client = Connect::to(&node.ws_url()).param("t", "demo").open().await;
//! client.expect_type("ready").await;
//! let ack = client.request(json!({"action": "sendMessage", "data": {"user_input": "hi"}})).await;
//! assert_eq!(ack["type"], "ack");
//! let reply = client.expect("the reply", |frame| frame["data"]["role"] == "assistant").await;
//! client.close(1000, "bye").await;
//! # }
//! ```

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use url::Url;

use super::http::Answer;
use super::inbox::Inbox;
use super::stream::Stream;
use crate::DEADLINE;

type Socket = WebSocketStream<Stream>;

/// A connection that is going to be made.
#[derive(Debug, Clone)]
#[must_use]
pub struct Connect {
    url: Url,
    headers: Vec<(String, String)>,
    tls: Option<Arc<ClientConfig>>,
}

impl Connect {
    /// To `ws://…/ws`, without parameters.
    ///
    /// # Panics
    /// When that is no URL.
    pub fn to(url: &str) -> Self {
        Self {
            url: Url::parse(url).expect("a URL"),
            headers: Vec::new(),
            tls: None,
        }
    }

    /// Speaks TLS.
    pub fn over_tls(mut self, config: &Arc<ClientConfig>) -> Self {
        self.tls = Some(Arc::clone(config));
        self
    }

    /// Adds a query parameter (`t`, `token`, `room` …); repeatable.
    pub fn param(mut self, key: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(key, value);
        self
    }

    /// Adds a request header (`Origin`, `Authorization` …).
    pub fn header(mut self, key: &str, value: &str) -> Self {
        self.headers.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Offers a subprotocol; repeatable.
    pub fn subprotocol(self, name: &str) -> Self {
        self.header("sec-websocket-protocol", name)
    }

    /// Connects.
    ///
    /// # Panics
    /// When the server refuses, with its answer.
    pub async fn open(self) -> Client {
        let url = self.url.clone();
        self.try_open()
            .await
            .unwrap_or_else(|refusal| panic!("{url} was refused: {refusal:?}"))
    }

    /// Connects, or gives the HTTP answer of the refusal.
    ///
    /// # Panics
    /// When the server does not answer in HTTP at all.
    pub async fn try_open(self) -> Result<Client, Answer> {
        let mut request = self
            .url
            .as_str()
            .into_client_request()
            .expect("a WebSocket URL");
        let mut offered = Vec::new();
        for (key, value) in self.headers {
            if key.eq_ignore_ascii_case("sec-websocket-protocol") {
                offered.push(value);
                continue;
            }
            let name = HeaderName::try_from(key).expect("a header name");
            request
                .headers_mut()
                .append(name, HeaderValue::try_from(value).expect("a header value"));
        }
        if !offered.is_empty() {
            let value = HeaderValue::try_from(offered.join(", ")).expect("subprotocol names");
            request
                .headers_mut()
                .insert("sec-websocket-protocol", value);
        }
        let (url, tls) = (&self.url, self.tls);
        let connecting = async {
            let stream = Stream::open(url, tls).await.map_err(Error::Io)?;
            client_async(request, stream).await
        };
        let connected = timeout(DEADLINE, connecting).await;
        match connected.unwrap_or_else(|_| panic!("no handshake within {DEADLINE:?}")) {
            Ok((socket, response)) => {
                let subprotocol = response
                    .headers()
                    .get("sec-websocket-protocol")
                    .map(|value| value.to_str().expect("a subprotocol is ASCII").to_owned());
                Ok(Client::new(socket, subprotocol))
            }
            Err(Error::Http(response)) => {
                let (parts, body) = response.into_parts();
                let body = body.unwrap_or_default();
                Err(Answer {
                    status: parts.status.as_u16(),
                    headers: parts.headers,
                    body: String::from_utf8_lossy(&body).into_owned(),
                })
            }
            Err(error) => panic!("no handshake with {}: {error}", self.url),
        }
    }
}

/// One frame as it came.
#[derive(Clone)]
struct Heard {
    text: Arc<str>,
    frame: Value,
}

impl Debug for Heard {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The code of the server's close frame; none where it sent none (then the
    /// socket just ended), 1005 where its close frame had no code.
    pub code: Option<u16>,
    /// The reason in that frame, or what the socket said.
    pub reason: String,
}

/// An open connection. A task of its own reads all the time, so that frames are
/// collected, and pings answered, whatever the test waits for.
#[derive(Debug)]
pub struct Client {
    sink: SplitSink<Socket, Message>,
    inbox: Arc<Inbox<Heard, Closed>>,
    next_frame: usize,
    reading: watch::Sender<bool>,
    reader: JoinHandle<()>,
    subprotocol: Option<String>,
}

impl Client {
    fn new(socket: Socket, subprotocol: Option<String>) -> Self {
        let (sink, stream) = socket.split();
        let inbox = Inbox::new();
        let (reading, may_read) = watch::channel(true);
        let reader = tokio::spawn(read(stream, Arc::clone(&inbox), may_read));
        Self {
            sink,
            inbox,
            next_frame: 0,
            reading,
            reader,
            subprotocol,
        }
    }

    /// The subprotocol that the server has selected.
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// Sends a frame.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn send(&mut self, frame: Value) {
        self.send_message(Message::text(frame.to_string())).await;
    }

    /// Sends text that need not be JSON.
    pub async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    /// Sends any WebSocket message: binary, ping, pong, close.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn send_message(&mut self, message: Message) {
        let sent = timeout(DEADLINE, self.sink.send(message)).await;
        let sent = sent.unwrap_or_else(|_| panic!("the server took no data for {DEADLINE:?}"));
        sent.unwrap_or_else(|error| panic!("cannot send: {error}; seen: {:?}", self.frames()));
    }

    /// Sends a frame, with an `id` made up where it has none, and waits for the
    /// `ack`, `pong` or `error` with that id.
    pub async fn request(&mut self, mut frame: Value) -> Value {
        if frame.get("id").is_none() {
            // Two devices of one user must not seem to say the same thing again.
            static NEXT_ID: AtomicU64 = AtomicU64::new(1);
            frame["id"] = json!(format!("t{}", NEXT_ID.fetch_add(1, Ordering::Relaxed)));
        }
        let id = frame["id"].clone();
        let what = format!("answer to {frame}");
        self.send(frame).await;
        let answers = ["ack", "error", "pong"];
        self.expect(&what, |answer| {
            answer["id"] == id && answers.iter().any(|name| answer["type"] == *name)
        })
        .await
    }

    /// Sends a `ping` and waits for its `pong`. All that the server had sent
    /// before is then in [`Client::frames`]: the way to show that something
    /// did *not* come.
    pub async fn ping(&mut self) -> Value {
        let pong = self.request(json!({"action": "ping"})).await;
        assert_eq!(pong["type"], "pong", "{pong}");
        pong
    }

    /// Waits for a frame that `fits`, and gives it. Looks at all frames that no
    /// earlier call was given, also at older ones: events that have no order
    /// among themselves may be expected in any order. Where order matters,
    /// look at [`Client::frames`].
    ///
    /// # Panics
    /// When none comes in time, or the connection ends; with all frames seen.
    pub async fn expect(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.expect_within(DEADLINE, what, fits).await
    }

    /// The same with a deadline of the caller's.
    pub async fn expect_within(
        &mut self,
        limit: Duration,
        what: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Value {
        let heard = self.inbox.take(what, limit, |heard| fits(&heard.frame));
        heard.await.frame
    }

    /// Waits for a frame of this `type`.
    pub async fn expect_type(&mut self, name: &str) -> Value {
        self.expect(name, |frame| frame["type"] == name).await
    }

    /// The next frame in the order of arrival, each of them once, also those
    /// that an `expect` was given; or how the connection ended after the last.
    ///
    /// # Panics
    /// When neither comes within `limit`; with all frames seen.
    pub async fn next_within(&mut self, limit: Duration) -> Result<Value, Closed> {
        let heard = self.inbox.at(self.next_frame, limit).await?;
        self.next_frame += 1;
        Ok(heard.frame)
    }

    /// All frames received so far, in order.
    pub fn frames(&self) -> Vec<Value> {
        let heard = self.inbox.items().into_iter();
        heard.map(|heard| heard.frame).collect()
    }

    /// The same as they stood on the wire, to the byte.
    pub fn texts(&self) -> Vec<Arc<str>> {
        let heard = self.inbox.items().into_iter();
        heard.map(|heard| heard.text).collect()
    }

    /// Waits until the connection has ended.
    ///
    /// # Panics
    /// When it does not in time; with all frames seen.
    pub async fn expect_close(&mut self) -> Closed {
        self.inbox.ended(DEADLINE).await
    }

    /// Reads no more from the socket, as a client does that is too slow.
    pub fn stop_reading(&self) {
        self.reading.send_replace(false);
    }

    /// Reads on.
    pub fn resume_reading(&self) {
        self.reading.send_replace(true);
    }

    /// Closes in good order, and waits for the server's close frame.
    pub async fn close(mut self, code: u16, reason: &str) -> Closed {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.into(),
        };
        self.send_message(Message::Close(Some(frame))).await;
        self.expect_close().await
    }

    /// Goes away without a close frame, as a lost network does.
    pub async fn vanish(mut self) {
        self.reader.abort();
        // The socket closes when both halves are gone.
        let _ = (&mut self.reader).await;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(
    mut stream: SplitStream<Socket>,
    inbox: Arc<Inbox<Heard, Closed>>,
    mut may_read: watch::Receiver<bool>,
) {
    loop {
        let message = tokio::select! {
            biased;
            over = becomes(&mut may_read, false) => {
                if over || becomes(&mut may_read, true).await {
                    return;
                }
                continue;
            }
            message = stream.next() => message,
        };
        match message {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(frame) => inbox.push(Heard {
                    text: text.as_str().into(),
                    frame,
                }),
                Err(error) => {
                    inbox.end(gone(format!(
                        "the server sent text that is no JSON ({error}): {text}"
                    )));
                    return;
                }
            },
            Some(Ok(Message::Binary(bytes))) => {
                inbox.end(gone(format!(
                    "the server sent {} binary bytes",
                    bytes.len()
                )));
                return;
            }
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = match frame {
                    Some(frame) => (frame.code.into(), frame.reason.to_string()),
                    None => (1005, String::new()),
                };
                inbox.end(Closed {
                    code: Some(code),
                    reason,
                });
                // Read on: that is what sends our half of the closing handshake.
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(error)) => {
                inbox.end(gone(error.to_string()));
                return;
            }
            None => {
                inbox.end(gone("the socket ended without a close frame".to_owned()));
                return;
            }
        }
    }
}

/// Waits until the switch stands so; true when the client itself has gone.
async fn becomes(switch: &mut watch::Receiver<bool>, wanted: bool) -> bool {
    switch.wait_for(|stands| *stands == wanted).await.is_err()
}

fn gone(reason: String) -> Closed {
    Closed { code: None, reason }
}
