//! A client for Server-Sent Events, with a parser of its own that also shows
//! what an EventSource hides: comments and ids.

use std::sync::Arc;

use futures::StreamExt;
use reqwest::Method;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::http::{self, Answer};
use super::inbox::Inbox;
use crate::DEADLINE;

/// One event, or one comment line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The `event:` field; empty where there is none.
    pub name: String,
    /// The `id:` field of this very event.
    pub id: Option<String>,
    /// The `data:` lines, joined by newlines.
    pub data: String,
    /// The text of a comment line; then all else is empty.
    pub comment: Option<String>,
    /// The `retry:` field, in milliseconds.
    pub retry: Option<String>,
}

impl Event {
    /// The data as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data)
            .unwrap_or_else(|error| panic!("no JSON ({error}) in {self:?}"))
    }
}

/// An open stream of events, read by a task of its own. Dropping it goes away.
#[derive(Debug)]
pub struct Sse {
    inbox: Arc<Inbox<Event, String>>,
    next_event: usize,
    reader: JoinHandle<()>,
}

impl Sse {
    /// `GET` of a stream.
    ///
    /// # Panics
    /// When the answer is no stream of events.
    pub async fn open(url: &str, headers: &[(&str, &str)]) -> Self {
        let opened = Self::try_open(Method::GET, url, headers, None).await;
        opened.unwrap_or_else(|answer| panic!("{url} is no event stream: {answer:?}"))
    }

    /// `POST` of JSON that is answered by a stream.
    ///
    /// # Panics
    /// When the answer is no stream of events.
    pub async fn post(url: &str, headers: &[(&str, &str)], body: &Value) -> Self {
        let opened = Self::try_open(Method::POST, url, headers, Some(body)).await;
        opened.unwrap_or_else(|answer| panic!("{url} is no event stream: {answer:?}"))
    }

    /// Any request; gives the answer where it is no stream of events.
    ///
    /// # Panics
    /// When there is no answer in time.
    pub async fn try_open(
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Self, Answer> {
        let mut request = http::client()
            .request(method, url)
            .header("accept", "text/event-stream");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = timeout(DEADLINE, request.send()).await;
        let response = response.unwrap_or_else(|_| panic!("{url}: no answer within {DEADLINE:?}"));
        let response = response.unwrap_or_else(|error| panic!("{url}: {error}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let kind = headers
            .get("content-type")
            .map_or("", |kind| kind.to_str().unwrap_or_default());
        if status != 200 || !kind.starts_with("text/event-stream") {
            let body = response.text().await.unwrap_or_default();
            return Err(Answer {
                status,
                headers,
                body,
            });
        }
        let inbox = Inbox::new();
        let reader = tokio::spawn(read(response, Arc::clone(&inbox)));
        Ok(Self {
            inbox,
            next_event: 0,
            reader,
        })
    }

    /// Waits for an event that `fits`, as [`super::ws::Client::expect`] does.
    ///
    /// # Panics
    /// When none comes in time, or the stream ends; with all events seen.
    pub async fn expect(&mut self, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
        self.inbox.take(what, DEADLINE, fits).await
    }

    /// Waits for an event of this name.
    pub async fn expect_name(&mut self, name: &str) -> Event {
        self.expect(name, |event| event.name == name).await
    }

    /// The next event or comment in the order of arrival, each of them once; or
    /// how the stream ended after the last.
    ///
    /// # Panics
    /// When neither comes in time; with all events seen.
    pub async fn next(&mut self) -> Result<Event, String> {
        let event = self.inbox.at(self.next_event, DEADLINE).await?;
        self.next_event += 1;
        Ok(event)
    }

    /// All events and comments so far, in order.
    pub fn events(&self) -> Vec<Event> {
        self.inbox.items()
    }

    /// Waits until the server has ended the stream; says how it ended.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn expect_end(&mut self) -> String {
        self.inbox.ended(DEADLINE).await
    }
}

impl Drop for Sse {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(response: reqwest::Response, inbox: Arc<Inbox<Event, String>>) {
    let mut parser = Parser::default();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(bytes) => parser.feed(&bytes, |event| inbox.push(event)),
            Err(error) => return inbox.end(format!("the stream broke off: {error}")),
        }
    }
    inbox.end("complete".to_owned());
}

/// Lines end with LF, CR or CRLF; an empty line sends the event off.
#[derive(Debug, Default)]
struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    event: Event,
    data: Vec<String>,
}

impl Parser {
    fn feed(&mut self, bytes: &[u8], mut emit: impl FnMut(Event)) {
        for &byte in bytes {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    let line = String::from_utf8(line).expect("an event stream is UTF-8");
                    self.end_line(&line, &mut emit);
                }
                _ => self.line.push(byte),
            }
        }
    }

    fn end_line(&mut self, line: &str, emit: &mut impl FnMut(Event)) {
        if line.is_empty() {
            let event = Event {
                data: self.data.join("\n"),
                ..std::mem::take(&mut self.event)
            };
            self.data.clear();
            if event != Event::default() {
                emit(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "" => emit(Event {
                comment: Some(value),
                ..Event::default()
            }),
            "event" => self.event.name = value,
            "id" => self.event.id = Some(value),
            "data" => self.data.push(value),
            "retry" => self.event.retry = Some(value),
            _ => panic!("an event stream has no field {field:?}: {line:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Parser};

    fn parse(chunks: &[&str]) -> Vec<Event> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for chunk in chunks {
            parser.feed(chunk.as_bytes(), |event| events.push(event));
        }
        events
    }

    #[test]
    fn reads_events_comments_and_all_line_ends() {
        let events = parse(&[
            "event: a\r",
            "\ndata: 1\ndata:2\r\rid: x\n",
            ": beat\ndata: {}\n\n",
        ]);
        assert_eq!(events.len(), 3, "{events:?}");
        assert_eq!(
            (events[0].name.as_str(), events[0].data.as_str()),
            ("a", "1\n2")
        );
        assert_eq!(events[1].comment.as_deref(), Some("beat"));
        assert_eq!(
            (events[2].id.as_deref(), events[2].data.as_str()),
            (Some("x"), "{}")
        );
    }

    #[test]
    fn gives_no_event_before_its_empty_line() {
        assert_eq!(parse(&["data: 1\n"]), []);
    }
}
