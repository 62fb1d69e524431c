//! Somebody who talks while pods come and go, and comes back as a client does.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use url::Url;

use crate::view::View;

const PATIENCE: Duration = Duration::from_secs(60);

/// The pods that a Service sends new connections to, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    port: u64,
    /// Whose turn it is, and all that are ready.
    pods: Arc<Mutex<(usize, Vec<Ipv4Addr>)>>,
}

impl Service {
    pub(crate) fn new(port: u64) -> Self {
        let pods = Arc::default();
        Self { port, pods }
    }

    pub(crate) fn add(&self, pod: Ipv4Addr) {
        self.pods.lock().unwrap().1.push(pod);
    }

    pub(crate) fn remove(&self, pod: Ipv4Addr) {
        self.pods.lock().unwrap().1.retain(|one| *one != pod);
    }

    fn next(&self) -> String {
        let mut pods = self.pods.lock().unwrap();
        pods.0 += 1;
        let pod = pods.1[pods.0 % pods.1.len()];
        format!("ws://{pod}:{}/ws", self.port)
    }
}

/// A user with one connection at a time.
#[derive(Debug)]
pub(crate) struct Talker {
    service: Service,
    token: String,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What it has seen through all of them.
    pub view: View,
    /// How its connections ended: the code, if there was one.
    pub ends: Vec<Option<u16>>,
    /// The message ids of what it asked, all of them answered.
    pub asked: Vec<String>,
}

impl Talker {
    pub(crate) async fn connect(service: &Service, token: String) -> Self {
        let view = View::default();
        Self {
            socket: open(service, &token, &view).await,
            service: service.clone(),
            token,
            view,
            ends: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// Asks one question after the other until `over`, tells `answers` of each that was answered,
    /// and gives itself back.
    pub(crate) async fn talk(
        mut self,
        over: watch::Receiver<bool>,
        answers: watch::Sender<usize>,
    ) -> Self {
        while !*over.borrow() {
            let text = format!("Question {}?", self.asked.len());
            let question = self.ask(&text).await;
            self.answer(&question).await;
            answers.send_replace(self.asked.len());
        }
        self
    }

    /// Asks, again and again under the same id until it was taken; gives its message id.
    pub(crate) async fn ask(&mut self, text: &str) -> String {
        let id = format!("q{}", self.asked.len());
        let frame = json!({"action": "sendMessage", "id": id, "data": {"user_input": text}});
        loop {
            // Where the socket has just ended, the next read says so.
            let _ = self.socket.send(Message::text(frame.to_string())).await;
            while let Some(heard) = self.next().await {
                if heard["id"] == id {
                    assert_eq!(heard["type"], "ack", "{heard}");
                    let question = heard["data"]["message_id"].as_str().expect("a message id");
                    self.asked.push(question.to_owned());
                    return question.to_owned();
                }
            }
        }
    }

    /// Waits for the whole answer, through as many connections as it takes.
    pub(crate) async fn answer(&mut self, question: &str) {
        while self.view.reply_to(question).is_none() {
            self.next().await;
        }
    }

    /// Waits until something is being said.
    pub(crate) async fn hear_something(&mut self) {
        while self
            .next()
            .await
            .is_none_or(|frame| frame["type"] != "message_delta")
        {}
    }

    /// The next frame; none where the connection has ended and there is another now.
    async fn next(&mut self) -> Option<Value> {
        let mut end = None;
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await;
            match message.expect("something comes in time") {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).expect("JSON");
                    self.view.on_frame(&frame);
                    return Some(frame);
                }
                Some(Ok(Message::Close(frame))) => end = frame,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            }
        }
        self.ends.push(end.as_ref().map(|frame| frame.code.into()));
        let told = end
            .as_ref()
            .and_then(|frame| frame.reason.strip_prefix("reconnect after="));
        let after = told.and_then(|after| after.parse().ok()).unwrap_or(0);
        // When it was told to come back.
        sleep(Duration::from_millis(after)).await;
        self.socket = open(&self.service, &self.token, &self.view).await;
        None
    }
}

async fn open(
    service: &Service,
    token: &str,
    view: &View,
) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let mut url = Url::parse(&service.next()).unwrap();
    let rooms = view.positions();
    let rooms = rooms.iter().map(|room| ("room", room.as_str()));
    let parameters = [("token", token)].into_iter().chain(rooms);
    url.query_pairs_mut().extend_pairs(parameters);
    let opened = timeout(PATIENCE, connect_async(url.as_str())).await;
    let (socket, _) = opened
        .expect("an answer in time")
        .expect("a ready pod takes it");
    socket
}
