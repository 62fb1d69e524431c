//! Each backend against a server that speaks its provider's real format.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::net::SocketAddr;
use std::time::Duration;

use causerie_broker::backend::anthropic::{Anthropic, AnthropicConfig};
use causerie_broker::backend::openai::{OpenAi, OpenAiConfig};
use causerie_broker::backend::{
    Backend, BackendError, Chunk, Done, ErrorKind, Finish, Prompt, Role, Turn, Usage,
};
use causerie_testkit::ai::{AiOptions, AiServer, End, GREETING, Provider};
use futures::StreamExt;
use serde_json::json;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

const BOTH: [Provider; 2] = [Provider::OpenAi, Provider::Anthropic];
const KEY: &str = "sk-test-0123";

async fn server(provider: Provider) -> AiServer {
    let key = Some(KEY.to_owned());
    AiServer::start(AiOptions {
        key,
        ..AiOptions::new(provider)
    })
    .await
    .unwrap()
}

fn backend(provider: Provider, server: &AiServer, key: &str) -> Box<dyn Backend> {
    backend_at(provider, server.url(), key)
}

fn backend_at(provider: Provider, base_url: Url, key: &str) -> Box<dyn Backend> {
    let api_key = Some(key.into());
    let (model, connect_timeout) = ("test-model".to_owned(), Duration::from_secs(5));
    match provider {
        Provider::OpenAi => {
            let config = OpenAiConfig {
                base_url,
                api_key,
                model,
                connect_timeout,
            };
            Box::new(OpenAi::new(config).unwrap())
        }
        Provider::Anthropic => {
            let max_tokens = 1000;
            let config = AnthropicConfig {
                base_url,
                api_key,
                model,
                max_tokens,
                connect_timeout,
            };
            Box::new(Anthropic::new(config).unwrap())
        }
    }
}

/// A question to the model of that name, which is also what the server does.
fn question(model: &str) -> Prompt {
    Prompt {
        model: Some(model.to_owned()),
        ..Prompt::question("q1", "How are you?")
    }
}

/// All text of a reply, and how it ended.
async fn reply(backend: &dyn Backend, prompt: Prompt) -> (String, Result<Done, BackendError>) {
    let mut chunks = backend.ask(prompt);
    let mut text = String::new();
    loop {
        match chunks
            .next()
            .await
            .expect("a reply ends with Done or an error")
        {
            Ok(Chunk::Thinking) => {}
            Ok(Chunk::Text(part)) => text.push_str(&part),
            Ok(Chunk::Done(done)) => {
                assert!(chunks.next().await.is_none());
                return (text, Ok(done));
            }
            Err(error) => {
                assert!(chunks.next().await.is_none());
                return (text, Err(error));
            }
        }
    }
}

/// The text and the error that the server's behaviour leads to.
async fn failure(provider: Provider, behaviour: &str) -> (String, BackendError) {
    let server = server(provider).await;
    let backend = backend(provider, &server, KEY);
    let (text, end) = reply(backend.as_ref(), question(behaviour)).await;
    let error = end.expect_err(behaviour);
    assert_eq!(error.backend, backend.name());
    (text, error)
}

#[tokio::test]
async fn streams_text_usage_and_model() {
    for provider in BOTH {
        let server = server(provider).await;
        let backend = backend(provider, &server, KEY);
        let mut prompt = Prompt::question("q1", "How are you?");
        prompt.system = Some("Be kind.".into());
        let (text, done) = reply(backend.as_ref(), prompt).await;
        assert_eq!(text, GREETING);
        let completion_tokens = GREETING.split(' ').count() as u64;
        let usage = Usage {
            prompt_tokens: 5,
            completion_tokens,
        };
        let expected = Done {
            finish: Finish::Stop,
            usage: Some(usage),
            model: "test-model-fake".into(),
        };
        assert_eq!(done, Ok(expected), "{provider:?}");
        assert_eq!(server.end_of("q1/1/1").await, End::Complete);
    }
}

