//! How one asks, and what the answers say.

use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::ws::{Client, Connect};
use reqwest::Method;
use serde_json::Value;

use super::tries::{Outcome, Trying};

impl Trying<'_> {
    /// Comes in, if that is allowed.
    pub(super) async fn connect(&self, room: Option<&str>) -> Option<Client> {
        let url = self.url("/ws").replacen("http", "ws", 1);
        let mut connect = Connect::to(&url);
        for (name, value) in self.headers() {
            connect = connect.header(name, &value);
        }
        if let Some(room) = room {
            connect = connect.param("room", room);
        }
        match connect.try_open().await {
            Ok(client) => Some(client),
            Err(answer) => {
                assert_eq!(outcome(&answer), Outcome::No, "{answer:?}");
                None
            }
        }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::POST, path, Some(body)).await
    }

    pub(super) async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let answer = self.unread(method, path, body).await;
        self.check_own(&answer.body);
        answer
    }

    /// The same where the answer may be of whatever tenant.
    pub(super) async fn unread(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let headers = self.headers();
        let headers = headers.each_ref().map(|(name, value)| (*name, &**value));
        request(method, &self.url(path), &headers, body).await
    }

    /// Whatever one gets, nothing in it is of another tenant.
    pub(super) fn check_own(&self, text: &str) {
        let (kind, others) = (self.caller.kind, self.caller.tenant.other().sign);
        assert!(!text.contains(others), "{kind} is shown {text}");
    }

    /// The same of all that came over the socket.
    pub(super) async fn check_all_heard(&mut self) {
        if let Some(socket) = &mut self.socket {
            socket.ping().await;
            let texts = socket.texts();
            texts.iter().for_each(|text| self.check_own(text));
        }
    }

    pub(super) fn headers(&self) -> [(&'static str, String); 2] {
        [
            ("authorization", format!("Bearer {}", self.caller.token)),
            ("origin", self.caller.tenant.origin.to_owned()),
        ]
    }

    pub(super) fn url(&self, path: &str) -> String {
        let url = self.ground.there().at(path);
        if !self.names_tenant {
            return url;
        }
        let with = if path.contains('?') { '&' } else { '?' };
        format!("{url}{with}t={}", self.ground.tenant.hash)
    }
}

/// What an answer over HTTP says. Who is nobody has no room of their own, which is
/// told as 400.
pub(super) fn outcome(answer: &Answer) -> Outcome {
    match answer.status {
        200 => Outcome::Yes,
        400 if answer.body.contains("an API key is nobody's") => Outcome::No,
        401 | 403 | 404 => Outcome::No,
        _ => panic!("neither let in nor kept out: {answer:?}"),
    }
}

/// The same of an answer over a socket.
pub(super) fn answered(frame: &Value) -> Outcome {
    let code = frame["code"].as_str();
    match (frame["type"].as_str(), code) {
        (Some("ack"), _) => Outcome::Yes,
        (_, Some("unauthorized" | "forbidden" | "not_found")) => Outcome::No,
        _ => panic!("neither let in nor kept out: {frame}"),
    }
}
