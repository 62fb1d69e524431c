//! What it costs to give events to a room of 1,000, on real sockets: CPU time of
//! the gateway's threads, and beside it that of a loop that does nothing but one
//! `send` for each. Linux only.
//! `cargo bench -p causerie-gateway --bench fan_out`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use axum::routing::get;
use causerie_gateway::connection::{Admitted, Wanted};
use causerie_gateway::gateway::Gateway;
use causerie_gateway::identity::{Identity, Projects};
use causerie_gateway::report::Report;
use causerie_gateway::server::{self, Patience};
use causerie_gateway::settings::Settings;
use causerie_gateway::websocket::codec::encode;
use causerie_gateway::websocket::{self, Upgrade};
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::ids::{TenantId, UserId};
use causerie_shared::record::{Class, Header, Record};
use causerie_shared::room::RoomKey;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hyper::upgrade::OnUpgrade;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

const MEMBERS: usize = 1_000;
const FRAME_BYTES: usize = 128;
const FOR_EVER: Duration = Duration::from_secs(3_600);

/// How the threads are called whose time counts.
const COUNTED: &str = "counted";

fn fan_out(criterion: &mut Criterion) {
    let room = Room::open();
    let floor = Floor::open();
    for in_flight in [1, 16] {
        let mut group = criterion.benchmark_group("fan-out");
        group.throughput(Throughput::Elements((MEMBERS * in_flight) as u64));
        group
            .sample_size(20)
            .measurement_time(Duration::from_secs(10));
        group.bench_function(BenchmarkId::new("gateway", in_flight), |bencher| {
            bencher.iter_custom(|times| cpu_time_of(|| room.publish(times, in_flight)));
        });
        group.bench_function(BenchmarkId::new("bare send", in_flight), |bencher| {
            bencher.iter_custom(|times| cpu_time_of(|| floor.send(times, in_flight)));
        });
        group.finish();
    }
}

/// A gateway with a room.
struct Room {
    runtime: Runtime,
    bus: Arc<dyn Bus>,
    key: RoomKey,
    record: Record,
    readers: Readers,
    frame_len: u64,
}

impl Room {
    fn open() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name(COUNTED)
            .enable_all()
            .build()
            .unwrap();
        let bus: Arc<dyn Bus> = Arc::new(MemoryBus::new(Retention::default()));
        let port = runtime.block_on(serve(Arc::clone(&bus)));
        let sockets = (0..MEMBERS).map(|number| join(port, number)).collect();
        let json = format!("\"{}\"", "x".repeat(FRAME_BYTES - 2));
        Self {
            runtime,
            bus,
            key: "acme:project:p1".parse().unwrap(),
            frame_len: encode::text(json.as_bytes()).len() as u64,
            record: Record {
                header: Header {
                    class: Class::Transient,
                    event: "new_message".into(),
                    position: None,
                    ts: 0,
                    reply: None,
                    in_reply_to: None,
                    excluded: None,
                    trace: None,
                },
                frame: json.into(),
            },
            readers: Readers::start(sockets),
        }
    }

    /// Publishes so many events, so many at once, until all have got them.
    fn publish(&self, times: u64, in_flight: usize) {
        for _ in 0..times {
            let expected = self.readers.expect(in_flight as u64 * self.frame_len);
            self.runtime.block_on(async {
                for _ in 0..in_flight {
                    self.bus.publish(&self.key, &self.record).await.unwrap();
                }
            });
            self.readers.wait_for(expected);
        }
    }
}

async fn serve(bus: Arc<dyn Bus>) -> u16 {
    let settings = Settings {
        heartbeat_interval: FOR_EVER,
        ..Settings::default()
    };
    let gateway = Gateway::start(bus, settings);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = axum::Router::new()
        .route("/ws", get(upgrade))
        .with_state(gateway);
    let patience = Patience {
        head: FOR_EVER,
        unread: FOR_EVER,
    };
    let stop = CancellationToken::new();
    tokio::spawn(server::serve(listener, router, patience, None, stop));
    port
}