#[tokio::test]
async fn sends_prompt_call_and_trace() {
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for provider in BOTH {
        let server = server(provider).await;
        let mut prompt = question("tokens-10");
        prompt.system = Some("Be kind.".into());
        prompt.temperature = Some(0.5);
        prompt.max_tokens = Some(3);
        prompt.traceparent = Some(traceparent.into());
        prompt
            .turns
            .insert(0, Turn::new(Role::Assistant, "Before."));
        prompt.turns.insert(0, Turn::new(Role::User, "First."));
        let backend = backend(provider, &server, KEY);
        let (text, done) = reply(backend.as_ref(), prompt).await;
        assert_eq!(
            (text.as_str(), done.unwrap().finish),
            ("w0 w1 w2 ", Finish::Length)
        );

        let call = server.call("q1/1/1").await;
        assert_eq!(call.traceparent.as_deref(), Some(traceparent));
        let turns = [
            ("user", "First."),
            ("assistant", "Before."),
            ("user", "How are you?"),
        ];
        let turns = turns.map(|(role, content)| json!({"role": role, "content": content}));
        let system = json!({"role": "system", "content": "Be kind."});
        let expected = match provider {
            Provider::OpenAi => json!({
                "model": "tokens-10", "stream": true, "stream_options": {"include_usage": true},
                "temperature": 0.5, "max_tokens": 3,
                "messages": [system, turns[0], turns[1], turns[2]],
            }),
            Provider::Anthropic => json!({
                "model": "tokens-10", "stream": true, "system": "Be kind.",
                "temperature": 0.5, "max_tokens": 3, "messages": turns,
            }),
        };
        assert_eq!(call.body, expected);
    }
}

#[tokio::test]
async fn characters_survive_however_they_are_cut() {
    for provider in BOTH {
        let server = server(provider).await;
        let backend = backend(provider, &server, KEY);
        let (text, done) = reply(backend.as_ref(), question("split-utf8")).await;
        assert_eq!(text, GREETING);
        assert!(done.unwrap().usage.is_some());
    }
}

#[tokio::test]
async fn takes_what_other_servers_make_of_the_format() {
    let server = server(Provider::OpenAi).await;
    let backend = backend(Provider::OpenAi, &server, KEY);
    let (text, done) = reply(backend.as_ref(), question("quirks")).await;
    assert_eq!(text, format!("{GREETING} Bye."));
    let expected = Done {
        finish: Finish::Stop,
        usage: None,
        model: "quirks-fake".into(),
    };
    assert_eq!(done, Ok(expected));

    let server = self::server(Provider::Anthropic).await;
    let backend = self::backend(Provider::Anthropic, &server, KEY);
    let (text, done) = reply(backend.as_ref(), question("quirks")).await;
    assert_eq!(
        (text.as_str(), done.unwrap().finish),
        (GREETING, Finish::Stop)
    );
}

#[tokio::test]
async fn a_reply_that_says_why_it_stopped_is_whole_without_more() {
    let server = server(Provider::OpenAi).await;
    let backend = backend(Provider::OpenAi, &server, KEY);
    let (text, done) = reply(backend.as_ref(), question("no-done")).await;
    let done = done.unwrap();
    assert_eq!((text.as_str(), done.finish), (GREETING, Finish::Stop));
    assert!(done.usage.is_some());
}

#[tokio::test]
async fn a_blank_question_is_refused_and_no_earlier_one_is_answered_again() {
    let server = server(Provider::Anthropic).await;
    let backend = backend(Provider::Anthropic, &server, KEY);
    let mut prompt = Prompt::question("q1", " ");
    let earlier = [
        Turn::new(Role::User, "First."),
        Turn::new(Role::Assistant, "Before."),
    ];
    prompt.turns.splice(0..0, earlier);
    let (_, end) = reply(backend.as_ref(), prompt).await;
    assert_eq!(end.unwrap_err().kind, ErrorKind::BadRequest);
}

#[tokio::test]
async fn a_server_without_keys_needs_none() {
    let server = AiServer::openai().await;
    let backend = OpenAi::new(OpenAiConfig {
        base_url: server.url().join("v1/").unwrap(),
        api_key: None,
        model: "local".into(),
        connect_timeout: Duration::from_secs(5),
    });
    let (text, _) = reply(&backend.unwrap(), Prompt::question("q1", "hi")).await;
    assert_eq!(text, GREETING);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let second = Some(Duration::from_secs(1));
    for (behaviour, kind) in [
        ("unauthorized", ErrorKind::Unauthorized),
        (
            "rate-limited",
            ErrorKind::RateLimited {
                retry_after: second,
            },
        ),
        ("server-error", ErrorKind::Overloaded { retry_after: None }),
        ("overloaded", ErrorKind::Overloaded { retry_after: None }),
        ("bad-request", ErrorKind::BadRequest),
        ("not-found", ErrorKind::BadRequest),
        ("html", ErrorKind::Malformed),
        ("cut", ErrorKind::BrokeOff),
    ] {
        for provider in BOTH {
            let (text, error) = failure(provider, behaviour).await;
            assert_eq!(
                (text.as_str(), error.kind),
                ("", kind),
                "{behaviour} {error:?}"
            );
        }
    }
    let (_, error) = failure(Provider::Anthropic, "overloaded").await;
    assert_eq!(error.detail, "HTTP 529, overloaded_error");
}

