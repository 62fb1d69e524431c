//! What Redis says of itself.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, ensure};
use url::Url;

use super::RedisUse;
use crate::load::results::unix_ms;

/// A node that does not answer in time is passed over this once.
const PATIENCE: Duration = Duration::from_secs(1);

/// A connection to a node of Redis, which is made when it is needed.
#[derive(Debug)]
pub(super) struct Node {
    url: Url,
    connection: Option<BufReader<TcpStream>>,
}

impl Node {
    /// A node at `redis://[user[:password]@]host[:port]`.
    pub(super) fn new(url: &Url) -> anyhow::Result<Self> {
        ensure!(
            url.scheme() == "redis",
            "Redis is only sampled at redis://…, not at {}://…",
            url.scheme()
        );
        Ok(Self {
            url: url.clone(),
            connection: None,
        })
    }

    /// What it says now.
    pub(super) fn look(&mut self) -> anyhow::Result<RedisUse> {
        let asked = self.ask_info();
        if asked.is_err() {
            // What is still to come of an answer is no answer to the next question.
            self.connection = None;
        }
        Ok(read_info(&asked?))
    }

    fn ask_info(&mut self) -> anyhow::Result<String> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            missing => missing.insert(connect(&self.url)?),
        };
        Ok(ask(connection, &["INFO"])?)
    }
}

fn connect(url: &Url) -> anyhow::Result<BufReader<TcpStream>> {
    let host = url.host_str().context("a URL of Redis without a host")?;
    let address = (host, url.port().unwrap_or(6379)).to_socket_addrs()?.next();
    let address = address.with_context(|| format!("{host} has no address"))?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut connection = BufReader::new(stream);
    if let Some(password) = url.password() {
        match url.username() {
            "" => ask(&mut connection, &["AUTH", password])?,
            user => ask(&mut connection, &["AUTH", user, password])?,
        };
    }
    Ok(connection)
}

/// Sends a command and reads a simple string or a bulk string.
fn ask(connection: &mut BufReader<TcpStream>, words: &[&str]) -> io::Result<String> {
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    connection.get_mut().write_all(command.as_bytes())?;
    let mut line = String::new();
    connection.read_line(&mut line)?;
    let line = line.trim_end();
    if let Some(text) = line.strip_prefix('+') {
        return Ok(text.to_owned());
    }
    let length = line
        .strip_prefix('$')
        .and_then(|length| length.parse().ok());
    let Some(length) = length else {
        return Err(io::Error::other(format!("Redis answered: {line:?}")));
    };
    let mut text = vec![0; length];
    connection.read_exact(&mut text)?;
    connection.read_exact(&mut [0; 2])?;
    String::from_utf8(text).map_err(io::Error::other)
}

fn read_info(info: &str) -> RedisUse {
    let fields: HashMap<_, _> = info
        .lines()
        .filter_map(|line| line.split_once(':'))
        .collect();
    let number = |name: &str| -> f64 {
        let number = fields.get(name).and_then(|value| value.parse().ok());
        number.unwrap_or_default()
    };
    RedisUse {
        at: unix_ms(),
        commands: number("total_commands_processed") as u64,
        cpu_seconds: number("used_cpu_user") + number("used_cpu_sys"),
        memory_bytes: number("used_memory") as u64,
        clients: number("connected_clients") as u64,
        channels: (number("pubsub_channels") + number("pubsubshard_channels")) as u64,
        sent_bytes: number("total_net_output_bytes") as u64,
    }
}