async fn upgrade(
    State(gateway): State<Arc<Gateway>>,
    Query(query): Query<Vec<(String, String)>>,
    mut request: Request,
) -> Response {
    let admitted = Admitted {
        identity: Identity {
            tenant: TenantId::new("acme").unwrap(),
            user: UserId::new(&query[0].1).unwrap(),
            name: None,
            projects: Projects::All,
            roles: Box::default(),
            expires_ms: None,
            issued_ms: 0,
        },
        rooms: vec![Wanted {
            room: "project:p1".parse().unwrap(),
            position: None,
        }],
        slot: gateway.registry.try_reserve(MEMBERS).unwrap(),
        client: std::net::Ipv4Addr::LOCALHOST.into(),
        visitor_token: None,
        report: Report::default(),
    };
    let upgrade = Upgrade {
        stream: request.extensions_mut().remove::<OnUpgrade>().unwrap(),
        is_deflated: false,
    };
    tokio::spawn(websocket::serve(gateway, upgrade, admitted));
    let response = Response::builder()
        .status(101)
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    response.body(Body::empty()).unwrap()
}

/// A client that has joined its three rooms.
fn join(port: u16, number: usize) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        socket,
        "GET /ws?user=u{number} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\n\r\n"
    )
    .unwrap();
    let (mut text, mut buffer) = (String::new(), [0; 4_096]);
    while text.matches(r#""subscribed""#).count() < 3 {
        let read = socket.read(&mut buffer).unwrap();
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    socket
}

/// The same bytes to as many sockets, with nothing around it.
struct Floor {
    orders: std::sync::mpsc::Sender<usize>,
    readers: Readers,
    frame_len: u64,
}

impl Floor {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (mut sending, mut receiving) = (Vec::new(), Vec::new());
        for _ in 0..MEMBERS {
            receiving.push(TcpStream::connect(address).unwrap());
            let (socket, _) = listener.accept().unwrap();
            socket.set_nodelay(true).unwrap();
            socket.set_nonblocking(true).unwrap();
            sending.push(socket);
        }
        let frame = encode::text(&[b'x'; FRAME_BYTES]);
        let frame_len = frame.len() as u64;
        let (orders, taken) = std::sync::mpsc::channel();
        let send = move || {
            for in_flight in taken {
                for _ in 0..in_flight {
                    for mut socket in &sending {
                        let written = socket.write(&frame).unwrap();
                        assert_eq!(written, frame.len());
                    }
                }
            }
        };
        let thread = thread::Builder::new().name(COUNTED.to_owned());
        thread.spawn(send).unwrap();
        Self {
            orders,
            readers: Readers::start(receiving),
            frame_len,
        }
    }

    fn send(&self, times: u64, in_flight: usize) {
        for _ in 0..times {
            let expected = self.readers.expect(in_flight as u64 * self.frame_len);
            self.orders.send(in_flight).unwrap();
            self.readers.wait_for(expected);
        }
    }
}

/// Who reads what comes, and counts it.
struct Readers {
    read: Arc<AtomicU64>,
}

impl Readers {
    fn start(sockets: Vec<TcpStream>) -> Self {
        let read = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&read);
        thread::spawn(move || {
            for socket in &sockets {
                socket.set_nonblocking(true).unwrap();
            }
            let mut buffer = vec![0; 64 << 10];
            loop {
                let mut sum = 0;
                for mut socket in &sockets {
                    match socket.read(&mut buffer) {
                        Ok(0) => return,
                        Ok(read) => sum += read as u64,
                        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                    }
                }
                counter.fetch_add(sum, Ordering::Release);
                if sum == 0 {
                    thread::sleep(Duration::from_micros(200));
                }
            }
        });
        Self { read }
    }

    /// What will have been read when each has got so many bytes more.
    fn expect(&self, bytes: u64) -> u64 {
        self.read.load(Ordering::Acquire) + bytes * MEMBERS as u64
    }

    fn wait_for(&self, expected: u64) {
        while self.read.load(Ordering::Acquire) < expected {
            thread::yield_now();
        }
    }
}

/// How long the threads that count were on a CPU meanwhile.
fn cpu_time_of(work: impl FnOnce()) -> Duration {
    let before = counted_ns();
    work();
    Duration::from_nanos(counted_ns() - before)
}

fn counted_ns() -> u64 {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let ns = threads.map(|thread| {
        let folder = thread.unwrap().path();
        let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
        if name.trim() != COUNTED {
            return 0;
        }
        let times = fs::read_to_string(folder.join("schedstat")).unwrap_or_default();
        let on_cpu = times.split(' ').next().and_then(|ns| ns.parse().ok());
        on_cpu.unwrap_or(0_u64)
    });
    ns.sum()
}

criterion_group!(benches, fan_out);
criterion_main!(benches);
