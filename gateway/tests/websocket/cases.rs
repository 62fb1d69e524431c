//! The cases that the Autobahn test suite tries, as a table: what a client sends, what
//! it hears, and how it ends. Each is sent at once, frame by frame and, where it is
//! short, byte by byte.

use causerie_testkit::client::raw::opcode;

use crate::support::{Server, echo};

/// So much is sent byte by byte as well.
const SHORT: usize = 200;

/// One row of the table.
pub(crate) struct Case {
    /// Where the rule stands, in RFC 6455.
    section: &'static str,
    what: String,
    frames: Vec<Vec<u8>>,
    heard: Vec<Heard>,
    /// With which code the server closes, if it does.
    closed: Option<u16>,
}

pub(crate) enum Heard {
    /// What was said, in an answer to [`echo`].
    Echo(String),
    /// An `error` with this code.
    Error(&'static str),
    Pong(Vec<u8>),
}

/// A case in which nothing is heard, and the connection goes on.
pub(crate) fn case(section: &'static str, what: impl Into<String>, frames: Vec<Vec<u8>>) -> Case {
    Case {
        section,
        what: what.into(),
        frames,
        heard: Vec::new(),
        closed: None,
    }
}

impl Case {
    pub(crate) fn echoes(mut self, said: &str) -> Self {
        self.heard.push(Heard::Echo(said.to_owned()));
        self
    }

    pub(crate) fn pongs(mut self, payload: &[u8]) -> Self {
        self.heard.push(Heard::Pong(payload.to_vec()));
        self
    }

    pub(crate) fn refuses(mut self, code: &'static str) -> Self {
        self.heard.push(Heard::Error(code));
        self
    }

    pub(crate) fn closes(mut self, code: u16) -> Self {
        self.closed = Some(code);
        self
    }

    /// Holds the server to it, however the frames are cut up on their way.
    async fn hold(&self, server: &Server) {
        let whole = self.frames.concat();
        let ways = [
            ("at once", vec![whole.as_slice()]),
            ("by frames", self.frames.iter().map(Vec::as_slice).collect()),
            ("by bytes", whole.chunks(1).collect()),
        ];
        for (way, writes) in ways {
            if way != "by bytes" || whole.len() <= SHORT {
                eprintln!("{}: {}, {way}", self.section, self.what);
                self.hold_sent(server, &writes).await;
            }
        }
    }

    async fn hold_sent(&self, server: &Server, writes: &[&[u8]]) {
        let mut client = server.client().await;
        for bytes in writes {
            client.socket.send(bytes).await;
        }
        for heard in &self.heard {
            match heard {
                Heard::Echo(said) => client.expect_echo(said).await,
                Heard::Error(code) => client.expect_error(code).await,
                Heard::Pong(payload) => client.expect(opcode::PONG, payload).await,
            }
        }
        match self.closed {
            Some(code) => {
                let close = client.frame().await;
                assert_eq!(
                    (close.opcode, close.close_code()),
                    (opcode::CLOSE, Some(code))
                );
                assert_eq!(client.socket.read_frame().await, None);
            }
            None => client.expect_nothing_more().await,
        }
    }
}

/// Holds a gateway of its own to all `cases`.
pub(crate) async fn hold(cases: impl IntoIterator<Item = Case>) {
    let server = Server::start().await;
    for case in cases {
        case.hold(&server).await;
    }
}

/// The payload of a text that is answered with what it says.
pub(crate) fn said(what: &str) -> Vec<u8> {
    echo(what).into_bytes()
}
