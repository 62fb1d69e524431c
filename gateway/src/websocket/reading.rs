//! What a client sends.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::Cursor;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use tokio::io::ReadBuf;
use tokio::task::coop::poll_proceed;
use tokio::task::yield_now;

use super::codec::{Decoder, Message, Violation};
use crate::socket::Receiving;

/// What is read at once.
const BYTES_A_READ: usize = 16 << 10;

thread_local! {
    /// What all connections of a thread read into, one after the other: so that
    /// one from which nothing comes holds no memory for it.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; BYTES_A_READ].into());
}

/// What a client sends, read as there is time for it.
pub(super) struct Reading {
    stream: Receiving,
    decoder: Decoder,
    /// Read together with the message before, and not looked at yet.
    unread: Cursor<Box<[u8]>>,
}

/// Why nothing more can be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The client has ended the connection.
    Gone,
    /// It does not keep to the WebSocket protocol.
    Violation(Violation),
}

impl Reading {
    /// `unread` was read already.
    pub(super) fn new(stream: Receiving, decoder: Decoder, unread: &[u8]) -> Self {
        Self {
            stream,
            decoder,
            unread: Cursor::new(unread.into()),
        }
    }

    /// The next message. After an error there is none. `heard` is told each time
    /// that bytes come: a message may take long, and the peer lives meanwhile.
    pub(super) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
        heard: impl Fn(),
    ) -> Poll<Result<Message, Unreadable>> {
        // One read may bring thousands: others get their turn meanwhile.
        let turn = ready!(poll_proceed(cx));
        let message = if self.unread.has_remaining() {
            self.decode_unread()?
        } else {
            ready!(self.poll_read(cx, heard))?
        };
        turn.made_progress();
        if let Some(message) = message {
            return Poll::Ready(Ok(message));
        }
        // So they do where a message comes in thousands of pieces, and not only those whose
        // turn it is already: it is looked what else has come first.
        let _ = pin!(yield_now()).poll(cx);
        Poll::Pending
    }

    fn decode_unread(&mut self) -> Result<Option<Message>, Unreadable> {
        let mut rest = self.unread.chunk();
        let message = self.decoder.decode(&mut rest)?;
        let taken = self.unread.remaining() - rest.len();
        self.unread.advance(taken);
        if !self.unread.has_remaining() {
            self.unread = Cursor::default();
        }
        Ok(message)
    }

    /// Reads some, and decodes the first message in it.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        heard: impl Fn(),
    ) -> Poll<Result<Option<Message>, Unreadable>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut read = ready!(poll_read_into(&mut self.stream, scratch, cx));
            if read.is_empty() {
                return Poll::Ready(Err(Unreadable::Gone));
            }
            heard();
            let message = self.decoder.decode(&mut read)?;
            self.unread = Cursor::new(read.into());
            Poll::Ready(Ok(message))
        })
    }

    /// Reads on until the client has nothing more to say, whatever it is.
    pub(super) async fn hear_out(&mut self) {
        poll_fn(|cx| {
            SCRATCH.with_borrow_mut(|scratch| {
                while !ready!(poll_read_into(&mut self.stream, scratch, cx)).is_empty() {}
                Poll::Ready(())
            })
        })
        .await;
    }
}

/// What has come, read into `scratch`; nothing where nothing more will.
fn poll_read_into<'a>(
    stream: &mut Receiving,
    scratch: &'a mut [u8],
    cx: &mut Context<'_>,
) -> Poll<&'a [u8]> {
    let mut read = ReadBuf::new(scratch);
    // An error tells no more than an end does.
    let _ = ready!(stream.poll_read(cx, &mut read));
    let len = read.filled().len();
    Poll::Ready(scratch.get(..len).unwrap_or_default())
}

impl From<Violation> for Unreadable {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

#[cfg(test)]
mod tests {
    use causerie_testkit::client::raw::{frame, opcode};
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::socket::Socket;

    /// An empty ping under a mask of zeroes.
    const PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];

    /// So many messages fit into one read.
    const COUNT: usize = BYTES_A_READ / PING.len();

    /// What is sent to it, all of which has come.
    async fn reading_of(wire: &[u8]) -> Reading {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, peer) = tokio::join!(listener.accept(), TcpStream::connect(address));
        let (stream, _sending) = Socket::Plain(accepted.unwrap().0).into_split();
        peer.unwrap().write_all(wire).await.unwrap();
        Reading::new(stream, Decoder::new(100_000, false), &[])
    }

    #[tokio::test]
    async fn one_who_sends_much_leaves_others_their_turn() {
        let mut reading = reading_of(&PING.repeat(COUNT)).await;
        let (mut count, mut most_in_a_row) = (0, 0);
        poll_fn(|cx| {
            let before = count;
            loop {
                match reading.poll_message(cx, || {}) {
                    Poll::Ready(Ok(_ping)) => count += 1,
                    Poll::Ready(Err(_gone)) => return Poll::Ready(()),
                    Poll::Pending => break,
                }
            }
            most_in_a_row = most_in_a_row.max(count - before);
            Poll::Pending
        })
        .await;
        assert_eq!(count, COUNT);
        assert!(most_in_a_row <= 128, "{most_in_a_row} in a row");
    }

    #[tokio::test]
    async fn one_who_sends_a_message_in_pieces_leaves_others_their_turn() {
        let pieces = frame(false, opcode::CONTINUATION, b"x").repeat(COUNT);
        let begin = frame(false, opcode::TEXT, b"x");
        let mut reading = reading_of(&[begin, pieces].concat()).await;
        let mut turns = 0;
        poll_fn(|cx| match reading.poll_message(cx, || {}) {
            Poll::Ready(ended) => {
                assert!(ended.is_err(), "it has no end");
                Poll::Ready(())
            }
            Poll::Pending => {
                turns += 1;
                Poll::Pending
            }
        })
        .await;
        assert!(turns >= COUNT / 256, "all in {turns} turns");
    }
}