#[tokio::test]
async fn replies_that_fail_halfway_keep_what_was_said() {
    for (behaviour, kind) in [
        ("break-off", ErrorKind::BrokeOff),
        ("no-end", ErrorKind::BrokeOff),
        (
            "error-in-stream",
            ErrorKind::Overloaded { retry_after: None },
        ),
        ("garbage", ErrorKind::Malformed),
        ("endless-line", ErrorKind::Malformed),
    ] {
        for provider in BOTH {
            let (text, error) = failure(provider, behaviour).await;
            assert_eq!(
                (text.as_str(), error.kind),
                ("One two ", kind),
                "{behaviour} {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_told_to_nobody() {
    for provider in BOTH {
        let server = server(provider).await;
        let backend = backend(provider, &server, "sk-wrong-4711");
        let (_, end) = reply(backend.as_ref(), question("hello")).await;
        let error = end.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized);
        assert!(!format!("{error} {error:?}").contains("sk-wrong"));
    }
}

/// It would carry key and question to wherever it points.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    for provider in BOTH {
        let elsewhere = server(provider).await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: {}v1/messages\r\n\
             Connection: close\r\nContent-Length: 0\r\n\r\n",
            elsewhere.url()
        );
        let answering = tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().0;
            assert!(stream.read(&mut [0; 1 << 10]).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            // What is not read would reset the connection before the answer is.
            stream.read_to_end(&mut Vec::new()).await.unwrap();
        });
        let backend = backend_at(provider, base_url.parse().unwrap(), KEY);
        let (text, end) = reply(backend.as_ref(), question("hello")).await;
        assert_eq!((&*text, end.is_err()), ("", true), "{end:?}");
        answering.await.unwrap();
        assert_eq!(elsewhere.connections(), 0);
    }
}

#[tokio::test]
async fn a_closed_port_is_unavailable() {
    for provider in BOTH {
        let server = server(provider).await;
        let backend = backend(provider, &server, KEY);
        let url = server.url();
        drop(server);
        let (_, end) = reply(backend.as_ref(), question("hello")).await;
        let error = end.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{url} {error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_is_never_made_is_given_up() {
    // Nobody accepts, and what waits to be accepted fills the queue: the next hears nothing.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let waiting = std::iter::repeat_with(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let made = socket.connect_timeout(&address, Duration::from_millis(200));
        made.map(|()| socket).ok()
    });
    let _full: Vec<_> = waiting.take_while(Option::is_some).collect();

    let port = address.as_socket().unwrap().port();
    let backend = OpenAi::new(OpenAiConfig {
        base_url: format!("http://127.0.0.1:{port}").parse().unwrap(),
        api_key: None,
        model: "local".into(),
        connect_timeout: Duration::from_millis(200),
    });
    let (_, end) = reply(&backend.unwrap(), Prompt::question("q1", "hi")).await;
    assert_eq!(end.unwrap_err().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    for provider in BOTH {
        let server = server(provider).await;
        let backend = backend(provider, &server, KEY);
        for (number, behaviour) in ["endless", "stall", "silent", "hang"]
            .into_iter()
            .enumerate()
        {
            let mut prompt = question(behaviour);
            prompt.call.question = format!("q{number}");
            let mut chunks = backend.ask(prompt);
            let id = format!("q{number}/1/1");
            tokio::select! {
                _ = async { while let Some(Ok(_)) = chunks.next().await {} } => {
                    panic!("{behaviour} came to an end");
                }
                begun = server.wait_for(|calls| {
                    let call = calls.iter().find(|call| call.is(&id))?;
                    let quiet = matches!(behaviour, "silent" | "hang");
                    (quiet || call.first_text_ns.is_some()).then_some(())
                }) => begun,
            }
            drop(chunks);
            assert_eq!(server.end_of(&id).await, End::ClosedByClient, "{behaviour}");
        }
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    for provider in BOTH {
        let server = server(provider).await;
        let backend = backend(provider, &server, KEY);
        for _ in 0..20 {
            reply(backend.as_ref(), question("hello")).await.1.unwrap();
        }
        // A question right behind a reply may find its connection not yet free.
        assert!(
            server.connections() < 10,
            "{provider:?} {}",
            server.connections()
        );
    }
}
