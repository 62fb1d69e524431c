//! A WebSocket written by hand, for what no decent client sends: invalid UTF-8,
//! unmasked or unfinished frames, half a close, a handshake byte by byte.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use flate2::read::DeflateDecoder;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::DEADLINE;

/// Kinds of frames (RFC 6455, 5.2).
pub mod opcode {
    /// A further part of a message.
    pub const CONTINUATION: u8 = 0x0;
    /// A text message.
    pub const TEXT: u8 = 0x1;
    /// A binary message.
    pub const BINARY: u8 = 0x2;
    /// A close frame.
    pub const CLOSE: u8 = 0x8;
    /// A ping.
    pub const PING: u8 = 0x9;
    /// A pong.
    pub const PONG: u8 = 0xA;
}

/// A frame as the server sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Is it the last of its message?
    pub fin: bool,
    /// RSV1: the message is compressed (RFC 7692).
    pub compressed: bool,
    /// See [`opcode`].
    pub opcode: u8,
    /// The bytes as they came.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The code of a close frame; none where it has none.
    pub fn close_code(&self) -> Option<u16> {
        (self.opcode == opcode::CLOSE && self.payload.len() >= 2)
            .then(|| u16::from_be_bytes([self.payload[0], self.payload[1]]))
    }

    /// What stands in a whole text message, inflated if it is compressed, with a
    /// context that knows of no other message.
    ///
    /// # Panics
    /// When it is none.
    pub fn text(&self) -> String {
        assert!(self.fin && self.opcode == opcode::TEXT, "{self:?}");
        let mut text = self.payload.clone();
        if self.compressed {
            // What the server takes off the end, and an end.
            text.extend([0x00, 0x00, 0xFF, 0xFF, 0x03, 0x00]);
            let mut inflated = Vec::new();
            DeflateDecoder::new(&*text)
                .read_to_end(&mut inflated)
                .expect("a compressed message");
            text = inflated;
        }
        String::from_utf8(text).expect("text is UTF-8")
    }
}

/// A TCP connection to a server.
#[derive(Debug)]
pub struct RawSocket {
    stream: TcpStream,
}

impl RawSocket {
    /// Connects, and sends nothing yet. `address` is `127.0.0.1:PORT`, or a URL.
    ///
    /// # Panics
    /// When nobody listens there.
    pub async fn connect(address: &str) -> Self {
        let address = host_and_port(address);
        let stream = TcpStream::connect(address).await;
        Self {
            stream: stream.unwrap_or_else(|error| panic!("{address}: {error}")),
        }
    }

    /// The same, but the system takes next to nothing that is not read at once.
    ///
    /// # Panics
    /// When nobody listens there.
    pub async fn connect_narrow(address: &str) -> Self {
        let address: SocketAddr = host_and_port(address).parse().expect("an address");
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(1).expect("a smaller buffer");
        let stream = socket.connect(address).await;
        Self {
            stream: stream.unwrap_or_else(|error| panic!("{address}: {error}")),
        }
    }

    /// Connects and asks for a WebSocket at `path_and_query`, with further
    /// header lines.
    ///
    /// # Panics
    /// When the server does not upgrade.
    pub async fn open(address: &str, path_and_query: &str, headers: &[(&str, &str)]) -> Self {
        Self::upgrade(address, path_and_query, headers).await.0
    }

    /// The same, with the head of the answer.
    ///
    /// # Panics
    /// When the server does not upgrade.
    pub async fn upgrade(
        address: &str,
        path_and_query: &str,
        headers: &[(&str, &str)],
    ) -> (Self, String) {
        let mut socket = Self::connect(address).await;
        let head = socket.shake_hands(path_and_query, headers).await;
        (socket, head)
    }

