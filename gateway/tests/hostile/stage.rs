//! A gateway, and a client who behaves well beside those who don't.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use causerie_testkit::client::raw::RawSocket;
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::process::{Node, Program};
use causerie_testkit::redis::Redis;
use causerie_testkit::token::Token;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const ORIGIN: &str = "https://acme.example";

/// Who behaves well comes from here, and has no limits.
const GOOD_ADDRESS: &str = "203.0.113.7";

/// What hostile clients may cost at the most.
const MAX_COST_KIB: u64 = 64 << 10;

const CONFIG: &str = "
[auth]
jwt_secret = '0123456789abcdef0123456789abcdef'
visitor_secret = 'visitors-visitors-visitors-visit'
trusted_proxies = ['127.0.0.1']
[[tenants]]
id = 'acme'
hash = 'h-acme'
origins = ['https://acme.example']
visitors = true
[[tenants]]
id = 'other'
hash = 'h-other'
";

/// What a client sends that opens a WebSocket, but for the first line.
pub(crate) const OPENING: &str = "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

pub(crate) struct Stage {
    pub(crate) node: Node,
    _redis: Redis,
    served: Arc<AtomicU64>,
    stop: CancellationToken,
    talking: JoinHandle<()>,
    baseline_kib: u64,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::with(&[]).await
    }

    /// With these variables in the gateway's environment.
    pub(crate) async fn with(environment: &[(&str, &str)]) -> Self {
        let redis = Redis::start().await;
        let mut program = Program::gateway()
            .config(CONFIG)
            .env("REDIS_URL", redis.url())
            .env("LIMITS_EXEMPT", GOOD_ADDRESS);
        for (key, value) in environment {
            program = program.env(key, *value);
        }
        let node = program.start().await;
        let good = Connect::to(&node.ws_url())
            .param("token", &token("good"))
            .param("room", "project:p1")
            .header("x-forwarded-for", GOOD_ADDRESS)
            .open()
            .await;
        let (served, stop) = (Arc::new(AtomicU64::new(0)), CancellationToken::new());
        let talking = tokio::spawn(talk(good, Arc::clone(&served), stop.clone()));
        let mut stage = Self {
            baseline_kib: 0,
            node,
            _redis: redis,
            served,
            stop,
            talking,
        };
        stage.serves().await;
        stage.baseline_kib = stage.kib("VmRSS");
        stage
    }

    /// Holds that who behaves well is served from now on, too.
    pub(crate) async fn serves(&self) {
        let wanted = self.served.load(Ordering::Relaxed) + 5;
        let deadline = Instant::now() + causerie_testkit::DEADLINE;
        while self.served.load(Ordering::Relaxed) < wanted {
            assert!(
                !self.talking.is_finished(),
                "who behaves well was sent away"
            );
            assert!(Instant::now() < deadline, "nobody is served any more");
            tokio::task::yield_now().await;
        }
    }

    /// Holds that nobody was harmed, and that it never took too much memory.
    pub(crate) async fn expect_unharmed(self) {
        self.serves().await;
        let cost = self.kib("VmHWM").saturating_sub(self.baseline_kib);
        assert!(
            cost < MAX_COST_KIB,
            "{cost} KiB more than {}",
            self.baseline_kib
        );
        self.stop.cancel();
        self.talking.await.expect("who behaves well is served");
    }

    /// The memory of the gateway's process, by Linux's name for it.
    fn kib(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.node.pid());
        let status = std::fs::read_to_string(path).expect("it runs");
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// One who may hear `project:p1`, from an address and with a name of their own.
    pub(crate) async fn attacker(&self, number: usize, headers: &[(&str, &str)]) -> RawSocket {
        let mut socket = RawSocket::connect(self.node.url()).await;
        self.let_in(&mut socket, number, headers).await;
        socket
    }

    pub(crate) async fn let_in(
        &self,
        socket: &mut RawSocket,
        number: usize,
        headers: &[(&str, &str)],
    ) {
        let path = format!(
            "/ws?token={}&room=project:p1",
            token(&format!("bad{number}"))
        );
        let address = format!("198.51.100.{number}");
        let headers = [&[("X-Forwarded-For", &*address)], headers].concat();
        socket.shake_hands(&path, &headers).await;
    }
}

impl Stage {
    /// One whose token opens all projects, from an address of their choice.
    pub(crate) async fn wanting_all(&self, user: &str, address: &str) -> RawSocket {
        let token = Token::of("acme", user).claim("projects", json!("*"));
        let path = format!("/ws?token={}", token.sign(SECRET));
        RawSocket::open(self.node.url(), &path, &[("X-Forwarded-For", address)]).await
    }
}

/// Says something to the room, hears it, and asks for an answer, again and again.
async fn talk(mut client: Client, served: Arc<AtomicU64>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let data = json!({"room": "project:p1", "user_input": "still here", "ai": false});
        let said = client
            .request(json!({"action": "sendMessage", "data": data}))
            .await;
        let id = &said["data"]["message_id"];
        assert!(id.is_string(), "{said}");
        let is_it = |frame: &serde_json::Value| {
            frame["type"] == "new_message" && frame["data"]["message_id"] == *id
        };
        client.expect("what was said", is_it).await;
        client.ping().await;
        served.fetch_add(1, Ordering::Relaxed);
    }
    client.close(1000, "").await;
}

pub(crate) fn token(user: &str) -> String {
    Token::of("acme", user).project("p1").sign(SECRET)
}
