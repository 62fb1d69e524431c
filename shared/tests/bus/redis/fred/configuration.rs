//! Traps 8 and 10, which our configuration keeps out of: a command that blocks holds up all
//! others of its connection; and one task serves a client, which reads before it
//! writes, so that whoever hears much is slow to ask.
//!
//! Redis itself tells what came over which connection (MONITOR).

use std::collections::{BTreeMap, BTreeSet};

use causerie_testkit::redis::Redis;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{PATIENCE, ours};
use crate::ear::Hints;
use crate::redis::every_verb::use_every_verb;
use crate::scene::room;

/// Of each connection the commands that came over it.
type Connections = BTreeMap<String, BTreeSet<String>>;

#[tokio::test]
async fn commands_and_subscriptions_have_connections_of_their_own() {
    let connections = all_that_we_send(&Redis::start().await).await;
    let that_send = |name: &str| {
        let connections = connections.values();
        let sending = connections.filter(|commands| commands.contains(name));
        sending.cloned().collect::<Vec<_>>()
    };
    assert_eq!(that_send("EVALSHA").len(), 4, "{connections:#?}");
    // Of rooms, and of wakes.
    let subscribing = that_send("SSUBSCRIBE");
    assert!(subscribing.len() >= 2, "{connections:#?}");
    let others = ["HELLO", "ROLE", "SSUBSCRIBE", "SUNSUBSCRIBE"];
    for command in subscribing.iter().flatten() {
        assert!(others.contains(&command.as_str()), "{command}");
    }
}

#[tokio::test]
async fn no_command_blocks_a_connection() {
    let redis = Redis::start().await;
    let commands = all_that_we_send(&redis).await.into_values().flatten();
    let commands: BTreeSet<_> = commands.collect();
    assert!(commands.len() > 10, "{commands:?}");
    let blocks = async |command: &str| {
        let info = redis.command(&["COMMAND", "INFO", command]).await;
        // `[name, arity, [flag, …], …]`
        let flags = &info.list()[0].list()[2];
        flags.list().iter().any(|flag| flag.text() == "blocking")
    };
    assert!(blocks("XREADGROUP").await);
    for command in commands {
        assert!(!blocks(&command).await, "{command}");
    }
}

#[tokio::test]
async fn scripts_that_redis_knows_are_called_by_their_digests() {
    let redis = Redis::start().await;
    let bus = ours(redis.url(), 10 * PATIENCE).await;
    use_every_verb(&*bus).await;
    redis.flush_all().await;
    let monitor = Monitor::start(&redis).await;
    use_every_verb(&*bus).await;
    let connections = monitor.until_now(&redis).await;
    let commands: BTreeSet<_> = connections.into_values().flatten().collect();
    assert!(commands.contains("EVALSHA"), "{commands:?}");
    for other in ["EVAL", "FCALL", "SCRIPT"] {
        assert!(!commands.contains(other), "{commands:?}");
    }
}

#[tokio::test]
async fn every_connection_speaks_resp3() {
    let redis = Redis::start().await;
    let bus = ours(redis.url(), 10 * PATIENCE).await;
    let _hints = Hints::open(&*bus).await;
    let clients = redis.command(&["CLIENT", "LIST"]).await.text();
    let ours = clients
        .lines()
        .filter(|line| !line.contains("cmd=client|list"));
    let protocols: Vec<_> = ours.map(|line| line.contains(" resp=3")).collect();
    assert!(
        protocols.len() >= 5 && protocols.iter().all(|is_3| *is_3),
        "{clients}"
    );
}

async fn all_that_we_send(redis: &Redis) -> Connections {
    let monitor = Monitor::start(redis).await;
    let bus = ours(redis.url(), 10 * PATIENCE).await;
    use_every_verb(&*bus).await;
    // Of partitions enough for each connection.
    for number in 0..32 {
        let room = room(&format!("acme:project:p{number}"));
        bus.read(&room, None, 1).await.unwrap();
    }
    Hints::open(&*bus).await;
    monitor.until_now(redis).await
}

/// What Redis is asked, line by line: `… [0 127.0.0.1:PORT] "COMMAND" "argument"…`.
struct Monitor(BufReader<TcpStream>);

impl Monitor {
    async fn start(redis: &Redis) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", redis.port())).await;
        let mut stream = stream.unwrap();
        stream.write_all(b"MONITOR\r\n").await.unwrap();
        let mut monitor = Self(BufReader::new(stream));
        assert_eq!(monitor.line().await, "+OK\r\n");
        monitor
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = timeout(10 * PATIENCE, self.0.read_line(&mut line)).await;
        read.expect("no line comes").unwrap();
        line
    }

    /// Without what scripts did, and what the test itself asked.
    async fn until_now(mut self, redis: &Redis) -> Connections {
        const END: &str = "the end";
        redis.command(&["ECHO", END]).await;
        let mut connections = Connections::new();
        loop {
            let line = self.line().await;
            if line.contains(END) {
                return connections;
            }
            let (from, command) = line.split_once("] \"").unwrap();
            let (_, from) = from.split_once("[0 ").unwrap();
            let (command, _) = command.split_once('"').unwrap();
            if from != "lua" {
                let commands = connections.entry(from.to_owned()).or_default();
                commands.insert(command.to_uppercase());
            }
        }
    }
}
