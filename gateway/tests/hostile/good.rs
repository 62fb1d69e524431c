//! A client who behaves well, on a thread of its own: what others do in the test takes no
//! time from it.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use causerie_testkit::DEADLINE;
use futures::{SinkExt, StreamExt};
use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::stage::{GOOD_ADDRESS, token};

/// How often it says something.
pub(crate) const PACE: Duration = Duration::from_millis(10);
/// In a second.
pub(crate) const TURNS_A_SECOND: usize = 100;

/// What it says is shorter than this, and all else that matters to it.
const SHORT: usize = 2_000;

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<W: AsyncRead + AsyncWrite + Unpin + Send> Wire for W {}
type Socket = WebSocketStream<Box<dyn Wire>>;

/// One who says something to the room again and again, and hears it.
pub(crate) struct Good {
    turns: Arc<Mutex<Vec<Duration>>>,
    thread: JoinHandle<()>,
    stop: DropGuard,
}

impl Good {
    /// Comes in at `ws_url`, over TLS where there is a configuration for it.
    pub(crate) fn begin(ws_url: &str, tls: Option<Arc<ClientConfig>>) -> Self {
        let (turns, stop) = (Arc::default(), CancellationToken::new());
        let talk = talk(ws_url.to_owned(), tls, Arc::clone(&turns), stop.clone());
        let thread = std::thread::spawn(|| {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().expect("a runtime");
            runtime.block_on(talk);
        });
        Self {
            turns,
            thread,
            stop: stop.drop_guard(),
        }
    }

    /// How often it was served.
    pub(crate) fn turns(&self) -> usize {
        lock(&self.turns).len()
    }

    /// How long all but one of a hundred of these turns took at the most, from when they
    /// were due.
    pub(crate) fn p99_of(&self, which: Range<usize>) -> Duration {
        let mut turns = lock(&self.turns)[which].to_vec();
        turns.sort_unstable();
        turns[(turns.len() * 99).div_ceil(100) - 1]
    }

    pub(crate) fn was_sent_away(&self) -> bool {
        self.thread.is_finished()
    }

    /// Leaves.
    pub(crate) fn leave(self) {
        drop(self.stop);
        self.thread.join().expect("who behaves well is served");
    }
}

fn lock(turns: &Mutex<Vec<Duration>>) -> MutexGuard<'_, Vec<Duration>> {
    turns.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn talk(
    ws_url: String,
    tls: Option<Arc<ClientConfig>>,
    turns: Arc<Mutex<Vec<Duration>>>,
    stop: CancellationToken,
) {
    let mut socket = come_in(&ws_url, tls).await;
    let mut plan = interval(PACE);
    while !stop.is_cancelled() {
        // Earlier than now where the turn before took long.
        let due = plan.tick().await;
        let turn = lock(&turns).len();
        timeout(DEADLINE, say(&mut socket, turn))
            .await
            .expect("it is served");
        lock(&turns).push(due.elapsed());
    }
    let _ = socket.close(None).await;
}

async fn come_in(ws_url: &str, tls: Option<Arc<ClientConfig>>) -> Socket {
    let query = format!("token={}&room=project:p1", token("good"));
    let mut request = format!("{ws_url}?{query}").into_client_request().unwrap();
    let address = HeaderValue::from_static(GOOD_ADDRESS);
    request.headers_mut().insert("x-forwarded-for", address);
    let address = request.uri().authority().expect("a host and a port");
    let wire = connect(address.as_str(), tls).await;
    let opened = timeout(DEADLINE, client_async(request, wire.expect("a connection"))).await;
    opened.expect("an answer").expect("a WebSocket").0
}

async fn connect(address: &str, tls: Option<Arc<ClientConfig>>) -> io::Result<Box<dyn Wire>> {
    let stream = TcpStream::connect(address).await?;
    Ok(match tls {
        None => Box::new(stream),
        Some(config) => {
            let name = "127.0.0.1".try_into().expect("a name");
            Box::new(TlsConnector::from(config).connect(name, stream).await?)
        }
    })
}

/// Says something, and waits until it is acknowledged and heard.
async fn say(socket: &mut Socket, turn: usize) {
    let (id, said) = (format!("g{turn}"), format!("still here, {turn}"));
    let data = json!({"room": "project:p1", "user_input": said, "ai": false});
    let message = json!({"action": "sendMessage", "id": id, "data": data});
    let sent = socket.send(message.to_string().into()).await;
    sent.expect("it is there");
    let (mut is_acknowledged, mut is_heard) = (false, false);
    while !(is_acknowledged && is_heard) {
        let frame = socket.next().await.expect("it goes on").expect("a frame");
        if !frame.is_text() || frame.len() > SHORT {
            assert!(!frame.is_close(), "who behaves well was sent away");
            continue;
        }
        let frame: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
        assert_ne!(frame["type"], "error", "{frame}");
        is_acknowledged |= frame["type"] == "ack" && frame["id"] == *id;
        is_heard |= frame["type"] == "new_message" && frame["data"]["content"] == *said;
    }
}
