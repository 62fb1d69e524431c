//! AI servers that speak the providers' real streaming formats, errors included.
//!
//! What a request gets is, in this order: the behaviour named by its header
//! `x-fake-ai` or its query `?behaviour=`, the next of [`AiServer::script`],
//! the behaviour that its model names (`"model": "stall"`), the server's
//! default. See [`Behaviour`] for the names.
//!
//! Every call is recorded, and tests wait for what they expect of it:
//!
//! ```
//! # use causerie_testkit::ai::{AiServer, End};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! let server = AiServer::openai().await;
//! let mut response = reqwest::Client::new()
//!     .post(format!("{}v1/chat/completions", server.url()))
//!     .header("x-causerie-call", "q1/1/1")
//!     .json(&serde_json::json!({
//!         "model": "endless", "stream": true,
//!         "messages": [{"role": "user", "content": "hi"}],
//!     }))
//!     .send()
//!     .await?;
//! response.chunk().await?;
//! drop(response);
//! assert_eq!(server.end_of("q1/1/1").await, End::ClosedByClient);
//! # Ok(())
//! # }
//! ```

mod anthropic;
mod behaviour;
mod calls;
mod openai;
mod reply;
mod script;
mod service;
mod wire;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

pub use behaviour::{Behaviour, GREETING, Plot, UnknownBehaviour};
pub use calls::{Call, End};
pub use script::named;
use service::Service;

/// How long a server that could not accept a connection waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Whose format a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// `POST /v1/chat/completions`.
    OpenAi,
    /// `POST /v1/messages`.
    Anthropic,
}

/// How to start an [`AiServer`].
#[derive(Clone, Debug)]
pub struct AiOptions {
    /// Whose format it speaks.
    pub provider: Provider,
    /// The address to listen on; loopback by default.
    pub host: IpAddr,
    /// The port, 0 for any.
    pub port: u16,
    /// The key that requests must show; none where `None`.
    pub key: Option<String>,
    /// What a request gets that names nothing else.
    pub behaviour: Behaviour,
}

/// A running server; dropping it cuts its connections.
#[derive(Debug)]
pub struct AiServer {
    url: Url,
    service: Arc<Service>,
    _running: AbortOnDropHandle<()>,
}

impl AiServer {
    /// A server that speaks OpenAI's chat completions, and greets.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn openai() -> Self {
        let server = Self::start(AiOptions::new(Provider::OpenAi)).await;
        server.expect("an AI server listens")
    }

    /// A server that speaks Anthropic's Messages, and greets.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn anthropic() -> Self {
        let server = Self::start(AiOptions::new(Provider::Anthropic)).await;
        server.expect("an AI server listens")
    }

    /// A server of these options.
    ///
    /// # Errors
    /// It cannot listen there.
    pub async fn start(options: AiOptions) -> anyhow::Result<Self> {
        let address = SocketAddr::new(options.host, options.port);
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let url = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
        let service = Arc::new(Service::new(options));
        let running = tokio::spawn(run(listener, Arc::clone(&service)));
        Ok(Self {
            url,
            service,
            _running: AbortOnDropHandle::new(running),
        })
    }

    /// Where it listens, without a path: `http://127.0.0.1:4711/`.
    pub fn url(&self) -> Url {
        self.url.clone()
    }

    /// What the next requests get, one each.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.service.script(behaviours);
    }

    /// All calls that were recorded, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.service.calls.all()
    }

    /// How many calls arrived; more than are recorded where old ones are
    /// forgotten.
    pub fn arrived(&self) -> u64 {
        self.service.calls.arrived()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.service.connections()
    }

    /// Waits until `find` finds something in the recorded calls; looks again
    /// whenever one changes.
    ///
    /// # Panics
    /// When it has found nothing within the [`DEADLINE`](crate::DEADLINE).
    pub async fn wait_for<T>(&self, find: impl FnMut(&[Call]) -> Option<T>) -> T {
        self.service.calls.wait_for(find).await
    }

    /// Waits until the call with this `x-causerie-call` has begun.
    ///
    /// # Panics
    /// When it has not within the [`DEADLINE`](crate::DEADLINE).
    pub async fn call(&self, id: &str) -> Call {
        self.wait_for(|calls| calls.iter().find(|call| call.is(id)).cloned())
            .await
    }

    /// Waits until the call with this `x-causerie-call` is over: how?
    ///
    /// # Panics
    /// When it is not within the [`DEADLINE`](crate::DEADLINE).
    pub async fn end_of(&self, id: &str) -> End {
        self.wait_for(|calls| calls.iter().find(|call| call.is(id))?.end)
            .await
    }
}

impl AiOptions {
    /// Loopback, any port, no key, and the greeting.
    pub fn new(provider: Provider) -> Self {
        Self {
            provider,
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            key: None,
            behaviour: Behaviour::say(GREETING),
        }
    }
}

async fn run(listener: TcpListener, service: Arc<Service>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((socket, _)) = accepted else {
                    // Too many files are open: it helps to wait for some to be closed.
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                let _ = socket.set_nodelay(true);
                service.on_connection();
                let service = Arc::clone(&service);
                connections.spawn(async move {
                    let answer = service_fn(|request| service.on_request(request));
                    // It ends in an error when a script cuts it, or the client does.
                    let _ = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(socket), answer)
                        .await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
