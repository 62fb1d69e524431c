//! From a request to its answer.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, TryStreamExt, stream};
use http::{HeaderMap, Method, Request, Response, Uri, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::Value;

use super::behaviour::{Behaviour, Plot};
use super::calls::{Calls, End, Recording};
use super::script::{Act, Speech, act};
use super::wire::{Asked, Refused, asked};
use super::{AiOptions, Provider, anthropic, reply};

/// No provider takes more.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// What all connections of a server share.
#[derive(Debug)]
pub(super) struct Service {
    options: AiOptions,
    script: Mutex<VecDeque<Behaviour>>,
    connections: AtomicUsize,
    pub(super) calls: Arc<Calls>,
}

impl Service {
    pub(super) fn new(options: AiOptions) -> Self {
        Self {
            options,
            script: Mutex::default(),
            connections: AtomicUsize::new(0),
            calls: Calls::new(),
        }
    }

    pub(super) fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.extend(behaviours);
    }

    pub(super) fn on_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// An error closes the connection without an answer.
    pub(super) async fn on_request(&self, request: Request<Incoming>) -> io::Result<Answer> {
        let (head, body) = request.into_parts();
        if head.method == Method::GET && head.uri.path() == "/calls" {
            let calls = serde_json::to_value(self.calls.all()).map_err(io::Error::other)?;
            return Ok(json_answer(200, &calls));
        }
        let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
        let body = body.map_err(io::Error::other)?.to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();

        let text = |name| Some(head.headers.get(name)?.to_str().ok()?.to_owned());
        let call = text("x-causerie-call");
        let mut recording = self
            .calls
            .begin(call.clone(), text("traceparent"), body.clone());

        let checked = self
            .check(&head.method, &head.uri, &head.headers, &body)
            .and_then(|()| asked(&body, recording.number()))
            .and_then(|mut asked| {
                asked.call = call.unwrap_or_default();
                let behaviour = self.behaviour(&head.uri, &head.headers, &asked.model)?;
                Ok((asked, behaviour))
            });
        match checked {
            Ok((asked, behaviour)) => self.perform(asked, behaviour, recording).await,
            Err((status, message)) => {
                recording.end(End::Complete);
                Ok(self.refusal(status, &message, None))
            }
        }
    }

    fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &Value,
    ) -> Result<(), Refused> {
        let provider = self.options.provider;
        if (method, uri.path()) != (&Method::POST, provider.path()) {
            return Err((404, format!("try POST {}", provider.path())));
        }
        if let Some(key) = &self.options.key {
            let shown = |name, value: &str| headers.get(name).is_some_and(|shown| shown == value);
            let bearer = shown("authorization", &format!("Bearer {key}"));
            // Anthropic's clients send the one up to 0.137, the other from 1.0 on.
            let own = provider == Provider::Anthropic && shown("x-api-key", key);
            if !bearer && !own {
                return Err((401, "Incorrect API key provided.".to_owned()));
            }
        }
        match provider {
            Provider::OpenAi => Ok(()),
            Provider::Anthropic => anthropic::check(headers, body),
        }
    }

    fn behaviour(&self, uri: &Uri, headers: &HeaderMap, model: &str) -> Result<Behaviour, Refused> {
        let of_header = headers.get("x-fake-ai").and_then(|name| name.to_str().ok());
        let of_query = uri.query().and_then(|query| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix("behaviour="))
        });
        if let Some(name) = of_header.or(of_query) {
            return name.parse().map_err(|unknown| (400, format!("{unknown}")));
        }
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let of_script = script.pop_front();
        let of_model = || model.parse().ok();
        Ok(of_script
            .or_else(of_model)
            .unwrap_or_else(|| self.options.behaviour.clone()))
    }

    async fn perform(
        &self,
        mut asked: Asked,
        behaviour: Behaviour,
        mut recording: Recording,
    ) -> io::Result<Answer> {
        asked.quirks = behaviour.plot == Plot::Quirks;
        asked.thinks = matches!(behaviour.plot, Plot::Thinking(_));
        if behaviour.delay > Duration::ZERO {
            tokio::time::sleep(behaviour.delay).await;
        }
        match act(&behaviour.plot, &asked) {
            Act::Speak(speech) => Ok(self.speak(speech, asked, behaviour.pace, recording)),
            Act::Hang => std::future::pending().await,
            Act::Cut => {
                recording.end(End::CutByServer);
                Err(io::Error::other("cut by the script"))
            }
            Act::Html => {
                recording.end(End::Complete);
                Ok(answer(
                    200,
                    "text/html",
                    whole("<h1>Welcome to nginx!</h1>".into()),
                ))
            }
            Act::Refuse {
                status,
                retry_after,
            } => {
                recording.end(End::Complete);
                // Providers repeat prompts in what they refuse.
                let message = format!("As the script says, to: {}", asked.question);
                Ok(self.refusal(status, &message, retry_after))
            }
        }
    }

    fn speak(&self, speech: Speech, asked: Asked, pace: Duration, recording: Recording) -> Answer {
        let (stream, quirks) = (asked.stream, asked.quirks);
        let wire = self.options.provider.wire(asked);
        let (kind, steps) = if stream {
            (
                "text/event-stream; charset=utf-8",
                speech.streamed(wire, pace, quirks),
            )
        } else {
            ("application/json", speech.at_once(wire.as_ref()))
        };
        answer(200, kind, reply::body(steps, recording))
    }

    fn refusal(&self, status: u16, message: &str, retry_after: Option<u64>) -> Answer {
        let provider = self.options.provider;
        let status = match (provider, status) {
            (Provider::OpenAi, 529) => 503,
            (Provider::OpenAi | Provider::Anthropic, status) => status,
        };
        let mut answer = json_answer(status, &provider.refusal(status, message));
        if let Some(seconds) = retry_after {
            answer
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        answer
    }
}

fn json_answer(status: u16, body: &Value) -> Answer {
    answer(status, "application/json", whole(body.to_string().into()))
}

fn whole(body: Bytes) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::iter([Ok(body)])
}

fn answer(
    status: u16,
    kind: &'static str,
    body: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Answer {
    let body = StreamBody::new(body.map_ok(Frame::data));
    let mut answer = Response::new(BodyExt::boxed_unsync(body));
    *answer.status_mut() = status.try_into().unwrap_or_default();
    let kind = http::HeaderValue::from_static(kind);
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}
