//! A TCP proxy that makes a network bad: it delays, stalls, trickles and cuts.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

/// What holds for every connection at this moment.
#[derive(Debug, Clone, Copy, Default)]
struct Rules {
    delay: Duration,
    bytes_per_second: Option<u32>,
    stalled: bool,
    blocked: bool,
    /// Connections of an older number are cut.
    era: u64,
    /// Connections of an older number pass nothing more, ever.
    abandoned: u64,
    /// Where the server is that new connections lead to, if not where it was at first.
    moved_to: Option<u16>,
}

impl Rules {
    /// Whether a connection made when `abandoned` had this number may pass.
    fn passes(&self, number: u64) -> bool {
        !self.stalled && number == self.abandoned
    }
}

/// How much a proxy holds back of what is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Wide,
    Narrow,
}

/// A narrow proxy's own buffers, in bytes.
const NARROW_BUFFER: usize = 4 << 10;

/// The most that a server sends a narrow proxy at once, in bytes.
const NARROW_SEGMENT: u32 = 256;

/// Where servers listen.
const LOOPBACK: &str = "127.0.0.1";

/// What a proxy does from its beginning on.
#[derive(Debug, Clone, Copy)]
struct Setup {
    /// Of the server.
    port: u16,
    width: Width,
    /// What its clients take the server's address for.
    poses_as: Option<Ipv4Addr>,
}

