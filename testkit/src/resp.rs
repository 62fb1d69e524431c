//! A Redis client of a few lines, so that tests look at Redis with other eyes
//! than the code under test.

use std::fmt;

use bytes::BytesMut;
use futures::future::BoxFuture;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::DEADLINE;

/// A reply of Redis (RESP2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing: a missing key.
    Nil,
    /// A number.
    Integer(i64),
    /// A string or a status, as text; bytes that are no UTF-8 are replaced.
    Text(String),
    /// A list of replies.
    List(Vec<Reply>),
    /// An error that stands inside a list.
    Error(String),
}

impl Reply {
    /// The text of a string, a status or a number; empty for nil.
    ///
    /// # Panics
    /// For lists and errors.
    pub fn text(&self) -> String {
        match self {
            Self::Nil => String::new(),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::List(_) | Self::Error(_) => panic!("not a text: {self:?}"),
        }
    }

    /// The number, also where Redis gives it as text.
    ///
    /// # Panics
    /// When it is none.
    pub fn integer(&self) -> i64 {
        let text = self.text();
        text.parse()
            .unwrap_or_else(|_| panic!("not a number: {self:?}"))
    }

    /// The members of a list.
    ///
    /// # Panics
    /// When it is none.
    pub fn list(&self) -> &[Reply] {
        match self {
            Self::List(members) => members,
            Self::Nil | Self::Integer(_) | Self::Text(_) | Self::Error(_) => {
                panic!("not a list: {self:?}")
            }
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(_) | Self::Error(_) => write!(f, "{self:?}"),
            Self::Nil | Self::Integer(_) | Self::Text(_) => f.write_str(&self.text()),
        }
    }
}

/// One connection to a Redis server.
#[derive(Debug)]
pub struct Resp {
    stream: BufReader<TcpStream>,
}

impl Resp {
    /// Connects to 127.0.0.1.
    pub async fn connect(port: u16) -> Result<Self, String> {
        let stream = TcpStream::connect(("127.0.0.1", port))
            .await
            .map_err(|error| error.to_string())?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends one command and reads its reply. An error, of Redis or of the
    /// connection, is given as its sentence.
    pub async fn command(&mut self, arguments: &[&str]) -> Result<Reply, String> {
        let mut request = BytesMut::from(format!("*{}\r\n", arguments.len()).as_bytes());
        for argument in arguments {
            request.extend_from_slice(format!("${}\r\n{argument}\r\n", argument.len()).as_bytes());
        }
        let exchange = async {
            self.stream
                .write_all(&request)
                .await
                .map_err(|error| error.to_string())?;
            self.reply().await
        };
        match timeout(DEADLINE, exchange).await {
            Ok(Ok(Reply::Error(error))) => Err(error),
            Ok(result) => result,
            Err(_elapsed) => Err(format!("no reply to {arguments:?} within {DEADLINE:?}")),
        }
    }

    fn reply(&mut self) -> BoxFuture<'_, Result<Reply, String>> {
        Box::pin(async move {
            let mut line = String::new();
            self.stream
                .read_line(&mut line)
                .await
                .map_err(|error| error.to_string())?;
            let line = line.trim_end();
            let (kind, rest) = line
                .split_at_checked(1)
                .ok_or("the connection was closed")?;
            let number = || {
                rest.parse::<i64>()
                    .map_err(|_| format!("odd reply {line:?}"))
            };
            match kind {
                "+" => Ok(Reply::Text(rest.to_owned())),
                "-" => Ok(Reply::Error(rest.to_owned())),
                ":" => Ok(Reply::Integer(number()?)),
                "$" => match usize::try_from(number()?) {
                    Ok(length) => self.bulk(length).await,
                    Err(_negative) => Ok(Reply::Nil),
                },
                "*" => match usize::try_from(number()?) {
                    Ok(length) => {
                        let mut members = Vec::with_capacity(length);
                        for _ in 0..length {
                            members.push(self.reply().await?);
                        }
                        Ok(Reply::List(members))
                    }
                    Err(_negative) => Ok(Reply::Nil),
                },
                _ => Err(format!("odd reply {line:?}")),
            }
        })
    }

    async fn bulk(&mut self, length: usize) -> Result<Reply, String> {
        let mut bytes = vec![0; length + 2];
        self.stream
            .read_exact(&mut bytes)
            .await
            .map_err(|error| error.to_string())?;
        Ok(Reply::Text(
            String::from_utf8_lossy(&bytes[..length]).into_owned(),
        ))
    }
}
