//! A proxy before a server that breaks the server's promises: it loses, doubles or
//! swaps messages on their way to one client, or brings them to another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use causerie_loadtest::load::frame;
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is done to one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It never comes.
    Lose,
    /// It comes twice.
    Double,
    /// It comes after the next one.
    Swap,
    /// It comes to the next client that hears anything, and not to its own.
    Misplace,
}

/// The proxy. Dropping it closes its port.
pub(crate) struct Breaker {
    port: u16,
    listener: JoinHandle<()>,
}

/// Which message is hit, of all connections.
#[derive(Clone)]
pub(crate) struct Aim {
    pub(crate) wrong: Wrong,
    /// Only frames that hold this.
    pub(crate) marked: &'static str,
    /// So many of a connection pass before.
    pub(crate) after: usize,
    /// So many connections are spared.
    pub(crate) after_connections: usize,
}

impl Breaker {
    /// Before 127.0.0.1:`port`.
    pub(crate) async fn start(port: u16, aim: Aim) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own_port = listener.local_addr().unwrap().port();
        let is_done = Arc::<AtomicBool>::default();
        let stray = Stray::default();
        let listening = async move {
            for number in 0.. {
                let (client, _) = listener.accept().await.unwrap();
                // Spared is who is told that all is done, and that nothing strayed.
                let (is_done, stray) = if number < aim.after_connections {
                    (Arc::new(AtomicBool::new(true)), Stray::default())
                } else {
                    (is_done.clone(), stray.clone())
                };
                tokio::spawn(pass(client, port, aim.clone(), is_done, stray));
            }
        };
        Self {
            port: own_port,
            listener: tokio::spawn(listening),
        }
    }

    pub(crate) fn target(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }
}

impl Drop for Breaker {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// A frame that was taken from its client.
type Stray = Arc<Mutex<Option<Vec<u8>>>>;

async fn pass(client: TcpStream, port: u16, aim: Aim, is_done: Arc<AtomicBool>, stray: Stray) {
    let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    tokio::select! {
        _ = copy(&mut from_client, &mut to_server) => {}
        _ = break_promises(from_server, to_client, aim, &is_done, &stray) => {}
    }
}

async fn break_promises(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    aim: Aim,
    is_done: &AtomicBool,
    stray: &Stray,
) -> std::io::Result<()> {
    let (mut bytes, mut is_open, mut seen) = (Vec::new(), false, 0);
    let mut held: Option<Vec<u8>> = None;
    let mut is_robbed = false;
    while from.read_buf(&mut bytes).await? > 0 {
        if !is_open {
            let Some(head) = memmem::find(&bytes, b"\r\n\r\n") else {
                continue;
            };
            to.write_all(&bytes[..head + 4]).await?;
            bytes.drain(..head + 4);
            is_open = true;
        }
        loop {
            let mut rest = &bytes[..];
            let Some(taken) = frame::take(&mut rest).unwrap() else {
                break;
            };
            let is_marked = memmem::find(taken.payload, aim.marked.as_bytes()).is_some();
            let frame = bytes[..bytes.len() - rest.len()].to_vec();
            bytes.drain(..frame.len());
            seen += usize::from(is_marked);
            let is_hit = is_marked && seen > aim.after && !is_done.swap(true, Ordering::SeqCst);
            match (is_hit, aim.wrong) {
                (true, Wrong::Lose) => {}
                (true, Wrong::Double) => to.write_all(&[&frame[..], &frame].concat()).await?,
                (true, Wrong::Swap) => held = Some(frame),
                (true, Wrong::Misplace) => {
                    is_robbed = true;
                    *stray.lock().unwrap() = Some(frame);
                }
                (false, _) => {
                    let strayed = if is_robbed {
                        None
                    } else {
                        stray.lock().unwrap().take()
                    };
                    if let Some(strayed) = strayed {
                        to.write_all(&strayed).await?;
                    }
                    to.write_all(&frame).await?;
                    if is_marked && let Some(held) = held.take() {
                        to.write_all(&held).await?;
                    }
                }
            }
        }
    }
    Ok(())
}
