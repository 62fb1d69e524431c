//! The public port.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// The most bytes of a request's head.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long answers under way may take once nothing new is accepted.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// How long the system gets to recover where it gives us no connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Since when a request's sender has kept us waiting: the first on a
/// connection since that was accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival(pub(crate) Instant);

/// Cuts the connection of a request, whatever is still to be sent on it.
#[derive(Debug, Clone)]
pub(crate) struct Cut(CancellationToken);

impl Cut {
    pub(crate) fn cut(&self) {
        self.0.cancel();
    }
}

/// Serves the public port until `stop`: then accepts nothing new, and returns
/// when the answers under way are complete. WebSockets and event streams have
/// been sent away before, by [`drain`](crate::drain::drain).
///
/// The head of a request has to come within `head_timeout`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    head_timeout: Duration,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    let port = Arc::new(Port {
        router,
        head_timeout,
        stop: stop.clone(),
    });
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(Arc::clone(&port).serve(stream));
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
    head_timeout: Duration,
    stop: CancellationToken,
}

impl Port {
    async fn serve(self: Arc<Self>, stream: TcpStream) {
        // Deltas are small and must not wait for more.
        let _ = stream.set_nodelay(true);
        let cut = CancellationToken::new();
        let router = self.router.clone();
        let (door, accepted) = (Cut(cut.clone()), Cell::new(Some(Instant::now())));
        let service = service_fn(move |mut request: Request<Incoming>| {
            let arrival = accepted.take().unwrap_or_else(Instant::now);
            request.extensions_mut().insert(Arrival(arrival));
            request.extensions_mut().insert(door.clone());
            router.clone().oneshot(request.map(Body::new))
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout)
            .max_buf_size(MAX_HEAD_BYTES);
        let connection = builder
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        tokio::pin!(connection);
        // How a connection ends is the peer's business: an error is only that
        // it went away, or sent no HTTP.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = cut.cancelled() => {}
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }
}

/// The system gave us no connection: it has no more files for us, as a rule.
fn accept_failed(error: &std::io::Error) {
    tracing::warn!(%error, "a connection could not be accepted: raise the limit of open files");
    metrics::counter!("causerie_accept_errors_total").increment(1);
}
