//! An OTLP collector: takes traces over HTTP, reads their protobuf, and keeps them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::DEADLINE;

/// A span as a program has sent it.
#[derive(Debug, Clone)]
pub struct Span {
    /// The program.
    pub service: String,
    /// What was done.
    pub name: String,
    /// `Server`, `Client`, `Consumer`, … as the protocol counts them.
    pub kind: i32,
    /// The trace, in hexadecimal.
    pub trace: String,
    /// Its own id.
    pub id: String,
    /// Its parent's id; empty where it has none.
    pub parent: String,
    /// Its attributes, and those of its events, in words.
    pub attributes: BTreeMap<String, String>,
    /// Its events, in words.
    pub events: Vec<String>,
}

/// A running collector; dropping it ends it.
#[derive(Debug)]
pub struct Collector {
    url: String,
    seen: Arc<Seen>,
    _running: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Seen {
    spans: Mutex<Vec<Span>>,
    /// How often something came.
    requests: watch::Sender<usize>,
}

impl Collector {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a collector listens");
        let address = listener.local_addr().expect("it listens somewhere");
        let seen = Arc::new(Seen {
            spans: Mutex::default(),
            requests: watch::Sender::new(0),
        });
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&seen));
        let running = tokio::spawn(async move {
            // Ends with the task.
            let _ = axum::serve(listener, router).await;
        });
        Self {
            url: format!("http://{address}"),
            seen,
            _running: AbortOnDropHandle::new(running),
        }
    }

    /// What `telemetry.otlp_endpoint` is set to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All that has come.
    pub fn spans(&self) -> Vec<Span> {
        let spans = self.seen.spans.lock();
        spans.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `find` finds something among all spans.
    ///
    /// # Panics
    /// When it does not in time; with all that has come.
    pub async fn wait_for<T>(&self, what: &str, find: impl Fn(&[Span]) -> Option<T>) -> T {
        let mut requests = self.seen.requests.subscribe();
        let finding = async {
            loop {
                requests.borrow_and_update();
                if let Some(found) = find(&self.spans()) {
                    return found;
                }
                // The sender is ours.
                let _ = requests.changed().await;
            }
        };
        match timeout(DEADLINE, finding).await {
            Ok(found) => found,
            Err(_) => panic!("{what} is not among {:#?}", self.spans()),
        }
    }
}

async fn take(State(seen): State<Arc<Seen>>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut spans = seen.spans.lock().unwrap_or_else(PoisonError::into_inner);
    for of_process in request.resource_spans {
        let resource = of_process.resource.unwrap_or_default();
        let resource = in_words(resource.attributes);
        let scopes = of_process.scope_spans.into_iter();
        for span in scopes.flat_map(|scope| scope.spans) {
            let events = span.events.into_iter().map(|event| {
                let mut words = event.name;
                for (key, value) in in_words(event.attributes) {
                    let _ = write!(words, " {key}={value}");
                }
                words
            });
            spans.push(Span {
                service: resource.get("service.name").cloned().unwrap_or_default(),
                name: span.name,
                kind: span.kind,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: in_words(span.attributes),
                events: events.collect(),
            });
        }
    }
    drop(spans);
    seen.requests.send_modify(|requests| *requests += 1);
    StatusCode::OK
}

fn in_words(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let attributes = attributes.into_iter();
    attributes
        .map(|KeyValue { key, value, .. }| (key, text(value)))
        .collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(yes)) => yes.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::ArrayValue(list)) => {
            let values = list.values.into_iter().map(|value| text(Some(value)));
            values.collect::<Vec<_>>().join(",")
        }
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