/// A proxy before one server. Dropping it cuts everything.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    rules: watch::Sender<Rules>,
    listener: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy before 127.0.0.1:`port`, on a port of its own.
    pub async fn start(port: u16) -> Self {
        Self::with_width(port, Width::Wide).await
    }

    /// Starts a proxy before 127.0.0.1:`port`, on the same port of `address`.
    ///
    /// Where the server says 127.0.0.1 its clients read `address`. So they stay
    /// behind such proxies wherever a server sends them: Sentinels to a primary,
    /// one node of a Redis Cluster to another.
    ///
    /// # Panics
    /// When `address` is none of 127.0.0.2 to 127.0.0.9, or the port is taken there.
    pub async fn in_place_of(port: u16, address: Ipv4Addr) -> Self {
        assert!(
            address.is_loopback() && address.to_string().len() == LOOPBACK.len(),
            "{address} does not stand where {LOOPBACK} stood"
        );
        let listener = TcpListener::bind((address, port)).await;
        let setup = Setup {
            port,
            width: Width::Wide,
            poses_as: Some(address),
        };
        Self::listen(listener.expect("nobody else listens there"), setup)
    }

    /// As [`start`](Self::start), but it holds little back: the server soon feels that a client
    /// does not read.
    pub async fn start_narrow(port: u16) -> Self {
        Self::with_width(port, Width::Narrow).await
    }

    async fn with_width(port: u16, width: Width) -> Self {
        let listener = TcpListener::bind((LOOPBACK, 0))
            .await
            .expect("loopback has a free port");
        if width == Width::Narrow {
            // Those accepted take it over.
            SockRef::from(&listener)
                .set_send_buffer_size(NARROW_BUFFER)
                .expect("a socket's buffer may be small");
        }
        let setup = Setup {
            port,
            width,
            poses_as: None,
        };
        Self::listen(listener, setup)
    }

    fn listen(listener: TcpListener, setup: Setup) -> Self {
        let address = listener.local_addr().expect("a listener has an address");
        let rules = watch::Sender::new(Rules::default());
        let listener = tokio::spawn(listen(listener, setup, rules.subscribe()));
        Self {
            address,
            rules,
            listener,
        }
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `scheme://ADDRESS:PORT`
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// From now on every byte takes this long, each way. Throughput stays.
    pub fn delay(&self, each_way: Duration) {
        self.rules.send_modify(|rules| rules.delay = each_way);
    }

    /// From now on each connection passes no more than this, each way.
    pub fn trickle(&self, bytes_per_second: u32) {
        self.rules
            .send_modify(|rules| rules.bytes_per_second = Some(bytes_per_second));
    }

    /// Connections stay open, new ones are accepted, nothing passes: not even
    /// the news that the other side has gone (half-open). What was sent
    /// meanwhile passes after [`Proxy::resume`].
    pub fn stall(&self) {
        self.rules.send_modify(|rules| rules.stalled = true);
    }

    /// Present connections stay open and pass nothing more, not even their end,
    /// as when a firewall has forgotten them; new ones pass.
    pub fn abandon(&self) {
        self.rules.send_modify(|rules| rules.abandoned += 1);
    }

    /// New connections lead to 127.0.0.1:`port`; present ones to where they led, as when a
    /// name has come to stand for another server.
    pub fn lead_to(&self, port: u16) {
        self.rules.send_modify(|rules| rules.moved_to = Some(port));
    }

    /// Ends all connections; new ones pass.
    pub fn cut(&self) {
        self.rules.send_modify(|rules| rules.era += 1);
    }

    /// Ends all connections, and new ones at once, until [`Proxy::resume`].
    pub fn block(&self) {
        self.rules.send_modify(|rules| {
            rules.era += 1;
            rules.blocked = true;
        });
    }

    /// Everything passes again as if the proxy were not there, but for what was
    /// [abandoned](Proxy::abandon), and to where it was [led](Proxy::lead_to).
    pub fn resume(&self) {
        self.rules.send_modify(|rules| {
            *rules = Rules {
                era: rules.era,
                abandoned: rules.abandoned,
                moved_to: rules.moved_to,
                ..Rules::default()
            }
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The connections end with `rules`.
        self.listener.abort();
    }
}

async fn listen(listener: TcpListener, setup: Setup, rules: watch::Receiver<Rules>) {
    while let Ok((client, _)) = listener.accept().await {
        let now = *rules.borrow();
        if !now.blocked {
            tokio::spawn(connection(client, setup, now, rules.clone()));
        }
    }
}

/// A connection that was let in under the rules `made`. Cut or abandoned since then it
/// is over, even before it has begun.
async fn connection(client: TcpStream, setup: Setup, made: Rules, rules: watch::Receiver<Rules>) {
    let port = made.moved_to.unwrap_or(setup.port);
    let Ok(server) = connect(port, setup.width).await else {
        return;
    };
    for socket in [&client, &server] {
        // A proxy must not add Nagle's delay to ours.
        let _ = socket.set_nodelay(true);
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let both_ways = async {
        tokio::join!(
            pass(
                from_client,
                to_server,
                setup.width,
                None,
                made,
                rules.clone()
            ),
            pass(
                from_server,
                to_client,
                setup.width,
                setup.poses_as,
                made,
                rules.clone()
            )
        )
    };
    let mut watched = rules.clone();
    tokio::select! {
        biased;
        // An error means that the proxy itself is gone.
        _ = watched.wait_for(|rules| rules.era != made.era) => {}
        _ = both_ways => {}
    }
}

async fn connect(port: u16, width: Width) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if width == Width::Narrow {
        socket.set_recv_buffer_size(NARROW_BUFFER as u32)?;
        // The server makes its own buffer as large as so many segments.
        SockRef::from(&socket).set_tcp_mss(NARROW_SEGMENT)?;
    }
    socket.connect((Ipv4Addr::LOCALHOST, port).into()).await
}

/// Bytes, and the moment when they may go on.
type Parcel = (Instant, Bytes);

/// Passes one direction on until its end, which is passed on too; with `address`
/// where 127.0.0.1 stands.
async fn pass(
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    width: Width,
    address: Option<Ipv4Addr>,
    made: Rules,
    rules: watch::Receiver<Rules>,
) {
    // What is on its way when there is latency; then the sender has to wait.
    let (road, arrivals) = mpsc::channel(match width {
        Width::Wide => 1024,
        Width::Narrow => 4,
    });
    tokio::join!(
        send_off(from, road, address, rules.clone()),
        hand_over(to, arrivals, made.abandoned, rules)
    );
}

async fn send_off(
    mut from: OwnedReadHalf,
    road: mpsc::Sender<Parcel>,
    address: Option<Ipv4Addr>,
    rules: watch::Receiver<Rules>,
) {
    let address = address.map(|address| address.to_string());
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(16 * 1024);
        let is_over = !matches!(from.read_buf(&mut buffer).await, Ok(1..));
        let ready = match &address {
            Some(address) if !is_over => rename(&mut buffer, address.as_bytes()),
            Some(_) | None => buffer.len(),
        };
        let due = Instant::now() + rules.borrow().delay;
        let parcel = (due, buffer.split_to(ready).freeze());
        if road.send(parcel).await.is_err() || is_over {
            return;
        }
    }
}

/// Puts `address` where 127.0.0.1 stands. How many bytes may go on: what the last
/// ones begin may be an address that was torn in two.
fn rename(bytes: &mut [u8], address: &[u8]) -> usize {
    let name = LOOPBACK.as_bytes();
    while let Some(at) = bytes.windows(name.len()).position(|bytes| bytes == name) {
        bytes[at..at + name.len()].copy_from_slice(address);
    }
    let mut lengths = (1..name.len()).rev();
    let torn = lengths.find(|length| bytes.ends_with(&name[..*length]));
    bytes.len() - torn.unwrap_or_default()
}

async fn hand_over(
    mut to: OwnedWriteHalf,
    mut arrivals: mpsc::Receiver<Parcel>,
    number: u64,
    mut rules: watch::Receiver<Rules>,
) {
    const PIECES_PER_SECOND: u32 = 20;
    while let Some((due, mut bytes)) = arrivals.recv().await {
        sleep_until(due).await;
        while !bytes.is_empty() {
            let Ok(now) = rules
                .wait_for(|rules| rules.passes(number))
                .await
                .map(|rules| *rules)
            else {
                return;
            };
            let piece = match now.bytes_per_second {
                None => std::mem::take(&mut bytes),
                Some(limit) => {
                    sleep(Duration::from_secs(1) / PIECES_PER_SECOND).await;
                    let size = (limit / PIECES_PER_SECOND).max(1) as usize;
                    bytes.split_to(size.min(bytes.len()))
                }
            };
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    }
    // The end of the stream stalls like everything else.
    if rules.wait_for(|rules| rules.passes(number)).await.is_ok() {
        let _ = to.shutdown().await;
    }
}

#[cfg(test)]
mod tests;
