//! Calls over several backends: time-outs, retries, breakers, fallbacks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use causerie_broker::backend::anthropic::{Anthropic, AnthropicConfig};
use causerie_broker::backend::breaker::{BreakerConfig, BreakerState};
use causerie_broker::backend::call::{CallEvent, CallPolicy, Guarded, ask};
use causerie_broker::backend::echo::{Echo, EchoConfig};
use causerie_broker::backend::openai::{OpenAi, OpenAiConfig};
use causerie_broker::backend::{BackendError, Done, ErrorKind, Finish, Prompt};
use causerie_testkit::ai::{AiServer, Behaviour, End, GREETING};
use causerie_testkit::proxy::Proxy;
use futures::StreamExt;
use futures::future::join_all;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(200);

/// Quick pauses, and nothing times out in a test that does not want it.
fn policy() -> CallPolicy {
    CallPolicy {
        first_token_timeout: LONG,
        stall_timeout: LONG,
        timeout: LONG * 2,
        tries: 3,
        min_pause: Duration::from_millis(5),
        max_pause: Duration::from_millis(50),
        max_reply_bytes: 1024 * 1024,
    }
}

const BREAKER: BreakerConfig = BreakerConfig {
    failures: 100,
    open_for: LONG,
};

fn openai(server: &AiServer, breaker: BreakerConfig) -> Guarded {
    let config = OpenAiConfig {
        base_url: server.url(),
        api_key: None,
        model: "gpt".into(),
        connect_timeout: LONG,
    };
    Guarded::new(Arc::new(OpenAi::new(config).unwrap()), breaker)
}

fn anthropic(server: &AiServer) -> Guarded {
    let config = AnthropicConfig {
        base_url: server.url(),
        api_key: None,
        model: "claude".into(),
        max_tokens: 1000,
        connect_timeout: LONG,
    };
    Guarded::new(Arc::new(Anthropic::new(config).unwrap()), BREAKER)
}

fn echo() -> Guarded {
    Guarded::new(Arc::new(Echo::new(EchoConfig::default())), BREAKER)
}

fn script(server: &AiServer, names: &[&str]) {
    server.script(names.iter().map(|name| name.parse::<Behaviour>().unwrap()));
}

/// What a call came to.
#[derive(Debug)]
struct Outcome {
    answering: Option<(&'static str, String, u32)>,
    text: String,
    end: Result<Done, BackendError>,
}

impl Outcome {
    /// Who answered, with which try.
    fn by(&self) -> (&'static str, u32) {
        let (backend, _, try_number) = self.answering.as_ref().expect("somebody answered");
        (backend, *try_number)
    }

