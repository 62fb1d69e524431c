//! The public port.

mod awaited;
mod metered;
mod waiting;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures::TryFutureExt;
use http::header::STRICT_TRANSPORT_SECURITY;
use http::{HeaderValue, Request, StatusCode};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::address::Peer;
use crate::socket::Socket;
use crate::tls::Tls;
use awaited::Awaited;
pub(crate) use metered::Metered;
use waiting::{Most, Place, Waiting};

/// The most bytes of a request's head.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long answers under way may take once nothing new is accepted.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// How long the system gets to recover where it gives us no connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// For a year browsers that were here take no other way than TLS (RFC 6797).
const TLS_FROM_NOW_ON: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Since when a request's sender has kept us waiting: the first on a
/// connection since that was accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival(pub(crate) Instant);

/// How the public port treats its connections.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long the head of a request may take to come, and a handshake of TLS before
    /// it.
    pub head: Duration,
    /// How long a peer may leave what it was sent unacknowledged, or take
    /// nothing more: it is gone, or stuck. Nothing else would end an answer
    /// that is not read, since a body is asked for more only as it is taken.
    pub unread: Duration,
}

/// Serves the public port, over TLS where there is some, until `stop`: then accepts
/// nothing new, and returns when the answers under way are complete. WebSockets and
/// event streams have been sent away before, by [`drain`](crate::drain::drain).
pub async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    let port = Arc::new(Port {
        router,
        patience,
        tls,
        waiting: Arc::new(Waiting::new(Most::default())),
        stop: stop.clone(),
    });
    let accept = async || {
        port.waiting.has_room().await;
        listener.accept().await
    };
    while let Some(accepted) = stop.run_until_cancelled(accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                let (peer, place) = (Peer(peer.ip()), port.waiting.place());
                place.wait();
                connections.spawn(Arc::clone(&port).serve(stream, peer, place));
            }
            Err(error) => {
                accept_failed(&error);
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    // What is not complete by then is cut with the process.
    let _ = timeout(LAST_ANSWERS, connections.wait()).await;
}

struct Port {
    router: Router,
    patience: Patience,
    tls: Option<Arc<Tls>>,
    waiting: Arc<Waiting>,
    stop: CancellationToken,
}

impl Port {
    /// Shakes hands where that is to be done; `None` where it comes to nothing, or the
    /// connection has to make room before.
    async fn open(&self, stream: TcpStream, accepted: Instant, place: &Place) -> Option<Socket> {
        let Some(tls) = &self.tls else {
            return Some(Socket::Plain(stream));
        };
        let deadline = accepted + self.patience.head;
        tokio::select! {
            socket = tls.accept(stream, deadline) => socket.map(Socket::Tls),
            () = place.has_to_go() => None,
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, peer: Peer, place: Place) {
        let accepted = Instant::now();
        // It may be gone already, which reading from it will tell.
        let _ = tune(&stream, self.patience.unread);
        let place = Arc::new(place);
        let opening = self.open(stream, accepted, &place);
        let opening = self.stop.run_until_cancelled(opening);
        let Some(Some(socket)) = opening.await else {
            return;
        };
        let is_encrypted = socket.is_encrypted();
        let router = self.router.clone();
        let accepted = Cell::new(Some(accepted));
        let asked_at = Arc::clone(&place);
        let metered = Metered::new(socket, Arc::clone(&place));
        let service = service_fn(move |mut request: Request<Incoming>| {
            asked_at.go_on();
            let place = Arc::clone(&asked_at);
            let arrival = accepted.take().unwrap_or_else(Instant::now);
            request.extensions_mut().insert(Arrival(arrival));
            request.extensions_mut().insert(peer);
            let body = |body| Body::new(Awaited::new(body, Arc::clone(&place)));
            let answering = router.clone().oneshot(request.map(body));
            answering.map_ok(move |mut response| {
                if is_encrypted {
                    let headers = response.headers_mut();
                    headers.insert(STRICT_TRANSPORT_SECURITY, TLS_FROM_NOW_ON);
                }
                // A stream, of which nobody knows the length, may last.
                let is_short = response.body().size_hint().exact().is_some();
                if is_short && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                    place.wait();
                }
                response
            })
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.patience.head)
            .max_buf_size(MAX_HEAD_BYTES);
        let connection = builder
            .serve_connection(TokioIo::new(metered), service)
            .with_upgrades();
        tokio::pin!(connection);
        // How a connection ends is the peer's business: an error is only that
        // it went away, or sent no HTTP.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = place.has_to_go() => {}
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }
}

fn tune(stream: &TcpStream, unread: Duration) -> std::io::Result<()> {
    // Deltas are small and must not wait for more.
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(unread))?;
    #[cfg(not(target_os = "linux"))]
    let _ = unread;
    Ok(())
}

/// The system gave us no connection: it has no more files for us, as a rule.
fn accept_failed(error: &std::io::Error) {
    tracing::warn!(%error, "a connection could not be accepted: raise the limit of open files");
    metrics::counter!("causerie_accept_errors_total").increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There is one for each request that is answered, and each stream. What a WebSocket
    /// keeps is counted where it is served.
    #[tokio::test]
    async fn a_connection_is_small_while_it_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connecting = TcpStream::connect(listener.local_addr().unwrap());
        let (accepted, _peer) = tokio::join!(listener.accept(), connecting);
        let (stream, address) = accepted.unwrap();
        let patience = Duration::from_secs(1);
        let port = Arc::new(Port {
            router: Router::new(),
            patience: Patience {
                head: patience,
                unread: patience,
            },
            tls: None,
            waiting: Arc::new(Waiting::new(Most::default())),
            stop: CancellationToken::new(),
        });
        let place = port.waiting.place();
        let size = size_of_val(&port.serve(stream, Peer(address.ip()), place));
        assert!(size <= 6_000, "{size} bytes");
    }
}
