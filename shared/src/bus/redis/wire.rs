//! A connection over which a node is heard.

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::Instant;

use super::dial::Duplex;

/// How much is read at once.
const READ: usize = 64 << 10;

type Reader = ReadHalf<Box<dyn Duplex>>;
type Writer = WriteHalf<Box<dyn Duplex>>;

/// A connection that stands.
pub(super) struct Wire {
    pub(super) reader: Reader,
    pub(super) outward: Outward,
    pub(super) incoming: BytesMut,
    pub(super) heard_at: Instant,
}

pub(super) struct Outward {
    writer: Writer,
    /// What was written may yet lie with TLS.
    is_unflushed: bool,
}

pub(super) async fn read(from: Option<(&mut Reader, &mut BytesMut)>) -> std::io::Result<()> {
    let Some((reader, incoming)) = from else {
        return std::future::pending().await;
    };
    incoming.reserve(READ);
    match reader.read_buf(incoming).await? {
        0 => Err(std::io::Error::other("Redis closed it")),
        _ => Ok(()),
    }
}

pub(super) async fn write(
    to: Option<&mut Outward>,
    outgoing: &mut BytesMut,
) -> std::io::Result<()> {
    match to {
        Some(outward) => outward.send(outgoing).await,
        None => std::future::pending().await,
    }
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Duplex>) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader,
            outward: Outward::new(writer),
            incoming: BytesMut::new(),
            heard_at: Instant::now(),
        }
    }
}

impl Outward {
    fn new(writer: Writer) -> Self {
        Self {
            writer,
            is_unflushed: false,
        }
    }

    pub(super) fn is_due(&self, outgoing: &BytesMut) -> bool {
        !outgoing.is_empty() || self.is_unflushed
    }

    /// Sends some of it. Where that is given up it goes on with the next call.
    async fn send(&mut self, outgoing: &mut BytesMut) -> std::io::Result<()> {
        if !outgoing.is_empty() {
            self.is_unflushed = true;
            self.writer.write_buf(outgoing).await?;
        }
        self.writer.flush().await?;
        self.is_unflushed = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::io::{BufWriter, duplex};

    use super::*;

    /// As with TLS, which takes what it cannot send on yet.
    #[tokio::test]
    async fn what_was_written_is_sent_though_another_thing_came_in_between() {
        let (near, mut far) = duplex(4);
        let stream: Box<dyn Duplex> = Box::new(BufWriter::new(near));
        let (_reader, writer) = tokio::io::split(stream);
        let mut outward = Outward::new(writer);
        let mut outgoing = BytesMut::from("what was written");
        assert!(outward.send(&mut outgoing).now_or_never().is_none());
        assert!(outgoing.is_empty());

        let mut come = [0; 16];
        let sending = async {
            while outward.is_due(&outgoing) {
                outward.send(&mut outgoing).await.unwrap();
            }
        };
        tokio::join!(sending, async {
            far.read_exact(&mut come).await.unwrap();
        });
        assert_eq!(&come, b"what was written");
    }
}