    fn kind(&self) -> ErrorKind {
        self.end.as_ref().expect_err("an error").kind
    }
}

async fn call(backends: &[&Guarded], policy: CallPolicy) -> Outcome {
    let backends = backends.iter().map(|guarded| (*guarded).clone()).collect();
    let mut events = ask(backends, policy, Prompt::question("q1", "How are you?"));
    let (mut answering, mut text) = (None, String::new());
    loop {
        match events
            .next()
            .await
            .expect("a call ends with Done or an error")
        {
            Ok(CallEvent::Answering {
                backend,
                model,
                call,
                ..
            }) => {
                assert!(answering.is_none() && text.is_empty());
                answering = Some((backend, model, call.try_number));
            }
            Ok(CallEvent::Text(part)) => text.push_str(&part),
            Ok(CallEvent::Done(done)) => {
                return Outcome {
                    answering,
                    text,
                    end: Ok(done),
                };
            }
            Err(error) => {
                return Outcome {
                    answering,
                    text,
                    end: Err(error),
                };
            }
        }
    }
}

fn tries_seen(server: &AiServer) -> Vec<String> {
    server
        .calls()
        .into_iter()
        .map(|call| call.id.unwrap())
        .collect()
}

#[tokio::test]
async fn tries_again_until_the_backend_answers() {
    let server = AiServer::openai().await;
    script(&server, &["server-error", "cut", "hello"]);
    let outcome = call(&[&openai(&server, BREAKER)], policy()).await;
    assert_eq!(outcome.answering, Some(("openai", "gpt".to_owned(), 3)));
    assert_eq!(outcome.text, GREETING);
    assert_eq!(outcome.end.unwrap().model, "gpt-fake");
    assert_eq!(tries_seen(&server), ["q1/1/1", "q1/1/2", "q1/1/3"]);
}

#[tokio::test]
async fn tries_again_over_a_new_connection() {
    let server = AiServer::openai().await;
    let network = Proxy::start(server.url().port().unwrap()).await;
    let config = OpenAiConfig {
        base_url: network.url("http").parse().unwrap(),
        api_key: None,
        model: "gpt".into(),
        connect_timeout: LONG,
    };
    let backend = Guarded::new(Arc::new(OpenAi::new(config).unwrap()), BREAKER);
    // Side by side, so that each has a connection of its own, which is kept.
    let backends = [&backend];
    join_all((0..5).map(|_| call(&backends, policy()))).await;
    network.abandon();
    let impatient = CallPolicy {
        first_token_timeout: SHORT,
        ..policy()
    };
    let outcome = call(&backends, impatient).await;
    assert_eq!(outcome.by(), ("openai", 2));
    assert_eq!(outcome.text, GREETING);
}

#[tokio::test]
async fn gives_up_after_its_tries() {
    let server = AiServer::openai().await;
    script(&server, &["overloaded"; 4]);
    let outcome = call(&[&openai(&server, BREAKER)], policy()).await;
    assert_eq!(outcome.kind(), ErrorKind::Overloaded { retry_after: None });
    assert_eq!(tries_seen(&server).len(), 3);
}

#[tokio::test]
async fn what_cannot_succeed_is_not_tried_again() {
    for refusal in ["unauthorized", "bad-request"] {
        let server = AiServer::openai().await;
        script(&server, &[refusal]);
        let outcome = call(&[&openai(&server, BREAKER)], policy()).await;
        assert!(!outcome.kind().retryable());
        assert_eq!(tries_seen(&server).len(), 1, "{refusal}");
    }
}

#[tokio::test]
async fn falls_back_in_order_and_numbers_tries_over_all() {
    let first = AiServer::openai().await;
    let second = AiServer::anthropic().await;
    script(&first, &["server-error", "unauthorized"]);
    script(&second, &["overloaded", "hello"]);
    let backends = [&openai(&first, BREAKER), &anthropic(&second), &echo()];
    let outcome = call(&backends, policy()).await;
    assert_eq!(
        outcome.answering,
        Some(("anthropic", "claude".to_owned(), 4))
    );
    assert_eq!(outcome.text, GREETING);
    assert_eq!(tries_seen(&first), ["q1/1/1", "q1/1/2"]);
    assert_eq!(tries_seen(&second), ["q1/1/3", "q1/1/4"]);
}

#[tokio::test]
async fn a_reply_that_has_begun_is_nobody_elses() {
    for (behaviour, kind) in [
        ("break-off", ErrorKind::BrokeOff),
        ("stall", ErrorKind::Stalled),
    ] {
        let server = AiServer::openai().await;
        script(&server, &[behaviour]);
        let policy = CallPolicy {
            stall_timeout: SHORT,
            ..policy()
        };
        let outcome = call(&[&openai(&server, BREAKER), &echo()], policy).await;
        assert_eq!((outcome.kind(), outcome.text.as_str()), (kind, "One two "));
        assert_eq!(tries_seen(&server).len(), 1);
    }
}

#[tokio::test]
async fn waits_as_long_as_the_provider_asks() {
    let server = AiServer::openai().await;
    script(&server, &["rate-limited-1", "hello"]);
    let started = Instant::now();
    let outcome = call(&[&openai(&server, BREAKER)], policy()).await;
    assert_eq!(outcome.by(), ("openai", 2));
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn does_not_wait_longer_than_there_is_time() {
    let server = AiServer::openai().await;
    script(&server, &["rate-limited-3600"]);
    let outcome = call(&[&openai(&server, BREAKER)], policy()).await;
    let retry_after = Some(Duration::from_secs(3600));
    assert_eq!(outcome.kind(), ErrorKind::RateLimited { retry_after });
}

#[tokio::test]
async fn does_not_wait_longer_than_for_a_first_text() {
    let server = AiServer::openai().await;
    script(&server, &["rate-limited-20"]);
    let policy = CallPolicy {
        first_token_timeout: Duration::from_secs(19),
        ..policy()
    };
    let started = Instant::now();
    let outcome = call(&[&openai(&server, BREAKER)], policy).await;
    let retry_after = Some(Duration::from_secs(20));
    assert_eq!(outcome.kind(), ErrorKind::RateLimited { retry_after });
    assert!(started.elapsed() < Duration::from_secs(19));
}

#[tokio::test]
async fn does_not_wait_long_where_somebody_else_can_be_asked() {
    let server = AiServer::openai().await;
    script(&server, &["rate-limited-20"]);
    let started = Instant::now();
    let outcome = call(&[&openai(&server, BREAKER), &echo()], policy()).await;
    assert_eq!(outcome.by(), ("echo", 2));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn each_try_has_its_time_to_the_first_token() {
    let server = AiServer::openai().await;
    script(&server, &["hang", "silent", "hello"]);
    let policy = CallPolicy {
        first_token_timeout: SHORT,
        ..policy()
    };
    let outcome = call(&[&openai(&server, BREAKER)], policy.clone()).await;
    assert_eq!(outcome.by(), ("openai", 3));
    for id in ["q1/1/1", "q1/1/2"] {
        assert_eq!(server.end_of(id).await, End::ClosedByClient);
    }

    script(&server, &["hang"; 3]);
    let outcome = call(&[&openai(&server, BREAKER)], policy).await;
    assert_eq!(outcome.kind(), ErrorKind::FirstTokenTimeout);
}

#[tokio::test]
async fn a_model_that_thinks_aloud_may_think_for_longer() {
    let (completions, messages) = (AiServer::openai().await, AiServer::anthropic().await);
    // Ten pauses that are each shorter than the patience, and together longer.
    for server in [&completions, &messages] {
        script(server, &["thinking-10@50"]);
    }
    let policy = CallPolicy {
        first_token_timeout: Duration::from_millis(400),
        ..policy()
    };
    for guarded in [openai(&completions, BREAKER), anthropic(&messages)] {
        let outcome = call(&[&guarded], policy.clone()).await;
        assert_eq!((outcome.by().1, outcome.text.as_str()), (1, GREETING));
    }
}

#[tokio::test]
async fn the_whole_call_has_its_time() {
    for behaviour in ["endless", "hang"] {
        let server = AiServer::openai().await;
        script(&server, &[behaviour]);
        let policy = CallPolicy {
            timeout: SHORT,
            ..policy()
        };
        let outcome = call(&[&openai(&server, BREAKER)], policy).await;
        assert_eq!(outcome.kind(), ErrorKind::Timeout);
        assert_eq!(server.end_of("q1/1/1").await, End::ClosedByClient);
    }
}

#[tokio::test]
async fn an_endless_reply_is_cut_at_the_limit() {
    let server = AiServer::openai().await;
    script(&server, &["endless@0"]);
    let policy = CallPolicy {
        max_reply_bytes: 1000,
        ..policy()
    };
    let outcome = call(&[&openai(&server, BREAKER)], policy).await;
    assert_eq!(outcome.text.len(), 1000);
    assert_eq!(outcome.end.unwrap().finish, Finish::Length);
    assert_eq!(server.end_of("q1/1/1").await, End::ClosedByClient);

    // A word of characters of four bytes is cut between two of them.
    server.script([Behaviour::say("👋".repeat(100))]);
    let policy = CallPolicy {
        max_reply_bytes: 10,
        ..self::policy()
    };
    let outcome = call(&[&openai(&server, BREAKER)], policy).await;
    assert_eq!(outcome.text, "👋👋");
}

#[tokio::test]
async fn an_open_breaker_is_skipped_at_once() {
    let server = AiServer::openai().await;
    script(&server, &["server-error", "server-error"]);
    let breaker = BreakerConfig {
        failures: 2,
        open_for: LONG,
    };
    let guarded = openai(&server, breaker);

    let outcome = call(&[&guarded, &echo()], policy()).await;
    assert_eq!(outcome.by(), ("echo", 3), "it opened before the third try");
    assert_eq!(guarded.breaker_state(), BreakerState::Open);
    let outcome = call(&[&guarded], policy()).await;
    assert_eq!(outcome.kind(), ErrorKind::Unavailable);
    assert_eq!(tries_seen(&server).len(), 2, "nothing more was asked");
}

#[tokio::test]
async fn a_reply_closes_the_breaker() {
    let server = AiServer::openai().await;
    script(&server, &["server-error", "server-error", "hello"]);
    let breaker = BreakerConfig {
        failures: 2,
        open_for: Duration::ZERO,
    };
    let guarded = openai(&server, breaker);
    let twice = CallPolicy {
        tries: 2,
        ..policy()
    };
    call(&[&guarded], twice).await.end.unwrap_err();
    assert_eq!(guarded.breaker_state(), BreakerState::HalfOpen);
    assert_eq!(call(&[&guarded], policy()).await.text, GREETING);
    assert_eq!(guarded.breaker_state(), BreakerState::Closed);
}

#[tokio::test]
async fn dropping_the_call_aborts_it() {
    let server = AiServer::openai().await;
    script(&server, &["endless"]);
    let backends = vec![openai(&server, BREAKER)];
    let mut events = ask(backends, policy(), Prompt::question("q1", "How are you?"));
    for _ in 0..3 {
        events.next().await.unwrap().unwrap();
    }
    drop(events);
    assert_eq!(server.end_of("q1/1/1").await, End::ClosedByClient);
}

#[tokio::test]
async fn time_to_the_first_token_is_that_of_the_whole_call() {
    let server = AiServer::openai().await;
    script(&server, &["server-error+100", "hello+100"]);
    let backends = vec![openai(&server, BREAKER)];
    let mut events = ask(backends, policy(), Prompt::question("q1", "How are you?"));
    let first = events.next().await.unwrap().unwrap();
    let CallEvent::Answering {
        time_to_first_token,
        ..
    } = first
    else {
        panic!("{first:?}");
    };
    assert!(time_to_first_token >= Duration::from_millis(200));
}
