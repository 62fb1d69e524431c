//! A gateway, and a client who behaves well beside those who don't.

use std::cell::Cell;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causerie_shared::cli::raise_open_files;
use causerie_testkit::certificates::{Authority, Trust};
use causerie_testkit::client::raw::RawSocket;
use causerie_testkit::client::ws::Connect;
use causerie_testkit::process::{Node, Program};
use causerie_testkit::redis::Redis;
use causerie_testkit::token::Token;
use rustls::ClientConfig;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Interval, interval, sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::good::{Good, PACE, TURNS_A_SECOND};
use crate::report;

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const ORIGIN: &str = "https://acme.example";

/// Who behaves well comes from here, and has no limits.
pub(crate) const GOOD_ADDRESS: &str = "203.0.113.7";

const OPENED_A_SECOND: u32 = 2_000;

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

/// A certificate of the gateway's, and who trusts it.
struct Tls {
    folder: TempDir,
    client: Arc<ClientConfig>,
}

impl Tls {
    fn new() -> Self {
        let authority = Authority::new();
        let certified = authority.certify("127.0.0.1");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), certified.key).unwrap();
        std::fs::write(folder.path().join("crt"), certified.certificate).unwrap();
        let client = Trust::in_authority(&authority).config();
        Self { folder, client }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

pub(crate) struct Stage {
    pub(crate) node: Node,
    _redis: Redis,
    tls: Option<Tls>,
    good: Good,
    /// What else goes on in the room, in calm and under attack.
    talk: Option<AbortOnDropHandle<()>>,
    attackers: Cell<usize>,
    baseline_kib: u64,
    /// The first turn under attack.
    attacked: Cell<usize>,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::with(&[]).await
    }

    /// With these variables in the gateway's environment.
    pub(crate) async fn with(environment: &[(&str, &str)]) -> Self {
        Self::start(environment, None, None).await
    }

    /// The same, where somebody says this in `project:p1` as often as who behaves well.
    pub(crate) async fn amid_talk(environment: &[(&str, &str)], message: Value) -> Self {
        Self::start(environment, None, Some(message)).await
    }

    /// As [`with`](Self::with), over TLS.
    pub(crate) async fn over_tls(environment: &[(&str, &str)]) -> Self {
        let tls = Tls::new();
        let (certificate, key) = (tls.path("crt"), tls.path("key"));
        let own = [
            ("TLS_CERT_FILE", &*certificate),
            ("TLS_KEY_FILE", &*key),
            // As its certificate says.
            ("WEBSOCKET_BIND", "127.0.0.1"),
        ];
        Self::start(&[environment, &own].concat(), Some(tls), None).await
    }

    async fn start(environment: &[(&str, &str)], tls: Option<Tls>, message: Option<Value>) -> Self {
        let redis = Redis::start().await;
        let mut program = Program::gateway()
            .config(CONFIG)
            .env("REDIS_URL", redis.url())
            .env("LIMITS_EXEMPT", GOOD_ADDRESS);
        for (key, value) in environment {
            program = program.env(key, *value);
        }
        if let Ok(cores) = std::env::var("HOSTILE_CORES") {
            program = program.on_cores(&cores);
        }
        let node = program.start().await;
        let trust = tls.as_ref().map(|tls| Arc::clone(&tls.client));
        let mut stage = Self {
            good: Good::begin(&node.ws_url(), trust),
            node,
            _redis: redis,
            tls,
            talk: None,
            attackers: Cell::new(0),
            baseline_kib: 0,
            attacked: Cell::new(0),
        };
        if let Ok(cores) = std::env::var("HOSTILE_ATTACKERS_CORES") {
            move_this_thread_to(&cores);
        }
        if let Some(message) = message {
            let talk = tokio::spawn(talk(stage.node.ws_url(), message));
            stage.talk = Some(AbortOnDropHandle::new(talk));
        }
        stage.serves().await;
        stage.until_turn(report::seconds() * TURNS_A_SECOND).await;
        stage.baseline_kib = stage.kib("VmRSS");
        stage
    }

    /// Whom to trust, of a gateway that takes TLS.
    pub(crate) fn trust(&self) -> &Arc<ClientConfig> {
        &self.tls.as_ref().expect("it takes TLS").client
    }

    /// Has an attack played: once, or in the long run again and again for its time. It is
    /// told which time that is.
    pub(crate) async fn attack(&self, play: impl AsyncFn(usize)) {
        let first = self.good.turns();
        self.attacked.set(first);
        let mut round = 0;
        while round == 0 || self.good.turns() < first + report::seconds() * TURNS_A_SECOND {
            play(round).await;
            round += 1;
        }
    }

    /// Holds that who behaves well is served from now on, too.
    pub(crate) async fn serves(&self) {
        self.until_turn(self.good.turns() + 5).await;
    }

    async fn until_turn(&self, wanted: usize) {
        let (mut seen, mut at) = (self.good.turns(), Instant::now());
        while seen < wanted {
            assert!(
                !self.good.was_sent_away(),
                "who behaves well was sent away, or asked in vain"
            );
            let is_over = |talk: &AbortOnDropHandle<()>| talk.is_finished();
            assert!(
                !self.talk.as_ref().is_some_and(is_over),
                "nobody talks any more"
            );
            assert!(
                at.elapsed() < causerie_testkit::DEADLINE,
                "nobody is served any more"
            );
            sleep(PACE).await;
            let turns = self.good.turns();
            if turns > seen {
                (seen, at) = (turns, Instant::now());
            }
        }
    }

    /// Holds that nobody was harmed by those who did `what`, and that it never took too
    /// much memory.
    pub(crate) async fn expect_unharmed(self, what: &str) {
        self.serves().await;
        let cost = self.kib("VmHWM").saturating_sub(self.baseline_kib);
        let first = self.attacked.get();
        report::add(what, &self.good, first, cost);
        assert!(
            cost < MAX_COST_KIB,
            "{cost} KiB more than {}",
            self.baseline_kib
        );
        self.good.leave();
    }

    /// The memory of the gateway's process, by Linux's name for it.
    fn kib(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.node.pid());
        let status = std::fs::read_to_string(path).expect("it runs");
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// One who may hear `project:p1`, from an address and with a name of their own.
    pub(crate) async fn attacker(&self, headers: &[(&str, &str)]) -> RawSocket {
        let mut socket = RawSocket::connect(self.node.url()).await;
        self.let_in(&mut socket, headers).await;
        socket
    }

    pub(crate) async fn let_in(&self, socket: &mut RawSocket, headers: &[(&str, &str)]) {
        let (user, address) = self.stranger();
        let path = format!("/ws?token={}&room=project:p1", token(&user));
        let headers = [&[("X-Forwarded-For", &*address)], headers].concat();
        socket.shake_hands(&path, &headers).await;
    }

    /// The name and the address of one who was not here before (RFC 2544).
    pub(crate) fn stranger(&self) -> (String, String) {
        let number = self.attackers.get();
        self.attackers.set(number + 1);
        let address = format!("198.18.{}.{}", number / 256, number % 256);
        (format!("bad{number}"), address)
    }

    /// One whose token opens all projects, from an address of their choice.
    pub(crate) async fn wanting_all(&self, user: &str, address: &str) -> RawSocket {
        let token = Token::of("acme", user).claim("projects", json!("*"));
        let path = format!("/ws?token={}", token.sign(SECRET));
        RawSocket::open(self.node.url(), &path, &[("X-Forwarded-For", address)]).await
    }
}

