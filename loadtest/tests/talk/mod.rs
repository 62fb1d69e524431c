//! Whether a contender does what it is measured by, and whether it is measured.

use std::process::Command;
use std::time::Duration;

use causerie_loadtest::compare::contender::{Contender, SECRET, TENANT};
use causerie_loadtest::compare::stage::Stage;
use causerie_loadtest::load::dialect::{Causerie, Dialect, Floor, Heard, Pusher, SocketIo, Who};
use causerie_loadtest::load::frame;
use causerie_loadtest::load::payload::{Stamp, number_of};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);
const MESSAGES: u32 = 100;

/// A client that shares nothing with the load's own but the dialect.
struct Client<'a> {
    dialect: &'a dyn Dialect,
    who: Who,
    stream: TcpStream,
    read: Vec<u8>,
    joins: usize,
    heard: Vec<Stamp>,
}

impl<'a> Client<'a> {
    async fn join(dialect: &'a dyn Dialect, target: &str, user: &str, room: &str) -> Self {
        let address = target.strip_prefix("ws://").unwrap();
        let who = Who {
            user: user.to_owned(),
            rooms: vec![room.into()],
        };
        let opening = dialect.opening(&who);
        let request = format!(
            "GET {}?{} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
            opening.path, opening.query, opening.headers
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let byte = timeout(DEADLINE, stream.read_u8()).await;
            answer.push(byte.expect("an answer in time").unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        let mut client = Self {
            dialect,
            who,
            stream,
            read: Vec::new(),
            joins: 0,
            heard: Vec::new(),
        };
        while client.joins < dialect.joins(&client.who) {
            client.read_more().await;
        }
        client
    }

    async fn say(&mut self, sender: u32) {
        let room = self.who.rooms[0].clone();
        for number in 0..MESSAGES {
            let stamp = Stamp {
                sender,
                number,
                sent: 1,
                room: number_of(&room),
            };
            let (mut text, mut out) = (String::new(), Vec::new());
            stamp.write(200, &mut text);
            self.dialect.publish(&room, number, &text, &mut out);
            self.stream.write_all(&out).await.unwrap();
        }
    }

    /// Waits until it has heard all of the sender, each once.
    async fn hear_all(&mut self, sender: u32, in_order: bool) {
        let of_sender = |heard: &[Stamp]| {
            let numbers = heard.iter().filter(|stamp| stamp.sender == sender);
            numbers.map(|stamp| stamp.number).collect::<Vec<_>>()
        };
        while of_sender(&self.heard).len() < MESSAGES as usize {
            self.read_more().await;
        }
        let (mut heard, all) = (of_sender(&self.heard), Vec::from_iter(0..MESSAGES));
        if !in_order {
            heard.sort_unstable();
        }
        assert_eq!(heard, all);
    }

    async fn read_more(&mut self) {
        let mut buffer = [0; 16 * 1024];
        let read = timeout(DEADLINE, self.stream.read(&mut buffer)).await;
        let read = read
            .unwrap_or_else(|_| panic!("{} waits; it heard {:?}", self.who.user, self.heard))
            .unwrap();
        assert!(read > 0, "{} was sent away", self.who.user);
        self.read.extend_from_slice(&buffer[..read]);
        let (mut rest, mut out) = (self.read.as_slice(), Vec::new());
        while let Some(frame) = frame::take(&mut rest).unwrap() {
            if frame.kind != frame::Kind::Text {
                continue;
            }
            match self.dialect.on_text(&self.who, frame.payload, &mut out) {
                Heard::Joined => self.joins += 1,
                Heard::Message(stamp) => self.heard.push(stamp),
                Heard::Refused(why) => panic!("{why}: {:?}", frame.payload),
                Heard::Accepted(_) | Heard::Delta(_) | Heard::Reply(_) | Heard::Nothing => {}
            }
        }
        let done = self.read.len() - rest.len();
        self.read.drain(..done);
        self.stream.write_all(&out).await.unwrap();
    }
}

/// A ratio and its goal, on a small scale.
pub(crate) const COMPARED: &str = " ×: a first look";

/// A comparison on a small scale: all that it does, and no figure. Its report says
/// `expected`.
pub(crate) fn compare(contenders: &str, row: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_compare"))
        .args([
            "--rounds",
            "1",
            "--clients",
            "1",
            "--seconds",
            "0.5",
            "--busy",
        ])
        .args(["--rows", row, "--contenders", contenders])
        .arg("--folder")
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(!said.contains("failed: "), "{output:?}");
    let report = std::fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(report.contains(expected), "no {expected} in {report}");
    assert!(folder.path().join(format!("{row}.html")).is_file());
}

fn dialect(contender: Contender) -> Box<dyn Dialect> {
    match contender {
        Contender::Floor => Box::new(Floor),
        Contender::Causerie | Contender::Compressed => Box::new(Causerie {
            tenant: TENANT.to_owned(),
            jwt_secret: SECRET.to_owned(),
        }),
        Contender::SocketIo => Box::new(SocketIo),
        Contender::Sockudo => Box::new(Pusher::default()),
    }
}

/// Three in a room, one of them on another node where there is one, and one elsewhere.
pub(crate) async fn talk(contender: Contender, nodes: usize) {
    assert_eq!(contender.missing(), None, "{contender} is not there");
    let stage = Stage::set(contender, nodes, None).await.unwrap();
    stage.settle(contender).await;
    let targets = stage.targets();
    let (here, there) = (&targets[0], targets.last().unwrap());
    let dialect = dialect(contender);
    let mut ann = Client::join(&*dialect, here, "ann", "r1").await;
    let mut bob = Client::join(&*dialect, here, "bob", "r1").await;
    let mut cat = Client::join(&*dialect, there, "cat", "r1").await;
    let mut dan = Client::join(&*dialect, there, "dan", "r2").await;
    let mut eve = Client::join(&*dialect, here, "eve", "r2").await;
    let in_order = nodes == 1 || contender.keeps_order();
    ann.say(1).await;
    bob.hear_all(1, in_order).await;
    cat.hear_all(1, in_order).await;
    cat.say(2).await;
    ann.hear_all(2, in_order).await;
    bob.hear_all(2, in_order).await;
    dan.say(3).await;
    eve.hear_all(3, in_order).await;
    assert!(
        eve.heard.iter().all(|stamp| stamp.sender == 3),
        "{:?}",
        eve.heard
    );
}
