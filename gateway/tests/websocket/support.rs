//! A running gateway, and a client that sends it any bytes.

use causerie_testkit::client::raw::{Frame, RawSocket, frame, opcode};
use causerie_testkit::process::{Node, Program};
use causerie_testkit::redis::Redis;
use causerie_testkit::token::Token;
use serde_json::{Value, json};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

const CONFIG: &str = "
[auth]
jwt_secret = '0123456789abcdef0123456789abcdef'
visitor_secret = 'visitors-visitors-visitors-visit'
[[tenants]]
id = 'acme'
hash = 'h-acme'
";

/// `causerie-gateway` on a Redis of its own.
pub(crate) struct Server {
    pub(crate) node: Node,
    _redis: Redis,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// With `settings` of the section `websocket`.
    pub(crate) async fn with(settings: &str) -> Self {
        let redis = Redis::start().await;
        let node = Program::gateway()
            .config(format!("[websocket]\n{settings}\n{CONFIG}"))
            .env("REDIS_URL", redis.url())
            .start()
            .await;
        Self {
            node,
            _redis: redis,
        }
    }

    /// A client that is connected, and was told of its rooms.
    pub(crate) async fn client(&self) -> Client {
        self.client_with(&[]).await
    }

    /// The same, with further headers in its request.
    pub(crate) async fn client_with(&self, headers: &[(&str, &str)]) -> Client {
        let path = format!("/ws?token={}&room=project:p1", token());
        let (socket, head) = RawSocket::upgrade(self.node.url(), &path, headers).await;
        let mut client = Client { socket, head };
        assert_eq!(client.text().await["type"], "ready");
        for _ in 0..3 {
            assert_eq!(client.text().await["type"], "subscribed");
        }
        client
    }

    /// Holds that `wire` ends its connection with `code`, and nothing follows.
    pub(crate) async fn expect_close(&self, what: &str, wire: &[u8], code: u16) {
        let mut client = self.client().await;
        client.socket.send(wire).await;
        assert_eq!(client.socket.read_close().await, Some(code), "{what}");
        assert_eq!(client.socket.read_frame().await, None, "{what}");
    }
}

pub(crate) struct Client {
    pub(crate) socket: RawSocket,
    /// What its handshake was answered with.
    pub(crate) head: String,
}

impl Client {
    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Frame {
        self.socket.read_frame().await.expect("a frame")
    }

    /// The next frame, which is a text, and compressed only where that was
    /// agreed on.
    pub(crate) async fn text(&mut self) -> Value {
        let frame = self.frame().await;
        let may_be_compressed = self.head.contains("permessage-deflate");
        assert!(may_be_compressed || !frame.compressed, "{frame:?}");
        read(&frame)
    }

    /// Holds that the next frame has this opcode and payload.
    pub(crate) async fn expect(&mut self, opcode: u8, payload: &[u8]) {
        let frame = self.frame().await;
        assert!(frame.fin && !frame.compressed, "{frame:?}");
        assert_eq!((frame.opcode, &*frame.payload), (opcode, payload));
    }

    /// Holds that the next frame repeats what an [`echo`] said.
    pub(crate) async fn expect_echo(&mut self, said: &str) {
        let answer = self.text().await;
        assert_eq!(
            (&answer["type"], &answer["data"]),
            (&json!("pong"), &json!(said))
        );
    }

    /// Holds that the next frame is this error.
    pub(crate) async fn expect_error(&mut self, code: &str) {
        let answer = self.text().await;
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!(code))
        );
    }

    /// Holds that there is nothing before the answer to what is said now: all
    /// that was sent before is done with.
    pub(crate) async fn expect_nothing_more(&mut self) {
        let wire = frame(true, opcode::TEXT, echo("anything?").as_bytes());
        self.socket.send(&wire).await;
        self.expect_echo("anything?").await;
    }
}

/// Lets one in who may hear `project:p1`.
pub(crate) fn token() -> String {
    Token::of("acme", "u1").project("p1").sign(SECRET)
}

/// What a text frame says.
pub(crate) fn read(frame: &Frame) -> Value {
    serde_json::from_str(&frame.text()).unwrap()
}

/// What has the gateway say `what` in turn.
pub(crate) fn echo(what: &str) -> String {
    json!({"action": "ping", "data": what}).to_string()
}

/// The same, padded to `len` bytes.
pub(crate) fn echo_of(len: usize) -> (String, String) {
    let said = "x".repeat(len - echo("").len());
    let echo = echo(&said);
    assert_eq!(echo.len(), len);
    (echo, said)
}