/// Says this again and again.
async fn talk(ws_url: String, message: Value) {
    let talker = Connect::to(&ws_url)
        .param("token", &token("talker"))
        .param("room", "project:p1")
        .header("x-forwarded-for", GOOD_ADDRESS);
    let (mut talker, mut pace) = (talker.open().await, interval(PACE));
    loop {
        pace.tick().await;
        assert_eq!(talker.request(message.clone()).await["type"], "ack");
    }
}

/// What those do who behave badly takes no time then from Redis, and from who behaves well.
fn move_this_thread_to(cores: &str) {
    let thread = std::fs::read_link("/proc/thread-self").expect("this is Linux");
    let moved = Command::new("taskset")
        .args(["--cpu-list", "--pid", cores])
        .arg(thread.file_name().expect("its number"))
        .output();
    let moved = moved.expect("there is taskset");
    assert!(moved.status.success(), "{moved:?}");
}

pub(crate) fn token(user: &str) -> String {
    Token::of("acme", user).project("p1").sign(SECRET)
}

/// When connections are opened: at once, but in the long run so many a second. What is
/// asked there is how many there may be, and not how fast this machine opens them.
pub(crate) struct Turns(Option<Interval>);

impl Turns {
    pub(crate) fn begin() -> Self {
        let is_long = report::seconds() > 0;
        Self(is_long.then(|| interval(Duration::from_secs(1) / OPENED_A_SECOND)))
    }

    pub(crate) async fn next(&mut self) {
        if let Some(turns) = &mut self.0 {
            turns.tick().await;
        }
    }
}

/// How many open a connection and do little with it: more where `HOSTILE_CONNECTIONS`
/// says so. Each takes a file of each process.
pub(crate) fn many() -> usize {
    raise_open_files();
    let wanted = std::env::var("HOSTILE_CONNECTIONS").ok();
    wanted.map_or(4_500, |wanted| wanted.parse().expect("a number"))
}