    /// Asks for a WebSocket, with further header lines; the head of the answer.
    ///
    /// # Panics
    /// When the server does not upgrade.
    pub async fn shake_hands(&mut self, path_and_query: &str, headers: &[(&str, &str)]) -> String {
        let mut request = format!(
            "GET {path_and_query} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        self.send(request.as_bytes()).await;
        let head = self.read_head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "no upgrade: {head}");
        head
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn send(&mut self, bytes: &[u8]) {
        let sent = timeout(DEADLINE, self.stream.write_all(bytes)).await;
        let sent = sent.unwrap_or_else(|_| panic!("the server took no data for {DEADLINE:?}"));
        sent.unwrap_or_else(|error| panic!("cannot send: {error}"));
    }

    /// Sends bytes as they are; whether the connection took them.
    pub async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Whether the server ends the connection within `limit`. What it sends before is
    /// passed over.
    pub async fn has_ended_within(&mut self, limit: Duration) -> bool {
        let mut passed_over = Vec::new();
        // A reset is an end as well.
        let end = self.stream.read_to_end(&mut passed_over);
        timeout(limit, end).await.is_ok()
    }

    /// All that comes until the server ends the connection.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let end = timeout(DEADLINE, self.stream.read_to_end(&mut all)).await;
        assert!(end.is_ok(), "it is still open after {DEADLINE:?}");
        all
    }

    /// Sends one frame, masked as a client must.
    pub async fn send_frame(&mut self, fin: bool, opcode: u8, payload: &[u8]) {
        self.send(&frame(fin, opcode, payload)).await;
    }

    /// Sends no more, but still reads.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn shut_down_writing(&mut self) {
        self.stream
            .shutdown()
            .await
            .expect("a live socket can be half closed");
    }

    /// Ends the connection with a reset.
    ///
    /// # Panics
    /// When the system does not know of resets.
    pub fn vanish(self) {
        let at_once = Some(Duration::ZERO);
        SockRef::from(&self.stream)
            .set_linger(at_once)
            .expect("a socket");
    }

    /// Reads up to the empty line that ends an HTTP head.
    ///
    /// # Panics
    /// When none comes in time.
    pub async fn read_head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = timeout(DEADLINE, self.stream.read_u8()).await;
            match byte {
                Ok(Ok(byte)) => head.push(byte),
                Ok(Err(error)) => panic!("{error} after {:?}", String::from_utf8_lossy(&head)),
                Err(_elapsed) => panic!(
                    "no head within {DEADLINE:?}, only {:?}",
                    String::from_utf8_lossy(&head)
                ),
            }
        }
        String::from_utf8(head).expect("an HTTP head is text")
    }

    /// Reads the next frame; none where the server has ended the connection.
    ///
    /// # Panics
    /// When neither comes in time.
    pub async fn read_frame(&mut self) -> Option<Frame> {
        let frame = timeout(DEADLINE, self.try_read_frame()).await;
        frame
            .unwrap_or_else(|_| panic!("no frame within {DEADLINE:?}"))
            .ok()
    }

    /// Reads frames until the close frame, and gives its code; none where the
    /// connection ended without.
    ///
    /// # Panics
    /// When neither comes in time.
    pub async fn read_close(&mut self) -> Option<u16> {
        while let Some(frame) = self.read_frame().await {
            if frame.opcode == opcode::CLOSE {
                return frame.close_code();
            }
        }
        None
    }

    async fn try_read_frame(&mut self) -> std::io::Result<Frame> {
        let first = self.stream.read_u8().await?;
        let second = self.stream.read_u8().await?;
        assert_eq!(second & 0x80, 0, "a server must not mask");
        let length = match second {
            126 => u64::from(self.stream.read_u16().await?),
            127 => self.stream.read_u64().await?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).expect("a frame fits memory")];
        self.stream.read_exact(&mut payload).await?;
        Ok(Frame {
            fin: first & 0x80 != 0,
            compressed: first & 0x40 != 0,
            opcode: first & 0x0F,
            payload,
        })
    }
}

/// What a URL names, or an address that is none.
fn host_and_port(address: &str) -> &str {
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    address.split('/').next().expect("split gives at least one")
}

/// The bytes of a masked frame.
pub fn frame(fin: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    masked(if fin { 0x80 | opcode } else { opcode }, payload)
}

/// The same with any first byte, so with reserved bits and opcodes.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).expect("at most 125")),
        length @ 126..=0xFFFF => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&u16::try_from(length).expect("fits 16 bits").to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&u64::try_from(length).expect("fits 64 bits").to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}
